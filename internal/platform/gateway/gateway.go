// Package gateway serves the output ports of products over HTTP, below [Prefix]:
//
//	GET /data/{domain}/{product}/{port}[/{path}]
//
// A request passes the gates of package door, then the decision, which is
// recorded before anything is asked of anybody, then the upstream: a web server,
// an object store or a folder, chosen by the port's type and URL among what the
// operator has configured (package configfile). Bytes flow in constant memory
// and no faster than the caller takes them.
//
// # What passes
//
// Of the caller, an upstream gets the path below the port, once it has proved to
// be plain names, and the headers Accept, Range, If-Range, If-None-Match and
// If-Modified-Since: no identity, no cookie, no query. Of the upstream, the
// caller gets the body and the headers Content-Type, Content-Length,
// Content-Range, ETag, Last-Modified and Accept-Ranges, each in its own grammar.
// Redirects are not followed. Any other answer of an upstream is a 502, whose
// cause is in the log.
//
// # What a caller learns
//
// A product that is hidden and one that does not exist are one 404; a product
// that is seen and not given is a 403 without a reason. A stream that fails, or
// whose caller is no longer let in, is broken off and never ends well.
//
// # Records with marks of their own
//
// Of a port with a record marking, the records that the caller may not see are
// left out by package records. Such an answer has no ETag, no date, no length
// and no ranges, has the port's own type and is sent in pieces of one size: all
// of them would tell of what was left out.
package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Prefix is what every path starts with.
const Prefix = "/data/"

// PurposeHeader names what the caller wants the data for.
const PurposeHeader = "Datamesh-Purpose"

// Options say what is served. Data, Sources and Authenticate are needed.
type Options struct {
	// Data opens output ports for a caller.
	Data func(catalog.Caller) catalog.Data
	// Sources are where the bytes come from.
	Sources *Sources
	// Authenticate tells who calls, as in [door.Options].
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout bounds a request until its answer begins, Stall the time in which
	// a stream makes no progress on either side; as in [door.Options].
	Timeout, Stall time.Duration
	MaxConcurrent  int
	// PerCaller bounds the streams of one caller, as in [door.Options]; 0 for
	// [DefaultPerCaller].
	PerCaller int
}

// DefaultPerCaller is how many streams one caller may have at once.
const DefaultPerCaller = 32

type server struct {
	Options
	door *door.Door
}

// New serves the data. Mount it for what [Serves] says.
func New(o Options) http.Handler {
	d := door.New(door.Options{
		Authenticate: o.Authenticate, Refusal: refusal, Log: o.Log, Timeout: o.Timeout, Stall: o.Stall,
		MaxConcurrent: o.MaxConcurrent, PerCaller: cmp.Or(o.PerCaller, DefaultPerCaller),
	})
	s := &server{Options: o, door: d}
	return d.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Stream(w, r, s.serve) }))
}

// Serves reports whether a request is for the gateway.
func Serves(r *http.Request) bool { return strings.HasPrefix(r.URL.EscapedPath(), Prefix) }

// Routes lists the API as method and path pattern. A path below a port has any
// number of parts.
func Routes() (list []string) {
	for _, method := range methods {
		port := method + " " + Prefix + "{domain}/{product}/{port}"
		list = append(list, port, port+"/{path}")
	}
	return list
}

// methods are what data takes.
var methods = []string{http.MethodGet, http.MethodHead}

// serve judges the request by itself, then has it decided on.
func (s *server) serve(r *http.Request, caller catalog.Caller, stream *door.Stream) error {
	t, err := understand(r)
	if err != nil {
		return err
	}
	purpose, err := purposeOf(r.Header)
	if err != nil {
		return err
	}
	asked := conditions(r)
	grant, err := s.Data(caller).Open(r.Context(), catalog.DataRequest{
		Product: t.product, Port: t.port, Purpose: purpose, Resource: t.resource(), Range: asked.Get("Range"),
	})
	if err != nil {
		return refused(err)
	}
	d := &delivery{server: s, request: r, target: t, asked: asked, grant: grant, stream: stream}
	return d.run()
}

