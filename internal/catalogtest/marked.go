package catalogtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var markedScenes = []scene{
	{"who knows a marked domain", whoKnows},
	{"a domain is marked with those above it", markedAbove},
	{"a hidden domain is told from none by nobody", hiddenDomain},
	{"who is not let in is nobody in the domain", notLetIn},
	{"owners raise the marking, administrators lower it", raisedDomain},
	{"what names hidden objects is hidden", namesHidden},
	{"lists pass over hidden domains", listsOverHidden},
}

// hiding is a marking that few are let in to.
const hiding = "TOP SECRET//SI//NOFORN"

func marked(name, banner string) *catalog.Domain {
	d := domain(name)
	d.Marking = banner
	return d
}

// stocked is a domain with one object of each kind in it.
func stocked(d *catalog.Domain) []catalog.Object {
	return []catalog.Object{d, schema(d.Name + "/s"), policy(d.Name+"/c", []string{"USA"}, nil), sla(d.Name + "/l"), product(d.Name+"/p", "UNCLASSIFIED")}
}

// refsOf are those of stocked.
func refsOf(name string) []catalog.Ref {
	return []catalog.Ref{domainRef(name), schemaRef(name + "/s"), policyRef(name + "/c"), slaRef(name + "/l"), productRef(name + "/p")}
}

// known lists which of the references exist for a caller, by Get and by List.
func known(t *testing.T, s catalog.Service, refs []catalog.Ref) (all []string) {
	t.Helper()
	for _, ref := range refs {
		_, err := s.Get(context.Background(), ref)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("get %s: %v", ref, err)
		}
		listed := slices.Contains(ids(t, s, catalog.Query{Kind: ref.Kind}), ref.ID)
		if listed != (err == nil) {
			t.Errorf("%s: got %v, and listed %v", ref, err, listed)
		}
		if err == nil {
			all = append(all, ref.String())
		}
	}
	return all
}

func whoKnows(t *testing.T, m *mesh) {
	for _, d := range []*catalog.Domain{domain("alpha"), marked("quiet", hiding), marked("usa", "SECRET//NOFORN")} {
		m.fill(t, stocked(d)...)
	}
	for who, c := range map[string]struct {
		caller catalog.Caller
		want   []string // domains
	}{
		"administrator":             {administrator(), []string{"alpha", "quiet", "usa"}},
		"administrator, no claims":  {catalog.Caller{Subject: "admin", Administrator: true}, []string{"alpha", "quiet", "usa"}},
		"read in":                   {person("x", "TS", "USA", "SI"), []string{"alpha", "quiet", "usa"}},
		"not read in":               {person("x", "TS", "USA"), []string{"alpha", "usa"}},
		"foreigner":                 {person("x", "TS", "GBR", "SI"), []string{"alpha"}},
		"no claims":                 {catalog.Caller{Subject: "x"}, []string{"alpha"}},
		"owner who is not let in":   {owner("quiet"), []string{"alpha", "usa"}},
		"owner without any claims":  {catalog.Caller{Subject: "quiet.owner"}, []string{"alpha"}},
		"owner who is let in":       {person("quiet.owner", "TS", "USA", "SI"), []string{"alpha", "quiet", "usa"}},
		"owner of another, low one": {owner("alpha"), []string{"alpha", "usa"}},
	} {
		for _, name := range []string{"alpha", "quiet", "usa"} {
			var want []string
			if slices.Contains(c.want, name) {
				want = shown(c.caller, name)
			}
			if diff := cmp.Diff(want, known(t, m.As(c.caller), refsOf(name))); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", who, name, diff)
			}
		}
	}
}

// shown are the objects in a domain for a caller who is let in: its product
// only when he has claims to judge by, or it is his.
func shown(caller catalog.Caller, name string) (all []string) {
	product := len(caller.Attributes.CountryOfAffiliation) > 0 || caller.Administrator || caller.Subject == name+".owner"
	for _, ref := range refsOf(name) {
		if ref.Kind != catalog.KindProduct || product {
			all = append(all, ref.String())
		}
	}
	return all
}

