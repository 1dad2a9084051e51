package platformd_test

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestAttackRevokedCertificate: a certificate that is revoked ends, on new
// connections and on one that it opened before, with a token that is bound to it
// as well.
func TestAttackRevokedCertificate(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	stolen, other := p.PKI.Client(platformtest.Pipeline), p.PKI.Client(platformtest.Pipeline)
	before, beside := p.Client(stolen), p.Client(other)
	for _, client := range []*http.Client{before, beside} {
		if got := list(t, p, client); got != http.StatusOK {
			t.Fatalf("before: got %d, want 200", got)
		}
	}
	p.PKI.Revoke(stolen)
	await(t, "on its connection", refusal, func() int { return refusalOf(list(t, p, before)) })
	if got := list(t, p, p.Client(stolen)); got != 0 {
		t.Errorf("on a new one: got %d, want the connection refused", got)
	}
	if got := list(t, p, beside); got != http.StatusOK {
		t.Errorf("another certificate of the same name: got %d, want 200", got)
	}
}

// refusal is a request that is refused, or its connection.
const refusal = -1

func refusalOf(status int) int {
	if status == 0 || status == http.StatusUnauthorized {
		return refusal
	}
	return status
}

// TestAttackRemovedAnchor: what an authority signed ends when the operator takes the
// authority away, on connections that are open as well, be it as a service or as
// what a token is bound to.
func TestAttackRemovedAnchor(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	service, laptop := p.PKI.Client(platformtest.Pipeline), p.PKI.Client("laptop-1.enclave.example")
	bound := bearer(p.IDP.Token(identitytest.User("ana").With("cnf", map[string]any{"x5t#S256": identity.Thumbprint(laptop.Leaf)})))
	of, with := p.Client(service), p.Client(laptop)
	if a, b := list(t, p, of), list(t, p, with, bound); a != http.StatusOK || b != http.StatusOK {
		t.Fatalf("before: got %d and %d, want 200", a, b)
	}
	own, err := os.ReadFile(p.PKI.Root())
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(identitytest.NewPKI(t, "Enclave root").Root())
	if err != nil {
		t.Fatal(err)
	}
	identitytest.Replace(t, p.PKI.Root(), other)
	await(t, "the service", refusal, func() int { return refusalOf(list(t, p, of)) })
	if got := refusalOf(list(t, p, with, bound)); got != refusal {
		t.Errorf("a token that is bound to a certificate: got %d, want it refused", got)
	}
	if got := anew(t, p, service); got != 0 {
		t.Errorf("a new connection: got %d, want it refused", got)
	}
	identitytest.Replace(t, p.PKI.Root(), own)
	await(t, "with the anchor again", http.StatusOK, func() int { return anew(t, p, service) })
}

// TestAttackStreamOfARevokedCertificate: a connection that is open, and may be
// in the middle of a response, ends with the certificate that it was opened
// with; one without a certificate stays.
func TestAttackStreamOfARevokedCertificate(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	stolen, good := p.PKI.Client(platformtest.Pipeline), p.PKI.Client(platformtest.Pipeline)
	closed := func(certificates ...tls.Certificate) <-chan struct{} {
		config := &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13, Certificates: certificates}
		conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address(p))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		ended := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, reader)
			close(ended)
		}()
		return ended
	}
	cut, kept, none := closed(stolen), closed(good), closed()
	p.PKI.Revoke(stolen)
	select {
	case <-cut:
	case <-time.After(patience):
		t.Fatalf("the connection is open after %v", patience)
	}
	select {
	case <-kept:
		t.Error("the connection of another certificate was cut")
	case <-none:
		t.Error("the connection without a certificate was cut")
	default:
	}
}

