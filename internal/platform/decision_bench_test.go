package platform

import (
	"context"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// BenchmarkDecision measures one recorded decision at the end of a lineage 100
// deep, and the denials of a hidden and an absent product, which take as long
// as each other but for the reading of what is there.
func BenchmarkDecision(b *testing.B) {
	p := largeMesh(b)
	caller := analyst("brit", "S", "GBR")
	low := analyst("low", "U", "GBR")
	for name, c := range map[string]struct {
		caller catalog.Caller
		id     string
		permit bool
	}{
		"permit, 100 deep": {caller, "d1/p99", true}, "permit, no input": {caller, "d1/p0", true},
		"hidden": {low, "d1/p0", false}, "absent": {low, "d1/none", false},
	} {
		b.Run(name, func(b *testing.B) {
			d, asked := p.Decisions(c.caller), read(c.caller.Subject, c.id)
			for b.Loop() {
				if got, err := d.Evaluate(context.Background(), asked); err != nil || got.Permit != c.permit {
					b.Fatalf("got %+v, %v", got, err)
				}
			}
		})
	}
}
