package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/meshwright/terraform-provider-datamesh/internal/outbound"
)

// permanent is an error that trying again cannot mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

var errPlainHTTP = permanent{errors.New("refused to send the token over plain http to another machine: use an https endpoint")}

// sender sends one attempt: it waits for its turn, adds what every request
// carries and tells the log.
type sender struct {
	connection http.RoundTripper
	token      *tokenSource
	limit      *rate.Limiter // nil for none
	userAgent  string
	trace      string // 32 hex digits, "" for one a request
	log        func(context.Context, Attempt)
}

func newSender(o Options, token *tokenSource, connection http.RoundTripper) *sender {
	s := &sender{connection: connection, token: token, userAgent: o.UserAgent, log: o.Log, trace: traceOf(o.TraceParent)}
	if o.MaxRequestsPerSecond > 0 {
		// A burst of one second's worth, so that a slow start costs nothing.
		s.limit = rate.NewLimiter(rate.Limit(o.MaxRequestsPerSecond), max(1, int(o.MaxRequestsPerSecond)))
	}
	return s
}

// RoundTrip implements [http.RoundTripper].
func (s *sender) RoundTrip(req *http.Request) (*http.Response, error) {
	c := callOf(req.Context())
	if err := s.await(req.Context()); err != nil {
		closeBody(req)
		return nil, err
	}
	token := s.token.current()
	if token != "" && req.URL.Scheme != "https" && !outbound.IsLoopback(req.URL.Hostname()) {
		closeBody(req)
		return nil, errPlainHTTP
	}
	req = req.Clone(req.Context())
	s.dress(req, c, token)
	countAttempt(req.Context())
	c.number++
	start := time.Now()
	resp, err := s.connection.RoundTrip(req)
	c.last = attemptOf(req, c, resp, err, time.Since(start))
	if resp != nil && resp.StatusCode == http.StatusUnauthorized && !c.renewed {
		c.renewed = s.token.renew(token)
		c.again = c.renewed
	}
	return resp, err
}

func (s *sender) await(ctx context.Context) error {
	if s.limit == nil {
		return nil
	}
	if err := s.limit.Wait(ctx); err != nil {
		return permanent{fmt.Errorf("waiting for max_requests_per_second: %w", err)}
	}
	return nil
}

func (s *sender) dress(req *http.Request, c *call, token string) {
	if c.trace == "" {
		c.trace = traceFor(req.Context(), s.trace)
	}
	req.Header.Set("Traceparent", "00-"+c.trace+"-"+randomHex(8)+"-01")
	if s.userAgent != "" {
		req.Header.Set("User-Agent", s.userAgent)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
}

func attemptOf(req *http.Request, c *call, resp *http.Response, err error, took time.Duration) Attempt {
	a := Attempt{Method: req.Method, Path: req.URL.EscapedPath(), Number: c.number, Err: err, Duration: took, TraceID: c.trace}
	if resp != nil {
		a.Status, a.RequestID = resp.StatusCode, resp.Header.Get("X-Request-Id")
	}
	return a
}

// closeBody does what every RoundTripper owes, also when it fails early.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read from it
	}
}
