package lock

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// check says what is wrong with a lock; nil when nothing is.
func (l *Lock) check() error {
	if err := l.checkHead(); err != nil {
		return err
	}
	evidence := 0
	for i := range l.Items {
		item := &l.Items[i]
		if i > 0 && l.Items[i-1].Name >= item.Name {
			return fmt.Errorf("%s: items are not sorted by name, each name once", shown(item.Name))
		}
		if evidence += len(item.Evidence); evidence > MaxEvidenceTotal {
			return fmt.Errorf("holds more than %d pieces of evidence", MaxEvidenceTotal)
		}
		if err := item.check(); err != nil {
			return fmt.Errorf("%s: %w", shown(item.Name), err)
		}
	}
	return l.checkBlobs()
}

func (l *Lock) checkHead() error {
	if l.Version != Version {
		return fmt.Errorf("has version %d, this program reads %d", l.Version, Version)
	}
	if err := errors.Join(CheckBundleName(l.Name), CheckBundleName(l.Stream), checkLine("marking", l.Marking)); err != nil {
		return err
	}
	if _, err := artifact.ParseDigest(string(l.Spec)); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	if len(l.Items) == 0 || len(l.Items) > MaxItems {
		return fmt.Errorf("holds %d items: 1 to %d are allowed", len(l.Items), MaxItems)
	}
	return nil
}

// checkBlobs wants the list of blobs to be the union of the items' blobs: one
// more would travel without a reason.
func (l *Lock) checkBlobs() error {
	want, err := union(l.Items)
	if err != nil {
		return err
	}
	if len(want) > MaxBlobs {
		return fmt.Errorf("names %d blobs, the limit is %d: split the bundle", len(want), MaxBlobs)
	}
	if l.Blobs == nil || !slices.Equal(l.Blobs, want) {
		return errors.New("blobs are not those of the items, sorted by digest, each once")
	}
	return nil
}

func (i *Item) check() error {
	if err := i.checkName(); err != nil {
		return err
	}
	if err := errors.Join(checkLine("marking", i.Marking), checkLine("why", i.Why)); err != nil {
		return err
	}
	if err := i.checkManifests(); err != nil {
		return err
	}
	if err := checkDescriptors("blobs", i.Blobs); err != nil {
		return err
	}
	if err := i.checkEvidence(); err != nil {
		return err
	}
	return i.Verdict.check(i)
}

// checkName wants the name to follow from repository, tag and digest, so that
// what a policy judges by name is what is loaded.
func (i *Item) checkName() error {
	switch i.Kind {
	case KindFile:
		return i.checkFile()
	case KindImage, KindArtifact:
	default:
		return fmt.Errorf("is of no kind that is known: %.40q", string(i.Kind))
	}
	if _, err := artifact.ParseRepository(i.Repository); err != nil {
		return err
	}
	want := i.Repository + "@" + string(i.Root.Digest)
	if i.Tag != "" {
		want = i.Repository + ":" + i.Tag
		if err := artifact.CheckTag(i.Tag); err != nil {
			return err
		}
	}
	if i.Name != want || i.Source != "" {
		return errors.New("its name does not follow from its repository, tag and digest, or it has the source of a file")
	}
	return nil
}

func (i *Item) checkFile() error {
	name, ok := strings.CutPrefix(i.Name, FilePrefix)
	if !ok || i.Repository != i.Name || i.Tag != "" {
		return fmt.Errorf("a file's name and repository are %sNAME, and it has no tag", FilePrefix)
	}
	if err := CheckFileName(name); err != nil {
		return err
	}
	if i.Source == "" {
		return nil
	}
	return checkSource(i.Source)
}

func (i *Item) checkManifests() error {
	if err := checkManifest(i.Root); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if len(i.Manifests) > 0 && !artifact.IsIndex(i.Root.MediaType) {
		return errors.New("has manifests below a root that is no index")
	}
	for _, m := range i.Manifests {
		if err := checkManifest(m); err != nil {
			return fmt.Errorf("manifests: %w", err)
		}
		if m.Digest == i.Root.Digest {
			return errors.New("the root stands among the manifests below it")
		}
	}
	if i.Manifests == nil {
		return nil
	}
	return checkDescriptors("manifests", i.Manifests)
}

// checkManifest wants what is read into memory to fit.
func checkManifest(d artifact.Descriptor) error {
	if err := checkDescriptor(d); err != nil {
		return err
	}
	if !artifact.IsManifest(d.MediaType) || d.Size > artifact.MaxMetadata || d.Size == 0 {
		return fmt.Errorf("%s is no manifest of 1 to %d bytes", d.Digest, artifact.MaxMetadata)
	}
	return nil
}

func checkDescriptors(what string, list []artifact.Descriptor) error {
	if list == nil {
		return fmt.Errorf("%s: write an empty list, not null", what)
	}
	for i, d := range list {
		if err := checkDescriptor(d); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if i > 0 && list[i-1].Digest >= d.Digest {
			return fmt.Errorf("%s are not sorted by digest, each once", what)
		}
	}
	return nil
}

