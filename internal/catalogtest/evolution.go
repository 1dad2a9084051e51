package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var evolutionScenes = []scene{
	{"what may follow under which mode", followsUnderMode},
	{"the mode that counts is the one proposed", proposedMode},
	{"a hundred incompatibilities and then their number", manyIncompatibilities},
	{"who would break is named as far as it is seen", consumersNamed},
	{"an incompatible text that is stored already", storedIncompatible},
	{"AlternativesThatTakeForeverToCompare", alternatives},
}

// pair is an older text and a newer one, and the modes that let the newer follow.
type pair struct {
	name       string
	typ        catalog.SchemaType
	old, new   string
	compatible []catalog.Compatibility
}

var modes = []catalog.Compatibility{
	catalog.CompatibilityNone, catalog.CompatibilityBackward, catalog.CompatibilityBackwardTransitive,
	catalog.CompatibilityForward, catalog.CompatibilityForwardTransitive, catalog.CompatibilityFull, catalog.CompatibilityFullTransitive,
}

var (
	onlyNone     = modes[:1]
	onlyBackward = modes[:3]
	onlyForward  = []catalog.Compatibility{modes[0], modes[3], modes[4]}
)

// avroTrack is a record with an id, a string, and these further fields.
func avroTrack(fields ...string) string {
	return `{"type":"record","name":"Track","doc":"A track.","fields":[` +
		strings.Join(append([]string{`{"name":"id","type":"string","doc":"Identity."}`}, fields...), ",") + `]}`
}

var pairs = []pair{
	{"a field with a default", catalog.SchemaAvro, avroTrack(), avroTrack(`{"name":"n","type":"int","default":0}`), modes},
	{"a field without a default", catalog.SchemaAvro, avroTrack(), avroTrack(`{"name":"n","type":"int"}`), onlyForward},
	{"a field removed", catalog.SchemaAvro, avroTrack(`{"name":"n","type":"int"}`), avroTrack(), onlyBackward},
	{"a wider number", catalog.SchemaAvro, avroTrack(`{"name":"n","type":"int"}`), avroTrack(`{"name":"n","type":"long"}`), onlyBackward},
	{"another name", catalog.SchemaAvro, avroTrack(), strings.ReplaceAll(avroTrack(), "Track", "Plot"), onlyNone},
	{"a property of a closed object", catalog.SchemaJSON, `{"type":"object","additionalProperties":false}`,
		`{"type":"object","additionalProperties":false,"properties":{"n":{"type":"integer"}}}`, onlyBackward},
	{"a property required", catalog.SchemaJSON, `{"type":"object","properties":{"n":{"type":"integer"}}}`,
		`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}`, onlyForward},
	{"another type of property", catalog.SchemaJSON, `{"type":"object","properties":{"n":{"type":"integer"}}}`,
		`{"type":"object","properties":{"n":{"type":"string"}}}`, onlyNone},
	{"a field of a message", catalog.SchemaProtobuf, "syntax = \"proto3\";\nmessage T { string id = 1; }\n",
		"syntax = \"proto3\";\nmessage T { string id = 1; double n = 2; }\n", modes},
	{"another package", catalog.SchemaProtobuf, "syntax = \"proto3\";\npackage a;\nmessage T { string id = 1; }\n",
		"syntax = \"proto3\";\npackage b;\nmessage T { string id = 1; }\n", onlyNone},
}

// followsUnderMode asks the plan and the platform, which have to agree.
func followsUnderMode(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	for i, p := range pairs {
		for j, mode := range modes {
			s := schema(fmt.Sprintf("alpha/s%d-%d", i, j))
			s.Type, s.Definition, s.Compatibility = p.typ, p.old, mode
			m.put(t, s)
			s.Definition = p.new
			want := slices.Contains(p.compatible, mode)
			planned := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{s}})[s.Ref()].Problems
			_, err := m.admin.Put(context.Background(), s, catalog.WriteOptions{})
			if (err == nil) != want || (len(planned) == 0) != want {
				t.Errorf("%s under %s: got %v planned and %v applied, want compatible %v", p.name, mode, planned, err, want)
			}
			if want {
				continue
			}
			if problem := wantProblem(t, err, catalog.CodeInvalid, "/definition", catalog.RuleCompatibility); problem.Fix == "" {
				t.Errorf("%s under %s: got %q without a fix", p.name, mode, problem.Detail)
			}
		}
	}
}

// proposedMode: a schema may be loosened and changed at once, and GLOBAL is
// BACKWARD where nobody has configured the registry.
func proposedMode(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), avro("alpha/s", avroTrack()), avro("alpha/g", avroTrack()))
	s := avro("alpha/s", avroTrack(`{"name":"n","type":"int"}`))
	m.refused(t, s, "/definition", catalog.RuleCompatibility) // FULL_TRANSITIVE is the default
	s.Compatibility = catalog.CompatibilityForward
	m.put(t, s)
	s.Definition = avroTrack()
	m.refused(t, s, "/definition", catalog.RuleCompatibility)

	g := avro("alpha/g", avroTrack(`{"name":"n","type":"int"}`))
	g.Compatibility = catalog.CompatibilityGlobal
	m.refused(t, g, "/definition", catalog.RuleCompatibility)
	g.Definition = avroTrack(`{"name":"n","type":"int","default":0}`)
	m.put(t, g)
	g.Definition = avroTrack()
	m.put(t, g)
}

