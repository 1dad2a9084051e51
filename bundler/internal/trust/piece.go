package trust

import (
	"context"
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// piece is one piece of evidence whose manifest has been read.
type piece struct {
	evidence *lock.Evidence
	subject  artifact.Descriptor
	manifest *manifest
}

// String says which piece it is: its tag, or the digest of the referrer.
func (p *piece) String() string {
	if p.evidence.Tag != "" {
		return printable(p.evidence.Tag)
	}
	return "referrer " + string(p.evidence.Manifest.Digest)
}

// is reports whether the piece is an artifact of the type: by what its manifest
// says of itself or, where cosign attached an SBOM by tag, by its one layer.
func (p *piece) is(artifactType string) bool {
	if p.evidence.Form == lock.FormSBOMTag {
		return len(p.manifest.layers) == 1 && p.manifest.layers[0].MediaType == artifactType
	}
	return p.manifest.artifactType == artifactType
}

// pieces reads the manifests of all evidence of the item. Malformed ones are
// reported and left out.
func (x *examination) pieces(ctx context.Context) ([]piece, error) {
	if err := x.checkAmount(); err != nil {
		return nil, err
	}
	known := x.manifests()
	for _, e := range x.item.Evidence {
		known[e.Manifest.Digest] = e.Manifest
	}
	var pieces []piece
	layers := map[artifact.Digest]int{}
	for i := range x.item.Evidence {
		e := &x.item.Evidence[i]
		p := piece{evidence: e, subject: known[e.Subject]}
		if err := x.readPiece(ctx, &p); err != nil {
			if !x.malformed(p.String(), err) {
				return nil, fmt.Errorf("%s: evidence %s: %w", x.item.Name, &p, err)
			}
			continue
		}
		pieces = append(pieces, p)
		if layers[e.Subject] += len(p.manifest.layers); layers[e.Subject] > lock.MaxEvidence {
			return nil, x.tooMuch(e.Subject)
		}
	}
	return pieces, nil
}

func (x *examination) readPiece(ctx context.Context, p *piece) (err error) {
	if p.manifest, err = x.manifest(ctx, p.evidence.Manifest); err != nil {
		return err
	}
	return p.check()
}

// malformed reports what cannot be read; false when the error is of another
// kind.
func (x *examination) malformed(where string, err error) bool {
	f := asFlaw(err)
	if f == nil {
		return false
	}
	x.broken = append(x.broken, where+": "+f.reason)
	x.findings = append(x.findings, where+": malformed: "+f.reason)
	return true
}

// checkAmount refuses a flood of evidence before any of it is read
// (CVE-2023-46737, CVE-2024-45395).
func (x *examination) checkAmount() error {
	count := map[artifact.Digest]int{}
	for _, e := range x.item.Evidence {
		if count[e.Subject]++; count[e.Subject] > lock.MaxEvidence {
			return x.tooMuch(e.Subject)
		}
	}
	if x.read.Add(int64(len(x.item.Evidence))) > lock.MaxEvidenceTotal {
		return x.refuse(fmt.Sprintf("at most %d pieces of evidence in one run", lock.MaxEvidenceTotal), "more", "split the bundle")
	}
	return nil
}

func (x *examination) tooMuch(subject artifact.Digest) error {
	return x.refuse(fmt.Sprintf("at most %d signatures and other evidence about %s", lock.MaxEvidence, subject), "more",
		"have the repository cleaned: nobody needs so many")
}

// check wants the piece to be about its subject by its own words too, where
// its form has any. What counts in the end is what is signed.
func (p *piece) check() error {
	switch e := p.evidence; e.Form {
	case lock.FormSignatureTag, lock.FormAttestationTag, lock.FormSBOMTag:
		if name, _, _ := strings.Cut(e.Tag, "."); name != "sha256-"+e.Subject.Hex() {
			return malformedf("its tag names another subject than %s", e.Subject)
		}
	case lock.FormReferrer, lock.FormReferrersTag:
		if p.manifest.config.Digest != "" && p.manifest.subject != e.Subject {
			return malformedf("its manifest refers to another subject than %s", e.Subject)
		}
	}
	return nil
}

// claim reads what a layer holds; nil when that is no signature.
func (x *examination) claim(ctx context.Context, p *piece, l layer) (*claim, error) {
	parse := parserOf(p, l)
	if parse == nil {
		return nil, nil
	}
	raw, err := x.content.Fetch(ctx, l.Descriptor)
	if err != nil {
		return nil, err
	}
	return parse(raw)
}

// parserOf picks the reader of a layer by its media type; nil when the layer
// holds no signature.
func parserOf(p *piece, l layer) func([]byte) (*claim, error) {
	switch {
	case l.MediaType == typeSimpleSigning:
		return func(raw []byte) (*claim, error) { return parseSimpleSigning(raw, l.annotations) }
	case l.MediaType == typeDSSE:
		return func(raw []byte) (*claim, error) { return parseEnvelope(raw, l.annotations) }
	case strings.HasPrefix(l.MediaType, typeBundlePrefix):
		return parseBundle
	case p.manifest.artifactType == typeNotary:
		return func(raw []byte) (*claim, error) { return parseNotary(raw, l.MediaType, p.subject) }
	}
	return nil
}
