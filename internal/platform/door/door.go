// Package door is what every HTTP interface of the platform has in front of
// its routes. It knows the network and nothing of what lies behind it: an
// interface brings its routes, who may call and the form of its errors.
//
// # Order of the gates
//
// A request passes, in this order: its request id, the catch for panics, the
// limit on requests at once, the time limit, authentication, the share of one
// caller in that limit; then the interface takes over with the route, the media types and the body. Whoever
// is not authenticated therefore learns nothing of the inside, not even which
// paths exist.
//
// # What leaves
//
// Every answer of Enter is complete before its first byte is sent; one of Stream
// ends as it should or breaks the connection. All say no-store. An error that is
// no [catalog.Error] goes to the log and never to the caller. The log has one
// line for each request with the path but not the query, no header but the
// request id, and who called: subject, and via the service that acts for it.
package door

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Options say what stands behind the door. Authenticate and Refusal are needed.
type Options struct {
	// Authenticate tells who calls, from the request's token or certificate.
	// An error that is no *catalog.Error counts as CodeUnauthenticated and
	// its text goes to the log only.
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Refusal is the answer for an error in the interface's own form. The
	// headers that its status obliges to are added to it.
	Refusal func(*http.Request, error) Answer
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout bounds one request, the reading of its body included; 0 for
	// [DefaultTimeout].
	Timeout time.Duration
	// Stall bounds the time in which the reader of a [Stream] takes nothing;
	// 0 for [DefaultStall].
	Stall time.Duration
	// MaxConcurrent bounds the requests that are served at once, beyond which
	// they are refused with 503; 0 for 256.
	MaxConcurrent int
	// PerCaller bounds the requests of one caller that are served at once, beyond
	// which they are refused with 429; 0 for half of MaxConcurrent.
	PerCaller int
}

// DefaultTimeout is how long one request may take.
const DefaultTimeout = 30 * time.Second

const defaultMaxConcurrent = 256

// Door is Options with the defaults filled in. Safe for concurrent use.
type Door struct {
	Options
	slots  chan struct{} // one for each request that is being served
	shares *shares
}

// New makes a door.
func New(o Options) *Door {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Stall == 0 {
		o.Stall = DefaultStall
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = defaultMaxConcurrent
	}
	if o.PerCaller == 0 {
		o.PerCaller = max(1, o.MaxConcurrent/2)
	}
	return &Door{
		Options: o, slots: make(chan struct{}, o.MaxConcurrent),
		shares: &shares{most: o.PerCaller, taken: map[holder]int{}},
	}
}

// Answer is one response, complete before its first byte is sent.
type Answer struct {
	Status int
	Header http.Header // application/json when it names no Content-Type
	Body   []byte
}

// requestIDHeader names the header of the request id in both directions.
const requestIDHeader = "X-Request-ID"

// idGrammar is what a caller's own request id may be: nothing that could
// break a log line or a header.
var idGrammar = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// exchange is what one request's log line says, filled in on its way.
type exchange struct {
	id      string
	subject string
	via     string // the service that acts for the subject, "" for none
	status  int
	bytes   int
	began   bool // the answer is a stream whose header is sent
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return &exchange{}
}

// RequestID is the id of the request, "" for one that came through no door.
func RequestID(ctx context.Context) string { return exchangeOf(ctx).id }