func avro(id, text string) *catalog.Schema {
	s := schema(id)
	s.Type, s.Definition = catalog.SchemaAvro, text
	return s
}

func manyIncompatibilities(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), avro("alpha/s", avroTrack()))
	var fields []string
	for i := range 130 {
		fields = append(fields, fmt.Sprintf(`{"name":"n%d","type":"int"}`, i))
	}
	s := avro("alpha/s", avroTrack(fields...))
	s.Compatibility = catalog.CompatibilityBackward
	_, err := m.admin.Put(context.Background(), s, catalog.WriteOptions{})
	problems := refusal(t, err, catalog.CodeInvalid).Problems
	if len(problems) != 101 || !slices.ContainsFunc(problems, func(p catalog.Problem) bool { return strings.Contains(p.Detail, "30 more") }) {
		t.Errorf("got %d problems, want a hundred and one that tells of 30 more", len(problems))
	}
}

// consumersNamed: the products that serve the schema and what is made from
// them, through any number of steps, and nothing that the caller does not see.
func consumersNamed(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), avro("alpha/s", avroTrack()))
	serving := product("alpha/serving", "SECRET//NOFORN")
	serving.OutputPorts = map[string]catalog.OutputPort{"x": {Type: catalog.PortFile, URL: "file:///x", Schema: "alpha/s"}}
	hidden := product("bravo/hidden", "TOP SECRET//SI//NOFORN")
	hidden.OutputPorts = serving.OutputPorts
	m.fill(t, serving, hidden, product("bravo/one", "SECRET//NOFORN", "alpha/serving"), product("bravo/two", "SECRET//NOFORN", "bravo/one"),
		product("bravo/above", "TOP SECRET//SI//NOFORN", "bravo/two"), product("bravo/apart", "SECRET//NOFORN"))
	breaking := avro("alpha/s", avroTrack(`{"name":"n","type":"int"}`))
	for who, c := range map[string]struct {
		service catalog.Service
		want    []string
	}{
		"owner":         {m.As(owner("alpha")), []string{"alpha/serving", "bravo/one", "bravo/two"}},
		"administrator": {m.admin, []string{"alpha/serving", "bravo/hidden", "bravo/one", "bravo/two", "bravo/above"}},
	} {
		_, err := c.service.Put(context.Background(), breaking, catalog.WriteOptions{})
		told := fmt.Sprint(refusal(t, err, catalog.CodeInvalid).Problems)
		planned := fmt.Sprint(verdict(t, c.service, catalog.Proposal{Puts: []catalog.Object{breaking}})[breaking.Ref()].Problems)
		for _, id := range []string{"alpha/serving", "bravo/hidden", "bravo/one", "bravo/two", "bravo/above", "bravo/apart"} {
			want := slices.Contains(c.want, id)
			if strings.Contains(told, id) != want || strings.Contains(planned, id) != want {
				t.Errorf("%s: got %s applied and %s planned, want %s named %v", who, told, planned, id, want)
			}
		}
	}
}

// storedIncompatible: what is in force is not refused, whatever its mode says
// of the versions before; the next change of the text is judged.
func storedIncompatible(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), avro("alpha/s", avroTrack()))
	s := avro("alpha/s", avroTrack(`{"name":"n","type":"int"}`))
	s.Compatibility = catalog.CompatibilityNone
	m.put(t, s)
	s.Compatibility = catalog.CompatibilityFullTransitive
	m.put(t, s)
	m.put(t, s)
	s.Description = "A track."
	m.put(t, s)
	wantNone(t, verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{s}})[s.Ref()].Problems)
	s.Definition = avroTrack(`{"name":"n","type":"int"}`, `{"name":"k","type":"int","default":0}`)
	if _, err := m.admin.Put(context.Background(), s, catalog.WriteOptions{}); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("got %v, want a text refused that cannot read version 1", err)
	}
}

// alternatives: many records, each of which reads none of many others. What
// cannot be compared in bounded time is refused, and says so.
func alternatives(t *testing.T, m *mesh) {
	union := func(name string) string {
		records := make([]string, 1500)
		for i := range records {
			records[i] = fmt.Sprintf(`{"type":"record","name":"%s%d","fields":[{"name":"x","type":"int"}]}`, name, i)
		}
		return "[" + strings.Join(records, ",") + "]"
	}
	m.fill(t, domain("alpha"), avro("alpha/s", union("A")))
	if p := m.refused(t, avro("alpha/s", union("B")), "/definition", catalog.RuleTooComplex); p.Fix == "" {
		t.Errorf("got %q without a fix", p.Detail)
	}
	free := avro("alpha/s", union("B"))
	free.Compatibility = catalog.CompatibilityNone
	m.put(t, free)
}