// TestAttackExpiredRevocationList: whoever keeps new lists from the server must
// not keep a revoked certificate alive. Tokens go on.
func TestAttackExpiredRevocationList(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	client := p.Client(p.PKI.Client(platformtest.Pipeline))
	if got := list(t, p, client); got != http.StatusOK {
		t.Fatalf("before: got %d, want 200", got)
	}
	p.PKI.Lifetime = -time.Minute
	p.PKI.WriteLists()
	await(t, "with an expired list", refusal, func() int { return refusalOf(list(t, p, client)) })
	if got := list(t, p, p.Client(p.PKI.Client(platformtest.Pipeline))); got != 0 {
		t.Errorf("a new connection: got %d, want it refused", got)
	}
	if got := list(t, p, p.Client(), bearer(p.IDP.Token(identitytest.User("ana")))); got != http.StatusOK {
		t.Errorf("a token: got %d, want 200", got)
	}
	if got, _ := knock(t, p.Client(), http.MethodGet, p.Endpoint+"/readyz", ""); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got %d, want 503", got)
	}
	p.PKI.Lifetime = time.Hour
	p.PKI.WriteLists()
	await(t, "with a new list", http.StatusOK, func() int { return list(t, p, client) })
}

// TestAttackMissingRevocationList: with lists, an authority without one vouches
// for nobody.
func TestAttackMissingRevocationList(t *testing.T) {
	t.Parallel()
	for i, kept := range []int{0, 1} {
		p := platformtest.StartProduction(t, func(f *configfile.File) { f.TLS.CRLFiles = f.TLS.CRLFiles[kept : kept+1] })
		if got := list(t, p, p.Client(p.PKI.Client(platformtest.Pipeline))); got != 0 {
			t.Errorf("with list %d alone: got %d, want the connection refused", i, got)
		}
	}
}

// TestAttackOlderListOverARestart: an old list that is put back while the server is
// down brings nobody back, and the server says that it is not ready.
func TestAttackOlderListOverARestart(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	stolen, other := p.PKI.Client(platformtest.Pipeline), p.PKI.Client(platformtest.Pipeline)
	path := p.PKI.Lists()[1]
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, p, p.Client(stolen)); got != http.StatusOK {
		t.Fatalf("before: got %d, want 200", got)
	}
	p.PKI.Revoke(stolen)
	newest, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "revoked", 0, func() int { return anew(t, p, stolen) })
	plain := p.Client()
	ready := func() int {
		status, _ := knock(t, plain, http.MethodGet, p.Endpoint+"/readyz", "")
		return status
	}
	identitytest.Replace(t, path, old)
	await(t, "the older list was looked at, and the newer one taken down before", http.StatusServiceUnavailable, ready)
	p.Restart()
	if stolen, other := anew(t, p, stolen), anew(t, p, other); stolen != 0 || other != 0 {
		t.Errorf("after the restart: got %d and %d, want the connections refused", stolen, other)
	}
	if got := ready(); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got %d, want 503", got)
	}
	identitytest.Replace(t, path, newest)
	await(t, "with the newest list", http.StatusOK, func() int { return anew(t, p, other) })
	if got := anew(t, p, stolen); got != 0 {
		t.Errorf("and the revoked one: got %d, want the connection refused", got)
	}
}

// TestAttackForgedRevocationList: a list counts by its signature. One of another
// authority of the same name neither revokes nor lets in.
func TestAttackForgedRevocationList(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	good := p.PKI.Client(platformtest.Pipeline)
	forger := identitytest.NewPKI(t, "Enclave root")
	read := func(path string) []byte {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	own := read(p.PKI.Lists()[1])
	identitytest.Replace(t, p.PKI.Lists()[1], read(forger.Lists()[1])) // it revokes nothing
	await(t, "by a list that somebody else signed", 0, func() int { return anew(t, p, good) })
	identitytest.Replace(t, p.PKI.Lists()[1], own)
	await(t, "by its own list", http.StatusOK, func() int { return anew(t, p, good) })

	forger.Revoke(good) // with a higher number than our own list
	both := append(read(p.PKI.Lists()[0]), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: read(forger.Lists()[1])})...)
	identitytest.Replace(t, p.PKI.Lists()[0], append(both, read(forger.Lists()[0])...))
	other := p.PKI.Client(platformtest.Pipeline)
	p.PKI.Revoke(other)
	await(t, "the new lists are read", 0, func() int { return anew(t, p, other) })
	if got := list(t, p, p.Client(good)); got != http.StatusOK {
		t.Errorf("revoked by somebody else: got %d, want 200", got)
	}
}
