package registrytest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var settingScenes = []scene{
	{"settings hold for what has none of its own", inheritance},
	{"the level of a schema is its subject's", levelTwoDoors},
	{"a level set before the first version", levelBefore},
	{"settings are cleared, below as well", clearing},
	{"settings that are none", noSettings},
	{"a registry that stores canonical texts", canonicalTexts},
}

func (m *mesh) wantSettings(t *testing.T, scope catalog.Scope, want catalog.SubjectSettings) {
	t.Helper()
	got, err := m.registry.Settings(context.Background(), scope)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("settings of %q: %v (-want +got):\n%s", scope, err, diff)
	}
}

func (m *mesh) wantEffective(t *testing.T, scope catalog.Scope, level catalog.Compatibility, mode catalog.RegistryMode) {
	t.Helper()
	got, err := m.registry.Effective(context.Background(), scope)
	if err != nil || got.Compatibility != level || got.Mode != mode || got.Normalize == nil {
		t.Errorf("what holds at %q: got %+v, %v, want %s and %s and no field empty", scope, got, err, level, mode)
	}
}

func inheritance(t *testing.T, m *mesh) {
	lab, inLab, bare := catalog.Scope{Context: "lab"}, catalog.Scope{Context: "lab", Name: "x"}, named("x")
	for _, scope := range []catalog.Scope{{}, lab, inLab, bare, named("alpha.track")} {
		m.wantSettings(t, scope, catalog.SubjectSettings{})
		m.wantEffective(t, scope, catalog.CompatibilityBackward, catalog.ModeReadWrite)
	}
	m.level(t, catalog.Scope{}, catalog.CompatibilityFull)
	m.mode(t, lab, catalog.ModeReadOnly)
	m.wantEffective(t, inLab, catalog.CompatibilityFull, catalog.ModeReadOnly)
	m.wantEffective(t, bare, catalog.CompatibilityFull, catalog.ModeReadWrite)
	m.mode(t, inLab, catalog.ModeReadWrite)
	m.level(t, inLab, catalog.CompatibilityNone)
	m.wantEffective(t, inLab, catalog.CompatibilityNone, catalog.ModeReadWrite)
	m.wantEffective(t, lab, catalog.CompatibilityFull, catalog.ModeReadOnly)
	m.wantSettings(t, inLab, catalog.SubjectSettings{Compatibility: catalog.CompatibilityNone, Mode: catalog.ModeReadWrite})
	m.wantSettings(t, lab, catalog.SubjectSettings{Mode: catalog.ModeReadOnly})
	m.wantEffective(t, catalog.Scope{Context: catalog.ReferenceContext, Name: "track"}, catalog.CompatibilityNone, catalog.ModeReadOnly)
}

func levelTwoDoors(t *testing.T, m *mesh) {
	s := named("alpha.track")
	m.put(t, schema("alpha/track", track()))
	m.wantSettings(t, s, catalog.SubjectSettings{Compatibility: catalog.CompatibilityFullTransitive})
	m.level(t, s, catalog.CompatibilityForward)
	if got := m.schema(t, "alpha/track").Compatibility; got != catalog.CompatibilityForward {
		t.Errorf("got level %s of the schema, want %s", got, catalog.CompatibilityForward)
	}
	m.configure(t, s, catalog.SettingsChange{ClearCompatibility: true})
	if got := m.schema(t, "alpha/track").Compatibility; got != catalog.CompatibilityGlobal {
		t.Errorf("got level %s of the schema, want %s", got, catalog.CompatibilityGlobal)
	}
	m.wantSettings(t, s, catalog.SubjectSettings{})
	m.level(t, catalog.Scope{}, catalog.CompatibilityNone)
	m.wantEffective(t, s, catalog.CompatibilityNone, catalog.ModeReadWrite)
	m.register(t, s, avro(strict("speed")), 2) // the schema follows the registry
}

func levelBefore(t *testing.T, m *mesh) {
	s := named("alpha.track")
	m.level(t, s, catalog.CompatibilityForward)
	m.wantSettings(t, s, catalog.SubjectSettings{Compatibility: catalog.CompatibilityForward})
	m.register(t, s, avro(track()), 1)
	if got := m.schema(t, "alpha/track").Compatibility; got != catalog.CompatibilityForward {
		t.Errorf("got level %s of the schema, want %s", got, catalog.CompatibilityForward)
	}
	m.level(t, s, catalog.CompatibilityFull)
	m.wantSettings(t, s, catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull})
}

func clearing(t *testing.T, m *mesh) {
	lab, inLab, bare := catalog.Scope{Context: "lab"}, catalog.Scope{Context: "lab", Name: "x"}, named("x")
	all := []catalog.Scope{{}, lab, inLab, bare}
	set := func() {
		for _, scope := range all {
			m.configure(t, scope, catalog.SettingsChange{Set: catalog.SubjectSettings{
				Compatibility: catalog.CompatibilityFull, Mode: catalog.ModeReadWrite, Normalize: new(true)}})
		}
	}
	set()
	m.configure(t, bare, catalog.SettingsChange{ClearCompatibility: true})
	m.wantSettings(t, bare, catalog.SubjectSettings{Mode: catalog.ModeReadWrite})
	m.configure(t, bare, catalog.SettingsChange{ClearMode: true})
	m.wantSettings(t, bare, catalog.SubjectSettings{})
	set()
	m.configure(t, lab, catalog.SettingsChange{ClearMode: true, Recursive: true})
	for _, scope := range []catalog.Scope{lab, inLab} {
		m.wantSettings(t, scope, catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull, Normalize: new(true)})
	}
	m.wantSettings(t, bare, catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull, Mode: catalog.ModeReadWrite, Normalize: new(true)})
	m.configure(t, catalog.Scope{}, catalog.SettingsChange{Set: catalog.SubjectSettings{Mode: catalog.ModeReadOnly}, ClearMode: true, ClearCompatibility: false, Recursive: true})
	for _, scope := range all[1:] {
		m.wantSettings(t, scope, catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull, Normalize: new(true)})
		m.wantEffective(t, scope, catalog.CompatibilityFull, catalog.ModeReadOnly)
	}
}

func noSettings(t *testing.T, m *mesh) {
	for name, set := range map[string]catalog.SubjectSettings{
		"no level":   {Compatibility: "BACKWARDS"},
		"a level up": {Compatibility: catalog.CompatibilityGlobal},
		"no mode":    {Mode: "READ"},
	} {
		t.Log(name)
		wantRule(t, m.registry.Configure(context.Background(), named("x"), catalog.SettingsChange{Set: set}), catalog.RuleUnknownValue)
	}
	m.wantSettings(t, named("x"), catalog.SubjectSettings{})
}

func canonicalTexts(t *testing.T, m *mesh) {
	m.configure(t, catalog.Scope{}, catalog.SettingsChange{Set: catalog.SubjectSettings{Normalize: new(true)}})
	wide := "{ \"type\" : \"record\",\n \"name\": \"T\", \"fields\": [] }"
	got := m.register(t, named("x"), avro(wide), 1)
	if got.Schema.Definition == wide {
		t.Errorf("got %q, want the canonical text", got.Schema.Definition)
	}
	m.configure(t, named("y"), catalog.SettingsChange{Set: catalog.SubjectSettings{Normalize: new(false)}})
	other := `{ "type" : "record", "name": "U", "fields": [] }`
	if got := m.register(t, named("y"), avro(other), 1); got.Schema.Definition != other {
		t.Errorf("got %q, want the text as it was sent", got.Schema.Definition)
	}
}
