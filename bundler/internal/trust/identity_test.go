package trust

import (
	"crypto/x509/pkix"
	"testing"
)

// Names are read as RFC 4514 writes them.
func TestIdentities(t *testing.T) {
	t.Parallel()
	subject := pkix.Name{CommonName: `Smith, John`, Organization: []string{"A+B"}, Country: []string{"GB"}}
	var parsed pkix.Name
	rdn := subject.ToRDNSequence()
	parsed.FillFromRDNSequence(&rdn)
	for text, want := range map[string]bool{
		`x509.subject: C=GB`: true, `x509.subject:C=GB,O=A\+B`: true, `x509.subject: CN=Smith\, John , C=GB`: true, `*`: true, `x509.subject: c=GB`: true,
		`x509.subject: C=GB, OU=x`: false, `x509.subject: C=gb`: false, `x509.subject: O=A`: false, `x509.subject: CN=Smith`: false, `x509.subject: CN=Smith\, John\ `: false,
	} {
		name, err := parseIdentity(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := name.matches(parsed); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"", "C=GB", "x509.subject:", "x509.subject: C=", "x509.subject: C=GB,", "x509.subject: C=GB,C=US", "x509.subject: X=1", "x509.subject: C=#0401", "x509.subject: O=A+B", `x509.subject: O=A\`, `x509.subject: O=A\q`, `x509.subject: O="A"`, "x509.subject: S=a,ST=b", "x509.subject: C=GB;O=x"} {
		if name, err := parseIdentity(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, name)
		}
	}
}
