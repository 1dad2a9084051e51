package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var names = Names{CAFile: "--ca", ClientCertFile: "--cert", ClientKeyFile: "--key", ProxyURL: "--proxy"}

// guarded is a server that wants a client certificate, and files with its own
// certificate, which is its own authority, and the key.
func guarded(t *testing.T, newest uint16) (server *httptest.Server, certFile, keyFile string) {
	t.Helper()
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS10, MaxVersion: newest}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return server, written(t, "CERTIFICATE", server.Certificate().Raw), written(t, "PRIVATE KEY", key)
}

func written(t *testing.T, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// get is "" for an answer, else why there was none.
func get(t *testing.T, s Settings, url string) string {
	t.Helper()
	transport := &http.Transport{}
	if err := s.Configure(transport, names); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err.Error()
	}
	_ = answer.Body.Close() // it is empty
	return ""
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	server, certFile, keyFile := guarded(t, tls.VersionTLS13)
	whole := Settings{CAFile: certFile, ClientCertFile: certFile, ClientKeyFile: keyFile}
	if got := get(t, whole, server.URL); got != "" {
		t.Errorf("got %s, want an answer", got)
	}
	if got := get(t, Settings{CAFile: certFile}, server.URL); !strings.Contains(got, "certificate required") {
		t.Errorf("without a client certificate: got %q, want a refusal by the server", got)
	}
	if got := get(t, Settings{ClientCertFile: certFile, ClientKeyFile: keyFile}, server.URL); !strings.Contains(got, "unknown authority") {
		t.Errorf("with the system's authorities: got %q, want the server not believed", got)
	}
	old, certFile, _ := guarded(t, tls.VersionTLS11)
	if got := get(t, Settings{CAFile: certFile}, old.URL); !strings.Contains(got, "protocol version") {
		t.Errorf("TLS 1.1: got %q, want the version refused", got)
	}
}

func TestProxyIsAskedForOthersAlone(t *testing.T) {
	t.Parallel()
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Host) }))
	t.Cleanup(proxy.Close)
	local := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(local.Close)
	for _, url := range []string{"http://mesh.example/", local.URL} {
		if got := get(t, Settings{ProxyURL: proxy.URL}, url); got != "" {
			t.Errorf("%s: got %s, want an answer", url, got)
		}
	}
	if got := strings.Join(asked, " "); got != "mesh.example" {
		t.Errorf("the proxy was asked for %s, want mesh.example", got)
	}
}

// TestSettingsThatAreWrong: the error names the setting as the user knows it and
// repeats no password, and the transport stays as it was.
func TestSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	words := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(words, []byte("two words"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "none")
	for name, c := range map[string]struct {
		settings Settings
		want     string
	}{
		"no such authorities":      {Settings{CAFile: missing}, "--ca: open " + missing},
		"authorities of words":     {Settings{CAFile: words}, "--ca: " + words + " holds no certificate in PEM"},
		"authorities are a folder": {Settings{CAFile: t.TempDir()}, "--ca: read "},
		"authorities without end":  {Settings{CAFile: "/dev/zero"}, "--ca: /dev/zero has more than 4194304 bytes"},
		"certificate alone":        {Settings{ClientCertFile: words}, "--cert and --key belong together"},
		"key alone":                {Settings{ClientKeyFile: words}, "--cert and --key belong together"},
		"certificate of words":     {Settings{ClientCertFile: words, ClientKeyFile: words}, "--cert and --key: "},
		"certificate without end":  {Settings{ClientCertFile: "/dev/zero", ClientKeyFile: words}, "--cert and --key: /dev/zero has more than"},
		"key without end":          {Settings{ClientCertFile: words, ClientKeyFile: "/dev/zero"}, "--cert and --key: /dev/zero has more than"},
		"proxy without a scheme":   {Settings{ProxyURL: "u:hush@proxy"}, "--proxy: write it as"},
		"proxy of another kind":    {Settings{ProxyURL: "ftp://u:hush@proxy.example"}, "--proxy: write it as"},
		"proxy without a host":     {Settings{ProxyURL: "http://u:hush@:8080"}, "--proxy: write it as"},
		"proxy that is no URL":     {Settings{ProxyURL: "http://u:hush@proxy\x7f"}, "--proxy: write it as"},
	} {
		transport := &http.Transport{}
		err := c.settings.Configure(transport, names)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v, want an error that begins with %q and repeats no password", name, err, c.want)
		}
		if transport.TLSClientConfig != nil || transport.Proxy != nil {
			t.Errorf("%s: the transport was changed", name)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "mesh.example": false, "localhost.example": false, "127.0.0.1.example": false, "10.0.0.1": false, "0.0.0.0": false, "0x7f.1": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}
