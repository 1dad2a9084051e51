package spec

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// ParsePolicy reads a policy.yaml under the embedded marking vocabulary. The
// error is an [Errors].
func ParsePolicy(text []byte) (*Policy, error) { return ParsePolicyUnder(marking.Default(), text) }

// ParsePolicyUnder is [ParsePolicy] under an operator's vocabulary.
func ParsePolicyUnder(v *marking.Vocabulary, text []byte) (*Policy, error) {
	top, err := document(text)
	if err != nil {
		return nil, err
	}
	r := &policyReader{reader: reader{vocabulary: v}}
	r.policy = Policy{
		Digest:     artifact.DigestOf(sha256.Sum256(text)),
		Limits:     Limits{Blob: lock.MaxBlobSize, Bundle: MaxSize, Items: lock.MaxItems},
		vocabulary: v,
	}
	r.read(top)
	if err := r.result(); err != nil {
		return nil, err
	}
	return &r.policy, nil
}

type policyReader struct {
	reader
	policy Policy
}

func (r *policyReader) read(top node) {
	p := &r.policy
	r.object(top,
		required("apiVersion", func(n node) { r.constant(n, APIVersion) }),
		required("kind", func(n node) { r.constant(n, KindPolicy) }),
		required("ceiling", func(n node) { p.Ceiling = r.marking(n) }),
		optional("bundleSigners", func(n node) { p.BundleSigners = r.signers(n) }),
		optional("rollbackSigners", func(n node) { p.RollbackSigners = r.signers(n) }),
		optional("receiptSigners", func(n node) { p.ReceiptSigners = r.signers(n) }),
		optional("trust", r.trust), // before sources, which name its entries
		optional("sources", func(n node) { r.list(n, r.source) }),
		optional("unsigned", r.unsigned),
		optional("mediaTypes", r.mediaTypes),
		optional("limits", r.limits),
		optional("maximumAge", func(n node) { p.MaximumAge = r.duration(n) }),
		optional("strict", func(n node) { p.Strict = r.boolean(n) }),
	)
}

// signerFields are keys and how many of them it takes. A threshold of none
// would accept what nobody signed.
func (r *reader) signerFields(s *Signers) []field {
	return []field{
		required("keys", func(n node) { s.Keys, s.Threshold = r.paths(n), 1 }),
		optional("threshold", func(n node) { s.Threshold = r.number(n, 1, max(1, len(s.Keys))) }),
	}
}

func (r *reader) signers(n node) Signers {
	var s Signers
	r.object(n, r.signerFields(&s)...)
	return s
}

// paths reads paths below the folder of the file, no two of them the same.
func (r *reader) paths(n node) []string {
	var paths []string
	r.texts(n, lock.MaxURL, func(n node, _ string) { paths = append(paths, r.keyPath(n)) })
	return paths
}

// keyPath is stricter than path: what is not canonical would be a second name
// of one key, and one key counted twice.
func (r *reader) keyPath(n node) string {
	text, ok := r.text(n, lock.MaxURL)
	if ok && (!fs.ValidPath(text) || text == ".") {
		r.fail(n, "is not a path below the folder of this file", "write a relative path with slashes, without . and ..")
	}
	return text
}

func (r *policyReader) trust(n node) {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		r.fail(n, "must be a mapping", "write a name and below it cosign, keyless, ca or notation")
		return
	}
	r.policy.Trust = map[string]Trust{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := node{Node: n.Content[i], Path: strictyaml.Join(n.Path, n.Content[i].Value)}
		r.policy.Trust[r.trustName(key)] = r.trustEntry(node{Node: n.Content[i+1], Path: key.Path})
	}
}

// trustName names an entry of trust; "checksum" would read as something else in
// a verdict.
func (r *reader) trustName(n node) string {
	text, ok := r.text(n, lock.MaxBundleName)
	if !ok {
		return ""
	}
	if lock.CheckBundleName(text) != nil || text == lock.Checksum {
		r.fail(n, "is not the name of a trust entry", "write a lower-case letter, then letters, digits and hyphens, but not checksum")
	}
	return text
}

