package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Bounds of retrying. Five attempts with doubling waits ride out a restart of
// the platform; Retry-After is followed up to its cap, because a platform that
// asks for an hour must not hang a plan without a word.
const (
	maxAttempts   = 5
	firstWait     = 250 * time.Millisecond
	longestWait   = 15 * time.Second
	maxRetryAfter = 60 * time.Second
)

// retry repeats attempts. Its state is in the call of each request.
type retry struct {
	sender *http.Client
	first  time.Duration
	log    func(context.Context, Attempt)
}

// call is one request with all its attempts. It belongs to one goroutine.
type call struct {
	repeatable bool // may be carried out twice
	number     int  // attempts sent
	renewed    bool // the token was read again: once a request is enough
	again      bool // and is worth one more attempt
	trace      string
	last       Attempt
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return new(call)
}

func newRetry(o Options, next http.RoundTripper) *retry {
	first := o.firstWait
	if first <= 0 {
		first = firstWait
	}
	return &retry{log: o.Log, first: first, sender: &http.Client{
		Transport:     next,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// RoundTrip implements [http.RoundTripper].
func (r *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	c := &call{repeatable: repeatable(req)}
	ctx := context.WithValue(req.Context(), callKey{}, c)
	again, err := retryablehttp.FromRequest(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	resp, err := r.client(ctx, c).Do(again)
	r.tell(ctx, c)
	return resp, unwrapURL(err)
}

func (r *retry) client(ctx context.Context, c *call) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient:   r.sender,
		RetryWaitMin: r.first,
		RetryWaitMax: longestWait,
		RetryMax:     maxAttempts - 1,
		CheckRetry:   worthAnother,
		// An attempt is logged when it is known how long the next one waits.
		Backoff: func(first, longest time.Duration, n int, resp *http.Response) time.Duration {
			c.last.Wait = backoff(first, longest, n, resp)
			wait := c.last.Wait
			r.tell(ctx, c)
			return wait
		},
		// The last answer, whatever it is, is the caller's to understand.
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// tell logs the attempt that is over, once.
func (r *retry) tell(ctx context.Context, c *call) {
	if r.log != nil && c.last.Number > 0 {
		r.log(ctx, c.last)
	}
	c.last = Attempt{}
}

// repeatable reports whether carrying out a request twice does the same as
// once. Objects are named by the caller, so PUT and DELETE are; of what is
// posted only the validation is, which changes nothing.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	case http.MethodPost:
		return strings.HasSuffix(req.URL.Path, "/validate")
	}
	return false
}

// worthAnother decides on another attempt.
func worthAnother(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	c := callOf(ctx)
	if c.again { // refused for its token, so it was not carried out
		c.again = false
		return true, nil
	}
	if !c.repeatable {
		return false, nil
	}
	if err != nil {
		return passing(err), nil
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, nil
	}
	return false, nil
}

// passing reports whether a failure to get an answer may pass by itself.
func passing(err error) bool {
	var (
		final     permanent
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		verify    *tls.CertificateVerificationError
	)
	for _, target := range []any{&final, &authority, &name, &invalid, &record, &alert, &verify} {
		if errors.As(err, target) {
			return false
		}
	}
	return true
}

// backoff is how long to wait before the attempt after number n, which counts
// from 0: what the platform asks for, up to a cap, or else twice as long each
// time, half of it by chance so that many clients do not return at once.
func backoff(first, longest time.Duration, n int, resp *http.Response) time.Duration {
	if resp != nil {
		if resp.StatusCode == http.StatusUnauthorized {
			return 0 // with a new token
		}
		if wait, ok := retryAfter(resp.Header.Get("Retry-After"), time.Now()); ok {
			return min(wait, maxRetryAfter)
		}
	}
	wait := min(first<<n, longest)
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // spreads clients in time, keeps no secret
}

// retryAfter reads the header of RFC 9110 section 10.2.3: seconds or a date.
func retryAfter(text string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, date.Sub(now)), true
	}
	return 0, false
}

// unwrapURL takes off the "GET https://…" that the inner client puts on an
// error: the outer one puts it on again.
func unwrapURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
