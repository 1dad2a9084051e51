package review

import (
	"fmt"
	"io"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// BenchmarkManifest writes all three forms for a bundle of 1000 items with 20
// layers each.
func BenchmarkManifest(b *testing.B) {
	s := store{}
	l := &lock.Lock{Version: lock.Version, Name: "ops", Stream: "ops", Marking: "SECRET//NOFORN", Spec: s.add("a/b", "spec").Digest}
	for i := range 1000 {
		repository := fmt.Sprintf("registry.example/team/app%d", i)
		item := lock.Item{
			Name: repository + ":1.0", Kind: lock.KindImage, Marking: "UNCLASSIFIED", Why: "images[0]", Repository: repository, Tag: "1.0",
			Root: s.add(artifact.MediaTypeOCIManifest, repository), Verdict: lock.Verdict{Trusted: "a", Signers: []string{"key"}},
		}
		for layer := range 20 {
			item.Blobs = append(item.Blobs, s.add(layerType, fmt.Sprint(i/10*layer, layer)))
		}
		l.Items = append(l.Items, item)
	}
	if err := l.Arrange(); err != nil {
		b.Fatal(err)
	}
	m := manifest(b, l, s, 0)
	b.ReportAllocs()
	for b.Loop() {
		for _, write := range []func(io.Writer) error{m.WriteJSON, m.WriteCSV, m.WriteText} {
			if err := write(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	}
}
