package catalogtest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var objectScenes = []scene{
	{"round trip of every kind", roundTrip},
	{"stored in normal form", normalForm},
	{"a put that changes nothing", unchangedPut},
	{"read-only fields", readOnlyFields},
	{"every problem at once", everyProblem},
	{"dangling references", danglingReferences},
	{"nobody gets nothing", nobody},
}

// full is one object of each kind with every field set.
func full() []catalog.Object {
	d := domain("alpha")
	d.Description, d.DeletionProtection = "All of it.", true
	d.Team["x@y:z"] = catalog.Member{Role: catalog.RoleReleaser, From: "2020-01-01", Until: "2090-12-31"}
	s := schema("alpha/s")
	s.Description, s.Compatibility = "A track.", catalog.CompatibilityBackward
	c := policy("alpha/c", []string{"USA", "GBR"}, []string{"NZL"})
	c.Description, c.DisplayOnlyTo, c.Inheritance = "Partners.", []string{"DEU"}, catalog.InheritOwnerApproval
	c.DisseminationList, c.ApprovedDependants = []string{"GBR.MOD"}, []string{"bravo/derived"}
	l := sla("alpha/l")
	l.Description = "Fast."
	l.Freshness = &catalog.Freshness{MaxAge: "15m", Anchor: catalog.AnchorEvent, TargetPercent: 99, Window: "30d"}
	l.Completeness, l.Accuracy = &catalog.Objective{TargetPercent: 98, Window: "7d"}, &catalog.Objective{TargetPercent: 0.5, Window: "1h30m"}
	p := published("alpha/p", "SECRET//REL TO USA, GBR", "alpha/source")
	p.CaveatPolicy = "alpha/c"
	p.Pipeline = &catalog.Pipeline{
		Image:  "registry.example:5000/etl/tracks:1.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		Source: "kafka://raw.example/tracks",
	}
	p.DocumentationLinks = []string{"https://docs.example/tracks"}
	p.Purpose, p.Limitations, p.SupportContact = "To see.", "Not at night.\nNot in rain.", "help@enclave.example"
	p.DeletionProtection = true
	feed := p.OutputPorts["feed"]
	feed.ContentType, feed.RecordMarking = "application/geo+json; charset=utf-8", "security.marking"
	p.OutputPorts["feed"] = feed
	p.Status, p.DeprecatedOn, p.SunsetOn, p.Successor = catalog.StatusDeprecated, "2026-03-01", "2027-03-01", "alpha/source"
	return []catalog.Object{d, s, c, l, product("alpha/source", "SECRET//REL TO USA, GBR"), p}
}

func roundTrip(t *testing.T, m *mesh) {
	for _, want := range full() {
		put := m.put(t, want.Clone())
		got := m.entry(t, want.Ref())
		if diff := cmp.Diff(put, got); diff != "" {
			t.Errorf("%s: Put and Get differ (-put +get):\n%s", want.Ref(), diff)
		}
		if got.Revision == "" {
			t.Errorf("%s: got no revision, want one", want.Ref())
		}
		if diff := cmp.Diff(withComputed(want), got.Object); diff != "" {
			t.Errorf("%s: stored object differs (-want +got):\n%s", want.Ref(), diff)
		}
	}
}

// withComputed is the object as it would be stored: these are in normal form.
func withComputed(o catalog.Object) catalog.Object {
	switch o := o.Clone().(type) {
	case *catalog.Domain:
		o.ID = o.Ref().ID
		return o
	case *catalog.Schema:
		o.ID, o.Version = o.Ref().ID, 1
		return o
	case *catalog.CaveatPolicy:
		o.ID = o.Ref().ID
		return o
	case *catalog.SLA:
		o.ID = o.Ref().ID
		return o
	case *catalog.Product:
		o.ID, o.EffectiveMarking = o.Ref().ID, o.Marking
		if o.Status == "" {
			o.Status = catalog.StatusDraft
		}
		if len(o.Inputs) > 0 {
			o.InheritedMarking = o.Marking
		}
		return o
	default:
		return nil
	}
}

func normalForm(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/a", "SECRET"), product("alpha/b", "(S)"))
	if got := m.product(t, "alpha/b").Marking; got != "SECRET" {
		t.Errorf("got marking %q of a portion mark, want %q", got, "SECRET")
	}
	if got := m.product(t, "alpha/a").Status; got != catalog.StatusDraft {
		t.Errorf("got status %q, want the default %q", got, catalog.StatusDraft)
	}
	c := as[*catalog.CaveatPolicy](t, m.put(t, policy("alpha/c", []string{"FVEY", "GBR", "USA", "AUS", "GBR"}, nil)).Object)
	if diff := cmp.Diff([]string{"USA", "AUS", "GBR", "FVEY"}, c.ReleasableTo); diff != "" {
		t.Errorf("releasable_to (-want +got):\n%s", diff)
	}
	if c.Excluded == nil || c.Inheritance != catalog.InheritCarryAll {
		t.Errorf("got excluded %#v and inheritance %q, want an empty list and %q", c.Excluded, c.Inheritance, catalog.InheritCarryAll)
	}
	l := sla("alpha/l")
	l.Availability.Window = "720h"
	if got := as[*catalog.SLA](t, m.put(t, l).Object).Availability.Window; got != "30d" {
		t.Errorf("got window %q, want %q", got, "30d")
	}
	if got := as[*catalog.Schema](t, m.put(t, schema("alpha/s")).Object).Compatibility; got != catalog.CompatibilityFullTransitive {
		t.Errorf("got compatibility %q, want %q", got, catalog.CompatibilityFullTransitive)
	}
	p := as[*catalog.Product](t, m.put(t, product("alpha/p", "SECRET", "alpha/b", "alpha/a", "alpha/b")).Object)
	if diff := cmp.Diff([]string{"alpha/a", "alpha/b"}, p.Inputs); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
}

