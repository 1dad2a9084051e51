package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// connection carries one question and its answer. Nothing is read from it before
// the question is written, and its transport reads nothing behind the answer: what
// a server sends unasked would be the answer to somebody else's question, and
// net/http writes it to the standard logger.
type connection struct {
	net.Conn
	asked chan struct{}
	once  sync.Once
}

func newConnection(conn net.Conn) *connection {
	return &connection{Conn: conn, asked: make(chan struct{})}
}

// Read implements [net.Conn]. It waits until something is written, or the end.
func (c *connection) Read(p []byte) (int, error) {
	<-c.asked
	return c.Conn.Read(p)
}

// Write implements [net.Conn].
func (c *connection) Write(p []byte) (int, error) {
	c.ask()
	return c.Conn.Write(p)
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	defer c.ask()
	return c.Conn.Close()
}

func (c *connection) ask() { c.once.Do(func() { close(c.asked) }) }

// dialer makes the connections of a transport.
func dialer(dial func(ctx context.Context, kind, address string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, kind, address string) (net.Conn, error) {
		conn, err := dial(ctx, kind, address)
		if err != nil {
			return nil, &dialError{err}
		}
		return newConnection(conn), nil
	}
}

// dialError is why there is no connection. Nothing has been read over it.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

var errGarbled = errors.New("the source answered with something that is not HTTP")

// discreet is a transport whose errors may go to the log. Those of net/http quote
// what they could not read, which may be the data.
type discreet struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (d discreet) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, cmp.Or(context.Cause(req.Context()), unquoted(err))
	}
	resp.Body = discreetBody{resp.Body}
	return resp, nil
}

type discreetBody struct{ io.ReadCloser }

// Read implements [io.Reader].
func (b discreetBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		err = unquoted(err)
	}
	return n, err
}

// unquoted lets pass what the network says, and the end.
func unquoted(err error) error {
	network, dial := net.Error(nil), (*dialError)(nil)
	if errors.As(err, &network) || errors.As(err, &dial) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errGarbled
}
