// Package registrytest is the suite that every catalog.Registry must pass, with
// the catalog.Service that it is the other door of.
//
// Each test opens a fresh, empty platform with the domains alpha and bravo, and
// then speaks for other callers. It compares rules, numbers and texts, never the
// words of a message, save where a name must or must not be in it.
package registrytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Fixture is one empty platform under the embedded vocabulary and the clock of
// the machine. Subject, Groups, Administrator and Attributes of a caller must
// reach it as they are.
type Fixture struct {
	As       func(catalog.Caller) catalog.Service
	Registry func(catalog.Caller) catalog.Registry
}

// TestRegistry runs the suite. open makes a fresh platform and has it cleaned up
// when t ends; the subtests run in parallel.
func TestRegistry(t *testing.T, open func(t *testing.T) Fixture) {
	for _, group := range [][]scene{
		doorScenes, removalScenes, modeScenes, importScenes, settingScenes, referenceScenes, authorityScenes, evolutionScenes, lookupScenes, hostileScenes,
	} {
		for _, s := range group {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				f := open(t)
				m := &mesh{Fixture: f, service: f.As(administrator()), registry: f.Registry(administrator())}
				m.put(t, domain("alpha"), domain("bravo"))
				s.run(t, m)
			})
		}
	}
}

// scene is one test on a platform of its own.
type scene struct {
	name string
	run  func(*testing.T, *mesh)
}

// mesh is a platform under test, through both doors as the administrator.
type mesh struct {
	Fixture
	service  catalog.Service
	registry catalog.Registry
}

func administrator() catalog.Caller {
	return catalog.Caller{Subject: "admin", Administrator: true, Attributes: attributes("TS", "SI")}
}

func owner(domain string) catalog.Caller {
	return catalog.Caller{Subject: domain + ".owner", Attributes: attributes("S")}
}

func board() catalog.Caller {
	return catalog.Caller{Subject: "chair", Groups: []string{catalog.BoardGroup}, Attributes: attributes("S")}
}

func stranger() catalog.Caller {
	return catalog.Caller{Subject: "stranger", Attributes: attributes("U")}
}

func attributes(clearance string, access ...string) marking.Subject {
	return marking.Subject{Clearance: clearance, CountryOfAffiliation: []string{"USA"}, FineAccessControls: access,
		DutyOrganization: "USA.DOD", EmploymentType: "gov"}
}

func domain(name string) *catalog.Domain {
	return &catalog.Domain{
		Name: name, DisplayName: name, Discipline: catalog.DisciplineOther, Contact: name + "@enclave.example",
		Team: map[string]catalog.Member{name + ".owner": {Role: catalog.RoleOwner}},
	}
}

// track is an AVRO record with an id and these optional fields: each set of
// them can read every other.
func track(fields ...string) string {
	text := `{"type":"record","name":"Track","namespace":"mesh","fields":[{"name":"id","type":"string"}`
	for _, f := range fields {
		text += fmt.Sprintf(`,{"name":%q,"type":"double","default":0}`, f)
	}
	return text + `]}`
}

// strict is an AVRO record with an id and these mandatory fields: no older text
// without them can be read with it.
func strict(fields ...string) string {
	text := `{"type":"record","name":"Track","namespace":"mesh","fields":[{"name":"id","type":"string"}`
	for _, f := range fields {
		text += fmt.Sprintf(`,{"name":%q,"type":"double"}`, f)
	}
	return text + `]}`
}

func avro(text string, references ...catalog.SubjectReference) catalog.Registering {
	return catalog.Registering{Type: catalog.SchemaAvro, Definition: text, References: references}
}

func schema(id, text string) *catalog.Schema {
	ref := catalog.Ref{Kind: catalog.KindSchema, ID: id}
	return &catalog.Schema{Domain: ref.Domain(), Name: ref.Name(), Type: catalog.SchemaAvro, Definition: text}
}

func schemaRef(id string) catalog.Ref { return catalog.Ref{Kind: catalog.KindSchema, ID: id} }

func named(name string) catalog.Subject { return catalog.Subject{Name: name} }

func product(id, banner, schema string, inputs ...string) *catalog.Product {
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: id}
	p := &catalog.Product{Domain: ref.Domain(), Name: ref.Name(), Title: "T", Version: "1.0.0", Marking: banner, Inputs: inputs}
	if schema != "" {
		p.OutputPorts = map[string]catalog.OutputPort{"feed": {Type: catalog.PortHTTP, URL: "https://data.example/" + id, Schema: schema}}
	}
	return p
}

