package registrytest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var evolutionScenes = []scene{
	{"a version that may not follow", mayNotFollow},
	{"a deleted version is not compared with", deletedNotCompared},
	{"what would stop a version", whatWouldStop},
	{"another type of schema", otherType},
	{"HiddenProductNamedInAnIncompatibilityReport", hiddenProductNotNamed},
}

func mayNotFollow(t *testing.T, m *mesh) {
	ctx := context.Background()
	for _, s := range []catalog.Subject{named("alpha.track"), named("x"), {Context: "lab", Name: "x"}} {
		m.register(t, s, avro(track()), 1)
		_, err := m.registry.Register(ctx, s, avro(strict("speed", "course")))
		refused := refusal(t, err, catalog.RuleCompatibility)
		for i, field := range []string{"speed", "course"} {
			p := refused.Problems[i]
			if p.Rule != catalog.RuleCompatibility || p.Field != "/definition" || !strings.Contains(p.Detail, field) || p.Fix == "" {
				t.Errorf("%s: got %+v, want a problem about %s with its fix", s, p, field)
			}
		}
		m.register(t, s, avro(track("speed")), 2)
	}
}

// deletedNotCompared: what nobody is to read any more stops nobody.
func deletedNotCompared(t *testing.T, m *mesh) {
	s := named("alpha.track")
	m.level(t, catalog.Scope{}, catalog.CompatibilityFullTransitive)
	m.register(t, s, avro(track()), 1)
	_, err := m.registry.Register(context.Background(), s, avro(strict("speed")))
	wantRule(t, err, catalog.RuleCompatibility)
	m.remove(t, s, catalog.AllVersions, false, 1)
	m.register(t, s, avro(strict("speed")), 2)
}

func whatWouldStop(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	stops := func(version int, text string, want int) []catalog.Incompatibility {
		t.Helper()
		found, err := m.registry.Compatible(ctx, s, version, avro(text))
		if err != nil || len(found) != want {
			t.Errorf("after version %d: got %+v, %v, want %d", version, found, err, want)
		}
		return found
	}
	stops(catalog.AllVersions, strict("speed"), 0) // the first of a subject
	stops(catalog.LatestVersion, strict("speed"), 0)
	m.level(t, s, catalog.CompatibilityNone)
	m.register(t, s, avro(track()), 1)
	m.register(t, s, avro(strict("speed")), 2)
	stops(1, strict("course"), 0)
	m.level(t, s, catalog.CompatibilityBackward)
	stops(1, strict("speed"), 1)
	stops(2, strict("speed"), 0)
	stops(catalog.LatestVersion, strict("speed"), 0)
	stops(catalog.AllVersions, strict("speed"), 0)
	m.level(t, s, catalog.CompatibilityBackwardTransitive)
	if found := stops(catalog.AllVersions, strict("speed"), 1); len(found) == 1 && found[0].Version != 1 {
		t.Errorf("got version %d, want 1", found[0].Version)
	}
	stops(catalog.LatestVersion, strict("speed"), 0)
	_, err := m.registry.Compatible(ctx, s, 3, avro(track()))
	wantRule(t, err, catalog.RuleVersionNotFound)
	_, err = m.registry.Compatible(ctx, named("none"), 1, avro(track()))
	wantRule(t, err, catalog.RuleSubjectNotFound)
	_, err = m.registry.Compatible(ctx, s, 1, avro(`{"type":`))
	wantRule(t, err, catalog.RuleSchemaText)
}

func otherType(t *testing.T, m *mesh) {
	ctx, json := context.Background(), catalog.Registering{Type: catalog.SchemaJSON, Definition: `{"type":"object"}`}
	for _, s := range []catalog.Subject{named("alpha.track"), named("x")} {
		m.register(t, s, avro(track()), 1)
		_, err := m.registry.Register(ctx, s, json)
		wantRule(t, err, catalog.RuleCompatibility)
		m.level(t, s, catalog.CompatibilityNone)
	}
	m.register(t, named("x"), json, 2)
	_, err := m.registry.Register(ctx, named("alpha.track"), json) // the type of an object stays
	wantRule(t, err, catalog.RuleCompatibility)
	m.remove(t, named("alpha.track"), 1, false, 1)
	m.register(t, named("alpha.track"), json, 2)
}

// hiddenProductNotNamed: a refusal names the products that would break, and
// what the caller may not see is told by no name, no number and no order.
func hiddenProductNotNamed(t *testing.T, m *mesh) {
	ctx, s := context.Background(), named("alpha.track")
	m.register(t, s, avro(track()), 1)
	told := func(through func() error) string {
		t.Helper()
		var refused *catalog.Error
		if err := through(); !errors.As(err, &refused) {
			t.Fatalf("got %v, want a refusal", err)
		}
		return refused.Error()
	}
	doors := map[string]func() error{
		"registry": func() error {
			_, err := m.Registry(owner("alpha")).Register(ctx, s, avro(strict("speed")))
			return err
		},
		"catalogue": func() error {
			_, err := m.As(owner("alpha")).Put(ctx, schema("alpha/track", strict("speed")), catalog.WriteOptions{})
			return err
		},
	}
	before := map[string]string{}
	for door, through := range doors {
		before[door] = told(through)
	}
	m.put(t, product("bravo/hidden", "TOP SECRET//SI//NOFORN", "alpha/track"), product("bravo/below", "TOP SECRET//SI//NOFORN", "", "bravo/hidden"))
	for door, through := range doors {
		if got := told(through); got != before[door] {
			t.Errorf("%s: got %q with a hidden consumer, want what it says without: %q", door, got, before[door])
		}
	}
	m.put(t, product("bravo/shown", "SECRET//NOFORN", "alpha/track"), product("bravo/derived", "SECRET//NOFORN", "", "bravo/shown"))
	for door, through := range doors {
		got := told(through)
		for name, want := range map[string]bool{"bravo/shown": true, "bravo/derived": true, "bravo/hidden": false, "bravo/below": false, "others": false} {
			if strings.Contains(got, name) != want {
				t.Errorf("%s: got %q, want %s in it: %v", door, got, name, want)
			}
		}
	}
}
