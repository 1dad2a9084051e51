package platform

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// trackFields is an AVRO record of so many fields, each with a default: any of
// them can follow any other.
func trackFields(n int) catalog.Registering {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"name":"f%d","type":["null","double"],"default":null,"doc":"Field %d, metres"}`, i, i)
	}
	return catalog.Registering{Type: catalog.SchemaAvro,
		Definition: `{"type":"record","name":"Track","fields":[{"name":"id","type":"string"}` + b.String() + `]}`}
}

// BenchmarkRegistry measures what clients of a registry ask all day, on texts
// of 50 fields (about 4 KB): a schema by its id, from memory and from the
// store; the registration of what is there already; a new version under the
// default mode of a schema with 20 versions before it.
func BenchmarkRegistry(b *testing.B) {
	ctx, s := context.Background(), catalog.Subject{Name: "alpha.track"}
	p := newPlatform(b, openStore(b))
	r := p.Registry(admin)
	mustPut(b, p.As(admin), domain("alpha"))
	mustPut(b, p.As(admin), &catalog.Schema{Domain: "alpha", Name: "track", Type: catalog.SchemaAvro, Definition: trackFields(30).Definition})
	var last catalog.Registration
	for n := range 20 {
		last = mustRegister(b, r, s, trackFields(31+n))
	}
	b.Run("SchemaByID/memory", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.SchemaByID(ctx, s, last.Schema.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("SchemaByID/store", func(b *testing.B) {
		for b.Loop() {
			p.memory.forget()
			if _, err := r.SchemaByID(ctx, s, last.Schema.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Register/known", func(b *testing.B) {
		for b.Loop() {
			mustRegister(b, r, s, trackFields(50))
		}
	})
	b.Run("Compatible/21versions", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.Compatible(ctx, s, catalog.AllVersions, trackFields(51)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Register/first", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			mustRegister(b, r, catalog.Subject{Context: "bench", Name: fmt.Sprintf("s%d", i)}, trackFields(50))
		}
	})
}
