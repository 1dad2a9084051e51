package door

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// DefaultStall is how long a stream may make no progress.
const DefaultStall = time.Minute

// piece is how much of a file is sent under one deadline, in bytes.
const piece = 128 << 10

// errBare is the fault of an interface that ends a stream without an answer.
var errBare = errors.New("the interface sent no answer")

// Stream is an answer that is sent while it is made. Save for Cut, its methods
// are for the goroutine that serves the request.
type Stream struct {
	door    *Door
	w       http.ResponseWriter
	r       *http.Request // its context ends the stream
	control *http.ResponseController
	limit   *time.Timer // ends a request whose answer does not begin

	cancel context.CancelCauseFunc

	mu          sync.Mutex // guards what follows, and what depends on it
	began, over bool
}

// Stream serves one request as Enter does, with an answer of any length. The
// time limit holds until the answer begins; from then on it may take for ever,
// as long as the reader takes a piece of it within [Options.Stall] each time.
//
// An error before the answer begins is answered as by Enter. One after that, a
// panic too, breaks the connection (HTTP/1) or resets the stream (HTTP/2): a
// part of an answer never looks like the whole.
func (d *Door) Stream(w http.ResponseWriter, r *http.Request, serve func(*http.Request, catalog.Caller, *Stream) error) {
	if !d.occupy(w, r) {
		return
	}
	defer d.leave()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	s := &Stream{door: d, w: w, r: r.WithContext(ctx), control: http.NewResponseController(w), cancel: cancel}
	s.limit = time.AfterFunc(d.Timeout, func() { cancel(context.DeadlineExceeded) })
	defer s.limit.Stop()
	defer s.end()
	d.limitBody(w, r)
	err := s.serve(serve)
	s.end()
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = cause // cut after its last byte was written, which may not have left
	}
	if err != nil && !s.began {
		d.Fail(w, s.r, err)
	} else if err != nil {
		d.Log.InfoContext(ctx, "answer cut off", "request_id", RequestID(ctx), "error", err)
		panic(http.ErrAbortHandler)
	}
}

func (s *Stream) serve(serve func(*http.Request, catalog.Caller, *Stream) error) error {
	caller, err := s.door.identify(s.r)
	if err != nil {
		return err
	}
	giveBack, err := s.door.shares.take(caller)
	if err != nil {
		return err
	}
	defer giveBack()
	err = serve(s.r, caller, s)
	if err == nil && !s.began {
		return errBare
	}
	return err
}

// Begin sends status and header, and returns what takes the body. It fails when
// the time limit has passed. What is written for a HEAD goes nowhere.
func (s *Stream) Begin(status int, header http.Header) (io.Writer, error) {
	if !s.limit.Stop() {
		return nil, context.DeadlineExceeded
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	e := exchangeOf(s.r.Context())
	e.began, e.status = true, status
	maps.Copy(s.w.Header(), header)
	// The server's limit on the reading of a request would end it now: it goes
	// on to read, to see whether the caller is still there.
	_ = s.control.SetReadDeadline(time.Time{}) // a writer that is no connection, as in tests, has none
	s.w.WriteHeader(status)
	return &streamWriter{s, e}, nil
}

// begin fails when the stream was cut before.
func (s *Stream) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := context.Cause(s.r.Context())
	s.began = err == nil
	return err
}

// Cut ends the stream at once, also when the reader has stalled: the context of
// the request ends and the answer is broken off as after an error. Safe for
// concurrent use, and without effect once the stream is over.
func (s *Stream) Cut(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return // the connection serves another request by now
	}
	s.cancel(cause)
	if s.began {
		_ = s.control.SetWriteDeadline(time.Unix(1, 0)) // as above
	}
}

func (s *Stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// Flush sends what has been written so far.
func (s *Stream) Flush() { _ = s.control.Flush() } // the next write fails if this does

// streamWriter counts, and gives each piece of an answer its own time.
type streamWriter struct {
	*Stream
	exchange *exchange
}

// extend moves the deadline. The order matters: a Cut after the check sets its
// own deadline after ours.
func (w *streamWriter) extend() error {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.door.Stall)) // as in Begin
	return context.Cause(w.r.Context())
}

// Write implements [io.Writer].
func (w *streamWriter) Write(p []byte) (int, error) {
	if err := w.extend(); err != nil {
		return 0, err
	}
	n, err := w.w.Write(p)
	w.exchange.bytes += n
	return n, w.because(err)
}

// ReadFrom implements [io.ReaderFrom]: the kernel copies files by itself.
func (w *streamWriter) ReadFrom(src io.Reader) (n int64, err error) {
	rest, limited := src.(*io.LimitedReader)
	if !limited {
		rest = &io.LimitedReader{R: src, N: math.MaxInt64}
	}
	for rest.N > 0 {
		if err := w.extend(); err != nil {
			return n, err
		}
		part := &io.LimitedReader{R: rest.R, N: min(rest.N, piece)}
		size := part.N
		sent, err := io.Copy(w.w, part)
		n, rest.N, w.exchange.bytes = n+sent, rest.N-sent, w.exchange.bytes+int(sent)
		if err != nil || sent < size {
			return n, w.because(err)
		}
	}
	return n, nil
}

// because prefers the cause of a cut to the deadline that it set.
func (w *streamWriter) because(err error) error {
	if cause := context.Cause(w.r.Context()); err != nil && cause != nil {
		return cause
	}
	return err
}
