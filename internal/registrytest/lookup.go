package registrytest

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var lookupScenes = []scene{
	{"a schema is found by its text", foundByText},
	{"versions of a subject", versionsOfSubject},
	{"lists of registrations", lists},
	{"LookupByACallerWithoutClearance", lookupWithoutClearance},
	{"IdGuessAcrossContexts", idGuess},
}

var hostileScenes = []scene{
	{"names that no subject has", badSubjects},
	{"texts that are no schemas", badTexts},
	{"what a caller changes in an answer stays with it", answersAreCopies},
}

func foundByText(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	_, err := m.registry.Find(ctx, s, avro(track()), false)
	wantRule(t, err, catalog.RuleSubjectNotFound)
	want := m.register(t, s, avro(track()), 1)
	m.register(t, s, avro(track("speed")), 2)
	got, err := m.registry.Find(ctx, s, avro(strings.ReplaceAll(track(), ",", " ,\n")), false)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Find: %v (-want +got):\n%s", err, diff)
	}
	for rule, r := range map[string]catalog.Registering{
		catalog.RuleSchemaNotFound:  avro(track("course")),
		catalog.RuleSchemaText:      avro(`{"type":`),
		catalog.RuleSchemaReference: avro(placed, to(named("none"), 1)),
	} {
		_, err := m.registry.Find(ctx, s, r, false)
		wantRule(t, err, rule)
	}
	m.remove(t, s, 1, false, 1)
	_, err = m.registry.Find(ctx, s, avro(track()), false)
	wantRule(t, err, catalog.RuleSchemaNotFound)
	if got, err := m.registry.Find(ctx, s, avro(track()), true); err != nil || got.Version != 1 || !got.Deleted {
		t.Errorf("got %+v, %v, want the deleted version", got, err)
	}
	m.remove(t, s, 2, false, 2)
	_, err = m.registry.Find(ctx, s, avro(track()), false)
	wantRule(t, err, catalog.RuleSubjectNotFound)
}

func versionsOfSubject(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	m.register(t, s, avro(track()), 1)
	m.register(t, s, avro(track("speed")), 2)
	m.remove(t, s, 2, false, 2)
	for _, c := range []struct {
		version int
		deleted bool
		want    int
		rule    string
	}{
		{1, false, 1, ""}, {2, true, 2, ""}, {1, true, 1, ""}, {catalog.LatestVersion, false, 1, ""}, {catalog.LatestVersion, true, 2, ""},
		{2, false, 0, catalog.RuleVersionNotFound}, {3, true, 0, catalog.RuleVersionNotFound}, {-5, false, 0, catalog.RuleVersionNotFound},
	} {
		for range 2 { // from the store, and from memory
			got, err := m.registry.Registration(ctx, s, c.version, c.deleted)
			if c.rule != "" {
				wantRule(t, err, c.rule)
			} else if err != nil || got.Version != c.want || got.Deleted != (c.want == 2) {
				t.Errorf("%+v: got %+v, %v", c, got, err)
			}
		}
	}
}

