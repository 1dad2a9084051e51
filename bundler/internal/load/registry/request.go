package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// do sends a request with a small body or none, which may be repeated.
func (p *push) do(ctx context.Context, method string, u *url.URL, body []byte, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header
	}
	return p.client.Do(r)
}

// stream is a body of known length, which cannot be repeated. The zero value is
// no body.
type stream struct {
	body   io.ReadCloser
	size   int64
	header http.Header
}

// newStream reads size bytes of the body.
func newStream(body io.ReadCloser, size int64) stream {
	exact := struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, size), body}
	return stream{exact, size, http.Header{"Content-Type": {"application/octet-stream"}}}
}

// doStream sends a stream and closes its body.
func (p *push) doStream(ctx context.Context, method string, u *url.URL, s stream) (*http.Response, error) {
	var body io.Reader = http.NoBody
	if s.body != nil {
		body = s.body
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if s.header != nil {
		r.Header = s.header
	}
	r.ContentLength = s.size
	return p.client.Do(r)
}

// brokenError is a transfer that may go on.
type brokenError struct{ error }

func (b *brokenError) Unwrap() error { return b.error }

func isBroken(err error) bool {
	var broken *brokenError
	return errors.As(err, &broken)
}

// expect ends a response whose body nobody needs: nil when it has one of the
// statuses.
func expect(response *http.Response, doing string, statuses ...int) error {
	defer discard(response)
	if slices.Contains(statuses, response.StatusCode) {
		return nil
	}
	return refused(response, doing)
}

// refused says what the registry answered instead of what was asked for, with
// the words of its error (distribution-spec 1.1, section "Error Codes").
func refused(response *http.Response, doing string) error {
	said := ""
	var body struct {
		Errors []struct{ Code, Message string } `json:"errors"`
	}
	if text, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody)); err == nil && json.Unmarshal(text, &body) == nil && len(body.Errors) > 0 {
		said = fmt.Sprintf(" (%s: %s)", strconv.Quote(body.Errors[0].Code), strconv.Quote(body.Errors[0].Message))
	}
	return fmt.Errorf("%s, the registry answered %d%s%s", doing, response.StatusCode, said, advice(response.StatusCode))
}

const maxErrorBody = 8 << 10

func advice(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ": log in as somebody who may push there"
	case http.StatusMethodNotAllowed:
		return ": it takes no pushes"
	case http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage:
		return ": it has no room for it"
	}
	return ""
}

// discard reads what is left of a small answer, so that the connection can be
// used again.
func discard(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // best effort, for the connection's sake
	_ = response.Body.Close()                          // nothing was read that counts
}
