package noninterference_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

func person(subject, clearance, country string, groups ...string) catalog.Caller {
	return catalog.Caller{Subject: subject, Groups: groups, Attributes: marking.Subject{
		Clearance: clearance, CountryOfAffiliation: []string{country}, DutyOrganization: country + ".MOD", EmploymentType: "gov",
	}}
}

// lowCallers are those to whom nothing of what is hidden may show.
func lowCallers() []catalog.Caller {
	return []catalog.Caller{
		person("reader", "S", "USA"),
		person("partner", "S", "GBR"),
		person("bravo.steward", "S", "USA"),
		person("bravo.owner", "S", "USA"),
		person("auditor", "S", "USA", catalog.AuditGroup),
		person("board", "S", "USA", catalog.BoardGroup),
		person("gateway", "S", "USA", enforcers),
		person("hidden.outsider", "S", "USA"), // an owner of the hidden domain who is not cleared for it
		{Subject: "blank"},                    // no claims
	}
}

func domain(name, banner string, team ...string) *catalog.Domain {
	d := &catalog.Domain{
		Name: name, DisplayName: "Domain " + name, Discipline: catalog.DisciplineOther, Contact: name + "@enclave.example", Marking: banner,
		Team: map[string]catalog.Member{name + ".owner": {Role: catalog.RoleOwner}, name + ".steward": {Role: catalog.RoleSteward}},
	}
	for _, subject := range team {
		d.Team[subject] = catalog.Member{Role: catalog.RoleOwner}
	}
	return d
}

// trackText and quietText are schemas; quietText is at first that of a hidden
// subject only. Its other layout is the same schema.
const (
	trackText  = `{"type":"record","name":"Track","fields":[{"name":"id","type":"string"}]}`
	quietText  = `{"type":"record","name":"Quiet","fields":[{"name":"id","type":"string"}]}`
	quietOther = `{ "type": "record", "name": "Quiet", "fields": [ {"name": "id", "type": "string"} ] }`
	pointText  = `{"type":"record","name":"Point","fields":[{"name":"lat","type":"double"}]}`
	usesTrack  = `{"type":"record","name":"Uses","fields":[{"name":"track","type":"Track"}]}`
)

func schema(id, text string) *catalog.Schema {
	ref := catalog.Ref{Kind: catalog.KindSchema, ID: id}
	return &catalog.Schema{Domain: ref.Domain(), Name: ref.Name(), Type: catalog.SchemaAvro, Definition: text}
}

func policy(id string) *catalog.CaveatPolicy {
	ref := catalog.Ref{Kind: catalog.KindCaveatPolicy, ID: id}
	return &catalog.CaveatPolicy{Domain: ref.Domain(), Name: ref.Name(), ReleasableTo: []string{"USA", "FVEY"}, Excluded: []string{"NZL"}}
}

func sla(id string) *catalog.SLA {
	ref := catalog.Ref{Kind: catalog.KindSLA, ID: id}
	return &catalog.SLA{Domain: ref.Domain(), Name: ref.Name(), Availability: &catalog.Objective{TargetPercent: 99, Window: "30d"}}
}

// product is an active one over the schema, SLA and policy of the same names in
// a domain.
func product(id, banner, parts string, inputs ...string) *catalog.Product {
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: id}
	return &catalog.Product{
		Domain: ref.Domain(), Name: ref.Name(), Title: "Product " + ref.Name(), Description: "What is seen.", Version: "1.0.0", Marking: banner,
		Status: catalog.StatusActive, SLA: parts + "/gold", CaveatPolicy: parts + "/fvey", Inputs: inputs,
		OutputPorts: map[string]catalog.OutputPort{
			"feed": {Type: catalog.PortHTTP, URL: "https://data.example/" + id, Schema: parts + "/track"},
			"sql":  {Type: catalog.PortSQL, URL: "trino://trino.example/hive/" + strings.ReplaceAll(id, "-", "_"), Schema: parts + "/track"},
		},
	}
}

