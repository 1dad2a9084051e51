package platformd_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestAttackFloodFromOneAddress: a machine that opens more connections than a
// server has places, and leaves them idle, gets its share of them, and others are
// served meanwhile.
func TestAttackFloodFromOneAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has more than one loopback address without asking")
	}
	t.Parallel()
	p := platformtest.StartProduction(t)
	held := flood(t, p, "127.0.0.1", platformd.MaxConnections+100)
	if len(held) != platformd.DefaultConnectionsPerAddress {
		t.Errorf("one address got %d connections, want %d", len(held), platformd.DefaultConnectionsPerAddress)
	}
	token := bearer(p.IDP.Token(identitytest.User("ana")))
	if got := list(t, p, from(t, p, "127.0.0.2"), token); got != http.StatusOK {
		t.Errorf("another address meanwhile: got %d, want 200", got)
	}
	if got := list(t, p, from(t, p, "127.0.0.1"), token); got != 0 {
		t.Errorf("the same address: got %d, want the connection refused", got)
	}
	_ = held[0].Close() // the server finds it closed
	await(t, "the same address, with one connection fewer", http.StatusOK, func() int { return list(t, p, from(t, p, "127.0.0.1"), token) })
}

// TestConnectionsPerAddress: the operator says how many an address has.
func TestConnectionsPerAddress(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t, func(f *configfile.File) { f.ConnectionsPerAddress = 3 })
	if held := flood(t, p, "127.0.0.1", 10); len(held) != 3 {
		t.Errorf("got %d connections, want 3", len(held))
	}
}

// TestAttackSlowBodiesOfOneCaller: who sends requests whose bodies do not arrive,
// more of them than are served at once, takes its share of the places, and others
// are served meanwhile.
func TestAttackSlowBodiesOfOneCaller(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	const places, clients, each = 256, 4, 75 // fewer than a connection has streams
	token := bearer(p.IDP.Token(identitytest.User("mallory")))
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(cancel)
	refused := make(chan int, clients*each)
	for range clients {
		client := p.Client()
		if got := list(t, p, client, token); got != http.StatusOK { // one connection for all that follow
			t.Fatalf("got %d, want 200", got)
		}
		for range each {
			all.Go(func() { refused <- insist(ctx, client, p.Endpoint, token) })
		}
	}
	deadline := time.After(patience)
	for n := range clients*each - places/2 { // half of the places are held
		select {
		case got := <-refused:
			if got != http.StatusTooManyRequests && got != http.StatusServiceUnavailable {
				t.Errorf("a request beyond the share: got %d, want 429, or 503 when all came at once", got)
			}
		case <-deadline:
			t.Fatalf("%d requests were refused, want %d", n, clients*each-places/2)
		}
	}
	const question = `{"subject":{"type":"user","id":"ana"},"action":{"name":"read"},"resource":{"type":"product","id":"a/b"}}`
	status, body := knock(t, p.Client(), http.MethodPost, p.Endpoint+"/access/v1/evaluation", question, bearer(p.IDP.Token(identitytest.User("ana"))))
	if status != http.StatusOK {
		t.Errorf("somebody else meanwhile: got %d %s, want 200", status, body)
	}
}

// insist takes a place and keeps it: when its time is over, however long the
// others take to come, it asks again. It returns the status that refuses it.
func insist(ctx context.Context, client *http.Client, endpoint, authorization string) int {
	for {
		status := unfinished(ctx, client, endpoint, authorization)
		if held := status == 0 || status == http.StatusRequestTimeout; !held || ctx.Err() != nil {
			return status
		}
	}
}

// unfinished sends a question whose body does not arrive, and returns the status
// of the answer, 0 for none.
func unfinished(ctx context.Context, client *http.Client, endpoint, authorization string) int {
	body, never := io.Pipe()
	defer func() { _ = never.Close() }()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/access/v1/evaluation", body)
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", strings.TrimPrefix(authorization, "Authorization: "))
	response, err := client.Do(r)
	if err != nil {
		return 0
	}
	_ = response.Body.Close() // its status is enough
	return response.StatusCode
}

// siege is how long a flood may take: less than a server keeps a connection on
// which nothing is asked. Who waits for a place for so long is not served.
const siege = 100 * time.Second

// flood opens connections from an address, some at a time, asks for one answer
// on each, and returns those that got it. They stay open.
func flood(t *testing.T, p *platformtest.Production, address string, n int) (held []net.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), siege)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	turns := make(chan struct{}, 32)
	for range n {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			if conn := served(ctx, p, address); conn != nil {
				mu.Lock()
				defer mu.Unlock()
				held = append(held, conn)
			}
		})
	}
	all.Wait()
	t.Cleanup(func() {
		for _, conn := range held {
			_ = conn.Close() // most are open
		}
	})
	return held
}

// served is a connection on which a request was answered, nil for none.
func served(ctx context.Context, p *platformtest.Production, from string) net.Conn {
	dialer := &tls.Dialer{NetDialer: dialer(from), Config: &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13}}
	conn, err := dialer.DialContext(ctx, "tcp", address(p))
	if err != nil {
		return nil
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if err == nil {
		_, err = bufio.NewReader(conn).ReadString('\n')
	}
	if err != nil {
		_ = conn.Close() // it was refused
		return nil
	}
	return conn
}

func dialer(from string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
}

// from is a client at an address, without a certificate. It keeps no connection.
func from(t *testing.T, p *platformtest.Production, address string) *http.Client {
	t.Helper()
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13}, DialContext: dialer(address).DialContext, DisableKeepAlives: true,
	}}
}
