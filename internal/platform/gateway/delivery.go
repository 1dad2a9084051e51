package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
)

var (
	errEnded   = errors.New("the caller is no longer let in")
	errStalled = errors.New("the source of the data has stalled")
	errShort   = errors.New("the source of the data ended early")
)

// delivery is one permitted request on its way.
type delivery struct {
	*server
	request *http.Request
	caller  catalog.Caller
	target  target
	asked   http.Header // of conditions
	grant   catalog.Grant
	stream  *door.Stream
	done    catalog.Delivery
}

// run delivers, and closes the grant whatever happens. An answer whose end
// cannot be recorded does not end well either.
func (d *delivery) run() (err error) {
	d.done.Outcome = catalog.OutcomeFailed // until it is not
	defer func() {
		if unrecorded := d.grant.Close(d.done); unrecorded != nil {
			d.door.Log.ErrorContext(d.request.Context(), "the delivery was not recorded", "request_id", door.RequestID(d.request.Context()), "error", unrecorded)
			err = errors.Join(err, unrecorded)
		}
	}()
	defer d.watch()()
	err = d.deliver()
	switch {
	case d.hasEnded():
		d.done.Outcome, err = catalog.OutcomeEnded, errGone
	case errors.Is(err, errEnded): // to records that it was let in to
		d.done.Outcome = catalog.OutcomeEnded
	case err == nil:
		d.done.Outcome = catalog.OutcomeComplete
	}
	return err
}

// errGone is told when a permit is taken back before the answer has begun. The
// next request gets the decision as it is now.
var errGone = errors.Join(errEnded, &catalog.Error{Code: catalog.CodeUnavailable, Message: "The decision has changed meanwhile. Ask again."})

// watch cuts the stream when the grant ends, until the function that it returns
// is called.
func (d *delivery) watch() (stop func()) {
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-d.grant.Ended():
			d.stream.Cut(errEnded)
		case <-over:
		}
	})
	return func() { close(over); watcher.Wait() }
}

func (d *delivery) hasEnded() bool {
	select {
	case <-d.grant.Ended():
		return true
	default:
		return false
	}
}

// deliver asks the upstream and sends what it answers.
func (d *delivery) deliver() error {
	port := d.grant.Port()
	address, err := portURL(port)
	if err != nil {
		return d.explain(d.request.Context(), err)
	}
	wanted := resource{port: address, below: d.target.below, folder: d.target.folder, head: d.request.Method == http.MethodHead, asked: d.asked}
	if port.RecordMarking != "" {
		return d.deliverRecords(whole(wanted, port.ContentType))
	}
	a, err := d.open(wanted)
	if err != nil {
		return err
	}
	defer func(body io.Closer) { _ = body.Close() }(a.body) // it was read as far as it is needed
	if a, err = judged(d.request.Header, a); err != nil {
		return d.explain(d.request.Context(), err)
	}
	return d.send(a, wanted.head, d.pump)
}

// open asks the upstream. The error is for the caller.
func (d *delivery) open(wanted resource) (*answer, error) {
	ctx := d.request.Context()
	domain, _, _ := strings.Cut(d.target.product, "/")
	a, err := d.Sources.open(ctx, domain, d.grant.Port().Type, wanted)
	if err != nil {
		return nil, d.explain(ctx, err)
	}
	return a, nil
}

// send sends header and body, if the answer has one. Conditions of the request are
// judged first, but not where records are filtered: there no answer depends on them.
func (d *delivery) send(a *answer, head bool, body func(io.Writer, *answer) error) (err error) {
	if d.grant.Port().RecordMarking == "" {
		if a, err = judged(d.request.Header, a); err != nil {
			return d.explain(d.request.Context(), err)
		}
	}
	h := d.header(a)
	if a.size >= 0 && a.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.FormatInt(a.size, 10))
	}
	out, err := d.stream.Begin(a.status, h)
	if err != nil || head || a.status == http.StatusNotModified {
		return err
	}
	return body(out, a)
}

// pump moves the body. A file goes the way on which the kernel does the copying.
func (d *delivery) pump(out io.Writer, a *answer) (err error) {
	if file, ok := a.body.(*os.File); ok {
		d.done.Bytes, err = io.Copy(out, io.LimitReader(file, a.size))
	} else {
		d.done.Bytes, err = d.copy(out, d.patient(a.body), a.size < 0)
	}
	if n := d.done.Bytes; err == nil && a.size >= 0 && n != a.size {
		err = fmt.Errorf("%w: after %d of %d bytes", errShort, n, a.size)
	}
	return err
}

// bufferSize is what one stream holds in memory, in bytes.
const bufferSize = 128 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// copy sends what it reads; with live at once, since nobody knows when more
// comes.
func (d *delivery) copy(out io.Writer, in io.Reader, live bool) (n int64, err error) {
	buffer, _ := buffers.Get().(*[bufferSize]byte) // there is nothing else in it
	defer buffers.Put(buffer)
	for {
		read, readErr := in.Read(buffer[:])
		written, err := out.Write(buffer[:read])
		n += int64(written)
		if err != nil {
			return n, err
		}
		if readErr == io.EOF { // one that is wrapped is a failure
			return n, nil
		}
		if readErr != nil {
			return n, readErr
		}
		if live {
			d.stream.Flush()
		}
	}
}

// patient reads from an upstream, which may take its time for each piece but
// not for ever.
func (d *delivery) patient(in io.Reader) io.Reader {
	stall := d.door.Stall
	timer := time.AfterFunc(stall, func() { d.stream.Cut(errStalled) })
	timer.Stop()
	return readerFunc(func(p []byte) (int, error) {
		timer.Reset(stall)
		defer timer.Stop()
		n, err := in.Read(p)
		if cause := context.Cause(d.request.Context()); err != nil && err != io.EOF && cause != nil { //nolint:errorlint // as above
			err = cause
		}
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// header is what the caller gets beside the body.
func (d *delivery) header(a *answer) http.Header {
	h := http.Header{}
	maps.Copy(h, a.header)
	h.Set("Content-Type", contentType(h.Get("Content-Type"), d.grant.Port().ContentType))
	h.Set("Cache-Control", "private, no-store")
	// Data never runs in the catalogue's origin, whatever it is.
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	if !inert(h.Get("Content-Type")) {
		h.Set("Content-Disposition", "attachment")
	}
	farewell(h, d.grant.Product())
	return h
}

// farewell says when a product ends and what follows it (RFC 9745, RFC 8594,
// RFC 5829). The catalogue's days begin at midnight UTC. Of a deprecated product
// without a date the header says that it has been one since the epoch: it has no
// other way to say so.
func farewell(h http.Header, p *catalog.Product) {
	deprecated, err := time.Parse(time.DateOnly, p.DeprecatedOn)
	switch {
	case err == nil:
		h.Set("Deprecation", "@"+strconv.FormatInt(deprecated.Unix(), 10))
	case p.Status == catalog.StatusDeprecated:
		h.Set("Deprecation", "@0")
	}
	if at, err := time.Parse(time.DateOnly, p.SunsetOn); err == nil {
		h.Set("Sunset", at.Format(http.TimeFormat))
	}
	if catalog.KindProduct.CheckID(p.Successor) == nil { // names need no escape
		h.Set("Link", "</api/v1/domains/"+strings.Replace(p.Successor, "/", "/products/", 1)+`>; rel="successor-version"`)
	}
}