// shown is what everybody may know of.
func shown() []catalog.Object {
	lab := domain("lab", "")
	lab.Parent = "alpha"
	objects := []catalog.Object{domain("alpha", ""), domain("bravo", "", "bravo.spare"), lab, domain("conf", "CONFIDENTIAL//REL TO USA, GBR"),
		&catalog.ReferenceSchema{Name: "point", Type: catalog.SchemaAvro, Definition: pointText}}
	for _, name := range []string{"alpha", "bravo", "conf"} {
		objects = append(objects, schema(name+"/track", trackText), policy(name+"/fvey"), sla(name+"/gold"))
	}
	return append(objects,
		product("alpha/tracks", "SECRET//REL TO USA, GBR", "alpha"), product("alpha/open", "UNCLASSIFIED//REL TO USA, GBR", "alpha"),
		product("alpha/usa", "SECRET//NOFORN", "alpha"), product("conf/tracks", "SECRET//REL TO USA, GBR", "conf"),
		product("bravo/fused", "SECRET//REL TO USA, GBR", "bravo", "alpha/open", "alpha/tracks"))
}

const top = "TOP SECRET//SI//NOFORN"

// stages is the life of what is hidden, told in parts between which the script
// goes on.
var stages = []func(*testing.T, *world){begins, grows, rises, shrinks}

func begins(t *testing.T, w *world) {
	sub := domain("hidden-sub", "")
	sub.Parent = "hidden"
	below := domain("alpha-quiet", top)
	below.Parent = "alpha"
	mustPut(t, w, domain("hidden", top, "hidden.outsider"), sub, below, domain("aaa", top), domain("zzz", "TOP SECRET//NOFORN"))
	for _, name := range []string{"hidden", "hidden-sub", "aaa"} {
		mustPut(t, w, schema(name+"/track", trackText), schema(name+"/quiet", quietText), policy(name+"/fvey"), sla(name+"/gold"))
	}
	// It names nothing, and nothing but its domain hides it.
	bare := &catalog.Product{Domain: "hidden", Name: "bare", Title: "Bare", Version: "1.0.0", Marking: "SECRET//REL TO USA, GBR"}
	for i := range 30 {
		mustPut(t, w, product(fmt.Sprintf("alpha/ghost-%02d", i), top, "alpha"), product(fmt.Sprintf("hidden/p-%02d", i), top, "hidden", "alpha/tracks"))
	}
	mustPut(t, w, product("alpha/ghost", top, "alpha", "alpha/tracks"), product("hidden/p", top, "hidden", "alpha/usa", "hidden/p-00"),
		product("hidden/q", "SECRET//NOFORN", "hidden", "alpha/usa"), bare, product("hidden-sub/p", "CONFIDENTIAL//NOFORN", "hidden-sub"), product("aaa/p", "CONFIDENTIAL//NOFORN", "aaa"))
	mustPut(t, w, releasedUnseen()...)
	register(t, w, ":.quiet:hidden.track", quietText, "")
	register(t, w, ":.lab:hidden.track", quietText, "")
	register(t, w, "hidden.uses", usesTrack, `{"name":"Track","subject":"alpha.track","version":1}`)
	register(t, w, "hidden.gone", quietText, "")
	admin(t, w, http.MethodDelete, "/schema-registry/subjects/hidden.gone", "")
	admin(t, w, http.MethodPut, "/schema-registry/config/hidden.track", `{"compatibility":"NONE"}`)
	admin(t, w, http.MethodPut, "/schema-registry/mode/hidden.quiet", `{"mode":"READONLY"}`)
	admin(t, w, http.MethodPut, "/schema-registry/config/hidden-sub.other", `{"compatibility":"FULL"}`)
}