func markedAbove(t *testing.T, m *mesh) {
	top, middle, bottom := marked("top", "SECRET//REL TO USA, GBR"), domain("middle"), marked("bottom", "SECRET//REL TO USA, AUS")
	middle.Parent, bottom.Parent = "top", "middle"
	m.fill(t, top, middle, bottom)
	all := []catalog.Ref{domainRef("top"), domainRef("middle"), domainRef("bottom")}
	for country, want := range map[string]int{"USA": 3, "GBR": 2, "AUS": 0, "NZL": 0} {
		if got := known(t, m.As(person("x", "S", country)), all); len(got) != want {
			t.Errorf("%s: got %v, want %d of them", country, got, want)
		}
	}
	top.Marking = hiding
	m.put(t, top)
	if got := known(t, m.As(person("x", "S", "USA")), all); len(got) != 0 {
		t.Errorf("got %v after the domain above was raised, want none", got)
	}
	bottom.Parent = "" // out of it
	m.put(t, bottom)
	if got := known(t, m.As(person("x", "S", "AUS")), all); len(got) != 1 {
		t.Errorf("got %v after the domain was moved, want it", got)
	}
}

// hiddenDomain compares all that a caller is told of a hidden domain with what
// it is told of one that does not exist.
func hiddenDomain(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	m.fill(t, stocked(marked("hid", hiding))...)
	for who, caller := range map[string]catalog.Caller{
		"stranger": person("x", "S", "USA"), "another owner": owner("alpha"), "its own owner, not let in": owner("hid"), "its steward, not let in": steward("hid"),
		"no claims": {Subject: "hid.owner"},
		"board":     {Subject: "chair", Groups: []string{catalog.BoardGroup, catalog.AuditGroup}, Attributes: attributes("S", "USA")},
	} {
		if diff := cmp.Diff(told(t, m.As(caller), "non"), told(t, m.As(caller), "hid")); diff != "" {
			t.Errorf("%s: a hidden domain differs from none (-none +hidden):\n%s", who, diff)
		}
	}
	if err := m.admin.Delete(context.Background(), schemaRef("hid/s"), catalog.WriteOptions{DryRun: true}); err != nil {
		t.Errorf("after all attempts, the administrator: %v", err)
	}
}

// told is all that a caller is told of a domain, with NAME for its name.
func told(t *testing.T, s catalog.Service, name string) string {
	n := &notes{t: t, service: s, name: name}
	for _, object := range stocked(domain(name)) {
		n.tryObject(object)
	}
	n.tryReports()
	n.tryReferences()
	return n.text.String()
}

// notes are what a service told somebody about a domain.
type notes struct {
	t       *testing.T
	service catalog.Service
	name    string
	text    strings.Builder
}

func (n *notes) note(err error) {
	text := "done"
	if err != nil {
		text = err.Error()
	}
	n.text.WriteString(strings.ReplaceAll(text, n.name, "NAME") + "\n")
}

func (n *notes) tryObject(object catalog.Object) {
	ctx, ref := context.Background(), object.Ref()
	for _, opts := range []catalog.WriteOptions{{}, {IfNoneMatch: true}, {IfMatch: "*"}, {IfMatch: "x"}, {DryRun: true}, {DryRun: true, IfNoneMatch: true}} {
		_, err := n.service.Put(ctx, object, opts)
		n.note(err)
		n.note(n.service.Delete(ctx, ref, opts))
	}
	_, err := n.service.Get(ctx, ref)
	n.note(err)
	for _, proposal := range []catalog.Proposal{{Puts: []catalog.Object{object}}, {Deletes: []catalog.Ref{ref}}, {Only: []catalog.Ref{ref}}} {
		n.note(&catalog.Error{Problems: verdict(n.t, n.service, proposal)[ref].Problems})
	}
}

