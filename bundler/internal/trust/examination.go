package trust

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// examination is the judging of one item.
type examination struct {
	*Verifier
	item     *lock.Item
	content  hashed
	at       time.Time
	findings []string
	demands  []*demand
	forged   []string // what refuses the item whatever else is there
	broken   []string // what refuses it under a strict policy
}

// verdict finds the rule for the item and applies it.
func (x *examination) verdict(ctx context.Context) (lock.Verdict, error) {
	if u, ok := x.policy.AllowsUnsigned(x.item.Name, x.item.Root.Digest); ok {
		return lock.Verdict{Unsigned: u.String()}, nil
	}
	source, ok := x.policy.Source(x.item.Name)
	if !ok {
		return lock.Verdict{}, x.refuse("a source of the policy that matches the name", "none", "add a source to policy.yaml, or leave the item out")
	}
	if source.Checksum {
		return x.byChecksum()
	}
	return x.bySignature(ctx, source)
}

// byChecksum lets a file pass: the digest in its name is that in the lock,
// which was compared with the one in bundle.yaml when the file was fetched.
func (x *examination) byChecksum() (lock.Verdict, error) {
	if x.item.Kind != lock.KindFile {
		return lock.Verdict{}, x.refuse("a file, for the policy lets only files through by checksum", "an "+string(x.item.Kind), "name the trust entry that signs it in policy.yaml")
	}
	return lock.Verdict{Trusted: lock.Checksum}, nil
}

func (x *examination) bySignature(ctx context.Context, source spec.Source) (lock.Verdict, error) {
	pieces, err := x.pieces(ctx)
	if err != nil {
		return lock.Verdict{}, err
	}
	x.demand(source, pieces)
	for i := range pieces {
		if err := x.weigh(ctx, &pieces[i]); err != nil {
			return lock.Verdict{}, err
		}
	}
	if err := x.outcome(); err != nil {
		return lock.Verdict{}, err
	}
	return lock.Verdict{Trusted: source.Signature, Signers: x.demands[0].signers()}, nil
}

// demand is one thing that the policy wants: any of several ways, each of which
// needs everything in it.
type demand struct {
	what string
	ways [][]*need
}

// need is that an entry's signers vouch for one manifest.
type need struct {
	entry     entry
	subject   artifact.Digest
	predicate string // of an attestation; "" for a signature
	got       map[string]bool
}

func (n *need) met() bool { return len(n.got) >= n.entry.threshold() }

// met returns the first way that is complete. A way may need nobody.
func (d *demand) met() (way []*need, ok bool) {
	for _, way := range d.ways {
		if !slices.ContainsFunc(way, func(n *need) bool { return !n.met() }) {
			return way, true
		}
	}
	return nil, false
}

func (d *demand) signers() []string {
	all := map[string]bool{}
	way, _ := d.met()
	for _, n := range way {
		maps.Copy(all, n.got)
	}
	return slices.Sorted(maps.Keys(all))
}

// demand lists what the source asks for. The first demand is the signature.
func (x *examination) demand(source spec.Source, pieces []piece) {
	e := x.entries[source.Signature]
	what := fmt.Sprintf("a signature on %s by %s: %s", x.item.Root.Digest, source.Signature, e)
	way := []*need{x.need(e, x.item.Root.Digest, "")}
	if source.SignatureOn == spec.OnChildren {
		what = fmt.Sprintf("a signature on each of its %d manifests by %s: %s", 1+len(x.item.Manifests), source.Signature, e)
		way = append(way, x.onChildren(e, "")...)
	}
	x.demands = append(x.demands, &demand{what, [][]*need{way}})
	for _, r := range source.Require {
		if r.PredicateType != "" {
			x.demandAttestation(r)
		} else {
			x.demandArtifact(r, pieces)
		}
	}
}

func (x *examination) need(e entry, subject artifact.Digest, predicate string) *need {
	return &need{entry: e, subject: subject, predicate: predicate, got: map[string]bool{}}
}

func (x *examination) onChildren(e entry, predicate string) []*need {
	var needs []*need
	for _, child := range x.item.Manifests {
		needs = append(needs, x.need(e, child.Digest, predicate))
	}
	return needs
}

// demandAttestation wants an attestation of the root or, as builders do it for
// indexes, of every manifest that travels below it.
func (x *examination) demandAttestation(r spec.Requirement) {
	e := x.entries[r.Trust]
	d := &demand{what: fmt.Sprintf("an attestation of type %s by %s: %s", r.PredicateType, r.Trust, e)}
	d.ways = append(d.ways, []*need{x.need(e, x.item.Root.Digest, r.PredicateType)})
	if below := x.onChildren(e, r.PredicateType); below != nil {
		d.ways = append(d.ways, below)
	}
	x.demands = append(x.demands, d)
}

// demandArtifact wants an artifact of a type about the root, or one about every
// manifest below it, signed where the requirement names a trust entry.
func (x *examination) demandArtifact(r spec.Requirement, pieces []piece) {
	d := &demand{what: "an artifact of type " + r.ArtifactType + " that refers to it"}
	if r.Trust != "" {
		d.what += fmt.Sprintf(", signed by %s: %s", r.Trust, x.entries[r.Trust])
	}
	d.ways = x.artifactsAbout(x.item.Root.Digest, r, pieces)
	below := [][]*need{nil}
	for _, child := range x.item.Manifests {
		below = product(below, x.artifactsAbout(child.Digest, r, pieces))
	}
	if len(x.item.Manifests) > 0 {
		d.ways = append(d.ways, below...)
	}
	x.demands = append(x.demands, d)
}