func (r *policyReader) trustEntry(n node) Trust {
	var t Trust
	r.object(n,
		optional("cosign", func(n node) { t.Cosign = &Cosign{Signers: r.signers(n)} }),
		optional("keyless", func(n node) { t.Keyless = r.keyless(n) }),
		optional("ca", func(n node) { t.CA = r.ca(n) }),
		optional("notation", func(n node) { t.Notation = r.notation(n) }),
	)
	r.exactlyOne(n, "cosign", "keyless", "ca", "notation")
	return t
}

func (r *reader) keyless(n node) *Keyless {
	var k Keyless
	r.object(n, append([]field{
		required("trustedRoot", func(n node) { k.TrustedRoot = r.keyPath(n) }),
		required("issuer", func(n node) { k.Issuer, _ = r.text(n, lock.MaxURL) }),
	}, r.identityFields(&k.Identity)...)...)
	r.exactlyOne(n, "identity", "identityRegexp")
	return &k
}

func (r *reader) identityFields(i *Identity) []field {
	return []field{
		optional("identity", func(n node) { i.Exact, _ = r.text(n, lock.MaxURL) }),
		optional("identityRegexp", func(n node) { r.identityPattern(n, i) }),
	}
}

func (r *reader) identityPattern(n node, i *Identity) {
	text, ok := r.text(n, maxExpression)
	if !ok {
		return
	}
	var err error
	if i.pattern, err = wholeExpression(text); err != nil {
		r.failed(n, err, "")
	}
	i.text = text
}

func (r *reader) ca(n node) *CA {
	var ca CA
	fields := slices.Concat([]field{
		required("roots", func(n node) { ca.Roots = r.paths(n) }),
		optional("intermediates", func(n node) { ca.Intermediates = r.paths(n) }),
	}, r.identityFields(&ca.Identity), r.momentFields(&ca.TimestampAuthorities, &ca.ValidAt))
	r.object(n, fields...)
	r.exactlyOne(n, "identity", "identityRegexp")
	r.checkMoment(n)
	return &ca
}

func (r *reader) momentFields(authorities *[]string, at *ValidAt) []field {
	return []field{
		optional("timestampAuthorities", func(n node) { *authorities, *at = r.paths(n), ValidAtSigning }),
		optional("validAt", func(n node) { *at = ValidAt(r.oneOf(n, string(ValidAtSigning), string(ValidAtNow))) }),
	}
}

// checkMoment wants the moment of validity to be proved or chosen: with neither,
// an expired certificate would be as good as a valid one (CVE-2026-24122).
func (r *reader) checkMoment(n node) {
	if n.Kind == yaml.MappingNode && len(has(n, "timestampAuthorities", "validAt")) == 0 {
		r.fail(n, "does not say when a certificate must have been valid", "add timestampAuthorities, or validAt: now, or validAt: signing to believe the signer's own clock")
	}
}

func (r *reader) notation(n node) *Notation {
	var t Notation
	r.object(n, append([]field{
		required("roots", func(n node) { t.Roots = r.paths(n) }),
		required("identities", func(n node) {
			r.texts(n, lock.MaxURL, func(_ node, text string) { t.Identities = append(t.Identities, text) })
		}),
		optional("crls", func(n node) { t.CRLs = r.paths(n) }),
	}, r.momentFields(&t.TimestampAuthorities, &t.ValidAt)...)...)
	r.checkMoment(n)
	return &t
}

func (r *policyReader) source(n node) {
	s := Source{SignatureOn: OnIndex}
	r.object(n,
		required("match", func(n node) { s.Match = r.match(n) }),
		optional("signature", func(n node) { s.Signature = r.knownTrust(n) }),
		optional("signatureOn", func(n node) { s.SignatureOn = SignatureOn(r.oneOf(n, string(OnIndex), string(OnChildren))) }),
		optional("checksum", func(n node) { s.Checksum = r.constantTrue(n) }),
		optional("require", func(n node) { r.list(n, func(n node) { s.Require = append(s.Require, r.requirement(n, s.Signature)) }) }),
	)
	if r.exactlyOne(n, "signature", "checksum") && s.Checksum && len(has(n, "signatureOn", "require")) > 0 {
		r.fail(n, "asks for evidence of what is let through by checksum", "write signature instead of checksum")
	}
	r.policy.Sources = append(r.policy.Sources, s)
}