func (n *notes) tryReports() {
	ctx := context.Background()
	_, err := n.service.SchemaVersions(ctx, n.name+"/s")
	n.note(err)
	_, err = n.service.SchemaReport(ctx, n.name+"/s")
	n.note(err)
	_, err = n.service.Derivation(ctx, n.name+"/p")
	n.note(err)
}

// tryReferences names the domain, and what is in it, in objects of another one.
func (n *notes) tryReferences() {
	p := published("alpha/mine", "SECRET//REL TO USA, NZL", n.name+"/p")
	p.SLA, p.CaveatPolicy = n.name+"/l", n.name+"/c"
	p.OutputPorts["feed"] = catalog.OutputPort{Type: catalog.PortHTTP, URL: "https://data.example/x", Schema: n.name + "/s"}
	_, err := n.service.Put(context.Background(), p, catalog.WriteOptions{})
	n.note(err)
	finding := verdict(n.t, n.service, catalog.Proposal{Puts: []catalog.Object{p}})[p.Ref()]
	for _, warning := range append(finding.Problems, finding.Warnings...) {
		n.note(errors.New(warning.String()))
	}
	d := domain("alpha")
	d.Parent = n.name
	_, err = n.service.Put(context.Background(), d, catalog.WriteOptions{})
	n.note(err)
}

