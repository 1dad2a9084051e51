package catalogtest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var schemaReferenceScenes = []scene{
	{"a schema refers to another", refersToAnother},
	{"a schema refers to a version of the same plan", refersWithinPlan},
	{"references that name nothing", badReferences},
	{"schemas that refer to each other", circles},
	{"a schema that others refer to stays", referredStays},
	{"references in each language", referenceLanguages},
}

const pointText = `{"type":"record","name":"Point","namespace":"mesh","fields":[{"name":"lat","type":"double"}]}`

// placed is a schema with a point in it, of this version of that schema.
func placed(id, of string, version int) *catalog.Schema {
	s := avro(id, `{"type":"record","name":"Placed","namespace":"mesh","fields":[{"name":"at","type":"mesh.Point"}]}`)
	s.Dependencies = map[string]catalog.SchemaDependency{"mesh.Point": {Schema: of, Version: version}}
	return s
}

// otherPoint is a version that may follow pointText.
func otherPoint(id string) *catalog.Schema {
	return avro(id, strings.ReplaceAll(pointText, `}]`, `},{"name":"alt","type":"double","default":0}]`))
}

func refersToAnother(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), avro("alpha/point", pointText), placed("bravo/placed", "alpha/point", 1), otherPoint("alpha/point"))
	first := as[*catalog.Schema](t, m.entry(t, schemaRef("bravo/placed")).Object)
	if first.Version != 1 || len(first.Dependencies) != 1 {
		t.Errorf("got %+v, want version 1 with its reference", first)
	}
	moved := as[*catalog.Schema](t, m.put(t, placed("bravo/placed", "alpha/point", 2)).Object)
	if moved.Version != 2 {
		t.Errorf("got version %d after another reference, want 2", moved.Version)
	}
	versions, err := m.admin.SchemaVersions(context.Background(), "bravo/placed")
	if err != nil || len(versions) != 2 || versions[0].ID == versions[1].ID || versions[0].Dependencies["mesh.Point"].Version != 1 {
		t.Errorf("got %+v, %v, want two versions, each with its reference and an id of its own", versions, err)
	}
}

// refersWithinPlan: what the same plan registers is there, in whatever order it
// is proposed, and no more than that.
func refersWithinPlan(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	base, user := avro("alpha/z-point", pointText), placed("alpha/a-placed", "alpha/z-point", 1)
	for _, puts := range [][]catalog.Object{{base, user}, {user, base}} {
		for ref, finding := range verdict(t, m.admin, catalog.Proposal{Puts: puts}) {
			t.Log(ref)
			wantNone(t, finding.Problems)
		}
	}
	findings := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{base, placed("alpha/a-placed", "alpha/z-point", 2)}})
	wantIn(t, findings[user.Ref()].Problems, "/references/mesh.Point/version", catalog.RuleSchemaReference)
	m.fill(t, base, user)
	next := otherPoint("alpha/z-point")
	findings = verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{next, placed("alpha/a-placed", "alpha/z-point", 2)}})
	wantNone(t, findings[user.Ref()].Problems)
	if got := as[*catalog.Schema](t, findings[user.Ref()].Object).Version; got != 2 {
		t.Errorf("got version %d planned, want 2", got)
	}
	// Another layout registers nothing, so there is no version 2.
	wide := avro("alpha/z-point", strings.ReplaceAll(pointText, ",", ", "))
	findings = verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{wide, placed("alpha/a-placed", "alpha/z-point", 2)}})
	wantIn(t, findings[user.Ref()].Problems, "/references/mesh.Point/version", catalog.RuleSchemaReference)
	findings = verdict(t, m.admin, catalog.Proposal{Deletes: []catalog.Ref{base.Ref()}, Puts: []catalog.Object{placed("alpha/other", "alpha/z-point", 1)}})
	wantIn(t, findings[schemaRef("alpha/other")].Problems, "/references/mesh.Point/version", catalog.RuleSchemaReference)
	wantIn(t, findings[base.Ref()].Problems, "", catalog.RuleInUse)
	findings = verdict(t, m.admin, catalog.Proposal{Deletes: []catalog.Ref{base.Ref(), user.Ref()}})
	wantNone(t, findings[base.Ref()].Problems)
	wantNone(t, findings[user.Ref()].Problems)
}