// Guard gives every request to next its id, its security headers, its log line
// and a catch for panics.
func (d *Door) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &exchange{id: r.Header.Get(requestIDHeader)}
		if !idGrammar.MatchString(e.id) {
			e.id = rand.Text()
		}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
		setHeaders(w.Header(), e.id)
		start := time.Now()
		defer func() {
			abort := d.recovered(w, r, recover())
			d.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("request_id", e.id), slog.String("method", r.Method),
				slog.String("path", Path(r)), slog.Int("status", e.status), slog.Int("bytes", e.bytes),
				slog.Duration("duration", time.Since(start)), slog.String("subject", e.subject), slog.String("via", e.via))
			if abort {
				panic(http.ErrAbortHandler) // the server breaks the connection, and logs nothing
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// setHeaders writes what every answer carries. The policy matters when a
// browser is led to an address of the API: nothing in an answer is ever run.
func setHeaders(h http.Header, id string) {
	h.Set(requestIDHeader, id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}

// recovered logs a panic and answers it with 500, unless the answer has begun.
// It reports whether the answer is to be broken off.
func (d *Door) recovered(w http.ResponseWriter, r *http.Request, cause any) (abort bool) {
	e := exchangeOf(r.Context())
	switch cause {
	case nil:
		return false
	case http.ErrAbortHandler:
		return true
	}
	d.Log.ErrorContext(r.Context(), "panic", "request_id", e.id, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if e.status == 0 {
		d.Fail(w, r, errors.New("panic"))
	}
	return e.began
}

// Enter serves one request of an authenticated caller when a slot is free,
// within the time limit. The caller's RequestID is set.
func (d *Door) Enter(w http.ResponseWriter, r *http.Request, serve func(*http.Request, catalog.Caller) (Answer, error)) {
	if !d.occupy(w, r) {
		return
	}
	defer d.leave()
	ctx, cancel := context.WithTimeout(r.Context(), d.Timeout)
	defer cancel()
	d.limitBody(w, r)
	r = r.WithContext(ctx)
	answer, err := d.answer(r, serve)
	if err != nil {
		d.Fail(w, r, err)
		return
	}
	d.Send(w, r, answer)
}

// occupy takes a slot, which leave gives back, or refuses the request.
func (d *Door) occupy(w http.ResponseWriter, r *http.Request) bool {
	select {
	case d.slots <- struct{}{}:
		return true
	default:
		d.Fail(w, r, &catalog.Error{Code: catalog.CodeUnavailable, Message: "The platform serves as many requests as it can. Try again later."})
		return false
	}
}

func (d *Door) leave() { <-d.slots }

// limitBody bounds the time in which a body arrives: one that trickles in would
// otherwise hold its slot for ever.
func (d *Door) limitBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// A writer that is no connection, as in tests, has no deadline to set.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d.Timeout))
	}
}

func (d *Door) answer(r *http.Request, serve func(*http.Request, catalog.Caller) (Answer, error)) (Answer, error) {
	caller, err := d.identify(r)
	if err != nil {
		return Answer{}, err
	}
	giveBack, err := d.shares.take(caller)
	if err != nil {
		return Answer{}, err
	}
	defer giveBack()
	return serve(r, caller)
}

// identify tells who calls, and has the log line say so.
func (d *Door) identify(r *http.Request) (catalog.Caller, error) {
	caller, err := d.Authenticate(r)
	if err != nil {
		return catalog.Caller{}, d.unauthenticated(r, err)
	}
	e := exchangeOf(r.Context())
	if e.subject = caller.Subject; caller.Via != nil {
		e.via = caller.Via.Subject
	}
	caller.RequestID = e.id
	return caller, nil
}

// unauthenticated keeps the reason from the caller unless it was meant for it.
func (d *Door) unauthenticated(r *http.Request, err error) error {
	if known := (*catalog.Error)(nil); errors.As(err, &known) {
		return known
	}
	d.Log.InfoContext(r.Context(), "not authenticated", "request_id", RequestID(r.Context()), "error", err)
	return &catalog.Error{Code: catalog.CodeUnauthenticated, Message: "The request has no valid token or certificate."}
}

// Send writes the answer. A HEAD gets the header of the GET.
func (d *Door) Send(w http.ResponseWriter, r *http.Request, a Answer) {
	e := exchangeOf(r.Context())
	e.status, e.bytes = a.Status, len(a.Body)
	h := w.Header()
	maps.Copy(h, a.Header)
	if a.Body != nil {
		h.Set("Content-Length", strconv.Itoa(len(a.Body)))
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json")
		}
	}
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.Body) // fails when the caller has gone: nobody is left to tell
	}
}

// Fail answers with the refusal that the interface makes of the error.
func (d *Door) Fail(w http.ResponseWriter, r *http.Request, err error) {
	a := d.Refusal(r, err)
	if a.Status == http.StatusInternalServerError {
		d.Log.ErrorContext(r.Context(), "failed", "request_id", RequestID(r.Context()), "error", err)
	}
	h := w.Header()
	switch a.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", challenge(r))
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	case http.StatusMethodNotAllowed:
		if refusal := (*wire.Refusal)(nil); errors.As(err, &refusal) {
			h.Set("Allow", strings.Join(refusal.Allow, ", "))
		}
	case http.StatusUnsupportedMediaType:
		h.Set("Accept-Encoding", "identity")
	}
	d.Send(w, r, a)
}

// challenge says how to authenticate (RFC 6750 section 3). It never offers
// Basic, even where that is taken: a browser that is asked for a password keeps
// it, and then sends it with whatever request another page makes it send.
func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return `Bearer realm="datamesh"`
	}
	return `Bearer realm="datamesh", error="invalid_token"`
}

// Path is the path as the log has it: escaped, and cut to a bearable length.
func Path(r *http.Request) string {
	const longest = 512
	path := r.URL.EscapedPath()
	return path[:min(len(path), longest)]
}
