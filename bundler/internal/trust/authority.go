package trust

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// authority trusts certificates of the operator's own authority. No log has
// seen them, so when a certificate was valid must be proved by a timestamp or
// be chosen in the policy (CVE-2026-24122).
type authority struct {
	roots, below []*x509.Certificate
	identity     spec.Identity
	clocks       []root.TimestampingAuthority
	validAt      spec.ValidAt
}

func newAuthority(t *spec.CA, m material) (*authority, error) {
	a := &authority{identity: t.Identity, validAt: t.ValidAt}
	var err error
	if a.roots, err = m.authorities(t.Roots); err != nil {
		return nil, err
	}
	if a.below, err = m.authorities(t.Intermediates); err != nil {
		return nil, err
	}
	if a.clocks, err = m.clocks(t.TimestampAuthorities); err != nil {
		return nil, err
	}
	if len(a.roots) == 0 || len(a.clocks) == 0 && a.validAt == "" {
		return nil, fmt.Errorf("needs roots, and timestampAuthorities or validAt")
	}
	return a, nil
}

// clocks reads timestamp authorities: a file holds the chain of one, from the
// certificate that signs, which may be left out, up to its root.
func (m material) clocks(paths []string) ([]root.TimestampingAuthority, error) {
	var all []root.TimestampingAuthority
	for _, path := range paths {
		chain, err := m.certificates(path)
		if err != nil {
			return nil, err
		}
		clock := &root.SigstoreTimestampingAuthority{URI: path, Root: chain[len(chain)-1]}
		if !clock.Root.IsCA {
			return nil, fmt.Errorf("%s: its last certificate is not that of a root", path)
		}
		chain = chain[:len(chain)-1]
		if len(chain) > 0 && !chain[0].IsCA {
			clock.Leaf, chain = chain[0], chain[1:]
		}
		clock.Intermediates = chain
		all = append(all, clock)
	}
	return all, nil
}

func (a *authority) threshold() int { return 1 }

func (a *authority) String() string {
	return fmt.Sprintf("certificate of %s under %s", printable(a.identity.String()), subjectsOf(a.roots))
}

func subjectsOf(certificates []*x509.Certificate) string {
	var all []string
	for _, c := range certificates {
		all = append(all, printable(c.Subject.String()))
	}
	return strings.Join(all, " or ")
}

func (a *authority) vouch(c *claim, at time.Time) ([]string, error) {
	if c.notary != nil || c.leaf == nil {
		return nil, foreignf("has no certificate")
	}
	who := printable(strings.Join(namesIn(c.leaf), ", "))
	if !slices.ContainsFunc(namesIn(c.leaf), a.identity.Matches) {
		return nil, foreignf("is signed by %s, not by %s", who, a)
	}
	if err := a.chain(c, c.leaf.NotBefore); err != nil {
		return nil, foreignf("has a certificate for %s that is not issued by %s: %s", who, subjectsOf(a.roots), printable(err.Error()))
	}
	if !c.own(c.leaf) {
		return nil, forgedf("has the certificate of %s, whose key did not sign it", who)
	}
	moments, err := a.moments(c, at)
	if err != nil {
		return nil, err
	}
	for _, moment := range moments {
		if err := a.chain(c, moment); err != nil {
			return nil, unprovedf("is signed by %s, whose certificate does not hold at %s: %s", who, moment.UTC().Format(time.RFC3339), printable(err.Error()))
		}
	}
	return []string{who + " (" + printable(c.leaf.Issuer.String()) + ")"}, nil
}

// moments are all times at which the certificates must have been valid.
func (a *authority) moments(c *claim, at time.Time) ([]time.Time, error) {
	var all []time.Time
	if len(a.clocks) > 0 {
		stamped, err := a.stamped(c)
		if err != nil {
			return nil, err
		}
		all = append(all, stamped)
	}
	if a.validAt == spec.ValidAtNow {
		all = append(all, at)
	}
	if len(all) == 0 {
		// cosign's signatures claim no time. The policy believes the signer, so
		// that it was a time at which the certificate was good.
		all = append(all, c.leaf.NotBefore)
	}
	return all, nil
}

// stamped is the time of the first timestamp over the signature by one of the
// policy's authorities.
func (a *authority) stamped(c *claim) (time.Time, error) {
	reason := "has no timestamp"
	for _, response := range c.timestamps {
		if err := checkTimestampHash(response); err != nil {
			reason = err.Error()
			continue
		}
		for _, clock := range a.clocks {
			t, err := clock.Verify(response, c.signatures[0].bytes)
			if err == nil {
				return t.Time, nil
			}
			reason = "has a timestamp that does not hold: " + printable(err.Error())
		}
	}
	return time.Time{}, unprovedf("%s", reason)
}

// checkTimestampHash wants the hash in a timestamp to be of FIPS 180-4, without
// SHA-1.
func checkTimestampHash(response []byte) error {
	t, err := timestamp.ParseResponse(response)
	if err != nil {
		return fmt.Errorf("has a timestamp that cannot be read: %s", printable(err.Error()))
	}
	if !takenHash(t.HashAlgorithm) {
		return fmt.Errorf("has a timestamp over a hash that is not taken: %s", t.HashAlgorithm)
	}
	return nil
}

func takenHash(h crypto.Hash) bool {
	return h == crypto.SHA256 || h == crypto.SHA384 || h == crypto.SHA512
}

// chain verifies the certificate up to a root at a time. Certificates that came
// with the signature may lie in between; only the policy's roots end a chain.
func (a *authority) chain(c *claim, moment time.Time) error {
	if c.leaf.IsCA || c.leaf.KeyUsage != 0 && c.leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return fmt.Errorf("it is not a certificate to sign with")
	}
	chains, err := c.leaf.Verify(x509.VerifyOptions{
		Roots:         pool(a.roots),
		Intermediates: pool(slices.Concat(a.below, c.above)),
		CurrentTime:   moment,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(chains, strong) {
		return fmt.Errorf("a certificate in its chain has a weak key")
	}
	return nil
}

func strong(chain []*x509.Certificate) bool {
	return !slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return CheckKey(c.PublicKey) != nil })
}

// namesIn are the names that a certificate gives its holder: the alternative
// names and, as "x509.subject:" and RFC 2253 text, the subject.
func namesIn(c *x509.Certificate) []string {
	all := slices.Concat(c.EmailAddresses, c.DNSNames)
	for _, u := range c.URIs {
		all = append(all, u.String())
	}
	return append(all, "x509.subject:"+c.Subject.String())
}