func grows(t *testing.T, w *world) {
	owner := domain("hidden", top, "hidden.outsider", "reader")
	owner.Description = "Grown."
	mustPut(t, w, owner)
	for i := range 5 {
		p := product(fmt.Sprintf("alpha/ghost-%02d", i), top, "alpha", "alpha/open")
		p.Status = catalog.StatusDeprecated
		mustPut(t, w, p)
	}
	// A derived product in a domain that everybody knows, whose schema lies in
	// one that not everybody does.
	veiled := product("lab/veiled", "UNCLASSIFIED//REL TO USA, GBR", "alpha")
	veiled.OutputPorts["feed"] = catalog.OutputPort{Type: catalog.PortHTTP, URL: "https://data.example/v", Schema: "hidden/track"}
	referring := schema("lab/uses", usesTrack)
	referring.Dependencies = map[string]catalog.SchemaDependency{"Track": {Schema: "hidden/track", Version: 1}}
	through := product("lab/through", "UNCLASSIFIED//REL TO USA, GBR", "alpha")
	through.OutputPorts["feed"] = catalog.OutputPort{Type: catalog.PortHTTP, URL: "https://data.example/t", Schema: "lab/uses"}
	made := &catalog.Product{Domain: "lab", Name: "made", Title: "Made", Version: "1.0.0", Marking: "SECRET//REL TO USA, GBR", Inputs: []string{"hidden/bare"}}
	mustPut(t, w, veiled, referring, through, made)
	register(t, w, "hidden.track", `{"type":"record","name":"Track","fields":[{"name":"id","type":"string"},{"name":"more","type":"int","default":0}]}`, "")
}

// rises: a domain that others knew of is hidden, with all that is in it. It is
// made and raised within one part of what is hidden.
func rises(t *testing.T, w *world) {
	mustPut(t, w, domain("late", ""), schema("late/track", trackText), schema("late/quiet", quietText), policy("late/fvey"), sla("late/gold"),
		product("late/p", "UNCLASSIFIED//REL TO USA, GBR", "late"))
	mustPut(t, w, domain("late", top), domain("zzz", top))
}

func shrinks(t *testing.T, w *world) {
	for _, ref := range []catalog.Ref{
		{Kind: catalog.KindProduct, ID: "hidden/p"}, {Kind: catalog.KindProduct, ID: "hidden-sub/p"}, {Kind: catalog.KindSLA, ID: "hidden-sub/gold"},
		{Kind: catalog.KindProduct, ID: "lab/veiled"}, {Kind: catalog.KindProduct, ID: "late/p"}, {Kind: catalog.KindSchema, ID: "late/quiet"},
		{Kind: catalog.KindDomain, ID: "zzz"}, {Kind: catalog.KindProduct, ID: "alpha/ghost-07"},
	} {
		if err := w.Admin().Delete(context.Background(), ref, catalog.WriteOptions{}); err != nil {
			t.Fatalf("delete %s: %v", ref, err)
		}
	}
	admin(t, w, http.MethodDelete, "/schema-registry/subjects/late.quiet?permanent=true", "")
	admin(t, w, http.MethodDelete, "/schema-registry/subjects/hidden.gone?permanent=true", "")
}

// remembers has somebody who may read what is hidden, so that the platform has
// it in memory when others ask.
func remembers(t *testing.T, w *world) {
	w.mu.Lock()
	paths := []string{"subjects/hidden.track/versions/1", "subjects/hidden.uses/versions/latest", "subjects/:.quiet:hidden.track/versions/1", "schemas?subjectPrefix=:*:"}
	for _, id := range w.ids {
		paths = append(paths, fmt.Sprintf("schemas/ids/%d", id))
	}
	n := w.call
	w.mu.Unlock()
	for _, path := range append(paths, "schemas/guids/"+guidOf(t, w, quietText)) {
		w.send(t, http.DefaultClient, n, call{who: administrator, method: http.MethodGet, path: "/schema-registry/" + path})
	}
}

// register has the administrator register a schema out of the script's sight.
func register(t *testing.T, w *world, subject, text, reference string) {
	t.Helper()
	admin(t, w, http.MethodPost, "/schema-registry/subjects/"+subject+"/versions", registering(text, reference))
}

func registering(text, reference string) string {
	if reference != "" {
		reference = `,"references":[` + reference + `]`
	}
	return fmt.Sprintf(`{"schema":%q%s}`, text, reference)
}

func admin(t *testing.T, w *world, method, path, body string) {
	t.Helper()
	w.mu.Lock()
	n := w.call
	w.mu.Unlock()
	if got := w.send(t, http.DefaultClient, n, call{who: administrator, method: method, path: path, body: body}); got.Status >= 300 {
		t.Fatalf("%s %s: got %d %s", method, path, got.Status, got.Body)
	}
}