// artifactsAbout are the ways to have an artifact of the type about a manifest.
func (x *examination) artifactsAbout(subject artifact.Digest, r spec.Requirement, pieces []piece) [][]*need {
	var ways [][]*need
	for _, p := range pieces {
		if p.evidence.Subject != subject || !p.is(r.ArtifactType) {
			continue
		}
		if r.Trust == "" {
			return [][]*need{{}}
		}
		ways = append(ways, []*need{x.need(x.entries[r.Trust], p.evidence.Manifest.Digest, "")})
	}
	return ways
}

// maxWays keeps combinations from multiplying.
const maxWays = 1000

// product joins each way of one list with each of another.
func product(left, right [][]*need) [][]*need {
	var all [][]*need
	for _, l := range left {
		for _, r := range right {
			if len(all) == maxWays {
				return all
			}
			all = append(all, slices.Concat(l, r))
		}
	}
	return all
}

// weigh reads the claims of a piece and lets the entries of the policy vouch
// for them.
func (x *examination) weigh(ctx context.Context, p *piece) error {
	for i, l := range p.manifest.layers {
		where := fmt.Sprintf("%s, layer %d", p, i+1)
		c, err := x.claim(ctx, p, l)
		if err != nil {
			if !x.malformed(where, err) {
				return fmt.Errorf("%s: %s: %w", x.item.Name, where, err)
			}
			continue
		}
		if c != nil { // nil: no signature, but an SBOM, a report
			c.where, c.subject = where, p.subject
			x.vouch(ctx, c)
		}
	}
	return nil
}

// vouch asks every entry that the item needs, each once.
func (x *examination) vouch(ctx context.Context, c *claim) {
	asked, reasons := map[entry]bool{}, []string(nil)
	for _, d := range x.demands {
		for _, n := range slices.Concat(d.ways...) {
			if n.subject != c.subject.Digest || asked[n.entry] {
				continue
			}
			asked[n.entry] = true
			if err := x.count(ctx, n.entry, c); err != nil {
				reasons = append(reasons, err.Error())
			}
		}
	}
	if len(asked) == 0 {
		reasons = []string{"is not asked for"}
	}
	if len(reasons) > 0 {
		x.findings = append(x.findings, c.where+": "+strings.Join(reasons, "; "))
	}
}

// count adds the signers of a claim to all that needs them.
func (x *examination) count(ctx context.Context, e entry, c *claim) error {
	signers, err := e.vouch(c, x.at)
	var m meaning
	if err == nil {
		m, err = c.meaning()
	}
	if err == nil {
		err = x.confirmed(ctx, e, c)
	}
	if f := asFlaw(err); f != nil {
		x.keep(f.kind, c.where+": "+f.reason)
	}
	if err != nil {
		return err
	}
	if !x.add(e, c.subject.Digest, m.predicate, signers) {
		return unprovedf("is signed by %s as %s, which is not asked for", strings.Join(signers, " and "), named(m.predicate))
	}
	return nil
}

// add gives the signers to every need that they meet.
func (x *examination) add(e entry, subject artifact.Digest, predicate string, signers []string) (needed bool) {
	for _, d := range x.demands {
		for _, n := range slices.Concat(d.ways...) {
			if n.entry != e || n.subject != subject || n.predicate != predicate {
				continue
			}
			needed = true
			for _, s := range signers {
				n.got[s] = true
			}
		}
	}
	return needed
}

func named(predicate string) string {
	if predicate == "" {
		return "a signature"
	}
	return "an attestation of type " + printable(predicate)
}

func (x *examination) keep(kind flawKind, text string) {
	switch kind {
	case forged:
		x.forged = append(x.forged, text)
	case malformed:
		x.broken = append(x.broken, text)
	case foreign, unproved: // counts for nothing
	}
}

// meaning reads the payload, after its signature has been verified, and checks
// that it is about the manifest on which it hangs. Without this any signature
// of the signer would do (CVE-2022-36056).
func (c *claim) meaning() (meaning, error) {
	m, err := c.read(c.payload)
	if err != nil {
		return m, err
	}
	if slices.Contains(m.about, c.subject.Digest) {
		return m, nil
	}
	about := "nothing with a SHA-256 digest"
	if len(m.about) > 0 {
		about = string(m.about[0])
	}
	if m.predicate == "" {
		return m, forgedf("is a true signature of another artifact, %s", about)
	}
	return m, unprovedf("attests another artifact, %s", about)
}

// outcome is nil when every demand is met and nothing speaks against it.
func (x *examination) outcome() error {
	if len(x.forged) > 0 {
		return x.refuseAll([]string{"evidence that holds, where it names a signer of the policy"}, x.forged,
			"treat the source as tampered with: ask the signer, and fetch the evidence again")
	}
	var missing []string
	for _, d := range x.demands {
		if _, ok := d.met(); !ok {
			missing = append(missing, d.what)
		}
	}
	if len(missing) > 0 {
		return x.refuseAll(missing, x.findings, "ask the publisher for what is missing, check the keys and roots beside policy.yaml, or let exactly this item through under unsigned: "+
			fmt.Sprintf("%q", unsignedName(x.item)))
	}
	if x.policy.Strict && len(x.broken) > 0 {
		return x.refuseAll([]string{"evidence that can be read, for the policy is strict"}, x.broken, "have the malformed evidence removed at the source, or set strict: false")
	}
	return nil
}

// unsignedName is how policy.yaml names an item under unsigned.
func unsignedName(item *lock.Item) string {
	name, _, _ := strings.Cut(item.Name, "@")
	return name + "@" + string(item.Root.Digest)
}

func (x *examination) refuse(expected, found, next string) error {
	return x.refuseAll([]string{expected}, []string{found}, next)
}

func (x *examination) refuseAll(expected, found []string, next string) error {
	return &Refusal{Item: printable(x.item.Name), Expected: expected, Found: found, Next: next}
}
