package registrytest

import (
	"context"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var referenceScenes = []scene{
	{"a text that refers to others", refersToOthers},
	{"what a text cannot refer to", cannotRefer},
	{"the catalogue refers to the catalogue", catalogueRefersToCatalogue},
	{"a version that others refer to stays", referredStays},
	{"a registration through the registry has its references in the catalogue", referencesTwoDoors},
}

const (
	point  = `{"type":"record","name":"Point","namespace":"mesh","fields":[{"name":"lat","type":"double"}]}`
	placed = `{"type":"record","name":"Placed","namespace":"mesh","fields":[{"name":"at","type":"mesh.Point"}]}`
)

func to(s catalog.Subject, version int) catalog.SubjectReference {
	return catalog.SubjectReference{Name: "mesh.Point", Subject: s, Version: version}
}

func refersToOthers(t *testing.T, m *mesh) {
	ctx, base := context.Background(), named("point")
	m.register(t, base, avro(point), 1)
	got := m.register(t, named("placed"), avro(placed, to(base, catalog.LatestVersion)), 1)
	if len(got.Schema.References) != 1 || got.Schema.References[0] != to(base, 1) {
		t.Errorf("got references %+v, want latest replaced by 1", got.Schema.References)
	}
	inLab := m.register(t, catalog.Subject{Context: "lab", Name: "placed"}, avro(placed, to(base, 1)), 1)
	users, err := m.registry.ReferencedBy(ctx, base, 1)
	if err != nil || len(users) != 2 || users[0].Schema.ID != got.Schema.ID || users[1].Subject != inLab.Subject {
		t.Errorf("got %+v, %v, want both that refer to it", users, err)
	}
	m.level(t, catalog.Scope{}, catalog.CompatibilityNone)
	m.register(t, base, avro(strings.ReplaceAll(point, "lat", "lon")), 2)
	second := m.register(t, named("placed"), avro(placed, to(base, catalog.LatestVersion)), 2)
	if second.Schema.ID == got.Schema.ID {
		t.Error("got the same id with another reference, want another one")
	}
	read, err := m.registry.SchemaByID(ctx, base, second.Schema.ID)
	if err != nil || len(read.References) != 1 || read.References[0] != to(base, 2) {
		t.Errorf("got %+v, %v, want the reference with the text", read, err)
	}
	_, err = m.registry.ReferencedBy(ctx, base, 3)
	wantRule(t, err, catalog.RuleVersionNotFound)
	_, err = m.registry.ReferencedBy(ctx, named("none"), 1)
	wantRule(t, err, catalog.RuleSubjectNotFound)
}

func cannotRefer(t *testing.T, m *mesh) {
	base := named("point")
	m.register(t, base, avro(point), 1)
	m.register(t, named("gone"), avro(point), 1)
	m.register(t, named("json"), catalog.Registering{Type: catalog.SchemaJSON, Definition: `{"type":"object"}`}, 1)
	m.register(t, named("loop"), avro(placed, to(base, 1)), 1)
	m.remove(t, named("gone"), 1, false, 1)
	many := make([]catalog.SubjectReference, catalog.MaxReferences+1)
	for name, references := range map[string][]catalog.SubjectReference{
		"no such subject":    {to(named("none"), 1)},
		"no latest":          {to(named("none"), catalog.LatestVersion)},
		"no such version":    {to(base, 2)},
		"a deleted version":  {to(named("gone"), 1)},
		"another type":       {to(named("json"), 1)},
		"itself":             {to(named("new"), 1)},
		"a name twice":       {to(base, 1), to(named("loop"), 1)},
		"no name":            {{Subject: base, Version: 1}},
		"a whole context":    {{Name: "x", Subject: catalog.Subject{Context: "lab"}, Version: 1}},
		"no subject":         {{Name: "x", Version: 1}},
		"a reserved subject": {to(named("__GLOBAL"), 1)},
		"a negative version": {to(base, -1)},
		"another context":    {to(catalog.Subject{Context: "lab", Name: "point"}, 1)},
	} {
		t.Log(name)
		_, err := m.registry.Register(context.Background(), named("new"), avro(placed, references...))
		wantRule(t, err, catalog.RuleSchemaReference)
	}
	_, err := m.registry.Register(context.Background(), named("new"), avro(placed, many...))
	wantRule(t, err, catalog.RuleLimit)
	_, err = m.registry.Register(context.Background(), named("new"), avro(placed)) // names a type that it does not define
	wantRule(t, err, catalog.RuleSchemaText)
	// loop refers to point, so a version of point that refers to loop would
	// close the circle, though no version refers to itself.
	back := `{"type":"record","name":"Back","namespace":"mesh","fields":[{"name":"p","type":"mesh.Placed"}]}`
	_, err = m.registry.Register(context.Background(), base, avro(back, catalog.SubjectReference{Name: "mesh.Placed", Subject: named("loop"), Version: 1}))
	wantRule(t, err, catalog.RuleSchemaReference)
}

func catalogueRefersToCatalogue(t *testing.T, m *mesh) {
	m.register(t, named("point"), avro(point), 1)
	m.register(t, catalog.Subject{Context: "lab", Name: "alpha.point"}, avro(point), 1)
	m.register(t, named("bravo.point"), avro(point), 1)
	for _, s := range []catalog.Subject{named("point"), {Context: "lab", Name: "alpha.point"}} {
		_, err := m.registry.Register(context.Background(), named("alpha.placed"), avro(placed, to(s, 1)))
		wantRule(t, err, catalog.RuleSchemaReference)
	}
	m.register(t, named("alpha.placed"), avro(placed, to(named("bravo.point"), 1)), 1)
	m.register(t, named("other"), avro(placed, to(named("bravo.point"), 1)), 1)
}

func referredStays(t *testing.T, m *mesh) {
	ctx, base, user := context.Background(), named("alpha.point"), named("bravo.placed")
	m.level(t, catalog.Scope{}, catalog.CompatibilityNone)
	m.register(t, base, avro(point), 1)
	m.register(t, user, avro(placed, to(base, 1)), 1)
	m.register(t, base, avro(strings.ReplaceAll(point, "lat", "lon")), 2)
	stays := func(version int) {
		t.Helper()
		_, err := m.registry.Remove(ctx, base, version, false)
		if refused := refusal(t, err, catalog.RuleInUse); !strings.Contains(refused.Error(), "bravo") {
			t.Errorf("got %v, want it to name what refers to it", refused)
		}
	}
	stays(1)
	stays(catalog.AllVersions)
	wantAmong(t, m.service.Delete(ctx, schemaRef("alpha/point"), catalog.WriteOptions{}), catalog.RuleInUse)
	m.remove(t, base, 2, false, 2) // nothing refers to that one
	// What is in force refers to nothing any more; the version before still does.
	m.register(t, user, avro(track()), 2)
	stays(1)
	wantAmong(t, m.service.Delete(ctx, schemaRef("alpha/point"), catalog.WriteOptions{}), catalog.RuleInUse)
	m.remove(t, user, 1, false, 1)
	m.remove(t, base, catalog.AllVersions, false, 1)
	// A deleted version is still read by its id, so its base is not removed for ever.
	_, err := m.registry.Remove(ctx, base, 1, true)
	wantRule(t, err, catalog.RuleInUse)
	m.remove(t, user, 1, true, 1)
	m.remove(t, base, 1, true, 1)
}

func referencesTwoDoors(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.put(t, schema("alpha/point", point))
	m.register(t, named("bravo.placed"), avro(placed, to(named("alpha.point"), 1)), 1)
	got := m.schema(t, "bravo/placed")
	if want := (catalog.SchemaDependency{Schema: "alpha/point", Version: 1}); got.Dependencies["mesh.Point"] != want {
		t.Errorf("got %+v, want the reference in the catalogue", got.Dependencies)
	}
	m.put(t, got) // as it came
	versions, err := m.service.SchemaVersions(ctx, "bravo/placed")
	if err != nil || len(versions) != 1 || versions[0].Dependencies["mesh.Point"].Schema != "alpha/point" {
		t.Errorf("got %+v, %v, want one version with its reference", versions, err)
	}
	wantAmong(t, m.service.Delete(ctx, schemaRef("alpha/point"), catalog.WriteOptions{}), catalog.RuleInUse)
	if err := m.service.Delete(ctx, schemaRef("bravo/placed"), catalog.WriteOptions{}); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if err := m.service.Delete(ctx, schemaRef("alpha/point"), catalog.WriteOptions{}); err != nil {
		t.Errorf("Delete: got %v, want what nothing in force refers to gone", err)
	}
}
