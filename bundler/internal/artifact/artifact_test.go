package artifact

import "testing"

// TestAnotherSpellingOfAHostIsRefused: a rule of a policy for
// registry.example/** would not see Registry.example/app.
func TestAnotherSpellingOfAHostIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Registry.example/app", "registry.example:443/app", "registry.example:05000/app", "registry.example./app",
		"[0:0::1]:5000/app", "[FE80::1]/app", "app", "library/app", "user@registry.example/app", "registry.example/App",
		"registry.example/a//b", "registry.example/../b", "registry.example/", "/app", "",
	} {
		if r, err := ParseRepository(text); err == nil {
			t.Errorf("%q is read as %s, want it refused", text, r)
		}
	}
	for _, text := range []string{"registry.example/team/app", "localhost/app", "localhost:5000/app", "[::1]:5000/app", "192.0.2.1/a_b/c__d"} {
		if r, err := ParseRepository(text); err != nil || r.String() != text {
			t.Errorf("%q is read as %q, %v", text, r.String(), err)
		}
	}
}

// TestDigestTextIsValidated: a digest becomes a file name (CVE-2024-3727).
func TestDigestTextIsValidated(t *testing.T) {
	t.Parallel()
	good := string(DigestOf([32]byte{1}))
	if d, err := ParseDigest(good); err != nil || len(d.Hex()) != 64 {
		t.Errorf("%s: %v", good, err)
	}
	for _, text := range []string{
		"", "sha256:", good[:70], good + "0", "sha256:../../../../etc/passwd", "sha512:" + good[7:],
		"SHA256:" + good[7:], "sha256:" + "AB" + good[9:], good[:70] + "/",
	} {
		if d, err := ParseDigest(text); err == nil {
			t.Errorf("%q is read as %s, want it refused", text, d)
		}
	}
}
