package catalogtest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var conformanceScenes = []scene{
	{"who writes reference schemas", whoWritesReferenceSchemas},
	{"versions of a reference schema", referenceSchemaVersions},
	{"a schema conforms to a reference schema", conforms},
	{"a reference schema moves on", movesOn},
	{"a reference schema that is followed stays", followedStays},
	{"what the report on a schema says", reports},
	{"warnings about a schema's documentation", documentationWarnings},
}

func referenceRef(name string) catalog.Ref {
	return catalog.Ref{Kind: catalog.KindReferenceSchema, ID: name}
}

// board speaks for the stewardship board.
func board() catalog.Caller {
	c := person("chair", "S", "USA")
	c.Groups = []string{"other", catalog.BoardGroup}
	return c
}

func objectText(properties ...string) string {
	return `{"type":"object","properties":{` + strings.Join(properties, ",") + `}}`
}

const (
	idProperty    = `"id":{"type":"string","description":"Identity of the track."}`
	speedProperty = `"speed":{"type":"number","description":"Speed over ground, metres per second"}`
)

func requiring(names string, properties ...string) string {
	return strings.TrimSuffix(objectText(properties...), "}") + `,"required":[` + names + `]}`
}

func referenceSchema(name, text string) *catalog.ReferenceSchema {
	return &catalog.ReferenceSchema{Name: name, Description: "What every track says.", Type: catalog.SchemaJSON, Definition: text}
}

func conforming(id, to, text string) *catalog.Schema {
	s := schema(id)
	s.ConformsTo, s.Definition, s.Compatibility = to, text, catalog.CompatibilityNone
	return s
}

func whoWritesReferenceSchemas(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.fill(t, domain("alpha"))
	track := referenceSchema("track", objectText(idProperty))
	for who, c := range map[string]struct {
		caller catalog.Caller
		may    bool
	}{
		"administrator": {administrator(), true}, "board": {board(), true},
		"owner of a domain": {owner("alpha"), false}, "anybody": {person("x", "TS", "USA", "SI"), false},
		"a group of a like name": {catalog.Caller{Subject: "x", Groups: []string{"stewardship", "Stewardship-Board", "stewardship-board "}}, false},
	} {
		service := m.As(c.caller)
		_, err := service.Put(ctx, track, catalog.WriteOptions{})
		planned := verdict(t, service, catalog.Proposal{Puts: []catalog.Object{track}})[track.Ref()].Problems
		if c.may {
			if err != nil || len(planned) > 0 {
				t.Errorf("%s: got %v and %v planned, want it permitted", who, err, planned)
			}
			if err := service.Delete(ctx, track.Ref(), catalog.WriteOptions{}); err != nil {
				t.Errorf("%s: got %v, want the deletion permitted", who, err)
			}
			continue
		}
		t.Log(who)
		wantCode(t, err, catalog.CodeForbidden)
		wantIn(t, planned, "", catalog.RuleForbidden)
	}
	m.put(t, track)
	_, err := m.As(board()).Put(ctx, schema("alpha/s"), catalog.WriteOptions{})
	wantCode(t, err, catalog.CodeForbidden) // it stands above the domains and writes in none
	wantCode(t, m.As(owner("alpha")).Delete(ctx, track.Ref(), catalog.WriteOptions{}), catalog.CodeForbidden)
	if _, err := m.As(person("x", "U", "NZL")).Get(ctx, track.Ref()); err != nil {
		t.Errorf("got %v, want everybody to see it", err)
	}
	if got := ids(t, m.As(person("x", "U", "NZL")), catalog.Query{Kind: catalog.KindReferenceSchema, Text: "every"}); !slices.Equal(got, []string{"track"}) {
		t.Errorf("got %v, want it found by its description", got)
	}
}

