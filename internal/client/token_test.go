package client

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokenFileIsReadAgainWhenRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("old")
	var calls int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.Header.Get("Authorization") != "Bearer new" {
			write("new") // somebody renews it just now
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	client := newTestClient(t, Options{TokenFile: file})
	for _, method := range []string{"POST", "GET"} { // a refused POST was not carried out either
		if got, err := send(t, client, method, server.URL+"/lineage", "x"); got != 200 {
			t.Errorf("%s: got %d %v, want 200", method, got, err)
		}
	}
	if calls != 3 {
		t.Errorf("got %d requests, want 3: one refused, one repeated, one more", calls)
	}
	write("revoked")
	if got, _ := send(t, newTestClient(t, Options{TokenFile: file}), "GET", server.URL, ""); got != 200 {
		t.Errorf("got %d, want the file read once more", got)
	}
}

func TestTokenThatStaysRefusedIsTriedOnceMoreOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		if err := os.WriteFile(file, []byte{byte('a' + n)}, 0o600); err != nil { // always another one
			t.Error(err)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	if err := os.WriteFile(file, []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := send(t, newTestClient(t, Options{TokenFile: file}), "GET", server.URL, ""); got != 401 || n != 2 {
		t.Errorf("got %d %v after %d requests, want 401 after 2", got, err, n)
	}
}

// Attack: an endpoint with http instead of https, or a proxy in between, would
// get the token in clear.
func TestTokenIsNeverSentOverPlainHTTPToAnotherMachine(t *testing.T) {
	t.Parallel()
	var reached bool
	elsewhere := roundTripper(func(*http.Request) (*http.Response, error) {
		reached = true
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})
	for _, target := range []string{"http://mesh.example/", "http://10.0.0.1/", "http://127.0.0.1.mesh.example/", "http://localhost.mesh.example/"} {
		client := &http.Client{Transport: newRetry(Options{}, newSender(Options{}, &tokenSource{token: "hush"}, elsewhere))}
		_, err := send(t, client, "GET", target, "")
		if err == nil || !strings.Contains(err.Error(), "https") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got error %v, want one that says https", target, err)
		}
	}
	if reached {
		t.Error("a request went out")
	}
}