func badReferences(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), avro("alpha/point", pointText), schema("alpha/json"), avro("alpha/gone", pointText))
	if err := m.admin.Delete(context.Background(), schemaRef("alpha/gone"), catalog.WriteOptions{}); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	at := func(part string) string { return catalog.PointerTo("references", "mesh.Point", part) }
	m.refused(t, placed("alpha/p", "alpha/none", 1), at("schema"), catalog.RuleReference)
	m.refused(t, placed("alpha/p", "alpha/gone", 1), at("version"), catalog.RuleSchemaReference)
	m.refused(t, placed("alpha/p", "alpha/point", 2), at("version"), catalog.RuleSchemaReference)
	m.refused(t, placed("alpha/p", "alpha/json", 1), at("schema"), catalog.RuleSchemaReference)
	m.refused(t, placed("alpha/p", "alpha/p", 1), at("schema"), catalog.RuleSchemaReference)
	m.refused(t, placed("alpha/p", "no id", 1), at("schema"), catalog.RuleFormat)
	m.refused(t, placed("alpha/p", "alpha/point", 0), at("version"), catalog.RuleLimit)
	without := placed("alpha/p", "alpha/point", 1)
	without.Dependencies = nil
	m.refused(t, without, "/definition", catalog.RuleSchemaText)
	many := placed("alpha/p", "alpha/point", 1)
	for i := range catalog.MaxReferences {
		many.Dependencies[fmt.Sprint(i)] = many.Dependencies["mesh.Point"]
	}
	m.refused(t, many, "/references", catalog.RuleLimit)
}

// circles: no way of references leads back to the schema that it starts from,
// whatever the versions on it.
func circles(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	ring := func(id, name, of string) *catalog.Schema {
		s := avro(id, fmt.Sprintf(`{"type":"record","name":"%s","fields":[]}`, name))
		s.Dependencies = map[string]catalog.SchemaDependency{"x": {Schema: of, Version: 1}}
		return s
	}
	findings := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{
		ring("alpha/a", "A", "alpha/b"), ring("alpha/b", "B", "alpha/c"), ring("alpha/c", "C", "alpha/a"), ring("alpha/d", "D", "alpha/a"),
	}})
	for _, id := range []string{"alpha/a", "alpha/b", "alpha/c", "alpha/d"} {
		wantIn(t, findings[schemaRef(id)].Problems, "/references", catalog.RuleSchemaReference)
	}
	m.fill(t, avro("alpha/a", `{"type":"record","name":"A","fields":[]}`), ring("alpha/b", "B", "alpha/a"), ring("alpha/c", "C", "alpha/b"))
	m.refused(t, ring("alpha/a", "A", "alpha/c"), "/references", catalog.RuleSchemaReference)

	long := []catalog.Object{avro("alpha/r0", `{"type":"record","name":"R0","fields":[]}`)}
	for i := 1; i < 80; i++ {
		long = append(long, ring(fmt.Sprintf("alpha/r%d", i), fmt.Sprintf("R%d", i), fmt.Sprintf("alpha/r%d", i-1)))
	}
	findings = verdict(t, m.admin, catalog.Proposal{Puts: long})
	wantNone(t, findings[schemaRef("alpha/r30")].Problems)
	wantIn(t, findings[schemaRef("alpha/r79")].Problems, "/references", catalog.RuleSchemaReference)
}

func referredStays(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.fill(t, domain("alpha"), domain("bravo"), avro("alpha/point", pointText), placed("bravo/placed", "alpha/point", 1))
	base, user := schemaRef("alpha/point"), schemaRef("bravo/placed")
	err := m.admin.Delete(ctx, base, catalog.WriteOptions{})
	if p := wantProblem(t, err, catalog.CodeConflict, "", catalog.RuleInUse); !strings.Contains(p.Detail, "bravo/placed") {
		t.Errorf("got %q, want bravo/placed named", p.Detail)
	}
	plain := avro("bravo/placed", avroTrack())
	plain.Compatibility = catalog.CompatibilityNone
	m.put(t, plain)
	// Version 1 of bravo/placed is not in force, and still read.
	wantProblem(t, m.admin.Delete(ctx, base, catalog.WriteOptions{}), catalog.CodeConflict, "", catalog.RuleInUse)
	for _, ref := range []catalog.Ref{user, base} {
		if err := m.admin.Delete(ctx, ref, catalog.WriteOptions{}); err != nil {
			t.Errorf("Delete %s: got %v, want it gone", ref, err)
		}
	}
}

func referenceLanguages(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	for _, c := range []struct {
		typ              catalog.SchemaType
		name, base, user string
	}{
		{catalog.SchemaJSON, "https://mesh.example/point", `{"type":"object","properties":{"lat":{"type":"number"}}}`,
			`{"type":"object","properties":{"at":{"$ref":"https://mesh.example/point"}}}`},
		{catalog.SchemaProtobuf, "mesh/point.proto", "syntax = \"proto3\";\npackage mesh;\nmessage Point { double lat = 1; }\n",
			"syntax = \"proto3\";\npackage mesh;\nimport \"mesh/point.proto\";\nmessage Placed { mesh.Point at = 1; }\n"},
	} {
		base, user := schema("alpha/base-"+strings.ToLower(string(c.typ))), schema("alpha/user-"+strings.ToLower(string(c.typ)))
		base.Type, base.Definition = c.typ, c.base
		user.Type, user.Definition = c.typ, c.user
		m.put(t, base)
		m.refused(t, user, "/definition", catalog.RuleSchemaText)
		user.Dependencies = map[string]catalog.SchemaDependency{c.name: {Schema: base.Ref().ID, Version: 1}}
		m.put(t, user)
	}
}
