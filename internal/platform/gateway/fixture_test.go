package gateway_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// patience bounds every wait of a test. It is for a loaded machine, and nothing
// is asserted of how long things take.
const patience = 2 * time.Minute

// mesh is the least that implements catalog.Data: products and the answers for
// them. It stands for the platform in tests of the protocol.
type mesh struct {
	mu       sync.Mutex // guards what follows
	ports    map[string]catalog.OutputPort
	product  catalog.Product
	refuse   error
	unclosed error // what Close answers
	asked    []catalog.DataRequest
	grants   []*grant
	admits   func(string) bool
}

func (m *mesh) Open(_ context.Context, asked catalog.DataRequest) (catalog.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, asked)
	if m.refuse != nil {
		return nil, m.refuse
	}
	port, ok := m.ports[asked.Port]
	if !ok {
		return nil, &catalog.Error{Code: catalog.CodeNotFound, Message: "The product has no such port, says the platform."}
	}
	g := &grant{mesh: m, port: port, ended: make(chan struct{}), closed: make(chan struct{})}
	m.grants = append(m.grants, g)
	return g, nil
}

func (m *mesh) requests() []catalog.DataRequest {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// last is the last grant.
func (m *mesh) last(t *testing.T) *grant {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.grants) == 0 {
		t.Fatal("nothing was granted")
	}
	return m.grants[len(m.grants)-1]
}

type grant struct {
	mesh   *mesh
	port   catalog.OutputPort
	ended  chan struct{}
	closed chan struct{} // once
	done   catalog.Delivery
	closes int
}

func (g *grant) Product() *catalog.Product { return &g.mesh.product }
func (g *grant) Port() catalog.OutputPort  { return g.port }
func (g *grant) Ended() <-chan struct{}    { return g.ended }
func (g *grant) Admits(mark string) bool   { return g.mesh.admits(mark) }

func (g *grant) Close(done catalog.Delivery) error {
	g.mesh.mu.Lock()
	defer g.mesh.mu.Unlock()
	if g.closes++; g.closes == 1 {
		g.done = done
		close(g.closed)
	}
	return g.mesh.unclosed
}

// result waits for the end of the grant.
func (g *grant) result(t *testing.T) catalog.Delivery {
	t.Helper()
	await(t, g.closed, "the end of the grant")
	g.mesh.mu.Lock()
	defer g.mesh.mu.Unlock()
	if g.closes != 1 {
		t.Errorf("the grant was closed %d times", g.closes)
	}
	return g.done
}

func await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
}

// from is a mesh with one port, p, at the address.
func from(kind catalog.PortType, address string) *mesh {
	return &mesh{ports: map[string]catalog.OutputPort{"p": {Type: kind, URL: address}}}
}

// everyone is the configuration that lets all domains be served from web servers.
func everyone(urls ...string) configfile.Gateway {
	var c configfile.Gateway
	for _, u := range urls {
		c.HTTP = append(c.HTTP, configfile.HTTPSource{URL: u, Domains: []string{"*"}})
	}
	return c
}

// kinds are the sources that are servers. Each makes a mesh with one port, p, at
// a resource of the server at the address, and the configuration to go with it.
var kinds = map[string]func(t *testing.T, address string) (*mesh, configfile.Gateway){
	"web": func(_ *testing.T, address string) (*mesh, configfile.Gateway) {
		return from(catalog.PortHTTP, address+"/"), everyone(address + "/")
	},
	"store": func(t *testing.T, address string) (*mesh, configfile.Gateway) {
		return from(catalog.PortS3, "s3://tracks/x"), buckets(t, address, "tracks")
	},
}

// serve starts a gateway; change, if any, changes its options. It returns its
// endpoint.
func serve(t *testing.T, m *mesh, config configfile.Gateway, change ...func(*gateway.Options)) string {
	t.Helper()
	sources, err := gateway.NewSources(config, true)
	if err != nil {
		t.Fatal(err)
	}
	options := gateway.Options{
		Data:    func(catalog.Caller) catalog.Data { return m },
		Sources: sources,
		Authenticate: func(r *http.Request) (catalog.Caller, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return catalog.Caller{}, errors.New("no token")
			}
			return catalog.Caller{Subject: "ana"}, nil
		},
		Log: slog.New(slog.NewTextHandler(testLog{t}, nil)),
	}
	for _, c := range change {
		c(&options)
	}
	s := httptest.NewUnstartedServer(gateway.New(options))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// testLog is the log of a gateway in a test.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil { // a log line after the end of the test has no place
		l.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

func request(t *testing.T, method, address string, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer good")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return req
}

// answer is a response without its body.
type answer struct {
	Status          string
	StatusCode      int
	Header, Trailer http.Header
	ContentLength   int64
}

// get asks, and returns the whole answer; err says that it was broken off.
func get(t *testing.T, address string, headers ...string) (resp answer, body string, err error) {
	t.Helper()
	return do(t, request(t, http.MethodGet, address, headers...))
}

func do(t *testing.T, req *http.Request) (a answer, body string, err error) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{Status: "no answer"}, "", err // broken off before its header had left
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	raw, err := io.ReadAll(resp.Body)
	return answer{resp.Status, resp.StatusCode, resp.Header, resp.Trailer, resp.ContentLength}, string(raw), err
}

// upstream is a web server with the handler.
func upstream(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// raw is a server that answers every connection, once it has read a request's
// header, with what the function writes.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for line := ""; line != "\r\n"; {
					if line, err = in.ReadString('\n'); err != nil {
						return
					}
				}
				answer(conn)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// panicking is a mesh whose grants panic when they are asked what to read.
type panicking struct{ *mesh }

type explosive struct{ *grant }

func (p panicking) Open(ctx context.Context, asked catalog.DataRequest) (catalog.Grant, error) {
	g, err := p.mesh.Open(ctx, asked)
	if err != nil {
		return nil, err
	}
	return explosive{g.(*grant)}, nil
}

func (explosive) Port() catalog.OutputPort { panic("boom") }

// oneConnection is a dialer with one connection to give.
func oneConnection(conn net.Conn) func(context.Context, string, string) (net.Conn, error) {
	var used atomic.Bool
	return func(context.Context, string, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errors.New("the connection was not kept")
		}
		return conn, nil
	}
}

// selfSigned is a fresh certificate of its own authority.
func selfSigned(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
