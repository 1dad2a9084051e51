package registrytest

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var doorScenes = []scene{
	{"a schema of the catalogue is a subject", catalogueIsSubject},
	{"a subject is a schema of the catalogue", subjectIsCatalogue},
	{"a text has one id in a context", oneID},
	{"an older text through either door", olderText},
	{"reference schemas are subjects that are read", referenceSubjects},
}

func catalogueIsSubject(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	m.put(t, schema("alpha/track", track()), schema("alpha/track", track("speed")))
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Subject: s}), 1, 2)
	got, err := m.registry.Registration(ctx, s, catalog.LatestVersion, false)
	if err != nil || got.Version != 2 || got.Schema.Definition != track("speed") || got.Schema.Type != catalog.SchemaAvro {
		t.Errorf("got %+v, %v, want version 2 as it was put", got, err)
	}
	versions, err := m.service.SchemaVersions(ctx, "alpha/track")
	if err != nil || len(versions) != 2 || versions[1].ID != got.Schema.ID {
		t.Errorf("got %+v, %v, want two versions with the ids of the registry", versions, err)
	}
	wide := schema("alpha/track", strings.ReplaceAll(track("speed"), ",", ", "))
	m.put(t, wide) // another layout is no other version
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Subject: s}), 1, 2)
	if got := m.schema(t, "alpha/track"); got.Version != 2 || got.Definition != wide.Definition {
		t.Errorf("got %+v, want version 2 in its new layout", got)
	}
}

func subjectIsCatalogue(t *testing.T, m *mesh) {
	s := named("alpha.track")
	m.register(t, s, avro(track()), 1)
	want := &catalog.Schema{
		ID: "alpha/track", Domain: "alpha", Name: "track", Type: catalog.SchemaAvro,
		Compatibility: catalog.CompatibilityGlobal, Definition: track(), Version: 1,
	}
	if diff := cmp.Diff(want, m.schema(t, "alpha/track")); diff != "" {
		t.Errorf("the schema (-want +got):\n%s", diff)
	}
	described := schema("alpha/track", track())
	described.Description, described.Compatibility = "A track.", catalog.CompatibilityBackward
	m.put(t, described)
	m.register(t, s, avro(track("speed")), 2)
	want.Description, want.Compatibility, want.Definition, want.Version = "A track.", catalog.CompatibilityBackward, track("speed"), 2
	if diff := cmp.Diff(want, m.schema(t, "alpha/track")); diff != "" {
		t.Errorf("the schema after a second version (-want +got):\n%s", diff)
	}
	canonical := avro(strings.ReplaceAll(track("speed", "course"), ",", ",\n"))
	canonical.Normalize = true
	if got := m.register(t, s, canonical, 3); strings.Contains(got.Schema.Definition, "\n") {
		t.Errorf("got %q, want the canonical text", got.Schema.Definition)
	}
}

func oneID(t *testing.T, m *mesh) {
	lab := catalog.Subject{Context: "lab", Name: "alpha.track"}
	first := m.register(t, named("alpha.track"), avro(track()), 1)
	second := m.register(t, named("bravo.track"), avro(strings.ReplaceAll(track(), ",", " , ")), 1)
	third := m.register(t, named("orders-value"), avro(track()), 1)
	elsewhere := m.register(t, lab, avro(track()), 1)
	if first.Schema.ID != second.Schema.ID || first.Schema.ID != third.Schema.ID {
		t.Errorf("got ids %d, %d and %d, want one", first.Schema.ID, second.Schema.ID, third.Schema.ID)
	}
	if first.Schema.GUID != elsewhere.Schema.GUID {
		t.Errorf("got GUIDs %s and %s, want one", first.Schema.GUID, elsewhere.Schema.GUID)
	}
	got, ids, err := m.registry.SchemaByGUID(context.Background(), first.Schema.GUID)
	want := map[string]int{"": first.Schema.ID, "lab": elsewhere.Schema.ID}
	if diff := cmp.Diff(want, ids); diff != "" || err != nil || got.Definition != track() {
		t.Errorf("got %+v, %v, ids by context (-want +got):\n%s", got, err, diff)
	}
	if other := m.register(t, named("alpha.track"), avro(track("speed")), 2); other.Schema.ID == first.Schema.ID || other.Schema.GUID == first.Schema.GUID {
		t.Errorf("got the id or GUID of %+v for another text %+v", first.Schema, other.Schema)
	}
	contexts, err := m.registry.Contexts(context.Background())
	if diff := cmp.Diff([]string{"", "lab"}, contexts); diff != "" || err != nil {
		t.Errorf("contexts: got %v (-want +got):\n%s", err, diff)
	}
}

