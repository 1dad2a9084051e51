package artifact

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// Referrer is an entry of a list of referrers, whether a registry answers with
// it or it lies under a tag (OCI distribution-spec v1.1, section "Listing
// Referrers").
type Referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       Digest            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// ReferrerOf is the entry of a manifest of these bytes: its artifact type is that
// of its config where it states none. The bytes are not compared with the digest.
func ReferrerOf(d Descriptor, text []byte) (Referrer, error) {
	var manifest struct {
		ArtifactType string            `json:"artifactType"`
		Annotations  map[string]string `json:"annotations"`
		Config       struct {
			MediaType string `json:"mediaType"`
		} `json:"config"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return Referrer{}, fmt.Errorf("manifest %s is not JSON: %w", d.Digest, err)
	}
	return Referrer{
		MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Annotations: manifest.Annotations,
		ArtifactType: cmp.Or(manifest.ArtifactType, manifest.Config.MediaType),
	}, nil
}
