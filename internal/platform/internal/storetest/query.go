package storetest

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// shelves are versions in three contexts; 2 of a.x and all of a.z are deleted,
// and 3 of a.x was removed.
func shelves(t *testing.T, s store.Store) map[string]catalog.Registration {
	t.Helper()
	addVersions(t, s, version("a.x", 1, 1), version("a.x", 2, 2), version("a.x", 3, 3), version("a.xy", 1, 1), version("a.z", 1, 2),
		in("lab", version("a.x", 1, 1)), in("lab", version("%", 1, 2)), in("zoo", version("é", 1, 1)))
	for name, n := range map[string]int{"a.x": 2, "a.z": 1} {
		deleteVersion(t, s, name, n)
	}
	deleteVersion(t, s, "a.x", 3)
	removeVersion(t, s, "a.x", 3)
	deleted := func(r catalog.Registration) catalog.Registration {
		r.Deleted = true
		return r
	}
	return map[string]catalog.Registration{
		"x1": version("a.x", 1, 1), "x2": deleted(version("a.x", 2, 2)), "xy": version("a.xy", 1, 1), "z": deleted(version("a.z", 1, 2)),
		"labx": in("lab", version("a.x", 1, 1)), "lab%": in("lab", version("%", 1, 2)), "zoo": in("zoo", version("é", 1, 1)),
	}
}

