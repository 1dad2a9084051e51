package transfer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAStreamIsSentOnce: what is left of a stream after a first attempt is not
// the body, and a server that took it would have a shorter one.
func TestAStreamIsSentOnce(t *testing.T) {
	t.Parallel()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, string(body))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	line, err := New(Options{Wait: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Close)
	send := func(body io.Reader) int {
		got = nil
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := line.Transport(Home{Host: u.Host}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		Discard(answer)
		return len(got)
	}
	if n := send(io.MultiReader(bytes.NewReader([]byte("stream")))); n != 1 || got[0] != "stream" {
		t.Errorf("a stream: sent %d times, %q, want once", n, got)
	}
	if n := send(bytes.NewReader([]byte("text"))); n != maxAttempts || got[n-1] != "text" {
		t.Errorf("a text: sent %d times, %q, want %d times whole", n, got, maxAttempts)
	}
}

// TestAServerThatWantsACertificateIsAskedOnce: it will not think better of it,
// and who typed the command waits.
func TestAServerThatWantsACertificateIsAskedOnce(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	waits := 0
	line, err := New(Options{CAFile: authority, Wait: func(context.Context, time.Duration) error { waits++; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := line.Transport(Home{Host: r.URL.Host}).RoundTrip(r)
	Discard(answer)
	if err == nil || !strings.Contains(err.Error(), "certificate required") || waits > 0 {
		t.Errorf("got %v after %d waits, want one refusal", err, waits)
	}
}
