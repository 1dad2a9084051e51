package platform

import (
	"context"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// largeMesh is a catalogue of 10,000 products in 100 domains: each domain is a
// chain of 100, every product made from the one before.
func largeMesh(b *testing.B) *Platform {
	b.Helper()
	s := openStore(b)
	err := s.Update(context.Background(), func(w store.Writer) error {
		for d := range 100 {
			name := fmt.Sprintf("d%d", d)
			r, err := record(domain(name), "r")
			if err != nil {
				return err
			}
			if err := w.Put(context.Background(), r); err != nil {
				return err
			}
			for n := range 100 {
				p := product(fmt.Sprintf("%s/p%d", name, n), "SECRET//REL TO USA, FVEY")
				p.Status, p.EffectiveMarking = catalog.StatusDraft, p.Marking
				if n > 0 {
					p.Inputs, p.InheritedMarking = []string{fmt.Sprintf("%s/p%d", name, n-1)}, p.Marking
				}
				if r, err = record(p, "r"); err != nil {
					return err
				}
				if err := w.Put(context.Background(), r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return newPlatform(b, s)
}

// BenchmarkCatalogue measures what a plan and an apply ask most, in a
// catalogue of 10,000 products with lineages 100 deep.
func BenchmarkCatalogue(b *testing.B) {
	p := largeMesh(b)
	ctx, service := context.Background(), p.As(admin)
	partner := p.As(catalog.Caller{Subject: "x", Attributes: marking.Subject{Clearance: "S", CountryOfAffiliation: []string{"GBR"}, DutyOrganization: "GBR.MOD", EmploymentType: "gov"}})
	low := p.As(catalog.Caller{Subject: "y", Attributes: marking.Subject{Clearance: "U", CountryOfAffiliation: []string{"GBR"}, DutyOrganization: "GBR.MOD", EmploymentType: "gov"}})
	validate := func(b *testing.B, objects ...catalog.Object) {
		for b.Loop() {
			if _, err := service.Validate(ctx, catalog.Proposal{Puts: objects}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("validate-first-of-a-chain", func(b *testing.B) { validate(b, product("d0/p0", "TOP SECRET//SI//NOFORN")) })
	b.Run("validate-last-of-a-chain", func(b *testing.B) { validate(b, product("d0/p99", "SECRET//NOFORN", "d0/p98")) })
	b.Run("validate-1000-new-products", func(b *testing.B) {
		var objects []catalog.Object
		for n := range 1000 {
			objects = append(objects, product(fmt.Sprintf("d1/n%d", n), "SECRET//NOFORN", "d1/p9"))
		}
		validate(b, objects...)
	})
	b.Run("put-first-of-a-chain", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			banner := []string{"SECRET//NOFORN", "SECRET//REL TO USA, FVEY"}[n%2]
			if _, err := service.Put(ctx, product("d2/p0", banner), catalog.WriteOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("put-nothing-new", func(b *testing.B) {
		for b.Loop() {
			if _, err := service.Put(ctx, product("d3/p0", "SECRET//REL TO USA, FVEY"), catalog.WriteOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, s := range map[string]catalog.Service{"administrator": service, "partner": partner, "who-sees-nothing": low} {
		b.Run("list-500-as-"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.List(ctx, catalog.Query{Kind: catalog.KindProduct, Limit: 500}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
