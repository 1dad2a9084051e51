package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, key := a.sign(template, template, nil)
	a.key = key
	a.cert, _ = x509.ParseCertificate(der)
	a.file = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) sign(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if parentKey == nil {
		parentKey = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// issue writes a certificate for loopback and its key.
func (a *authority) issue() (certFile, keyFile string) {
	a.t.Helper()
	der, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, a.key)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write("cert.pem", "CERTIFICATE", der), a.write("key.pem", "PRIVATE KEY", keyDER)
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	file := filepath.Join(a.t.TempDir(), name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// serve starts a TLS server of this authority that speaks HTTP/2.
func (a *authority) serve(handler http.Handler, change func(*tls.Config)) *httptest.Server {
	a.t.Helper()
	certFile, keyFile := a.issue()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		a.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS10}
	if change != nil {
		change(server.TLS)
	}
	server.EnableHTTP2 = server.TLS.MaxVersion == 0 // it needs TLS 1.2
	server.Config.ErrorLog = nil
	server.StartTLS()
	a.t.Cleanup(server.Close)
	return server
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	certFile, keyFile := ours.issue()
	clients := x509.NewCertPool()
	clients.AddCert(ours.cert)
	var protocol string
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { protocol = r.Proto })
	mutual := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, clients }

	server := ours.serve(handler, mutual)
	o := Options{Token: "t", CAFile: ours.file, ClientCertFile: certFile, ClientKeyFile: keyFile}
	if got, err := send(t, newTestClient(t, o), "GET", server.URL, ""); got != 200 {
		t.Fatalf("mutual TLS: got %d %v, want 200", got, err)
	}
	if protocol != "HTTP/2.0" {
		t.Errorf("under a TLS configuration of its own: got %s, want HTTP/2.0", protocol)
	}
	if got, err := send(t, newTestClient(t, Options{CAFile: ours.file}), "GET", server.URL, ""); err == nil {
		t.Errorf("without the client certificate: got %d, want an error", got)
	}
	wrong := o
	wrong.CAFile = others.file
	ctx, attempts := CountAttempts(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	resp, err := newTestClient(t, wrong).Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || attempts.Count() != 1 {
		t.Errorf("another authority: got error %v after %d attempts, want one after a single attempt", err, attempts.Count())
	}
	old := ours.serve(handler, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })
	if got, err := send(t, newTestClient(t, Options{CAFile: ours.file}), "GET", old.URL, ""); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: got %d %v, want an error about the protocol version", got, err)
	}
}
