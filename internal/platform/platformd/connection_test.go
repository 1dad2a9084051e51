package platformd_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestAttackCertificateOfAnotherRoot: who else signs certificates, under the
// same names even, is nobody here.
func TestAttackCertificateOfAnotherRoot(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	public := identitytest.NewPKI(t, "Enclave root")
	token := bearer(p.IDP.Token(identitytest.User("ana")))
	for name, c := range map[string]tls.Certificate{
		"a service":             public.Client(platformtest.Pipeline),
		"a person":              public.Client("Ana Stone"),
		"a server's":            p.PKI.Server(),
		"a leaf under our root": {Certificate: public.Client(platformtest.Pipeline).Certificate[:1], PrivateKey: public.Client("x y").PrivateKey},
	} {
		if got := list(t, p, p.Client(c)); got != 0 {
			t.Errorf("%s: got %d, want the connection refused", name, got)
		}
		if got := list(t, p, p.Client(c), token); got != 0 {
			t.Errorf("%s with a good token: got %d, want the connection refused", name, got)
		}
	}
	forged := p.PKI.Client(platformtest.Pipeline)
	forged.Certificate[1] = public.Client("x y").Certificate[1] // its own authority as that of ours
	if got := list(t, p, p.Client(forged)); got != 0 {
		t.Errorf("under another intermediate: got %d, want the connection refused", got)
	}
	if got := list(t, p, p.Client(p.PKI.Client(platformtest.Pipeline))); got != http.StatusOK {
		t.Errorf("ours: got %d, want 200", got)
	}
}

// TestAttackNoAnchors: a server without anchors takes no certificate at all,
// rather than those of the system's authorities.
func TestAttackNoAnchors(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t, func(f *configfile.File) {
		f.TLS.ClientCAFiles, f.TLS.CRLFiles, f.Services = nil, nil, nil
	})
	own := p.Client(p.PKI.Client(platformtest.Pipeline))
	if got := list(t, p, own); got != http.StatusUnauthorized {
		t.Errorf("a certificate that nobody asked for: got %d, want 401", got)
	}
	if got := list(t, p, own, bearer(p.IDP.Token(identitytest.User("ana")))); got != http.StatusOK {
		t.Errorf("a token: got %d, want 200", got)
	}
}

// TestBrokenFilesKeepTheOldState: what is broken is reported and not used, and
// repaired it is taken.
func TestBrokenFilesKeepTheOldState(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	service, plain, user := p.Client(p.PKI.Client(platformtest.Pipeline)), p.Client(), bearer(p.Partner.Token(identitytest.User("bob")))
	ready := func() int {
		status, _ := knock(t, plain, http.MethodGet, p.Endpoint+"/readyz", "")
		return status
	}
	for _, path := range []string{p.PKI.Lists()[0], p.PKI.Lists()[1], p.PKI.Root(), p.Partner.File(), p.PKI.Dir + "/server.pem", p.PKI.Dir + "/server.key"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		identitytest.Replace(t, path, text[:min(200, len(text)/2)])
		await(t, path+" cut off", http.StatusServiceUnavailable, ready)
		if list(t, p, service) != http.StatusOK || list(t, p, plain, user) != http.StatusOK {
			t.Errorf("%s cut off: the old state is gone", path)
		}
		identitytest.Replace(t, path, text)
		await(t, path+" repaired", http.StatusOK, ready)
	}
}

// TestKeysReload: keys and certificates change while the server runs; a key that
// is gone ends its tokens, remembered ones as well.
func TestKeysReload(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	plain, old := p.Client(), bearer(p.Partner.Token(identitytest.User("bob")))
	if got := list(t, p, plain, old); got != http.StatusOK {
		t.Fatalf("before: got %d, want 200", got)
	}
	p.Partner.Rotate(1)
	fresh := bearer(p.Partner.Token(identitytest.User("bob")))
	await(t, "a token of a new key", http.StatusOK, func() int { return list(t, p, plain, fresh) })
	if got := list(t, p, p.Client(), old); got != http.StatusOK {
		t.Errorf("a token of a key that was kept: got %d, want 200", got)
	}
	p.Partner.Rotate(1)
	await(t, "a token of a removed key", http.StatusUnauthorized, func() int { return list(t, p, plain, old) })

	renewed := p.PKI.Server()
	p.PKI.Write("server", renewed)
	await(t, "the server's new certificate", 1, func() int {
		conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13}}).DialContext(t.Context(), "tcp", address(p))
		if err != nil {
			return 0 // between the two files
		}
		defer func() { _ = conn.Close() }()
		if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().PeerCertificates[0].Equal(renewed.Leaf) {
			return 1
		}
		return 0
	})
}

func address(p *platformtest.Production) string { return strings.TrimPrefix(p.Endpoint, "https://") }

