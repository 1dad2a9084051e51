package bundlertest

import (
	"testing"
)

// TestSameCorpusIsSameBytes pushes one corpus into a distribution registry and
// into one with the Referrers API, and compares what each then names.
func TestSameCorpusIsSameBytes(t *testing.T) {
	t.Parallel()
	corpus := Corpus{Seed: 7, Images: 4, Bytes: 1 << 20, Signatures: true}
	one, other := Start(t), Start(t, Referrers())
	first, second := one.Push(t, corpus), other.Push(t, corpus)
	for i, image := range first {
		if image.Root != second[i].Root && image.Root.Digest != second[i].Root.Digest {
			t.Errorf("%s is %s and %s", image.Repository, image.Root.Digest, second[i].Root.Digest)
		}
		if raw, _ := one.Manifest(t, image.Repository, image.Tag); Bytes(raw).Digest != image.Root.Digest {
			t.Errorf("%s does not come back as it was pushed", image.Repository)
		}
		if !one.Has(t, image.Repository, "sha256-"+image.Root.Digest.Hex()) {
			t.Errorf("%s has no referrers tag", image.Repository)
		}
		if other.Has(t, image.Repository, "sha256-"+image.Root.Digest.Hex()) {
			t.Errorf("%s has a referrers tag beside the Referrers API", image.Repository)
		}
	}
	if more := Start(t).Push(t, Corpus{Seed: 8, Images: 4, Bytes: 1 << 20}); more[0].Root.Digest == first[0].Root.Digest {
		t.Error("another seed makes the same image")
	}
}