// constantTrue reads true. A false would read as a rule that lets nothing
// through, but leave it open what it does.
func (r *reader) constantTrue(n node) bool {
	if !r.boolean(n) && n.Tag == "!!bool" {
		r.fail(n, "can only be true", "remove the key")
	}
	return true
}

// match refuses a pattern that an earlier one hides: whoever wrote it believes
// that it does something.
func (r *policyReader) match(n node) Pattern {
	text, ok := r.text(n, maxPattern)
	if !ok {
		return Pattern{}
	}
	for _, earlier := range r.policy.Sources {
		if s := earlier.Match.String(); s == text || s == "**" {
			r.fail(n, "is never reached: "+s+" comes before it", "put it first or remove it")
			break
		}
	}
	return r.parsePattern(n, text)
}

func (r *policyReader) knownTrust(n node) string {
	name := r.trustName(n)
	if _, known := r.policy.Trust[name]; name != "" && !known {
		names := slices.Sorted(maps.Keys(r.policy.Trust))
		r.fail(n, fmt.Sprintf("%s is not an entry of trust", strictyaml.Printable(name)), "these are: "+strictyaml.Printable(fmt.Sprint(names)))
	}
	return name
}

func (r *policyReader) requirement(n node, signature string) Requirement {
	var q Requirement
	r.object(n,
		optional("predicateType", func(n node) { q.PredicateType, _ = r.text(n, lock.MaxURL) }),
		optional("artifactType", func(n node) { q.ArtifactType = r.mediaType(n) }),
		optional("trust", func(n node) { q.Trust = r.knownTrust(n) }),
	)
	r.exactlyOne(n, "predicateType", "artifactType")
	if q.PredicateType != "" && q.Trust == "" {
		q.Trust = signature // an attestation that nobody signed attests nothing
	}
	return q
}

func (r *policyReader) unsigned(n node) {
	r.texts(n, maxReference, func(n node, text string) {
		u, err := parseUnsigned(text)
		if err != nil {
			r.failed(n, err, "")
			return
		}
		r.policy.Unsigned = append(r.policy.Unsigned, u)
	})
}

func (r *policyReader) mediaTypes(n node) {
	r.texts(n, maxReference, func(n node, text string) { r.policy.MediaTypes = append(r.policy.MediaTypes, r.mediaType(n)) })
}

func (r *reader) mediaType(n node) string {
	text, ok := r.text(n, maxReference)
	if !ok {
		return ""
	}
	if err := lock.CheckMediaType(text); err != nil {
		r.failed(n, err, "")
	}
	return text
}

func (r *policyReader) limits(n node) {
	l := &r.policy.Limits
	r.object(n,
		optional("blob", func(n node) { l.Blob = min(r.size(n), lock.MaxBlobSize) }),
		optional("bundle", func(n node) { l.Bundle = r.size(n) }),
		optional("items", func(n node) { l.Items = r.number(n, 1, lock.MaxItems) }),
	)
}

// size reads a size above zero.
func (r *reader) size(n node) int64 {
	text, ok := r.text(n, maxPattern)
	if !ok {
		return 0
	}
	size, err := ParseSize(text)
	if err == nil && size == 0 {
		r.fail(n, "is nothing", "write a size above zero")
	}
	if err != nil {
		r.failed(n, err, "")
	}
	return size
}

func (r *reader) duration(n node) time.Duration {
	text, ok := r.text(n, maxPattern)
	if !ok {
		return 0
	}
	d, err := ParseDuration(text)
	if err != nil {
		r.failed(n, err, "")
	}
	return d
}
