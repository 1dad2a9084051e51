package registrytest

import (
	"context"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var removalScenes = []scene{
	{"the newest version goes, the one before is in force", newestGoes},
	{"an older version goes", olderGoes},
	{"the last version goes with its schema", lastGoes},
	{"a schema deleted through the catalogue", deletedThroughCatalogue},
	{"VersionNumberReuseAfterARemovalForEver", numbersOnce},
	{"what cannot be removed", notRemovable},
	{"a removed text cannot be read by any name", removedText},
}

func newestGoes(t *testing.T, m *mesh) {
	s := named("alpha.track")
	m.register(t, s, avro(track()), 1)
	m.register(t, s, avro(track("speed")), 2)
	m.register(t, s, avro(track("speed", "course")), 3)
	m.remove(t, s, 2, false, 2)
	m.remove(t, s, catalog.LatestVersion, false, 3)
	if got := m.schema(t, "alpha/track"); got.Version != 1 || got.Definition != track() {
		t.Errorf("got %+v, want version 1 in force", got)
	}
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Subject: s}), 1)
	m.register(t, s, avro(track("speed")), 4) // a deleted version does not come back
	if got := m.schema(t, "alpha/track"); got.Version != 4 {
		t.Errorf("got version %d in force, want 4", got.Version)
	}
}

func olderGoes(t *testing.T, m *mesh) {
	s := named("alpha.track")
	m.register(t, s, avro(track()), 1)
	m.register(t, s, avro(track("speed")), 2)
	m.remove(t, s, 1, false, 1)
	if got := m.schema(t, "alpha/track"); got.Version != 2 || got.Definition != track("speed") {
		t.Errorf("got %+v, want version 2 in force as before", got)
	}
	m.remove(t, s, 1, true, 1)
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Subject: s, Deleted: true}), 2)
}

func lastGoes(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	m.register(t, s, avro(track()), 1)
	m.put(t, product("alpha/feed", "SECRET", "alpha/track"))
	for _, version := range []int{1, catalog.AllVersions} {
		_, err := m.registry.Remove(ctx, s, version, false)
		wantRule(t, err, catalog.RuleInUse)
	}
	m.register(t, s, avro(track("speed")), 2)
	m.remove(t, s, 2, false, 2) // not the last
	m.put(t, product("alpha/feed", "SECRET", ""))
	m.remove(t, s, catalog.AllVersions, false, 1)
	if got := m.schema(t, "alpha/track"); got != nil {
		t.Errorf("got %+v, want no schema", got)
	}
}

func deletedThroughCatalogue(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	m.put(t, schema("alpha/track", track()), schema("alpha/track", track("speed")))
	if err := m.service.Delete(ctx, schemaRef("alpha/track"), catalog.WriteOptions{}); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Subject: s}))
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Subject: s, OnlyDeleted: true}), 1, 2)
	_, err := m.registry.Registration(ctx, s, catalog.LatestVersion, false)
	wantRule(t, err, catalog.RuleSubjectNotFound)
	m.remove(t, s, catalog.AllVersions, true, 1, 2)
	m.put(t, schema("alpha/track", track()))
	wantNumbers(t, m.numbers(t, catalog.RegistryQuery{Subject: s}), 3)
}

func numbersOnce(t *testing.T, m *mesh) {
	for _, s := range []catalog.Subject{named("alpha.track"), named("orders-value"), {Context: "lab", Name: "x"}} {
		for n := 1; n < 8; n += 2 {
			m.register(t, s, avro(track()), n)
			m.register(t, s, avro(track("speed")), n+1)
			m.remove(t, s, catalog.AllVersions, false, n, n+1)
			m.remove(t, s, n+1, true, n+1)
			m.remove(t, s, catalog.AllVersions, true, n)
			_, err := m.registry.Remove(context.Background(), s, catalog.AllVersions, true)
			wantRule(t, err, catalog.RuleSubjectNotFound)
		}
	}
}

func notRemovable(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	remove := func(version int, permanent bool, rule string) {
		t.Helper()
		_, err := m.registry.Remove(ctx, s, version, permanent)
		wantRule(t, err, rule)
	}
	remove(1, false, catalog.RuleSubjectNotFound)
	remove(catalog.LatestVersion, false, catalog.RuleSubjectNotFound)
	remove(catalog.AllVersions, false, catalog.RuleSubjectNotFound)
	m.register(t, s, avro(track()), 1)
	m.register(t, s, avro(track("speed")), 2)
	remove(3, false, catalog.RuleVersionNotFound)
	remove(-7, false, catalog.RuleVersionNotFound)
	remove(1, true, catalog.RuleNotYetDeleted)
	remove(catalog.AllVersions, true, catalog.RuleNotYetDeleted)
	m.remove(t, s, 1, false, 1)
	remove(1, false, catalog.RuleVersionDeleted)
	remove(catalog.AllVersions, true, catalog.RuleNotYetDeleted)
	m.remove(t, s, catalog.AllVersions, false, 2)
	remove(catalog.AllVersions, false, catalog.RuleSubjectDeleted)
	remove(1, false, catalog.RuleVersionDeleted)
	m.remove(t, s, catalog.AllVersions, true, 1, 2)
	remove(1, true, catalog.RuleSubjectNotFound)
}

// removedText: a text is read by its id as long as any version has it, softly
// deleted or not, and by nobody afterwards.
func removedText(t *testing.T, m *mesh) {
	ctx, s, other := context.Background(), named("alpha.track"), named("orders-value")
	text := m.register(t, s, avro(track()), 1).Schema
	m.register(t, other, avro(track()), 1)
	readable := func(want bool) {
		t.Helper()
		_, byID := m.registry.SchemaByID(ctx, s, text.ID)
		_, _, byGUID := m.registry.SchemaByGUID(ctx, text.GUID)
		for name, err := range map[string]error{"id": byID, "GUID": byGUID} {
			if want && err != nil {
				t.Errorf("by %s: got %v, want the text", name, err)
			}
			if !want {
				wantRule(t, err, catalog.RuleSchemaNotFound)
			}
		}
	}
	readable(true)
	m.remove(t, s, catalog.AllVersions, false, 1)
	m.remove(t, s, catalog.AllVersions, true, 1)
	readable(true) // the other subject has it
	m.remove(t, other, 1, false, 1)
	readable(true) // its readers may still meet the id
	if _, err := m.registry.Registration(ctx, other, 1, true); err != nil {
		t.Errorf("got %v of a deleted version that was asked for, want it", err)
	}
	m.remove(t, other, 1, true, 1)
	readable(false)
	_, err := m.registry.Registration(ctx, other, 1, true)
	wantRule(t, err, catalog.RuleSubjectNotFound)
}