func referenceSchemaVersions(t *testing.T, m *mesh) {
	ctx, text := context.Background(), objectText(idProperty)
	got := as[*catalog.ReferenceSchema](t, m.put(t, referenceSchema("track", text)).Object)
	want := referenceSchema("track", text)
	want.ID, want.Version = "track", 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("as stored (-want +got):\n%s", diff)
	}
	m.put(t, got) // as it came
	other := as[*catalog.ReferenceSchema](t, m.put(t, referenceSchema("track", requiring(`"id"`, idProperty, speedProperty))).Object)
	if other.Version != 2 {
		t.Errorf("got version %d, want 2", other.Version)
	}
	avro := referenceSchema("track", avroTrack())
	avro.Type = catalog.SchemaAvro
	m.refused(t, avro, "/type", catalog.RuleImmutable)
	m.refused(t, referenceSchema("track", `{"type":`), "/definition", catalog.RuleSchemaText)
	m.refused(t, referenceSchema("track", ""), "/definition", catalog.RuleRequired)
	m.refused(t, referenceSchema("Track", text), "/name", catalog.RuleFormat)
	forged := referenceSchema("track", text)
	forged.Version = 7
	m.refused(t, forged, "/version", catalog.RuleReadOnly)
	if err := m.admin.Delete(ctx, referenceRef("track"), catalog.WriteOptions{}); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if again := as[*catalog.ReferenceSchema](t, m.put(t, referenceSchema("track", text)).Object); again.Version != 3 {
		t.Errorf("got version %d after a deletion, want 3", again.Version)
	}
}

func conforms(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), referenceSchema("track", requiring(`"id"`, idProperty)))
	m.put(t, conforming("alpha/s", "track", requiring(`"id"`, idProperty, speedProperty)))
	m.put(t, conforming("alpha/fixed", "track@1", requiring(`"id"`, idProperty)))
	m.put(t, conforming("alpha/free", "", objectText(speedProperty)))
	m.refused(t, conforming("alpha/free", "track", objectText(speedProperty)), "/definition", catalog.RuleConformance)
	p := m.refused(t, conforming("alpha/s", "track", requiring(`"id"`, `"id":{"type":"integer"}`)), "/definition", catalog.RuleConformance)
	if !strings.Contains(p.Detail, "id") || p.Fix == "" {
		t.Errorf("got %+v, want the field named and a fix", p)
	}
	m.refused(t, conforming("alpha/s", "plot", objectText(idProperty)), "/conforms_to", catalog.RuleReference)
	m.refused(t, conforming("alpha/s", "track@2", requiring(`"id"`, idProperty)), "/conforms_to", catalog.RuleConformance)
	m.refused(t, conforming("alpha/s", "track@0", requiring(`"id"`, idProperty)), "/conforms_to", catalog.RuleFormat)
	m.refused(t, conforming("alpha/s", "No Name", requiring(`"id"`, idProperty)), "/conforms_to", catalog.RuleFormat)

	// Both in one plan, in either order.
	next, follower := referenceSchema("track", requiring(`"id","speed"`, idProperty, speedProperty)), conforming("alpha/new", "track@2", requiring(`"id","speed"`, idProperty, speedProperty))
	for _, puts := range [][]catalog.Object{{next, follower}, {follower, next}} {
		wantNone(t, verdict(t, m.admin, catalog.Proposal{Puts: puts})[follower.Ref()].Problems)
	}
	follower.Definition = requiring(`"id"`, idProperty)
	wantIn(t, verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{follower, next}})[follower.Ref()].Problems, "/definition", catalog.RuleConformance)
}

// movesOn: the board may change what domains conform to. It is warned of those
// that follow the current version and are left behind, and they are not held up.
func movesOn(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), referenceSchema("track", requiring(`"id"`, idProperty)),
		conforming("alpha/follows", "track", requiring(`"id"`, idProperty)), conforming("alpha/fixed", "track@1", requiring(`"id"`, idProperty)),
		conforming("alpha/ahead", "track", requiring(`"id","speed"`, idProperty, speedProperty)))
	next := referenceSchema("track", requiring(`"id","speed"`, idProperty, speedProperty))
	finding := verdict(t, m.As(board()), catalog.Proposal{Puts: []catalog.Object{next}})[next.Ref()]
	wantNone(t, finding.Problems)
	p := wantIn(t, finding.Warnings, "/definition", catalog.RuleConformance)
	if len(finding.Warnings) != 1 || !strings.Contains(p.Detail, "alpha/follows") {
		t.Errorf("got %+v, want one warning about alpha/follows", finding.Warnings)
	}
	described := referenceSchema("track", requiring(`"id"`, idProperty))
	described.Description = "Changed."
	if got := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{described}})[next.Ref()].Warnings; len(got) > 0 {
		t.Errorf("got %+v for another description, want nothing", got)
	}
	m.put(t, next)
	left := conforming("alpha/follows", "track", requiring(`"id"`, idProperty))
	left.Description = "Still here."
	m.put(t, left)
	finding = verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{left}})[left.Ref()]
	wantNone(t, finding.Problems)
	wantIn(t, finding.Warnings, "/definition", catalog.RuleConformance)
	left.Definition = requiring(`"id"`, idProperty, `"other":{"type":"string","description":"Other."}`)
	m.refused(t, left, "/definition", catalog.RuleConformance)
	left.ConformsTo = "track@1"
	m.put(t, left)
}

