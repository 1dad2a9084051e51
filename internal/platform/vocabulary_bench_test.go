package platform

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// multitude fills a store with products past the rules: a fifth of them is made
// from others, up to a hundred deep, and each has one of forty markings.
func multitude(b testing.TB, s store.Store, n int) {
	b.Helper()
	nations := []string{"AUS", "CAN", "DEU", "FRA", "GBR", "ITA", "JPN", "NOR", "NZL", "POL"}
	for from := 0; from < n; from += 1000 {
		err := s.Update(context.Background(), func(w store.Writer) error {
			for i := from; i < min(from+1000, n); i++ {
				p := product(fmt.Sprintf("alpha/p%06d", i), []string{"SECRET", "CONFIDENTIAL", "TOP SECRET//SI", "TOP SECRET"}[i%4]+"//REL TO USA, "+nations[i%10]+", FVEY")
				if i%5 == 0 && i%500 != 0 {
					p.Inputs = []string{fmt.Sprintf("alpha/p%06d", i-5)}
					p.Marking = ""
				}
				p.Status, p.EffectiveMarking = catalog.StatusDraft, p.Marking
				r, err := record(p, fmt.Sprint("r", i))
				if err != nil {
					return err
				}
				if err := w.Put(context.Background(), r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVocabularyUpdate previews and makes an update that moves every
// product, and says what a preview keeps in memory for each.
func BenchmarkVocabularyUpdate(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if testing.Short() && n > 10_000 {
				b.Skip("it takes a minute to fill the store")
			}
			s := openStore(b)
			p := started(b, s)
			mustPut(b, p.As(admin), domain("alpha"))
			multitude(b, s, n)
			texts := [][]byte{embedded(b, "without").leave("FVEY", "NZL").text(b), embedded(b, "with").text(b)}
			b.Run("preview", func(b *testing.B) {
				for b.Loop() {
					if _, _, err := p.Vocabularies(admin).PutVocabulary(context.Background(), texts[0], catalog.WriteOptions{DryRun: true}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("update", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					enactNow(b, p, texts[i%2])
				}
			})
			b.Run("kept", func(b *testing.B) {
				for b.Loop() {
					b.ReportMetric(float64(censusSize(b, p))/float64(n), "B/product")
				}
			})
		})
	}
}

// censusSize is what a census keeps, in bytes.
func censusSize(b testing.TB, p *Platform) (size uint64) {
	b.Helper()
	err := p.store.View(context.Background(), func(r store.Reader) error {
		j, err := (&session{Platform: p, caller: admin}).judge(context.Background(), r)
		if err != nil {
			return err
		}
		next, err := p.proposed(embedded(b, "x").leave("FVEY", "NZL").text(b))
		if err != nil {
			return err
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		c, err := j.census(j.session.under(next))
		runtime.GC()
		runtime.ReadMemStats(&after)
		size = after.HeapAlloc - before.HeapAlloc
		runtime.KeepAlive(c)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// BenchmarkInForce is what each transaction pays to know what is in force.
func BenchmarkInForce(b *testing.B) {
	s := openStore(b)
	p := started(b, s)
	err := s.View(context.Background(), func(r store.Reader) error {
		for b.Loop() {
			if _, _, err := p.inForce(context.Background(), r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
