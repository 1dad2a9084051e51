package spec

import (
	"regexp"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Policy is a valid policy.yaml. Paths in it are relative to its folder, with
// slashes, and lead nowhere outside of it: they satisfy [io/fs.ValidPath].
type Policy struct {
	// Digest is that of the text, for the envelope.
	Digest artifact.Digest
	// Ceiling is the highest marking: of what is packed on one side, of the
	// enclave on the other. See [Policy.Admits].
	Ceiling marking.Marking
	// The parties that sign: envelopes, the acceptance of a rollback, receipts.
	// Without keys, nobody may.
	BundleSigners, RollbackSigners, ReceiptSigners Signers
	Trust                                          map[string]Trust
	// Sources are judged in order; see [Policy.Source].
	Sources  []Source
	Unsigned []Unsigned
	// MediaTypes are those that configs and layers may have; empty: all. See
	// [Policy.AllowsMediaType].
	MediaTypes []string
	Limits     Limits
	// MaximumAge is how old a bundle may be, counted from its creation; 0: any
	// age.
	MaximumAge time.Duration
	// Strict refuses an item when any evidence beside the good one is malformed.
	// Otherwise malformed evidence counts as none, and only what claims to come
	// from a trusted key and does not verify refuses.
	Strict bool

	vocabulary *marking.Vocabulary
}

// Signers is a threshold of keys.
type Signers struct {
	Keys      []string // paths of PEM public keys, no two alike
	Threshold int      // distinct keys that must have signed, 1 to the number of Keys; 0 without keys
}

// Trust is one way to vouch for an item. Exactly one field is set.
type Trust struct {
	Cosign   *Cosign
	Keyless  *Keyless
	CA       *CA
	Notation *Notation
}

// Cosign trusts signatures of keys, no transparency log asked.
type Cosign struct{ Signers }

// Keyless trusts short-lived certificates of a Sigstore deployment.
type Keyless struct {
	TrustedRoot string // path of a trusted_root.json
	Issuer      string // of the identity token, exactly
	Identity    Identity
}

// ValidAt is the moment at which a certificate must have been valid.
type ValidAt string

// The moments.
const (
	// ValidAtSigning is the time of a trusted timestamp or, without timestamp
	// authorities, the time that the signature claims for itself.
	ValidAtSigning ValidAt = "signing"
	// ValidAtNow is the time of the check.
	ValidAtNow ValidAt = "now"
)

// CA trusts certificates of the operator's own authority, without Fulcio and
// Rekor.
type CA struct {
	Roots, Intermediates []string // paths of PEM certificates
	Identity             Identity
	// TimestampAuthorities are paths of the PEM chains of RFC 3161 authorities.
	// Where there are none, ValidAt was stated.
	TimestampAuthorities []string
	ValidAt              ValidAt
}

// Notation trusts signatures of the Notary Project.
type Notation struct {
	Roots []string // paths of PEM certificates
	// Identities are trusted identities in the notation of its trust policies,
	// such as "x509.subject: C=US, O=example".
	Identities           []string
	TimestampAuthorities []string // paths of PEM certificates
	ValidAt              ValidAt  // as for CA
	// CRLs are paths of DER or PEM revocation lists, the only source of
	// revocation that needs no network. Empty: revocation is not checked.
	CRLs []string
}

// Identity is the subject alternative name of a certificate.
type Identity struct {
	Exact   string
	pattern *regexp.Regexp
	text    string
}

// Matches reports whether a name is that of the identity. An expression covers
// the whole name, whether or not it is anchored.
func (i Identity) Matches(name string) bool {
	if i.pattern != nil {
		return i.pattern.MatchString(name)
	}
	return i.Exact != "" && i.Exact == name
}

// Pattern is the expression as it must be matched, whole; "" for an exact name.
func (i Identity) Pattern() string {
	if i.pattern == nil {
		return ""
	}
	return i.pattern.String()
}

// String is the name or the expression as written.
func (i Identity) String() string {
	if i.pattern != nil {
		return "matching " + i.text
	}
	return i.Exact
}

// SignatureOn says which manifests of an index a signature must be about.
type SignatureOn string

// The manifests.
const (
	OnIndex    SignatureOn = "index"    // the root; it names its children by digest
	OnChildren SignatureOn = "children" // each manifest that travels, the root too
)

// Source says what items need whose names match.
type Source struct {
	Match Pattern
	// Signature names the trust entry that must have signed; "" with Checksum.
	Signature   string
	SignatureOn SignatureOn
	// Checksum lets files through whose content has the digest in the lock.
	Checksum bool
	Require  []Requirement
}

// Requirement is evidence that must be there besides the signature. One of
// PredicateType and ArtifactType is set.
type Requirement struct {
	PredicateType string // of an in-toto attestation
	ArtifactType  string // of a referrer
	// Trust names the entry that must have signed it. "" with an ArtifactType:
	// being there is enough.
	Trust string
}

// Unsigned lets one item through that nobody signed, by name and digest.
type Unsigned struct {
	Name   string // of the item, without the digest when it has a tag
	Digest artifact.Digest
}

// String is the entry as written.
func (u Unsigned) String() string { return u.Name + "@" + string(u.Digest) }

// Limits bound a bundle. All are set: where the file states none, those of the
// format hold.
type Limits struct {
	Blob, Bundle int64 // in bytes
	Items        int
}
