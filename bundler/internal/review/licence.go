package review

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Content gives small blobs, verified, at most [artifact.MaxMetadata] bytes.
type Content interface {
	Fetch(ctx context.Context, d artifact.Descriptor) ([]byte, error)
}

// The limits of what SBOMs are believed.
const (
	maxLicences      = 100 // of an item
	maxLicence       = 200 // bytes
	maxNesting       = 8   // of components within components
	maxEnvelopeDepth = 3   // of documents in signed documents
)

// Licences are those that the SBOMs about an item name, sorted: SPDX 2 or
// CycloneDX in JSON, alone or in an in-toto attestation. They are claims of
// whoever wrote the SBOM. An SBOM that is larger than content gives, or cannot be
// read, tells nothing. The error is one of content.
func Licences(ctx context.Context, item *lock.Item, content Content) ([]string, error) {
	found := map[string]bool{}
	for e := range item.Evidence {
		piece := &item.Evidence[e]
		for _, d := range piece.Blobs {
			if d.Size > artifact.MaxMetadata || !bearsSBOM(d.MediaType) && !bearsSBOM(piece.Manifest.ArtifactType) {
				continue
			}
			document, err := content.Fetch(ctx, d)
			if err != nil {
				return nil, fmt.Errorf("%s: reading the SBOM %s: %w", item.Name, d.Digest, err)
			}
			gather(document, found, 0)
		}
	}
	return shortened(slices.Sorted(maps.Keys(found))), nil
}

func shortened(licences []string) []string {
	if more := len(licences) - maxLicences; more > 0 {
		return append(licences[:maxLicences:maxLicences], fmt.Sprintf("and %d more", more))
	}
	return licences
}

// bearsSBOM reports whether a media type is one of SBOMs or of what wraps them.
func bearsSBOM(mediaType string) bool {
	for _, part := range []string{"spdx", "cyclonedx", "in-toto", "dsse", "sigstore.bundle"} {
		if strings.Contains(mediaType, part) {
			return true
		}
	}
	return false
}

// sbom is whatever of the documents tells a licence or wraps one that does.
type sbom struct {
	SPDXVersion string `json:"spdxVersion"`
	Packages    []struct {
		Concluded string `json:"licenseConcluded"`
		Declared  string `json:"licenseDeclared"`
	} `json:"packages"`

	BOMFormat  string      `json:"bomFormat"`
	Components []component `json:"components"`
	Metadata   struct {
		Component component `json:"component"`
	} `json:"metadata"`

	Predicate json.RawMessage `json:"predicate"`    // in-toto
	Payload   string          `json:"payload"`      // DSSE
	Envelope  json.RawMessage `json:"dsseEnvelope"` // Sigstore bundle
}

type component struct {
	Licences []struct {
		Licence struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"license"`
		Expression string `json:"expression"`
	} `json:"licenses"`
	Components []component `json:"components"`
}

func gather(document []byte, found map[string]bool, depth int) {
	var s sbom
	if depth > maxEnvelopeDepth || json.Unmarshal(document, &s) != nil {
		return
	}
	switch {
	case s.SPDXVersion != "":
		for _, p := range s.Packages {
			if !add(found, p.Concluded) {
				add(found, p.Declared)
			}
		}
	case s.BOMFormat == "CycloneDX":
		components(append(s.Components, s.Metadata.Component), found, 0)
	case s.Predicate != nil:
		gather(s.Predicate, found, depth+1)
	case s.Envelope != nil:
		gather(s.Envelope, found, depth+1)
	case s.Payload != "":
		if payload, err := base64.StdEncoding.DecodeString(s.Payload); err == nil {
			gather(payload, found, depth+1)
		}
	}
}

func components(list []component, found map[string]bool, depth int) {
	for _, c := range list {
		for _, l := range c.Licences {
			add(found, l.Licence.ID)
			add(found, l.Licence.Name)
			add(found, l.Expression)
		}
		if depth < maxNesting {
			components(c.Components, found, depth+1)
		}
	}
}

// add reports whether the text states a licence (SPDX 2.3, section 7.13: NONE and
// NOASSERTION do not).
func add(found map[string]bool, licence string) bool {
	if licence == "" || licence == "NONE" || licence == "NOASSERTION" {
		return false
	}
	if len(licence) > maxLicence {
		licence = strings.ToValidUTF8(licence[:maxLicence], "") + "..."
	}
	found[licence] = true
	return true
}