// notLetIn: the team of a domain is those members whom its marking lets in.
func notLetIn(t *testing.T, m *mesh) {
	m.fill(t, stocked(domain("alpha"))...)
	ctx, service := context.Background(), m.As(owner("alpha"))
	if _, err := service.Put(ctx, product("alpha/q", "SECRET"), catalog.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	m.put(t, marked("alpha", hiding))
	_, err := service.Put(ctx, product("alpha/q", "SECRET//NOFORN"), catalog.WriteOptions{})
	wantCode(t, err, catalog.CodeForbidden)
	_, err = service.Put(ctx, domain("alpha"), catalog.WriteOptions{})
	wantCode(t, err, catalog.CodeForbidden)
	wantCode(t, service.Delete(ctx, productRef("alpha/q"), catalog.WriteOptions{}), catalog.CodeNotFound)
	cleared := m.As(person("alpha.owner", "TS", "USA", "SI"))
	if _, err := cleared.Put(ctx, product("alpha/q", "SECRET//NOFORN"), catalog.WriteOptions{}); err != nil {
		t.Errorf("an owner who is let in: %v", err)
	}
}

func raisedDomain(t *testing.T, m *mesh) {
	m.fill(t, stocked(domain("alpha"))...)
	ctx, partner := context.Background(), m.As(person("x", "S", "GBR"))
	if got := known(t, partner, refsOf("alpha")); len(got) != 5 {
		t.Fatalf("got %v, want all of alpha", got)
	}
	put := func(s catalog.Service, banner string) error {
		_, err := s.Put(ctx, marked("alpha", banner), catalog.WriteOptions{})
		return err
	}
	team := m.As(owner("alpha"))
	if err := put(team, "(S//NF)"); err != nil {
		t.Fatalf("an owner raises the marking: %v", err)
	}
	if got := known(t, partner, refsOf("alpha")); len(got) != 0 {
		t.Errorf("got %v after the raise, want nothing", got)
	}
	for _, lower := range []string{"", "SECRET//REL TO USA, GBR", "CONFIDENTIAL//NOFORN"} {
		wantProblem(t, put(team, lower), catalog.CodeForbidden, "/marking", catalog.RuleForbidden)
	}
	wantProblem(t, put(team, hiding), catalog.CodeForbidden, "/marking", catalog.RuleForbidden) // out of his own sight
	wantProblem(t, put(team, "secret"), catalog.CodeInvalid, "/marking", "capitals")
	wantCode(t, put(m.As(steward("alpha")), "SECRET//NOFORN"), catalog.CodeForbidden)
	if err := put(team, "SECRET//NOFORN"); err != nil { // as it is
		t.Errorf("the same marking again: %v", err)
	}
	if err := put(m.admin, ""); err != nil {
		t.Errorf("the administrator lowers it: %v", err)
	}
	if got := known(t, partner, refsOf("alpha")); len(got) != 5 {
		t.Errorf("got %v after it was lowered, want all of alpha", got)
	}
}

// namesHidden: whoever is shown an object may be told all that it names, so it
// goes with what it names. Its own team keeps it, and writes it.
func namesHidden(t *testing.T, m *mesh) {
	m.fill(t, domain("bravo"))
	m.fill(t, stocked(domain("alpha"))...)
	through := schema("bravo/through")
	through.Definition = `{"$ref":"base"}`
	through.Dependencies = map[string]catalog.SchemaDependency{"base": {Schema: "alpha/s", Version: 1}}
	served := product("bravo/served", "UNCLASSIFIED")
	served.OutputPorts = map[string]catalog.OutputPort{"feed": {Type: catalog.PortHTTP, URL: "https://data.example/x", Schema: "bravo/through"}}
	promised, bounded := product("bravo/promised", "UNCLASSIFIED"), under("alpha/c", "bravo/bounded", "SECRET//NOFORN")
	promised.SLA = "alpha/l"
	m.fill(t, through, served, promised, bounded, product("bravo/made", "UNCLASSIFIED", "alpha/p"), product("bravo/free", "UNCLASSIFIED"))
	refs := []catalog.Ref{schemaRef("bravo/through"), productRef("bravo/served"), productRef("bravo/promised"), productRef("bravo/bounded"), productRef("bravo/made"), productRef("bravo/free")}
	reader, team := m.As(person("x", "S", "USA")), m.As(owner("bravo"))
	if got := known(t, reader, refs); len(got) != 6 {
		t.Fatalf("got %v, want all", got)
	}
	m.put(t, marked("alpha", hiding))
	if diff := cmp.Diff([]string{productRef("bravo/free").String()}, known(t, reader, refs)); diff != "" {
		t.Errorf("a reader (-want +got):\n%s", diff)
	}
	if got := known(t, team, refs); len(got) != 6 {
		t.Errorf("the team: got %v, want all", got)
	}
	promised.Title = "Another title"
	if _, err := team.Put(context.Background(), promised, catalog.WriteOptions{}); err != nil {
		t.Errorf("the team writes what names a hidden SLA: %v", err)
	}
	other := product("bravo/other", "UNCLASSIFIED")
	other.SLA = "alpha/l"
	_, err := team.Put(context.Background(), other, catalog.WriteOptions{})
	wantProblem(t, err, catalog.CodeInvalid, "/sla", catalog.RuleReference)
}

// listsOverHidden: names before, between and after what is hidden, more than
// fit a page.
func listsOverHidden(t *testing.T, m *mesh) {
	var want []string
	for _, name := range []string{"a", "a-a", "a0", "b", "c", "c1", "d"} {
		d := domain(name)
		if name == "a" || name == "c" {
			d.Marking = hiding
		}
		m.put(t, d)
		for _, p := range []string{"/m", "/n", "/o"} {
			m.put(t, product(name+p, "UNCLASSIFIED"))
			if d.Marking == "" {
				want = append(want, name+p)
			}
		}
	}
	slices.Sort(want)
	service := m.As(person("x", "S", "USA"))
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []string
		for q := (catalog.Query{Kind: catalog.KindProduct, Limit: limit}); ; {
			page, err := service.List(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Entries) != min(limit, len(want)-len(got)) {
				t.Fatalf("limit %d after %d: got %d entries", limit, len(got), len(page.Entries))
			}
			for _, entry := range page.Entries {
				got = append(got, entry.Object.Ref().ID)
			}
			if q.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
	for _, name := range []string{"a", "none"} {
		if got := ids(t, service, catalog.Query{Kind: catalog.KindProduct, Domain: name}); len(got) != 0 {
			t.Errorf("domain %s: got %v, want nothing", name, got)
		}
	}
}
