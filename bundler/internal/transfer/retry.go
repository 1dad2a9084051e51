package transfer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// The patience with a server in trouble.
const (
	maxAttempts   = 6
	firstPause    = 500 * time.Millisecond
	longestPause  = 30 * time.Second
	maxRetryAfter = 2 * time.Minute
)

// retrier repeats requests that met a network in trouble or a server that says to
// come back. Every request here may be sent twice, reads and uploads that are
// begun alike, save for one whose body is a stream: what was read of it is gone.
type retrier struct {
	next http.RoundTripper
	wait func(context.Context, time.Duration) error
}

// RoundTrip returns the last answer when none was good.
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		answer, err := r.next.RoundTrip(req)
		if attempt == maxAttempts || !repeatable(req) || !worthRepeating(answer, err) {
			return answer, err
		}
		pause := pauseAfter(attempt, answer)
		Discard(answer)
		if err := r.wait(req.Context(), pause); err != nil {
			return nil, err
		}
		if req, err = again(req); err != nil {
			return nil, err
		}
	}
}

func repeatable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

func again(req *http.Request) (*http.Request, error) {
	next := req.Clone(req.Context())
	if req.GetBody == nil {
		return next, nil
	}
	body, err := req.GetBody()
	next.Body = body
	return next, err
}

func worthRepeating(answer *http.Response, err error) bool {
	if err != nil {
		return isTransient(err)
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isTransient is true for the network's errors. A certificate that one of the
// sides does not trust, a port without TLS and our own refusals stay what they are.
func isTransient(err error) bool {
	var refusal *Refusal
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	var unknown *net.DNSError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, http.ErrSchemeMismatch):
		return false
	case errors.As(err, &refusal), errors.As(err, &certificate), errors.As(err, &record):
		return false
	case errors.As(err, &alert) && alert.Op == remoteAlert:
		return false
	}
	return !errors.As(err, &unknown) || !unknown.IsNotFound
}

// remoteAlert is the operation of an error by which crypto/tls reports what the
// other side refused with, such as our certificate; the alert has no type of
// its own outside QUIC.
const remoteAlert = "remote error"

// pauseAfter doubles from half a second, half of it random so that clients do
// not return together; what the server asks for is honoured up to a bound.
func pauseAfter(attempt int, answer *http.Response) time.Duration {
	if asked := retryAfter(answer); asked > 0 {
		return min(asked, maxRetryAfter)
	}
	pause := min(firstPause<<(attempt-1), longestPause)
	return pause/2 + rand.N(pause/2) //nolint:gosec // jitter is no secret
}

// retryAfter reads both forms of RFC 9110, section 10.2.3; 0 for none.
func retryAfter(answer *http.Response) time.Duration {
	if answer == nil {
		return 0
	}
	text := answer.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, min(seconds, 1<<20))) * time.Second
	}
	if when, err := http.ParseTime(text); err == nil {
		return time.Until(when)
	}
	return 0
}

// Discard lets the connection be used again, unless that means to read much.
func Discard(answer *http.Response) {
	if answer == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // best effort, for the connection's sake
	_ = answer.Body.Close()                          // nothing was read that counts
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
