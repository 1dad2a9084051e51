package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// gate is what a client of an object store has for a network, for one question.
// It lets the one request pass that was meant, and keeps the answer. The client
// sees of it whether there is data, and the data, but no byte beside. Whatever
// is no data is to the client an object that does not exist, the one failure
// that it neither repeats nor waits after nor reads on to the end of.
type gate struct {
	server http.RoundTripper
	to     *url.URL
	wanted resource

	used   bool
	answer *answer
	err    error
}

// RoundTrip never fails: a failure is for outcome.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	resp := &http.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		StatusCode: http.StatusNotFound, Header: http.Header{}, Body: http.NoBody,
	}
	g.err = errors.Join(g.err, g.pass(req))
	if g.err == nil && g.answer.status != http.StatusNotModified {
		resp.StatusCode, resp.Body, resp.ContentLength = g.answer.status, g.answer.body, g.answer.size
		// An answer without a date the client reads to its end and throws away.
		resp.Header.Set("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT")
	}
	return resp, nil
}

func (g *gate) pass(req *http.Request) (err error) {
	if g.used {
		return errAgain
	}
	if g.used = true; !g.meant(req.URL) {
		return fmt.Errorf("the client calls %s instead of %s", req.URL.Redacted(), g.to)
	}
	g.answer, err = exchange(g.server, req, g.wanted)
	return err
}

// meant reports whether a URL is the one of the object.
func (g *gate) meant(u *url.URL) bool {
	return u.Scheme == g.to.Scheme && withPort(u) == withPort(g.to) && u.Path == g.to.Path && u.RawQuery == "" && u.User == nil
}

var (
	errUnasked = errors.New("the client has asked nobody")
	errAgain   = errors.New("the client asks a second time, which is not let through")
)

// outcome is the answer. What the client says counts when it has asked nobody,
// and when it has thrown the answer away.
func (g *gate) outcome(said error) (*answer, error) {
	if g.answer == nil {
		return nil, cmp.Or(g.err, said, errUnasked)
	}
	if g.err == nil && (said == nil || g.answer.status == http.StatusNotModified) {
		return g.answer, nil
	}
	return nil, errors.Join(g.err, said, g.answer.body.Close())
}
