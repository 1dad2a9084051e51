package records_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// BenchmarkFilter filters 16 MiB of records of the shapes that a coalition
// exchanges, of which every third is withheld.
func BenchmarkFilter(b *testing.B) {
	for name, source := range benchmarks(b) {
		b.Run(name, func(b *testing.B) {
			format, _, _ := strings.Cut(name, "/")
			b.SetBytes(int64(len(source.in)))
			b.ReportAllocs()
			for b.Loop() {
				tally, err := records.Format(format).Filter(b.Context(), io.Discard, strings.NewReader(source.in), records.Rules{Property: source.property, Admits: open})
				if err != nil || tally.Withheld == 0 {
					b.Fatal(tally, err)
				}
			}
		})
	}
}

func benchmarks(b *testing.B) map[string]stream {
	b.Helper()
	var features, objects, lines []string
	var values []any
	for n := range 50_000 {
		mark := []string{"(U)", "(S//REL TO USA, GBR)", "(TS//SI//NF)"}[n%3]
		features = append(features, fmt.Sprintf(`{"type":"Feature","id":"track-%d","geometry":{"type":"Point","coordinates":[4.35%d,50.85,1200]},"properties":{"observed_at":"2026-03-01T12:00:00Z","speed":212.5,"course":181.25,"confidence":80,"marking":%q}}`, n, n, mark))
		objects = append(objects, fmt.Sprintf(`{"type":"relationship","spec_version":"2.1","id":"relationship--6ba7b810-9dad-11d1-80b4-%012d","created":"2026-03-01T12:00:00Z","relationship_type":"located-at","object_marking_refs":["marking-definition--%d"],"x_provenance":{"analyst":"a-1"}}`, n, 1+n%2))
		values = append(values, emitter(fmt.Sprintf("emitter-%d", n), mark))
	}
	lines = features
	sources := map[string]stream{
		"geojson":   {property: "marking", in: collectionOf(features...)},
		"jsonlines": {property: "properties.marking", in: strings.Join(lines, "\n")},
		"stix":      {property: records.MarkingRefs, in: bundleOf(append([]string{defU, defTS}, objects...)...)},
	}
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard"} {
		sources["avro/"+codec] = stream{property: "marking", in: container(b, emitters, codec, 1000, values)}
	}
	return sources
}