func lists(t *testing.T, m *mesh) {
	one := m.register(t, named("alpha.track"), avro(track()), 1)
	m.register(t, named("alpha.track"), avro(track("speed")), 2)
	m.register(t, named("bravo.track"), avro(track()), 1)
	m.register(t, catalog.Subject{Context: "lab", Name: "alpha.track"}, avro(track()), 1)
	m.remove(t, named("bravo.track"), 1, false, 1)
	for name, c := range map[string]struct {
		q    catalog.RegistryQuery
		want []string
	}{
		"the default context":  {catalog.RegistryQuery{}, []string{"alpha.track", "alpha.track"}},
		"everything":           {catalog.RegistryQuery{Context: "*", Deleted: true}, []string{"alpha.track", "alpha.track", "bravo.track", ":.lab:alpha.track"}},
		"the latest":           {catalog.RegistryQuery{Context: "*", LatestOnly: true}, []string{"alpha.track", ":.lab:alpha.track"}},
		"one id":               {catalog.RegistryQuery{ID: one.Schema.ID, Deleted: true}, []string{"alpha.track", "bravo.track"}},
		"a prefix":             {catalog.RegistryQuery{Prefix: "br", OnlyDeleted: true}, []string{"bravo.track"}},
		"a part":               {catalog.RegistryQuery{Context: "*", Offset: 1, Limit: 1}, []string{"alpha.track"}},
		"a context of nothing": {catalog.RegistryQuery{Context: "none"}, nil},
	} {
		found, err := m.registry.Registrations(context.Background(), c.q)
		var got []string
		for _, r := range found {
			got = append(got, r.Subject.String())
			if r.Schema.Definition == "" {
				t.Errorf("%s: got %+v without its text", name, r)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	_, err := m.registry.Registrations(context.Background(), catalog.RegistryQuery{Limit: -1})
	wantRule(t, err, catalog.RuleLimit)
}

// lookupWithoutClearance: what a caller without clearance is told of a subject
// does not depend on products that it may not see.
func lookupWithoutClearance(t *testing.T, m *mesh) {
	ctx, s, low := context.Background(), named("alpha.track"), m.Registry(stranger())
	m.register(t, s, avro(track()), 1)
	m.register(t, named("placed"), avro(`{"type":"record","name":"P","fields":[{"name":"t","type":"mesh.Track"}]}`,
		catalog.SubjectReference{Name: "mesh.Track", Subject: s, Version: 1}), 1)
	told := func() []any {
		t.Helper()
		var all []any
		for _, name := range []string{"alpha.track", "bravo.hidden", "bravo.absent"} {
			one, err := low.Registration(ctx, named(name), 1, true)
			found, notFound := low.Find(ctx, named(name), avro(track()), true)
			users, unused := low.ReferencedBy(ctx, named(name), 1)
			_, forbidden := low.Remove(ctx, named(name), 1, false)
			all = append(all, one, text(err), found, text(notFound), users, text(unused), text(forbidden))
		}
		list, err := low.Registrations(ctx, catalog.RegistryQuery{Context: "*", Deleted: true})
		return append(all, list, text(err))
	}
	before := told()
	m.put(t, product("bravo/hidden", "TOP SECRET//SI//NOFORN", "alpha/track"))
	if diff := cmp.Diff(before, told()); diff != "" {
		t.Errorf("a hidden product changes what is told (-without +with):\n%s", diff)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// idGuess: an id means nothing outside its context, and its neighbours are as
// likely to be taken as any.
func idGuess(t *testing.T, m *mesh) {
	ctx, lab := context.Background(), catalog.Subject{Context: "lab", Name: "x"}
	secret := m.register(t, lab, avro(strict("secret")), 1).Schema
	for _, in := range []catalog.Subject{{}, named("x"), {Context: "la"}, {Context: "lab2", Name: "x"}, {Context: catalog.ReferenceContext}} {
		_, err := m.registry.SchemaByID(ctx, in, secret.ID)
		wantRule(t, err, catalog.RuleSchemaNotFound)
	}
	if got, err := m.registry.SchemaByID(ctx, catalog.Subject{Context: "lab"}, secret.ID); err != nil || got.Definition != secret.Definition {
		t.Errorf("got %+v, %v in its own context, want the text", got, err)
	}
	for _, id := range []int{0, -1, secret.ID - 1, secret.ID + 1, 1 << 40} {
		_, err := m.registry.SchemaByID(ctx, lab, id)
		wantRule(t, err, catalog.RuleSchemaNotFound)
	}
	_, _, err := m.registry.SchemaByGUID(ctx, "' OR 1=1 --")
	wantRule(t, err, catalog.RuleSchemaNotFound)
}

func badSubjects(t *testing.T, m *mesh) {
	ctx := context.Background()
	for _, s := range []catalog.Subject{
		{}, named("__GLOBAL"), named("__EMPTY"), named("a\nb"), named("a\x00b"), named("\u202etxt"), named(strings.Repeat("x", catalog.MaxSubject+1)),
		named(":.lab:x"), named("a\xffb"), {Context: "a b", Name: "x"}, {Context: "*", Name: "x"}, {Context: "lab"}, {Context: strings.Repeat("c", 64), Name: "x"},
	} {
		_, registered := m.registry.Register(ctx, s, avro(track()))
		_, one := m.registry.Registration(ctx, s, 1, false)
		_, found := m.registry.Find(ctx, s, avro(track()), false)
		_, compatible := m.registry.Compatible(ctx, s, 1, avro(track()))
		_, removed := m.registry.Remove(ctx, s, 1, true)
		_, users := m.registry.ReferencedBy(ctx, s, 1)
		for _, err := range []error{registered, one, found, compatible, removed, users} {
			wantRule(t, err, catalog.RuleSubject)
		}
		if s.Name == "" && s.Context != "*" {
			continue // a scope
		}
		_, err := m.registry.Settings(ctx, s)
		wantRule(t, err, catalog.RuleSubject)
		wantRule(t, m.registry.Configure(ctx, s, catalog.SettingsChange{ClearMode: true}), catalog.RuleSubject)
	}
	m.register(t, named("a/b c%20'\"; DROP TABLE x; --"), avro(track()), 1)
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Context: "*"}), 1)
}

func badTexts(t *testing.T, m *mesh) {
	for _, s := range []catalog.Subject{named("alpha.track"), named("x")} {
		for name, r := range map[string]catalog.Registering{
			"no text":             avro(""),
			"no type":             {Definition: track()},
			"an unknown type":     {Type: "XML", Definition: track()},
			"half a text":         avro(track()[:20]),
			"too long":            avro(`"` + strings.Repeat("x", catalog.MaxDefinition) + `"`),
			"too deep":            avro(strings.Repeat(`{"type":`, 100_000)),
			"a hidden character":  avro(strings.ReplaceAll(track(), "Track", "Tr\u202eack")),
			"not UTF-8":           avro(strings.ReplaceAll(track(), "mesh", "me\xffsh")),
			"a control character": avro(strings.ReplaceAll(track(), "mesh", "me\x1bsh")),
		} {
			t.Log(name)
			_, err := m.registry.Register(context.Background(), s, r)
			wantRule(t, err, catalog.RuleSchemaText)
		}
	}
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Context: "*", Deleted: true}))
}

func answersAreCopies(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("placed")
	m.register(t, named("point"), avro(point), 1)
	text := m.register(t, s, avro(placed, to(named("point"), 1)), 1).Schema
	for range 3 {
		byID, err := m.registry.SchemaByID(ctx, s, text.ID)
		byGUID, ids, another := m.registry.SchemaByGUID(ctx, text.GUID)
		one, third := m.registry.Registration(ctx, s, 1, false)
		if err != nil || another != nil || third != nil {
			t.Fatal(err, another, third)
		}
		for _, got := range []catalog.RegisteredSchema{byID, byGUID, one.Schema} {
			if diff := cmp.Diff(text, got); diff != "" || ids[""] != text.ID {
				t.Fatalf("ids %v, text (-want +got):\n%s", ids, diff)
			}
			got.References[0].Name = "changed"
		}
		ids[""] = 0
	}
}
