package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"
)

// revocations are lists of revoked certificates, the only source of revocation
// that needs no network.
type revocations []*x509.RevocationList

// revocations reads files with one list each, as DER or PEM.
func (m material) revocations(paths []string) (revocations, error) {
	var lists revocations
	for _, path := range paths {
		raw, err := m.read(path)
		if err != nil {
			return nil, err
		}
		if block, rest := pem.Decode(raw); block != nil {
			if block.Type != "X509 CRL" || !blank(rest) {
				return nil, fmt.Errorf("%s does not hold one revocation list (-----BEGIN X509 CRL-----) and nothing else", path)
			}
			raw = block.Bytes
		}
		list, err := x509.ParseRevocationList(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if err := complete(list); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		lists = append(lists, list)
	}
	return lists, nil
}

// complete refuses lists that leave certificates of their issuer out: those with
// changes only, and those for a part of the certificates. Both are marked by an
// extension that nobody may overlook (RFC 5280, sections 5.2.4 and 5.2.5).
func complete(list *x509.RevocationList) error {
	for _, e := range list.Extensions {
		if e.Critical {
			return fmt.Errorf("the list has the critical extension %s: only complete lists are taken", e.Id)
		}
	}
	return nil
}

// check wants every certificate of the chain but the root to be covered by a
// list of its issuer that is in force, and not to be on it. Where the policy
// names no lists, revocation is not checked.
func (r revocations) check(chain []*x509.Certificate, at time.Time) error {
	if len(r) == 0 {
		return nil
	}
	for i, c := range chain[:max(0, len(chain)-1)] {
		if err := r.checkOne(c, chain[i+1], at); err != nil {
			return err
		}
	}
	return nil
}

func (r revocations) checkOne(c, issuer *x509.Certificate, at time.Time) error {
	reason := "no list of its issuer"
	for _, list := range r {
		if !bytes.Equal(list.RawIssuer, c.RawIssuer) || list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		if revoked(list, c) {
			return fmt.Errorf("certificate %s is revoked", c.Subject)
		}
		if at.Before(list.ThisUpdate) || at.After(list.NextUpdate) {
			reason = "the list of its issuer is in force until " + list.NextUpdate.UTC().Format(time.RFC3339)
			continue
		}
		return nil
	}
	return fmt.Errorf("whether certificate %s is revoked is not known: %s", c.Subject, reason)
}

func revoked(list *x509.RevocationList, c *x509.Certificate) bool {
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(c.SerialNumber) == 0 {
			return true
		}
	}
	return false
}