func unchangedPut(t *testing.T, m *mesh) {
	for _, o := range full() {
		first := m.put(t, o)
		for name, again := range map[string]catalog.Object{"as first written": o, "as read": first.Object} {
			got := m.put(t, again.Clone())
			if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("%s %s: entry changed (-first +again):\n%s", o.Ref(), name, diff)
			}
		}
	}
	changed := domain("alpha")
	before := m.entry(t, changed.Ref())
	if got := m.put(t, changed); got.Revision == before.Revision {
		t.Errorf("got revision %q after a change, want another one", got.Revision)
	}
}

func readOnlyFields(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	s := schema("alpha/s")
	s.ID, s.Version = "alpha/s", 1
	m.put(t, s) // equal to what is computed
	s.Version = 7
	m.refused(t, s, "/version", catalog.RuleReadOnly)
	s = schema("alpha/t")
	s.Version = 2
	m.refused(t, s, "/version", catalog.RuleReadOnly)
	s.Version, s.ID = 0, "alpha/s"
	m.refused(t, s, "/id", catalog.RuleReadOnly)

	p := product("alpha/p", "SECRET//NOFORN")
	p.EffectiveMarking = "UNCLASSIFIED"
	m.refused(t, p, "/effective_marking", catalog.RuleReadOnly)
	p.EffectiveMarking = "SECRET//NOFORN"
	stored := as[*catalog.Product](t, m.put(t, p).Object.Clone())
	stored.Marking = "CONFIDENTIAL//NOFORN" // what came with it is what it was
	stored = as[*catalog.Product](t, m.put(t, stored).Object.Clone())
	if stored.EffectiveMarking != "CONFIDENTIAL//NOFORN" {
		t.Errorf("got effective marking %q, want %q", stored.EffectiveMarking, "CONFIDENTIAL//NOFORN")
	}
	stored.InheritedMarking = "SECRET"
	m.refused(t, stored, "/inherited_marking", catalog.RuleReadOnly)
}

func everyProblem(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	p := published("alpha/p", "SECRT//NOFORN", "alpha/nothing")
	p.Title, p.Version, p.Description, p.SLA = "", "1", "", "alpha/none"
	_, err := m.admin.Put(context.Background(), p, catalog.WriteOptions{})
	problems := refusal(t, err, catalog.CodeInvalid).Problems
	wantIn(t, problems, "/title", catalog.RuleRequired)
	wantIn(t, problems, "/version", catalog.RuleFormat)
	wantIn(t, problems, "/description", catalog.RuleActive)
	wantIn(t, problems, "/sla", catalog.RuleReference)
	wantIn(t, problems, "/inputs/0", catalog.RuleReference)
	wantIn(t, problems, "/output_ports/feed/schema", catalog.RuleReference)
	for i, p := range problems {
		if i > 0 && problems[i-1].Field > p.Field {
			t.Errorf("got problems %v, want them sorted by field", rules(problems))
		}
	}
	if len(rules(problems)) != 7 { // and one for the marking
		t.Errorf("got %v, want seven problems", rules(problems))
	}
}

func danglingReferences(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	for _, o := range []catalog.Object{schema("gone/s"), policy("gone/c", []string{"USA"}, nil), sla("gone/l"), product("gone/p", "SECRET")} {
		m.refused(t, o, "/domain", catalog.RuleReference)
	}
	d := domain("bravo")
	d.Parent = "gone"
	m.refused(t, d, "/parent", catalog.RuleReference)
	p := under("alpha/gone", "alpha/p", "SECRET", "alpha/gone")
	p.SLA = "alpha/gone"
	p.OutputPorts = map[string]catalog.OutputPort{"feed": {Type: catalog.PortFile, URL: "file:///x", Schema: "alpha/gone"}}
	for _, field := range []string{"/caveat_policy", "/inputs/0", "/sla", "/output_ports/feed/schema"} {
		m.refused(t, p, field, catalog.RuleReference)
	}
}

func nobody(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	s, ctx := m.As(catalog.Caller{}), context.Background()
	_, err := s.Get(ctx, domainRef("alpha"))
	wantCode(t, err, catalog.CodeUnauthenticated)
	_, err = s.List(ctx, catalog.Query{Kind: catalog.KindDomain})
	wantCode(t, err, catalog.CodeUnauthenticated)
	_, err = s.SchemaVersions(ctx, "alpha/s")
	wantCode(t, err, catalog.CodeUnauthenticated)
	_, err = s.Put(ctx, domain("bravo"), catalog.WriteOptions{})
	wantCode(t, err, catalog.CodeUnauthenticated)
	wantCode(t, s.Delete(ctx, domainRef("alpha"), catalog.WriteOptions{}), catalog.CodeUnauthenticated)
	_, err = s.Validate(ctx, catalog.Proposal{Puts: []catalog.Object{domain("bravo")}})
	wantCode(t, err, catalog.CodeUnauthenticated)
}