// olderText: registering a text that the subject has is no new version, and
// putting it back in force is one, with the id that it had.
func olderText(t *testing.T, m *mesh) {
	s := named("alpha.track")
	first := m.register(t, s, avro(track()), 1)
	m.register(t, s, avro(track("speed")), 2)
	m.register(t, s, avro(track()), 1)
	if got := m.schema(t, "alpha/track"); got.Version != 2 {
		t.Errorf("got version %d in force after registering what is there, want 2", got.Version)
	}
	back := schema("alpha/track", track())
	back.Compatibility = catalog.CompatibilityNone
	m.put(t, back)
	got, err := m.registry.Registration(context.Background(), s, 3, false)
	if err != nil || got.Schema.ID != first.Schema.ID {
		t.Errorf("got %+v, %v, want a third version with the id of the first", got, err)
	}
	m.register(t, s, avro(track()), 3) // the highest of those that have it
}

func referenceSubjects(t *testing.T, m *mesh) {
	ctx, s := context.Background(), catalog.Subject{Context: catalog.ReferenceContext, Name: "track"}
	chair := m.As(board())
	for _, text := range []string{track(), strict("speed")} { // whatever domains think of it
		if _, err := chair.Put(ctx, &catalog.ReferenceSchema{Name: "track", Type: catalog.SchemaAvro, Definition: text}, catalog.WriteOptions{}); err != nil {
			t.Fatalf("Put: %v", err)
		}
	}
	got, err := m.Registry(stranger()).Registration(ctx, s, catalog.LatestVersion, false)
	if err != nil || got.Version != 2 || got.Schema.Definition != strict("speed") {
		t.Errorf("got %+v, %v, want version 2", got, err)
	}
	for _, who := range []catalog.Caller{board(), administrator()} {
		r := m.Registry(who)
		_, err := r.Register(ctx, s, avro(track("x")))
		wantReadOnly(t, who, err)
		_, err = r.Remove(ctx, s, catalog.AllVersions, false)
		wantReadOnly(t, who, err)
		wantReadOnly(t, who, r.Configure(ctx, s, catalog.SettingsChange{Set: catalog.SubjectSettings{Mode: catalog.ModeReadWrite}}))
		wantReadOnly(t, who, r.Configure(ctx, catalog.Scope{Context: s.Context}, catalog.SettingsChange{Set: catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull}}))
	}
	if err := chair.Delete(ctx, catalog.Ref{Kind: catalog.KindReferenceSchema, ID: "track"}, catalog.WriteOptions{}); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	_, err = m.registry.Registration(ctx, s, 1, false)
	wantRule(t, err, catalog.RuleSubjectNotFound)
	if _, err := m.registry.Registration(ctx, s, 1, true); err != nil {
		t.Errorf("got %v of a deleted version, want it", err)
	}
}

// wantReadOnly: an administrator is told of the mode, everybody else that it may
// not write.
func wantReadOnly(t *testing.T, who catalog.Caller, err error) {
	t.Helper()
	rule := catalog.RuleForbidden
	if who.Administrator {
		rule = catalog.RuleMode
	}
	wantRule(t, err, rule)
}