func followedStays(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.fill(t, domain("alpha"), referenceSchema("track", objectText(idProperty)), conforming("alpha/s", "track@1", objectText(idProperty)))
	err := m.As(board()).Delete(ctx, referenceRef("track"), catalog.WriteOptions{})
	if p := wantProblem(t, err, catalog.CodeConflict, "", catalog.RuleInUse); !strings.Contains(p.Detail, "alpha/s") {
		t.Errorf("got %q, want alpha/s named", p.Detail)
	}
	m.put(t, conforming("alpha/s", "", objectText(idProperty)))
	if err := m.As(board()).Delete(ctx, referenceRef("track"), catalog.WriteOptions{}); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	m.put(t, referenceSchema("track", objectText(idProperty)))
	m.refused(t, conforming("alpha/s", "track@1", objectText(idProperty)), "/conforms_to", catalog.RuleConformance) // it was deleted
	m.put(t, conforming("alpha/s", "track@2", objectText(idProperty)))
}

func reports(t *testing.T, m *mesh) {
	ctx, text := context.Background(), requiring(`"id"`, `"id":{"type":"string"}`, `"speed":{"type":"number","description":"How fast."}`, `"marking":{"type":"string","description":"Portion mark."}`)
	m.fill(t, domain("alpha"), referenceSchema("track", requiring(`"id"`, `"id":{"type":"string"}`)), conforming("alpha/s", "track", text))
	m.put(t, referenceSchema("track", requiring(`"id","course"`, `"id":{"type":"string"}`, `"course":{"type":"number"}`)))
	got, err := m.As(person("x", "U", "NZL")).SchemaReport(ctx, "alpha/s")
	if err != nil {
		t.Fatalf("SchemaReport: %v", err)
	}
	if got.Schema != "alpha/s" || got.Version != 1 || got.Fields != 3 {
		t.Errorf("got %+v, want alpha/s, version 1, 3 fields", got)
	}
	for name, c := range map[string]struct {
		gaps []catalog.FieldGap
		want string
	}{
		"undescribed": {got.Undescribed, "id"}, "without unit": {got.WithoutUnit, "speed"},
		"unmarked": {got.Unmarked, "id"}, "nonconforming": {got.Nonconforming, "course"},
	} {
		if !slices.ContainsFunc(c.gaps, func(g catalog.FieldGap) bool { return g.Path == c.want && g.Reason != "" }) {
			t.Errorf("%s: got %+v, want field %s with a reason", name, c.gaps, c.want)
		}
	}
	m.put(t, conforming("alpha/clean", "", objectText(idProperty)))
	clean, err := m.admin.SchemaReport(ctx, "alpha/clean")
	if n := len(clean.Undescribed) + len(clean.WithoutUnit) + len(clean.Unmarked) + len(clean.Nonconforming); n > 0 || err != nil || clean.Fields != 1 {
		t.Errorf("got %+v, %v, want one field and no gap", clean, err)
	}
	_, err = m.admin.SchemaReport(ctx, "alpha/none")
	wantCode(t, err, catalog.CodeNotFound)
}

// documentationWarnings: a schema has its own, and a product those of a schema
// that the plan leaves alone.
func documentationWarnings(t *testing.T, m *mesh) {
	bad := schema("alpha/s")
	bad.Definition = objectText(`"id":{"type":"string"}`, `"speed":{"type":"number","description":"How fast."}`, `"marking":{"type":"string","description":"Portion mark."}`)
	p := published("alpha/p", "SECRET")
	m.fill(t, domain("alpha"), sla("alpha/l"))
	findings := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{bad, p}})
	for _, rule := range []string{catalog.RuleFieldDocumentation, catalog.RuleFieldUnit, catalog.RuleFieldMarking} {
		wantIn(t, findings[bad.Ref()].Warnings, "/definition", rule)
	}
	if got := findings[p.Ref()].Warnings; len(got) > 0 {
		t.Errorf("got %+v on the product, want them on the schema of the same plan only", got)
	}
	m.fill(t, bad, p)
	finding := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{p}})[p.Ref()]
	wantIn(t, finding.Warnings, "/output_ports/feed/schema", catalog.RuleFieldDocumentation)
	wantNone(t, finding.Problems)
}
