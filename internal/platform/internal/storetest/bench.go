package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// benchmarkSize is how many products a benchmark's store holds, each with two
// references and a body of about a kilobyte.
const benchmarkSize = 2000

// Benchmark measures an empty store in the ways the platform uses it most:
// one change with its audit entry, one read, and one page of 500. Entries of the
// log are read where they were recorded one by one, and 256 at once.
func Benchmark(b *testing.B, s store.Store) {
	benchmarkLog(b, s)
	fill(b, s)
	b.Run("Put", func(b *testing.B) { benchmarkPut(b, s) })
	b.Run("Get", func(b *testing.B) { benchmarkGet(b, s) })
	b.Run("List500", func(b *testing.B) { benchmarkList(b, s, store.Query{Kind: catalog.KindProduct, Limit: 500}) })
	b.Run("Search500", func(b *testing.B) {
		benchmarkList(b, s, store.Query{Kind: catalog.KindProduct, Words: []string{"track", "50%"}, Limit: 500})
	})
}

func benchmarkLog(b *testing.B, s store.Store) {
	ctx := context.Background()
	head, err := s.Head(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for _, together := range []int{1, audit.TileWidth} {
		for range benchmarkSize / together {
			err := s.Update(ctx, func(w store.Writer) error {
				for range together {
					if err := w.Append(ctx, entry("create")); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		for _, limit := range []int{1, 50} {
			b.Run(fmt.Sprintf("Log%d/together=%d", limit, together), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					if found, err := s.Audit(ctx, head.Size()+int64(i*97%1500), limit); err != nil || len(found) != limit {
						b.Fatalf("got %d entries, %v, want %d", len(found), err, limit)
					}
				}
			})
		}
		if head, err = s.Head(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkProduct(i int) store.Record {
	r := record(product(fmt.Sprintf("sigint/p%05d", i)), domain("sigint"), sla("sigint/gold"))
	r.Text = fmt.Sprintf("a track picture number %d with 50%% of everything", i)
	r.Body = fmt.Appendf(nil, `{"name":"p%05d","description":"%01000d"}`, i, i)
	return r
}

func fill(b *testing.B, s store.Store) {
	ctx := context.Background()
	err := s.Update(ctx, func(w store.Writer) error {
		all := []store.Record{record(domain("sigint")), record(sla("sigint/gold"), domain("sigint"))}
		for i := range benchmarkSize {
			all = append(all, benchmarkProduct(i))
		}
		for _, r := range all {
			if err := w.Put(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func benchmarkPut(b *testing.B, s store.Store) {
	ctx := context.Background()
	for i := 0; b.Loop(); i++ {
		r := benchmarkProduct(i % benchmarkSize)
		r.Revision = fmt.Sprint(i)
		err := s.Update(ctx, func(w store.Writer) error {
			if err := w.Put(ctx, r); err != nil {
				return err
			}
			return w.Append(ctx, entry("replace"))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkGet(b *testing.B, s store.Store) {
	ctx := context.Background()
	for i := 0; b.Loop(); i++ {
		err := s.View(ctx, func(r store.Reader) error {
			_, err := r.Get(ctx, benchmarkProduct(i%benchmarkSize).Ref)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkList(b *testing.B, s store.Store, q store.Query) {
	ctx := context.Background()
	for b.Loop() {
		err := s.View(ctx, func(r store.Reader) error {
			found, err := r.List(ctx, q)
			if err == nil && len(found) != q.Limit {
				err = fmt.Errorf("got %d records, want %d", len(found), q.Limit)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
