package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var referenceCases = map[string]func(*testing.T, store.Store){
	"a reference to nothing is ErrDangling": func(t *testing.T, s store.Store) {
		wantPutRefused(t, s, record(sla("sigint/gold"), domain("sigint")))
		wantMissing(t, s, sla("sigint/gold"))
	},
	"one dangling reference among good ones is found": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(domain("c")))
		wantPutRefused(t, s, record(product("a/p"), domain("a"), domain("b"), domain("c")))
	},
	"a reference names kind and id": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(sla("a/x"), domain("a")))
		wantPutRefused(t, s, record(product("a/p"), schema("a/x")))
	},
	"a refused put writes nothing of it, and the transaction goes on": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(sla("a/gold"), domain("a")))
		changed := record(sla("a/gold"), domain("nowhere"))
		changed.Revision = "r2"
		update(t, s, func(w store.Writer) error {
			if err := w.Put(t.Context(), changed); !errors.Is(err, store.ErrDangling) {
				t.Errorf("Put: got %v, want ErrDangling", err)
			}
			return w.Append(t.Context(), entry("replace"))
		})
		wantRecord(t, s, record(sla("a/gold"), domain("a")))
		wantSequences(t, s, 0, 10, 1)
	},
	"an object in use is not deleted, and the transaction goes on": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(sla("a/gold"), domain("a")))
		update(t, s, func(w store.Writer) error {
			if err := w.Delete(t.Context(), domain("a")); !errors.Is(err, store.ErrInUse) {
				t.Errorf("Delete: got %v, want ErrInUse", err)
			}
			return w.Append(t.Context(), entry("delete"))
		})
		wantRecord(t, s, record(domain("a")))
		wantRecord(t, s, record(sla("a/gold"), domain("a")))
		wantSequences(t, s, 0, 10, 1)
	},
	"an object that refers to itself stands and can be deleted": func(t *testing.T, s store.Store) {
		self := record(domain("a"), domain("a"))
		put(t, s, self)
		wantRecord(t, s, self)
		wantDependants(t, s, domain("a"))
		update(t, s, func(w store.Writer) error { return w.Delete(t.Context(), domain("a")) })
		wantMissing(t, s, domain("a"))
	},
	"replacing changes the references": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(domain("b")), record(domain("c")),
			record(product("a/p"), domain("a"), domain("b")))
		put(t, s, record(product("a/p"), domain("b"), domain("c")))
		wantRecord(t, s, record(product("a/p"), domain("b"), domain("c")))
		wantDependants(t, s, domain("a"))
		wantDependants(t, s, domain("b"), product("a/p"))
		wantDependants(t, s, domain("c"), product("a/p"))
		update(t, s, func(w store.Writer) error { return w.Delete(t.Context(), domain("a")) })
	},
	"replacing an object keeps what refers to it": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(sla("a/gold"), domain("a")))
		put(t, s, record(domain("a")))
		wantDependants(t, s, domain("a"), sla("a/gold"))
	},
	"two objects may come to refer to each other": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(domain("b"), domain("a")), record(domain("a"), domain("b")))
		wantDependants(t, s, domain("a"), domain("b"))
		wantDependants(t, s, domain("b"), domain("a"))
		update(t, s, func(w store.Writer) error {
			if err := w.Delete(t.Context(), domain("a")); !errors.Is(err, store.ErrInUse) {
				t.Errorf("Delete: got %v, want ErrInUse", err)
			}
			return nil
		})
	},
	"dependants come by kind and id, each once": func(t *testing.T, s store.Store) {
		a := domain("a")
		put(t, s, record(a),
			record(product("a/2"), a), record(product("a/10"), a), record(product("B/1"), a),
			record(sla("a/z"), a), record(policy("a/y"), a), record(schema("a/x"), a), record(domain("z"), a))
		wantDependants(t, s, a, domain("z"), schema("a/x"), policy("a/y"), sla("a/z"),
			product("B/1"), product("a/10"), product("a/2"))
	},
	"nothing depends on what is not there": func(t *testing.T, s store.Store) {
		wantDependants(t, s, domain("a"))
	},
	"two thousand references are kept": func(t *testing.T, s store.Store) {
		var all []store.Record
		var refs []catalog.Ref
		for i := range 2000 {
			ref := product(fmt.Sprintf("a/p%04d", i))
			all, refs = append(all, record(ref)), append(refs, ref)
		}
		last := record(product("a/sum"), refs...)
		put(t, s, append(all, last)...)
		wantRecord(t, s, last)
		wantPutRefused(t, s, record(product("a/sum"), append(refs, product("a/missing"))...))
	},
}

func wantPutRefused(t *testing.T, s store.Store, r store.Record) {
	t.Helper()
	err := s.Update(t.Context(), func(w store.Writer) error { return w.Put(t.Context(), r) })
	if !errors.Is(err, store.ErrDangling) {
		t.Errorf("Put(%s): got %v, want ErrDangling", r.Ref, err)
	}
}

func wantDependants(t *testing.T, s store.Store, ref catalog.Ref, want ...catalog.Ref) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.Dependants(t.Context(), ref)
		if err != nil {
			return err
		}
		if fmt.Sprint(got) != fmt.Sprint(want) { // the order is part of it
			t.Errorf("Dependants(%s): got %v, want %v", ref, got, want)
		}
		return nil
	})
}