// TestAttackOldTLS: nothing below TLS 1.3 is spoken, nor HTTP in the clear, and
// no session is resumed: the certificate is looked at on every connection.
func TestAttackOldTLS(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	old := &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12}
	if conn, err := (&tls.Dialer{Config: old}).DialContext(t.Context(), "tcp", address(p)); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.2 is spoken")
	}
	if status, _ := knock(t, http.DefaultClient, http.MethodGet, "http://"+address(p)+"/healthz", ""); status != http.StatusBadRequest {
		t.Errorf("HTTP in the clear: got %d, want 400", status)
	}
	config := &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13, ClientSessionCache: tls.NewLRUClientSessionCache(8), Certificates: []tls.Certificate{p.PKI.Client(platformtest.Pipeline)}}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	for range 3 {
		response, err := client.Get(p.Endpoint + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.TLS.DidResume {
			t.Error("a session is resumed")
		}
	}
}

// TestAttackIdentityInHeaders: headers that proxies write are anybody's to
// write; and of two Authorization headers neither counts, since the next reader
// may take the other.
func TestAttackIdentityInHeaders(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	client := p.Client()
	leaf := strings.ReplaceAll(fmt.Sprintf("%x", p.PKI.Client(platformtest.Pipeline).Leaf.Raw), "\n", "")
	for _, header := range []string{
		"X-Forwarded-User: root", "X-Remote-User: root", "Remote-User: root", "X-Forwarded-Email: root@enclave.example",
		"X-Forwarded-Client-Cert: By=spiffe://enclave.example/mesh;URI=" + platformtest.Pipeline, "Client-Cert: :" + leaf + ":", "X-SSL-Client-Cert: " + leaf,
		"X-SSL-Client-Verify: SUCCESS", "X-Amzn-Oidc-Data: " + p.IDP.Token(identitytest.Administrator("root")), "Proxy-Authorization: Bearer " + p.IDP.Token(identitytest.User("ana")),
		"Cookie: access_token=" + p.IDP.Token(identitytest.User("ana")),
	} {
		if got := list(t, p, client, header); got != http.StatusUnauthorized {
			t.Errorf("%.40s: got %d, want 401", header, got)
		}
	}
	user, root := bearer(p.IDP.Token(identitytest.User("ana"))), bearer(p.IDP.Token(identitytest.Administrator("root")))
	for _, two := range [][]string{{user, root}, {root, user}, {user, user}, {user, "authorization: Basic x"}} {
		if got := list(t, p, client, two...); got != http.StatusUnauthorized {
			t.Errorf("two Authorization headers: got %d, want 401", got)
		}
	}
	if status, body := knock(t, client, http.MethodGet, p.Endpoint+"/api/v1/domains?access_token="+p.IDP.Token(identitytest.User("ana")), ""); status != http.StatusUnauthorized {
		t.Errorf("a token in the address: got %d %s, want 401", status, body)
	}
}

// TestAttackOversizedHeaders: headers above the limit end the request, in
// HTTP/1.1 and in HTTP/2.
func TestAttackOversizedHeaders(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	token := bearer(p.IDP.Token(identitytest.User("ana")))
	first := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13}}}
	for version, client := range map[string]*http.Client{"HTTP/1.1": first, "HTTP/2.0": p.Client()} {
		if got := list(t, p, client, token, "X-Filler: "+strings.Repeat("x", 16<<10)); got != http.StatusOK {
			t.Errorf("%s: large headers: got %d, want 200", version, got)
		}
		if got := list(t, p, client, token, "X-Filler: "+strings.Repeat("x", 64<<10)); got == http.StatusOK {
			t.Errorf("%s: oversized headers: got %d, want them refused", version, got)
		}
		response, err := client.Get(p.Endpoint + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.Proto != version {
			t.Errorf("got %s, want %s", response.Proto, version)
		}
	}
}

// TestAttackSlowloris: who sends a handshake or headers byte by byte is cut off,
// and others are served meanwhile.
func TestAttackSlowloris(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	plain, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address(p))
	if err != nil {
		t.Fatal(err)
	}
	secure, err := (&tls.Dialer{Config: &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13}}).DialContext(t.Context(), "tcp", address(p))
	if err != nil {
		t.Fatal(err)
	}
	cut := make(chan string, 2)
	drip := func(what string, conn net.Conn, text string) {
		defer func() { _ = conn.Close() }()
		go func() {
			for i := 0; ; i++ { // until the other end closes
				if _, err := conn.Write([]byte{text[i%len(text)]}); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		_, err := io.Copy(io.Discard, bufio.NewReader(conn))
		if timeout := (net.Error)(nil); errors.As(err, &timeout) && timeout.Timeout() {
			what += " is still served after a minute"
		}
		cut <- what
	}
	go drip("handshake", plain, "\x16\x03\x01\x02\x00")
	go drip("headers", secure, "GET / HTTP/1.1\r\nX-Slow: ")
	if got := list(t, p, p.Client(), bearer(p.IDP.Token(identitytest.User("ana")))); got != http.StatusOK {
		t.Errorf("somebody else meanwhile: got %d, want 200", got)
	}
	for range 2 {
		if what := <-cut; strings.Contains(what, "still") {
			t.Error(what)
		}
	}
}