var registrationCases = map[string]func(*testing.T, store.Store){
	"each part of a query": func(t *testing.T, s store.Store) {
		r := shelves(t, s)
		for _, c := range []struct {
			name string
			q    catalog.RegistryQuery
			want []string
		}{
			{"the default context", catalog.RegistryQuery{}, []string{"x1", "xy"}},
			{"a context", catalog.RegistryQuery{Context: "lab"}, []string{"lab%", "labx"}},
			{"no context", catalog.RegistryQuery{Context: "la"}, nil},
			{"all contexts", catalog.RegistryQuery{Context: "*"}, []string{"x1", "xy", "lab%", "labx", "zoo"}},
			{"a subject", catalog.RegistryQuery{Subject: subject("a.x")}, []string{"x1"}},
			{"a prefix", catalog.RegistryQuery{Prefix: "a.x"}, []string{"x1", "xy"}},
			{"a prefix in all contexts", catalog.RegistryQuery{Context: "*", Prefix: "a.x"}, []string{"x1", "xy", "labx"}},
			{"a prefix of a pattern", catalog.RegistryQuery{Context: "*", Prefix: "%"}, []string{"lab%"}},
			{"a prefix in another case", catalog.RegistryQuery{Context: "*", Prefix: "A"}, nil},
			{"a prefix beyond ASCII", catalog.RegistryQuery{Context: "*", Prefix: "é"}, []string{"zoo"}},
			{"an id", catalog.RegistryQuery{ID: 1}, []string{"x1", "xy"}},
			{"an id, deleted too", catalog.RegistryQuery{ID: 2, Deleted: true}, []string{"x2", "z"}},
			{"an id of what was removed", catalog.RegistryQuery{ID: 3, Deleted: true}, nil},
			{"deleted too", catalog.RegistryQuery{Deleted: true}, []string{"x1", "x2", "xy", "z"}},
			{"only deleted", catalog.RegistryQuery{Context: "*", OnlyDeleted: true}, []string{"x2", "z"}},
			{"only deleted wins", catalog.RegistryQuery{Deleted: true, OnlyDeleted: true}, []string{"x2", "z"}},
			{"the latest", catalog.RegistryQuery{LatestOnly: true}, []string{"x1", "xy"}},
			{"the latest, deleted too", catalog.RegistryQuery{LatestOnly: true, Deleted: true}, []string{"x2", "xy", "z"}},
			{"the first", catalog.RegistryQuery{Context: "*", Limit: 2}, []string{"x1", "xy"}},
			{"the next", catalog.RegistryQuery{Context: "*", Limit: 2, Offset: 2}, []string{"lab%", "labx"}},
			{"beyond the end", catalog.RegistryQuery{Context: "*", Offset: 5}, nil},
		} {
			t.Log(c.name)
			var want []catalog.Registration
			for _, name := range c.want {
				want = append(want, r[name])
			}
			wantRegistrations(t, s, c.q, want...)
			for i := range want {
				want[i].Schema.Definition = ""
			}
			c.q.WithoutText = true
			wantRegistrations(t, s, c.q, want...)
		}
	},
	"each part from a place on": func(t *testing.T, s store.Store) {
		r := shelves(t, s)
		all, x := catalog.RegistryQuery{Context: "*", Deleted: true}, subject("a.x")
		for _, c := range []struct {
			name  string
			after store.Place
			q     catalog.RegistryQuery
			want  []string
		}{
			{"the zero place", store.Place{}, all, []string{"x1", "x2", "xy", "z", "lab%", "labx", "zoo"}},
			{"behind a version", store.Place{Subject: x, Version: 1}, all, []string{"x2", "xy", "z", "lab%", "labx", "zoo"}},
			{"behind a number that was removed", store.Place{Subject: x, Version: 3}, all, []string{"xy", "z", "lab%", "labx", "zoo"}},
			{"behind the names of a domain", store.Place{Subject: subject("a/")}, all, []string{"lab%", "labx", "zoo"}},
			{"behind everything", store.Place{Subject: catalog.Subject{Context: "zoo", Name: "é"}, Version: 1}, all, nil},
			{"in one context", store.Place{Subject: x, Version: 1}, catalog.RegistryQuery{Deleted: true}, []string{"x2", "xy", "z"}},
			{"of one subject", store.Place{Subject: x, Version: 1}, catalog.RegistryQuery{Subject: x, Deleted: true}, []string{"x2"}},
			{"of one schema", store.Place{Subject: x, Version: 1}, catalog.RegistryQuery{ID: 1}, []string{"xy"}},
			{"of a state", store.Place{Subject: x, Version: 1}, catalog.RegistryQuery{Context: "*", OnlyDeleted: true}, []string{"x2", "z"}},
			{"with a prefix behind the place", store.Place{Subject: x, Version: 1}, catalog.RegistryQuery{Prefix: "a.xy"}, []string{"xy"}},
			{"with a prefix before the place", store.Place{Subject: subject("a/")}, catalog.RegistryQuery{Prefix: "a."}, nil},
			{"in another context", store.Place{}, catalog.RegistryQuery{Context: "lab"}, []string{"lab%", "labx"}},
		} {
			c.q.Limit = 1000
			view(t, s, func(in store.Reader) error {
				var want []catalog.Registration
				for _, name := range c.want {
					one := r[name]
					one.Schema.Definition = ""
					want = append(want, one)
				}
				got, err := in.RegistrationsAfter(t.Context(), c.after, c.q)
				diff(t, c.name, got, want)
				return err
			})
		}
	},
	"versions of a subject by GUID": func(t *testing.T, s store.Store) {
		r := shelves(t, s)
		for _, c := range []struct {
			subject catalog.Subject
			guid    string
			want    []string
		}{
			{subject("a.x"), r["x1"].Schema.GUID, []string{"x1"}},
			{subject("a.x"), r["x2"].Schema.GUID, []string{"x2"}},
			{subject("a.x"), "none", nil},
			{subject("a.none"), r["x1"].Schema.GUID, nil},
			{r["labx"].Subject, r["labx"].Schema.GUID, []string{"labx"}},
		} {
			view(t, s, func(in store.Reader) error {
				var want []catalog.Registration
				for _, name := range c.want {
					one := r[name]
					one.Schema.Definition = ""
					want = append(want, one)
				}
				got, err := in.VersionsByGUID(t.Context(), c.subject, c.guid)
				diff(t, c.subject.String()+" "+c.guid, got, want)
				return err
			})
		}
	},
	"contexts that hold a version": func(t *testing.T, s store.Store) {
		wantContexts(t, s)
		shelves(t, s)
		wantContexts(t, s, "", "lab", "zoo")
		update(t, s, func(w store.Writer) error {
			one := in("zoo", version("é", 1, 1)).Subject
			if err := w.DeleteVersion(t.Context(), one, 1); err != nil {
				return err
			}
			return w.RemoveVersion(t.Context(), one, 1)
		})
		wantContexts(t, s, "", "lab")
	},
	"a query without a limit is refused": func(t *testing.T, s store.Store) {
		for _, q := range []catalog.RegistryQuery{{}, {Limit: -1}, {Limit: 1, Offset: -1}} {
			err := s.View(t.Context(), func(r store.Reader) error {
				_, err := r.Registrations(t.Context(), q)
				return err
			})
			if err == nil {
				t.Errorf("Registrations(%+v): got no error, want one", q)
			}
		}
		for _, q := range []catalog.RegistryQuery{{}, {Limit: -1}, {Limit: 1, Offset: 1}} {
			err := s.View(t.Context(), func(r store.Reader) error {
				_, err := r.RegistrationsAfter(t.Context(), store.Place{}, q)
				return err
			})
			if err == nil {
				t.Errorf("RegistrationsAfter(%+v): got no error, want one", q)
			}
		}
	},
}

// wantRegistrations asks, without a limit when the query has none.
func wantRegistrations(t *testing.T, s store.Store, q catalog.RegistryQuery, want ...catalog.Registration) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Registrations(t.Context(), q)
		diff(t, "Registrations", got, want)
		return err
	})
}

func wantContexts(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.Contexts(t.Context())
		diff(t, "Contexts", got, want)
		return err
	})
}
