package registrytest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var modeScenes = []scene{
	{"a subject that is read-only", readOnlySubject},
	{"a context, and a registry, that is read-only", readOnlyAbove},
	{"read-only whatever a subject says", readOnlyOverride},
}

var importScenes = []scene{
	{"an import keeps ids and numbers", importKeeps},
	{"an import needs an empty place", importEmpty},
	{"numbers of an import that are taken", importTaken},
	{"nobody chooses numbers without an import", noChoice},
}

func readOnlySubject(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	m.put(t, schema("alpha/track", track()))
	m.mode(t, s, catalog.ModeReadOnly)
	_, err := m.registry.Register(ctx, s, avro(track("speed")))
	wantRule(t, err, catalog.RuleMode)
	_, err = m.registry.Remove(ctx, s, 1, false)
	wantRule(t, err, catalog.RuleMode)
	wantRule(t, m.registry.Configure(ctx, s, catalog.SettingsChange{Set: catalog.SubjectSettings{Compatibility: catalog.CompatibilityNone}}), catalog.RuleMode)
	_, err = m.service.Put(ctx, schema("alpha/track", track("speed")), catalog.WriteOptions{})
	wantAmong(t, err, catalog.RuleMode)
	looser := schema("alpha/track", track())
	looser.Compatibility = catalog.CompatibilityNone
	_, err = m.service.Put(ctx, looser, catalog.WriteOptions{})
	wantAmong(t, err, catalog.RuleMode)
	wantAmong(t, m.service.Delete(ctx, schemaRef("alpha/track"), catalog.WriteOptions{}), catalog.RuleMode)
	verdict, err := m.service.Validate(ctx, catalog.Proposal{Puts: []catalog.Object{schema("alpha/track", track("speed"))}})
	if err != nil {
		t.Fatal(err)
	}
	wantAmong(t, &catalog.Error{Problems: verdict.Findings[0].Problems}, catalog.RuleMode)

	m.register(t, s, avro(track()), 1) // nothing changes
	described := schema("alpha/track", track())
	described.Description = "A track."
	m.put(t, described) // the registry knows no descriptions
	m.register(t, named("bravo.track"), avro(track()), 1)
	m.mode(t, s, catalog.ModeReadWrite)
	m.register(t, s, avro(track("speed")), 2)
}

func readOnlyAbove(t *testing.T, m *mesh) {
	ctx, inLab := context.Background(), catalog.Subject{Context: "lab", Name: "x"}
	m.mode(t, catalog.Scope{Context: "lab"}, catalog.ModeReadOnly)
	_, err := m.registry.Register(ctx, inLab, avro(track()))
	wantRule(t, err, catalog.RuleMode)
	m.register(t, named("x"), avro(track()), 1)
	m.mode(t, inLab, catalog.ModeReadWrite)
	m.register(t, inLab, avro(track()), 1)
	m.mode(t, catalog.Scope{}, catalog.ModeReadOnly)
	_, err = m.registry.Register(ctx, named("y"), avro(track()))
	wantRule(t, err, catalog.RuleMode)
	_, err = m.service.Put(ctx, schema("alpha/track", track()), catalog.WriteOptions{})
	wantAmong(t, err, catalog.RuleMode)
	m.register(t, inLab, avro(track("speed")), 2)
}

func readOnlyOverride(t *testing.T, m *mesh) {
	ctx, s := context.Background(), catalog.Subject{Context: "lab", Name: "x"}
	m.mode(t, s, catalog.ModeReadWrite)
	m.mode(t, catalog.Scope{Context: "lab"}, catalog.ModeReadWrite)
	m.mode(t, catalog.Scope{}, catalog.ModeReadOnlyOverride)
	for _, subject := range []catalog.Subject{s, named("alpha.track"), named("x")} {
		_, err := m.registry.Register(ctx, subject, avro(track()))
		wantRule(t, err, catalog.RuleMode)
		held, err := m.registry.Effective(ctx, subject)
		if err != nil || held.Mode != catalog.ModeReadOnlyOverride {
			t.Errorf("%s: got %+v, %v, want mode %s", subject, held, err, catalog.ModeReadOnlyOverride)
		}
	}
	for _, scope := range []catalog.Scope{s, {Context: "lab"}} {
		err := m.registry.Configure(ctx, scope, catalog.SettingsChange{Set: catalog.SubjectSettings{Mode: catalog.ModeReadOnlyOverride}})
		wantRule(t, err, catalog.RuleUnknownValue)
	}
	m.configure(t, catalog.Scope{}, catalog.SettingsChange{ClearMode: true})
	m.register(t, s, avro(track()), 1)
}