// understand refuses what is no question to the gateway, the same for every
// caller and product.
func understand(r *http.Request) (target, error) {
	if !slices.Contains(methods, r.Method) {
		refusal := wire.Refuse(http.StatusMethodNotAllowed, "Data takes GET, HEAD only.")
		refusal.Allow = methods
		return target{}, refusal
	}
	if r.ContentLength != 0 {
		return target{}, wire.Refuse(http.StatusBadRequest, "The request has a body: send none.")
	}
	t, ok := parseTarget(r.URL.EscapedPath())
	switch {
	case !ok:
		return target{}, errNothing
	case r.URL.RawQuery != "" || r.URL.ForceQuery:
		return target{}, wire.Refuse(http.StatusBadRequest, "The request has a query, which the source would not get: name what you want by its path alone.")
	}
	return t, nil
}

func purposeOf(h http.Header) (string, error) {
	values := h.Values(PurposeHeader)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 || len(values[0]) > catalog.MaxLine || strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r > '~' }):
		return "", wire.Refuse(http.StatusBadRequest, "The header "+PurposeHeader+" is not valid: send it once, with one purpose in printable ASCII.")
	}
	return values[0], nil
}

// errNothing is the one answer for what does not exist and what is hidden.
var errNothing = wire.Refuse(http.StatusNotFound, "There is no such data.")

// refused is what the caller is told of a decision. It does not depend on the
// words of whoever decided.
func refused(err error) error {
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return errNothing
	case errors.Is(err, catalog.ErrForbidden):
		return &catalog.Error{Code: catalog.CodeForbidden, Message: "You may not have this data."}
	case errors.Is(err, catalog.ErrConflict):
		return &catalog.Error{Code: catalog.CodeConflict, Message: "The product gives out no data: it is neither active nor deprecated."}
	}
	return err
}

// refusal is the problem document of an error.
func refusal(r *http.Request, err error) door.Answer {
	problem := wire.ProblemOf(err, door.Path(r), door.RequestID(r.Context()))
	a := door.Answer{Status: problem.Status, Header: http.Header{"Content-Type": {wire.ProblemType}}, Body: wire.EncodeProblem(problem)}
	if r.ContentLength != 0 {
		a.Header.Set("Connection", "close") // the server would wait for a body that nobody reads
	}
	if unsatisfied := (*rangeError)(nil); errors.As(err, &unsatisfied) && unsatisfied.contentRange != "" {
		a.Header.Set("Content-Range", unsatisfied.contentRange)
	}
	return a
}

// explain turns a failure of an upstream into what the caller is told; the rest
// is for the log.
func (s *server) explain(ctx context.Context, err error) error {
	unsatisfied := (*rangeError)(nil)
	switch {
	case errors.Is(err, errAbsent):
		return errNothing
	case errors.Is(err, errUnmet):
		return wire.Refuse(http.StatusPreconditionFailed, "The data is not as a condition of the request wants it. Fetch it from its beginning.")
	case errors.As(err, &unsatisfied):
		return errors.Join(unsatisfied, wire.Refuse(http.StatusRequestedRangeNotSatisfiable, "The range is not within the data."))
	}
	s.door.Log.WarnContext(ctx, "no data from upstream", "request_id", door.RequestID(ctx), "error", err)
	timeout := interface{ Timeout() bool }(nil)
	switch {
	case errors.Is(err, errNoUpstream):
		return wire.Refuse(http.StatusBadGateway, "No upstream is configured for this port. Tell the platform's operator.")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return wire.Refuse(http.StatusGatewayTimeout, "The source of the data did not answer in time. Try again later.")
	}
	return wire.Refuse(http.StatusBadGateway, "The source of the data did not answer as it should. Tell the product's support contact.")
}

// portURL is the port's address; the catalogue has checked it when it was written.
func portURL(p catalog.OutputPort) (*url.URL, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, errNoUpstream
	}
	return u, nil
}
