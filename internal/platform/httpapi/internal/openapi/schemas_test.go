package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// TestSchemasHoldForBodies validates bodies that the wire writes against the
// definitions of the document, as another program's generated client would.
func TestSchemasHoldForBodies(t *testing.T) {
	t.Parallel()
	validate := compile(t)
	objects := []catalog.Object{
		&catalog.Domain{ID: "a", Name: "a", Discipline: catalog.DisciplineOSINT, Team: map[string]catalog.Member{"x": {Role: catalog.RoleOwner, From: "2026-01-01"}}},
		&catalog.Schema{ID: "a/b", Domain: "a", Name: "b", Type: catalog.SchemaAvro, Compatibility: catalog.CompatibilityGlobal, Definition: "{}", ConformsTo: "track@1", Version: 1,
			Dependencies: map[string]catalog.SchemaDependency{"x.Y": {Schema: "a/c", Version: 2}}},
		&catalog.ReferenceSchema{ID: "b", Name: "b", Type: catalog.SchemaJSON, Definition: "{}", Version: 1},
		&catalog.CaveatPolicy{ID: "a/b", Domain: "a", Name: "b", ReleasableTo: []string{"USA"}, Excluded: []string{}, Inheritance: catalog.InheritCarryAll},
		&catalog.SLA{ID: "a/b", Domain: "a", Name: "b", Freshness: &catalog.Freshness{MaxAge: "15m", Anchor: catalog.AnchorEvent, TargetPercent: 99.5, Window: "30d"}},
		&catalog.Product{ID: "a/b", Domain: "a", Name: "b", Status: catalog.StatusActive, Inputs: []string{"a/c"}, Pipeline: &catalog.Pipeline{Source: "s"},
			OutputPorts: map[string]catalog.OutputPort{"feed": {Type: catalog.PortHTTP, URL: "https://x.example"}}},
	}
	verdict := catalog.Verdict{}
	for _, object := range objects {
		body, err := wire.EncodeObject(object)
		if err != nil {
			t.Fatal(err)
		}
		kind := object.Ref().Kind
		if err := validate(definition(typeOf(kind)), body); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := validate(definition(typeOf(kind)), bytes.Replace(body, []byte(`"b"`), []byte(`7`), 1)); err == nil && kind != catalog.KindDomain {
			t.Errorf("%s: a number for a name is valid", kind)
		}
		verdict.Findings = append(verdict.Findings, catalog.Finding{Ref: object.Ref(), Object: object, Problems: []catalog.Problem{{Rule: "r"}}}, catalog.Finding{Ref: object.Ref()})
	}
	report := catalog.SchemaReport{Schema: "a/b", Version: 1, Fields: 2, Unmarked: []catalog.FieldGap{{Path: "p", Reason: "r"}}}
	answers := map[string]func() ([]byte, error){
		"SchemaReport": func() ([]byte, error) { return wire.EncodeReport(report) },
		"Verdict":      func() ([]byte, error) { return wire.EncodeVerdict(verdict) },
		"Proposal":     func() ([]byte, error) { return wire.EncodeProposal(catalog.Proposal{Puts: objects}) },
		"Problem": func() ([]byte, error) {
			return wire.EncodeProblem(wire.ProblemOf(catalog.ErrConflict, "/p", "r")), nil
		},
	}
	for name, encode := range answers {
		body, err := encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(name, body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := validate("Product", []byte(`{"status":"alive"}`)); err == nil {
		t.Error("an unknown status is valid")
	}
}

// compile returns a function that validates a body against a definition.
func compile(t *testing.T) func(name string, body []byte) error {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(describe(t)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	return func(name string, body []byte) error {
		definition, err := compiler.Compile("openapi.json" + schemaPrefix + name)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			t.Fatal(err)
		}
		return definition.Validate(value)
	}
}