func (m *mesh) put(t *testing.T, objects ...catalog.Object) {
	t.Helper()
	for _, o := range objects {
		if _, err := m.service.Put(context.Background(), o, catalog.WriteOptions{}); err != nil {
			t.Fatalf("Put %s: got %v, want it stored", o.Ref(), err)
		}
	}
}

// register registers as the administrator and asks for a version of the number.
func (m *mesh) register(t *testing.T, s catalog.Subject, r catalog.Registering, version int) catalog.Registration {
	t.Helper()
	got, err := m.registry.Register(context.Background(), s, r)
	if err != nil {
		t.Fatalf("Register %s: got %v, want version %d", s, err, version)
	}
	if got.Version != version || got.Subject != s || got.Schema.ID < 1 || got.Schema.GUID == "" || got.Created == "" {
		t.Errorf("Register %s: got %+v, want version %d, whole", s, got, version)
	}
	return got
}

// schema reads a schema of the catalogue; nil when there is none.
func (m *mesh) schema(t *testing.T, id string) *catalog.Schema {
	t.Helper()
	entry, err := m.service.Get(context.Background(), schemaRef(id))
	if errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatalf("Get %s: %v", id, err)
	}
	s, ok := entry.Object.(*catalog.Schema)
	if !ok {
		t.Fatalf("Get %s: got %T, want a schema", id, entry.Object)
	}
	return s
}

// remove removes as the administrator and asks for these numbers.
func (m *mesh) remove(t *testing.T, s catalog.Subject, version int, permanent bool, want ...int) {
	t.Helper()
	got, err := m.registry.Remove(context.Background(), s, version, permanent)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Remove version %d of %s, permanent %v: got %v, %v, want %v", version, s, permanent, got, err, want)
	}
}

// configure changes settings as the administrator.
func (m *mesh) configure(t *testing.T, scope catalog.Scope, change catalog.SettingsChange) {
	t.Helper()
	if err := m.registry.Configure(context.Background(), scope, change); err != nil {
		t.Fatalf("Configure %q: %v", scope, err)
	}
}

func (m *mesh) mode(t *testing.T, scope catalog.Scope, mode catalog.RegistryMode) {
	t.Helper()
	m.configure(t, scope, catalog.SettingsChange{Set: catalog.SubjectSettings{Mode: mode}})
}

func (m *mesh) level(t *testing.T, scope catalog.Scope, level catalog.Compatibility) {
	t.Helper()
	m.configure(t, scope, catalog.SettingsChange{Set: catalog.SubjectSettings{Compatibility: level}})
}

// numbers are those of a subject's versions that a query asks for.
func (m *mesh) numbers(t *testing.T, q catalog.RegistryQuery) []int {
	t.Helper()
	found, err := m.registry.Registrations(context.Background(), q)
	if err != nil {
		t.Fatalf("Registrations %+v: %v", q, err)
	}
	numbers := []int{}
	for _, r := range found {
		numbers = append(numbers, r.Version)
	}
	return numbers
}

func wantNumbers(t *testing.T, got []int, want ...int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got versions %v, want %v", got, want)
	}
}

// wantRule asks for a refusal whose first problem is of the rule.
func wantRule(t *testing.T, err error, rule string) {
	t.Helper()
	_ = refusal(t, err, rule) // only its rule matters here
}

// refusal is wantRule for those who look at more than the rule.
func refusal(t *testing.T, err error, rule string) *catalog.Error {
	t.Helper()
	var refused *catalog.Error
	if !errors.As(err, &refused) || len(refused.Problems) == 0 {
		t.Fatalf("got error %v, want rule %s", err, rule)
	}
	if got := refused.Problems[0]; got.Rule != rule || got.Detail == "" {
		t.Fatalf("got %+v first, want rule %s with a sentence", got, rule)
	}
	return refused
}

// wantAmong asks for a refusal of the catalogue with a problem of the rule.
func wantAmong(t *testing.T, err error, rule string) {
	t.Helper()
	var refused *catalog.Error
	if !errors.As(err, &refused) {
		t.Fatalf("got error %v, want rule %s", err, rule)
	}
	if !slices.ContainsFunc(refused.Problems, func(p catalog.Problem) bool { return p.Rule == rule }) {
		t.Fatalf("got problems %+v, want one of rule %s", refused.Problems, rule)
	}
}
