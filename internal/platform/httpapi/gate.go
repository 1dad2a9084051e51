package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// requestIDHeader names the header of the request id in both directions.
const requestIDHeader = "X-Request-ID"

// idGrammar is what a caller's own request id may be: nothing that could
// break a log line or a header.
var idGrammar = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// exchange is what one request's log line says, filled in on its way.
type exchange struct {
	id      string
	subject string
	status  int
	bytes   int
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return &exchange{}
}

func requestID(ctx context.Context) string { return exchangeOf(ctx).id }

func note(ctx context.Context, subject string) { exchangeOf(ctx).subject = subject }

// gate gives every request its id, its security headers, its log line and a
// catch for panics.
func (s *server) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &exchange{id: r.Header.Get(requestIDHeader)}
		if !idGrammar.MatchString(e.id) {
			e.id = rand.Text()
		}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
		setHeaders(w.Header(), e.id)
		start := time.Now()
		defer func() {
			s.recovered(w, r, recover())
			s.Log.InfoContext(r.Context(), "request", "request_id", e.id, "method", r.Method, "path", shown(r),
				"status", e.status, "bytes", e.bytes, "duration", time.Since(start), "subject", e.subject)
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

// recovered logs a panic and answers it with 500. Answers are complete before
// their first byte is sent, so none is half-written by then.
func (s *server) recovered(w http.ResponseWriter, r *http.Request, cause any) {
	if cause == nil {
		return
	}
	e := exchangeOf(r.Context())
	s.Log.ErrorContext(r.Context(), "panic", "request_id", e.id, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if e.status == 0 {
		s.fail(w, r, errors.New("panic"))
	}
}

// limit serves the request when a slot is free, within the time limit.
func (s *server) limit(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.fail(w, r, &catalog.Error{Code: catalog.CodeUnavailable, Message: "The platform serves as many requests as it can. Try again later."})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
	defer cancel()
	// A body that trickles in would otherwise hold its slot for ever. A
	// writer that is no connection, as in tests, has no deadline to set.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.Timeout))
	next(w, r.WithContext(ctx))
}

// unauthenticated keeps the reason from the caller unless it was meant for it.
func (s *server) unauthenticated(r *http.Request, err error) error {
	if known := (*catalog.Error)(nil); errors.As(err, &known) {
		return known
	}
	s.Log.InfoContext(r.Context(), "not authenticated", "request_id", requestID(r.Context()), "error", err)
	return &catalog.Error{Code: catalog.CodeUnauthenticated, Message: "The request has no valid token or certificate."}
}

// shown is the path as the log has it: escaped, and cut to a bearable length.
func shown(r *http.Request) string {
	const longest = 512
	path := r.URL.EscapedPath()
	return path[:min(len(path), longest)]
}

// fail answers with a problem document.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	problem := wire.ProblemOf(err, shown(r), requestID(r.Context()))
	if problem.Status == http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "failed", "request_id", problem.RequestID, "error", err)
	}
	h := http.Header{"Content-Type": {wire.ProblemType}}
	switch problem.Status {
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
	s.send(w, r, answer{status: problem.Status, header: h, body: wire.EncodeProblem(problem)})
}

// challenge says how to authenticate (RFC 6750 section 3).
func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return `Bearer realm="datamesh"`
	}
	return `Bearer realm="datamesh", error="invalid_token"`
}
