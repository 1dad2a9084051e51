package marking

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	for _, text := range []string{"SECRET//REL TO USA, FVEY", "TOP SECRET//SI-G ABCD/TK//FGI DEU//ORCON/REL TO USA, AUS, CAN, GBR//LES"} {
		b.Run(text[:6], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Default().Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchmarkRollup(b *testing.B, n int) {
	r := rand.New(rand.NewPCG(1, 2))
	in := make([]Marking, n)
	for i := range in {
		in[i] = randomMarking(r)
	}
	b.ReportAllocs()
	for b.Loop() {
		if Default().Rollup(in...).IsZero() {
			b.Fatal("no marking")
		}
	}
}

func BenchmarkRollup2(b *testing.B)    { benchmarkRollup(b, 2) }
func BenchmarkRollup1000(b *testing.B) { benchmarkRollup(b, 1000) }

func BenchmarkAccess(b *testing.B) {
	m, err := Default().Parse("TOP SECRET//SI-G ABCD/TK//ORCON/REL TO USA, FVEY")
	if err != nil {
		b.Fatal(err)
	}
	h := Default().Holder(subject("TS|GBR|GBR.MOD|gov|SI SI-G SI-G-ABCD TK"))
	ask := Request{Action: ActionRead, DisseminationList: []string{"USA.DOD", "GBR.MOD"}}
	b.ReportAllocs()
	for b.Loop() {
		if !Default().AccessOf(m, h, ask).Permit {
			b.Fatal("denied")
		}
	}
}
