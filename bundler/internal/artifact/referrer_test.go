package artifact

import (
	"encoding/json"
	"testing"
)

func TestReferrerOf(t *testing.T) {
	t.Parallel()
	d := Descriptor{Blob: Blob{Digest: DigestOf([32]byte{1}), Size: 7}, MediaType: MediaTypeOCIManifest, ArtifactType: "of the source"}
	head := `{"mediaType":"` + MediaTypeOCIManifest + `","digest":"` + string(d.Digest) + `","size":7`
	for text, want := range map[string]string{
		`{}`:                                  head + `}`,
		`{"config":{"mediaType":"a/config"}}`: head + `,"artifactType":"a/config"}`,
		`{"artifactType":"a/type","config":{"mediaType":"a/config"},"annotations":{"k":"v"}}`: head + `,"artifactType":"a/type","annotations":{"k":"v"}}`,
	} {
		got, err := ReferrerOf(d, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if encoded, err := json.Marshal(got); err != nil || string(encoded) != want {
			t.Errorf("%s: got %s, %v, want %s", text, encoded, err, want)
		}
	}
	for _, text := range []string{``, `[]`, `{"annotations":{"k":1}}`, `{"config":"x"}`} {
		if got, err := ReferrerOf(d, []byte(text)); err == nil {
			t.Errorf("%s: got %+v, want an error", text, got)
		}
	}
}
