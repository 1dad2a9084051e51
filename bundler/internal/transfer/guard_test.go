package transfer

import (
	"net/http"
	"testing"
)

// TestGuardKeepsCredentials asks the guard itself about every kind of target.
func TestGuardKeepsCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		registry, target string
		credential, pass bool
	}{
		{"registry.example", "https://registry.example/v2/", true, true},
		{"registry.example", "http://registry.example/v2/", true, false},
		{"registry.example", "http://registry.example/v2/", false, false},
		{"registry.example", "https://cdn.elsewhere.example/x", false, true},
		{"registry.example", "https://cdn.elsewhere.example/x", true, false},
		{"registry-1.docker.io", "https://auth.docker.io/token", true, true},
		{"registry-1.docker.io", "https://auth.docker.io.example/token", true, false},
		{"a.co.uk", "https://b.co.uk/token", true, false},
		{"registry.example", "https://tokens.example/", true, true}, // stated below
		{"registry.example", "https://user:secret@registry.example/", false, false},
		{"registry.example", "http://127.0.0.1:80/latest", false, false},
		{"registry.example", "https://localhost/", false, false},
		{"127.0.0.1:5000", "http://127.0.0.1:5000/v2/", true, true},
		{"127.0.0.1:5000", "http://127.0.0.1:5001/", true, false},
		{"plain.example:80", "http://plain.example:80/v2/", true, true}, // stated below
		{"10.0.0.1:5000", "http://10.0.0.1:5000/v2/", true, false},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if c.credential {
			req.SetBasicAuth("user", "secret")
		}
		g := &guard{home: Home{Host: c.registry, TokenHosts: []string{"tokens.example"}}, plainHTTP: []string{"plain.example:80"}}
		if reason := g.objection(req); (reason == "") != c.pass {
			t.Errorf("%s for %s, credential %v: %q", c.target, c.registry, c.credential, reason)
		}
	}
}
