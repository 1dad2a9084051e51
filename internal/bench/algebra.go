package main

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// banner is a marking with something in most of its places.
const banner = "TOP SECRET//SI-G/TK//ORCON/REL TO USA, AUS, CAN, GBR"

// pure is one piece of mathematics beside its reference: the SHA-256 of the
// bytes that it works on, the least that a program could do with them.
type pure struct {
	name  string
	bytes []byte
	run   func(b *testing.B)
}

// algebra measures what needs neither disk nor network.
func algebra(t *table) error {
	v := marking.Default()
	one, err := v.Parse(banner)
	if err != nil {
		return err
	}
	two, err := v.Parse("SECRET//REL TO USA, FVEY")
	if err != nil {
		return err
	}
	thousand := make([]marking.Marking, 0, 1000)
	for i := range 1000 {
		thousand = append(thousand, []marking.Marking{one, two}[i%2])
	}
	t.head("in memory", "SHA-256 of the same bytes, ns", "ours, ns", "ratio", "allocations")
	for _, p := range pures(v, one, two, thousand) {
		if err := p.measure(t); err != nil {
			return err
		}
	}
	return nil
}

func pures(v *marking.Vocabulary, one, two marking.Marking, thousand []marking.Marking) []pure {
	subject := &marking.Subject{
		Clearance: "TS", CountryOfAffiliation: []string{"GBR"}, FineAccessControls: []string{"SI", "SI-G", "TK"},
		DutyOrganization: "GBR.MOD", EmploymentType: "gov",
	}
	holder := v.Holder(subject)
	terms := access.System{Vocabulary: v}.Terms(one, &catalog.CaveatPolicy{ReleasableTo: []string{"FVEY"}, Excluded: []string{"NZL"}, DisseminationList: []string{"GBR.MOD"}})
	schema := wideSchema(500)
	return []pure{
		{"parse a marking", []byte(banner), func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Parse(banner); err != nil {
					b.Fatal(err)
				}
			}
		}},
		{"roll up 2 markings", []byte(banner + banner), func(b *testing.B) {
			for b.Loop() {
				v.Rollup(one, two)
			}
		}},
		{"roll up 1,000 markings", []byte(strings.Repeat(banner, 1000)), func(b *testing.B) {
			for b.Loop() {
				v.Rollup(thousand...)
			}
		}},
		{"one access decision", []byte(banner), func(b *testing.B) {
			for b.Loop() {
				if d := terms.Decide(holder, access.Use{Action: marking.ActionRead}); !d.Permit {
					b.Fatal(d.Code)
				}
			}
		}},
		{"parse a schema of 500 fields", []byte(schema), func(b *testing.B) {
			for b.Loop() {
				if _, err := compat.Parse(catalog.SchemaJSON, schema); err != nil {
					b.Fatal(err)
				}
			}
		}},
	}
}

func (p pure) measure(t *table) error {
	reference := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			sha256.Sum256(p.bytes)
		}
	})
	ours := testing.Benchmark(p.run)
	if ours.N == 0 || reference.N == 0 {
		return fmt.Errorf("the benchmark %q failed", p.name)
	}
	t.print(p.name, fmt.Sprint(reference.NsPerOp()), fmt.Sprint(ours.NsPerOp()),
		fmt.Sprintf("%.1f", float64(ours.NsPerOp())/float64(max(reference.NsPerOp(), 1))), fmt.Sprint(ours.AllocsPerOp()))
	return nil
}

func wideSchema(fields int) string {
	var b strings.Builder
	b.WriteString(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{`)
	for i := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"field_%03d":{"type":"string","description":"Field %d."}`, i, i)
	}
	b.WriteString(`}}`)
	return b.String()
}