func copied(text string, id, version int) catalog.Registering {
	r := avro(text)
	r.ID, r.Version = id, version
	return r
}

func importKeeps(t *testing.T, m *mesh) {
	ctx := context.Background()
	for _, s := range []catalog.Subject{{Context: "old", Name: "orders-value"}, named("alpha.track")} {
		m.mode(t, s, catalog.ModeImport)
		if got := m.register(t, s, copied(track(), 1001, 7), 7); got.Schema.ID != 1001 {
			t.Errorf("got id %d, want 1001", got.Schema.ID)
		}
		m.register(t, s, copied(strict("speed"), 1003, 9), 9) // compatible with nothing
		m.register(t, s, copied(track("speed"), 1002, 8), 8)  // in whatever order they come
		m.register(t, s, copied(track(), 1001, 7), 7)         // again
		wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Subject: s}), 7, 8, 9)
		_, err := m.registry.Register(ctx, s, avro(track("course")))
		wantRule(t, err, catalog.RuleMode)
		m.mode(t, s, catalog.ModeReadWrite)
	}
	if got := m.schema(t, "alpha/track"); got.Version != 9 || got.Definition != strict("speed") {
		t.Errorf("got %+v, want the highest version in force", got)
	}
	m.register(t, named("alpha.track"), avro(track("speed")), 8)
	m.mode(t, catalog.Scope{Context: "other"}, catalog.ModeImport)
	for _, r := range []catalog.Registering{copied(track(), -1, 1), copied(track(), 1, -1), copied(track(), 1<<31, 1), copied(track(), 1, 1<<31)} {
		_, err := m.registry.Register(ctx, catalog.Subject{Context: "other", Name: "x"}, r)
		wantRule(t, err, catalog.RuleIDTaken)
	}
}

func importEmpty(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	toImport := catalog.SettingsChange{Set: catalog.SubjectSettings{Mode: catalog.ModeImport}}
	m.register(t, s, avro(track()), 1)
	for _, scope := range []catalog.Scope{s, {}} {
		wantRule(t, m.registry.Configure(ctx, scope, toImport), catalog.RuleMode)
	}
	m.configure(t, catalog.Scope{Context: "old"}, toImport)
	m.configure(t, named("bravo.track"), toImport)
	toImport.Force = true
	m.configure(t, s, toImport)
	m.register(t, s, copied(strict("speed"), 5, 4), 4)
	_, err := m.service.Put(ctx, schema("alpha/track", track("speed")), catalog.WriteOptions{})
	wantAmong(t, err, catalog.RuleMode)
}

func importTaken(t *testing.T, m *mesh) {
	ctx, s, other := context.Background(), named("alpha.track"), named("x")
	m.mode(t, catalog.Scope{}, catalog.ModeImport)
	m.register(t, s, copied(track(), 1, 1), 1)
	m.register(t, s, copied(track("a"), 2, 2), 2)
	m.remove(t, s, 2, false, 2)
	m.remove(t, s, 2, true, 2)
	for name, r := range map[string]catalog.Registering{
		"the id of another text":     copied(track("b"), 1, 5),
		"another id for this text":   copied(track(), 9, 5),
		"the number of another text": copied(track("b"), 3, 1),
		"a number that was removed":  copied(track("b"), 3, 2),
	} {
		t.Log(name)
		_, err := m.registry.Register(ctx, s, r)
		wantRule(t, err, catalog.RuleIDTaken)
	}
	_, err := m.registry.Register(ctx, other, copied(track("b"), 1, 1))
	wantRule(t, err, catalog.RuleIDTaken)
	m.register(t, other, copied(track(), 1, 3), 3) // the same text, elsewhere
	m.register(t, catalog.Subject{Context: "lab", Name: "x"}, copied(track("b"), 1, 1), 1)
}

func noChoice(t *testing.T, m *mesh) {
	ctx := context.Background()
	for _, s := range []catalog.Subject{named("alpha.track"), named("x")} {
		for _, r := range []catalog.Registering{copied(track(), 5, 0), copied(track(), 5, 1), copied(track(), 0, 2), copied(track(), -1, 0), copied(track(), 0, -1)} {
			_, err := m.registry.Register(ctx, s, r)
			wantRule(t, err, catalog.RuleMode)
		}
		m.register(t, s, copied(track(), 0, 1), 1) // the number that it has anyway
	}
	if diff := cmp.Diff(1, m.schema(t, "alpha/track").Version); diff != "" {
		t.Errorf("version in force (-want +got):\n%s", diff)
	}
}
