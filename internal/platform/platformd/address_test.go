package platformd

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// hosts is a hosts file.
type hosts map[string][]string

func (h hosts) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	texts, ok := h[host]
	if !ok {
		return nil, errors.New("no such host")
	}
	var addrs []netip.Addr
	for _, text := range texts {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs, nil
}

func TestLoopbackAddresses(t *testing.T) {
	t.Parallel()
	names := hosts{
		"localhost": {"127.0.0.1", "::1"},
		"six":       {"::1"},
		"poisoned":  {"127.0.0.1", "192.0.2.7"},
		"outside":   {"192.0.2.7"},
		"empty":     {},
	}
	for _, c := range []struct{ listen, want, refusal string }{
		{"127.0.0.1:0", "127.0.0.1:0", ""},
		{"127.8.9.10:8080", "127.8.9.10:8080", ""},
		{"[::1]:0", "[::1]:0", ""},
		{"[::ffff:127.0.0.1]:0", "[::ffff:127.0.0.1]:0", ""},
		{"localhost:80", "127.0.0.1:80", ""},
		{"six:80", "[::1]:80", ""},
		{":8080", "", "every interface"},
		{"0.0.0.0:8080", "", "not a loopback"},
		{"[::]:8080", "", "not a loopback"},
		{"192.0.2.7:8080", "", "not a loopback"},
		{"128.0.0.1:8080", "", "not a loopback"},
		{"[::ffff:192.0.2.7]:0", "", "not a loopback"},
		{"[fe80::1%eth0]:0", "", "not a loopback"},
		{"poisoned:80", "", "192.0.2.7 is not a loopback"},
		{"outside:80", "", "192.0.2.7 is not a loopback"},
		{"empty:80", "", "no address"},
		{"unknown:80", "", "no such host"},
		{"127.0.0.1", "", "address:port"},
		{"::1:80", "", "address:port"},
		{"", "", "address:port"},
		{"127.1:80", "", "no such host"},
		{"2130706433:80", "", "no such host"},
	} {
		got, err := loopback(t.Context(), names, c.listen)
		if c.refusal == "" && (err != nil || got != c.want) {
			t.Errorf("%q: got %q, %v, want %q", c.listen, got, err, c.want)
		}
		if c.refusal != "" && (err == nil || got != "" || !strings.Contains(err.Error(), c.refusal)) {
			t.Errorf("%q: got %q, %v, want a refusal with %q", c.listen, got, err, c.refusal)
		}
	}
}

// TestDNSRebinding is a page of evil.example, whose name was made to point at
// 127.0.0.1, asking this server through the browser of a developer.
func TestDNSRebinding(t *testing.T) {
	t.Parallel()
	guarded := onlyLoopbackNames(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	for host, want := range map[string]int{
		"127.0.0.1:8080":             http.StatusNoContent,
		"127.0.0.1":                  http.StatusNoContent,
		"localhost:8080":             http.StatusNoContent,
		"LOCALHOST":                  http.StatusNoContent,
		"[::1]:8080":                 http.StatusNoContent,
		"[::1]":                      http.StatusNoContent,
		"evil.example":               http.StatusMisdirectedRequest,
		"evil.example:8080":          http.StatusMisdirectedRequest,
		"127.0.0.1.evil.example":     http.StatusMisdirectedRequest,
		"localhost.evil.example":     http.StatusMisdirectedRequest,
		"evil.localhost":             http.StatusMisdirectedRequest,
		"localhost:80@evil.example":  http.StatusMisdirectedRequest,
		"127.0.0.1:80:80":            http.StatusMisdirectedRequest,
		"localhost/evil.example":     http.StatusMisdirectedRequest,
		"evil.example@localhost":     http.StatusMisdirectedRequest,
		"localhost?evil.example":     http.StatusMisdirectedRequest,
		"::1":                        http.StatusMisdirectedRequest,
		"[::1%25lo]:80":              http.StatusMisdirectedRequest,
		"%6cocalhost":                http.StatusMisdirectedRequest,
		"0.0.0.0:8080":               http.StatusMisdirectedRequest,
		"192.0.2.7:8080":             http.StatusMisdirectedRequest,
		"[::ffff:192.0.2.7]:8080":    http.StatusMisdirectedRequest,
		"lоcalhost":                  http.StatusMisdirectedRequest, // a Cyrillic letter
		"":                           http.StatusMisdirectedRequest,
		"127.0.0.1\x00.evil.example": http.StatusMisdirectedRequest,
	} {
		request := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		request.Host = host
		recorder := httptest.NewRecorder()
		guarded.ServeHTTP(recorder, request)
		if recorder.Code != want {
			t.Errorf("Host %q: got %d, want %d", host, recorder.Code, want)
		}
	}
}

// passes is what may pass, said another way.
var passes = regexp.MustCompile(`^(?i:localhost|127(\.\d{1,3}){3}|\[[0-9a-f:.]+\])(:\d*)?$`)

func FuzzIsLoopbackHost(f *testing.F) {
	for _, host := range []string{"localhost:80", "[::1]:80", "127.0.0.1", "evil.example", "[::1%25lo]", "[::ffff:127.0.0.1]:0"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if isLoopbackHost(host) && !passes.MatchString(host) {
			t.Errorf("%q passes as a loopback name", host)
		}
	})
}
