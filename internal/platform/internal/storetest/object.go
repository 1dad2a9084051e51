package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var objectCases = map[string]func(*testing.T, store.Store){
	"an empty store has nothing": func(t *testing.T, s store.Store) {
		for _, kind := range catalog.Kinds() {
			wantMissing(t, s, catalog.Ref{Kind: kind, ID: "sigint"})
		}
	},
	"what is put is read back whole": func(t *testing.T, s store.Store) {
		want := store.Record{
			Ref: product("sigint/tracks"), Revision: "8f14", Status: "active", Text: "tracks über alles",
			Body: []byte("{\"title\":\"Tracks \u2028 \x7f\"}"), References: []catalog.Ref{domain("sigint"), sla("sigint/gold")},
		}
		put(t, s, record(domain("sigint")), record(sla("sigint/gold"), domain("sigint")), want)
		wantRecord(t, s, want)
	},
	"a body of a megabyte is kept": func(t *testing.T, s store.Store) {
		want := record(schema("sigint/big"), domain("sigint"))
		want.Body = bytes.Repeat([]byte("x\x00\xff"), 1<<20/3)
		want.Text = strings.Repeat("word ", 1<<16)
		put(t, s, record(domain("sigint")), want)
		wantRecord(t, s, want)
	},
	"put again replaces all of it": func(t *testing.T, s store.Store) {
		first := record(product("sigint/tracks"), domain("sigint"))
		first.Status = "draft"
		second := store.Record{Ref: first.Ref, Revision: "r2", Status: "active", Text: "other", Body: []byte(`{}`)}
		put(t, s, record(domain("sigint")), first)
		put(t, s, second)
		wantRecord(t, s, second)
	},
	"kinds have ids of their own": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("sigint")), record(sla("sigint/a")), record(schema("sigint/a")))
		update(t, s, func(w store.Writer) error { return w.Delete(t.Context(), sla("sigint/a")) })
		wantMissing(t, s, sla("sigint/a"), product("sigint/a"))
		wantRecord(t, s, record(schema("sigint/a")))
	},
	"ids compare bytewise": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("sigint")))
		wantMissing(t, s, domain("SIGINT"), domain("sigint "), domain("sigin"), domain("%"), domain(""))
	},
	"an id is a value, never a query": func(t *testing.T, s store.Store) {
		hostile := domain(`x' OR '1'='1"; DROP TABLE objects; --`)
		wantMissing(t, s, hostile)
		put(t, s, record(hostile), record(domain("sigint")))
		wantRecord(t, s, record(hostile))
		update(t, s, func(w store.Writer) error { return w.Delete(t.Context(), hostile) })
		wantRecord(t, s, record(domain("sigint")))
	},
	"a deleted object is gone, with its references": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("sigint")), record(sla("sigint/gold"), domain("sigint")))
		update(t, s, func(w store.Writer) error { return w.Delete(t.Context(), sla("sigint/gold")) })
		wantMissing(t, s, sla("sigint/gold"))
		update(t, s, func(w store.Writer) error { return w.Delete(t.Context(), domain("sigint")) })
		wantMissing(t, s, domain("sigint"))
	},
	"delete of nothing is ErrNotFound, and the transaction goes on": func(t *testing.T, s store.Store) {
		update(t, s, func(w store.Writer) error {
			if err := w.Delete(t.Context(), domain("sigint")); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Delete: got %v, want ErrNotFound", err)
			}
			return w.Put(t.Context(), record(domain("geoint")))
		})
		wantRecord(t, s, record(domain("geoint")))
	},
	"an id may be used again": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("sigint")))
		update(t, s, func(w store.Writer) error {
			if err := w.Delete(t.Context(), domain("sigint")); err != nil {
				return err
			}
			return w.Put(t.Context(), record(domain("sigint")))
		})
		wantRecord(t, s, record(domain("sigint")))
	},
	"a transaction sees its own changes": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("sigint")))
		within(t, s, func(ctx context.Context, w store.Writer) {
			if err := w.Put(ctx, record(sla("sigint/gold"), domain("sigint"))); err != nil {
				t.Fatalf("Put: %v", err)
			}
			got, err := w.Get(ctx, sla("sigint/gold"))
			if err != nil {
				t.Fatalf("Get of what was just put: %v", err)
			}
			diff(t, "record", got, record(sla("sigint/gold")))
			if err := w.Delete(ctx, sla("sigint/gold")); err != nil {
				t.Fatalf("Delete: %v", err)
			}
			if _, err := w.Get(ctx, sla("sigint/gold")); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Get of what was just deleted: got %v, want ErrNotFound", err)
			}
		})
	},
}