func checkDescriptor(d artifact.Descriptor) error {
	if _, err := artifact.ParseDigest(string(d.Digest)); err != nil {
		return err
	}
	if d.Size < 0 || d.Size > MaxBlobSize {
		return fmt.Errorf("%s has a size of %d bytes: 0 to %d are possible", d.Digest, d.Size, int64(MaxBlobSize))
	}
	if err := CheckMediaType(d.MediaType); err != nil {
		return err
	}
	if d.ArtifactType != "" {
		if err := CheckMediaType(d.ArtifactType); err != nil {
			return err
		}
	}
	if d.Platform == nil {
		return nil
	}
	if again, err := artifact.ParsePlatform(d.Platform.String()); err != nil || again != *d.Platform {
		return fmt.Errorf("%s has a platform that is none: %.80q", d.Digest, d.Platform.String())
	}
	return nil
}

// checkEvidence wants evidence to be about the item: about its root, a manifest
// below it, or other evidence about these.
func (i *Item) checkEvidence() error {
	subjects := i.subjects()
	count := map[artifact.Digest]int{}
	for e := range i.Evidence {
		piece := &i.Evidence[e]
		if !subjects[piece.Subject] || piece.Subject == piece.Manifest.Digest {
			return fmt.Errorf("evidence %s is about %.80q, which is not of this item", piece.Manifest.Digest, piece.Subject)
		}
		if count[piece.Subject]++; count[piece.Subject] > MaxEvidence {
			return fmt.Errorf("has more than %d pieces of evidence about %s", MaxEvidence, piece.Subject)
		}
		if e > 0 && compareEvidence(i.Evidence[e-1], *piece) >= 0 {
			return errors.New("evidence is not sorted by subject, form, tag and digest, each piece once")
		}
		if err := piece.check(); err != nil {
			return fmt.Errorf("evidence %s: %w", piece.Manifest.Digest, err)
		}
	}
	return nil
}

// subjects are the manifests that evidence may be about: what is reached from
// the root in at most [MaxEvidenceDepth] steps. Two pieces that are about each
// other are about nothing.
func (i *Item) subjects() map[artifact.Digest]bool {
	subjects := map[artifact.Digest]bool{i.Root.Digest: true}
	for _, m := range i.Manifests {
		subjects[m.Digest] = true
	}
	for range MaxEvidenceDepth - 1 {
		next := maps.Clone(subjects)
		for e := range i.Evidence {
			if subjects[i.Evidence[e].Subject] {
				next[i.Evidence[e].Manifest.Digest] = true
			}
		}
		subjects = next
	}
	return subjects
}

func (e *Evidence) check() error {
	want, known := e.Form.Tag(e.Subject)
	if !known || e.Tag != want {
		return fmt.Errorf("form %.40q and tag %.100q do not belong together", string(e.Form), e.Tag)
	}
	if err := checkManifest(e.Manifest); err != nil {
		return err
	}
	return checkDescriptors("blobs", e.Blobs)
}

// suffixes of the tags under which evidence about a digest lies.
var suffixes = map[Form]string{FormSignatureTag: ".sig", FormAttestationTag: ".att", FormSBOMTag: ".sbom", FormReferrersTag: ""}

// Tag is the tag under which evidence of the form about a manifest lies, "" for
// a referrer, which has none. It reports whether the form is known.
func (f Form) Tag(subject artifact.Digest) (string, bool) {
	if f == FormReferrer {
		return "", true
	}
	suffix, known := suffixes[f]
	return "sha256-" + subject.Hex() + suffix, known
}

func (v *Verdict) check(i *Item) error {
	if v.Trusted != "" && v.Unsigned != "" {
		return errors.New("its verdict is both trusted and unsigned")
	}
	if v.Trusted != "" && CheckBundleName(v.Trusted) != nil {
		return fmt.Errorf("its verdict names %.80q, which is no entry of a policy", v.Trusted)
	}
	if digest := "@" + string(i.Root.Digest); v.Unsigned != "" && v.Unsigned != i.Name && v.Unsigned != i.Name+digest {
		return fmt.Errorf("its verdict lets %.300q through unsigned, not this item", v.Unsigned)
	}
	if len(v.Signers) > MaxEvidence {
		return fmt.Errorf("has more than %d signers", MaxEvidence)
	}
	for s, signer := range v.Signers {
		if err := checkLine("signer", signer); err != nil {
			return err
		}
		if s > 0 && v.Signers[s-1] >= signer {
			return errors.New("signers are not sorted, each once")
		}
	}
	return nil
}

// checkLine wants one line of text of at most [MaxText] bytes that no terminal acts on.
func checkLine(what, text string) error {
	if text == "" || len(text) > MaxText || !utf8.ValidString(text) ||
		strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return fmt.Errorf("%s: not a text of 1 to %d bytes without control characters", what, MaxText)
	}
	return nil
}

// shown is a name that may be anything, for an error.
func shown(name string) string { return fmt.Sprintf("%.300q", name) }
