package opa_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/opa"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// definition is a schema whose records have a mark, and columns that are marked
// higher than others.
const definition = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{
	"id":{"type":"string","description":"Track number."},
	"portion":{"type":"string","description":"Portion mark."},
	"source":{"type":"string","description":"Who saw it.","x-marking":"(S//NF)"},
	"odd":{"type":"string","description":"Odd.","x-marking":"(S//NOBODY)"},
	"position":{"type":"object","description":"Where.","properties":{"cell":{"type":"string","description":"Cell.","x-marking":"(TS//SI//NF)"}}}}}`

// mesh is a platform with tables: one that a British analyst may read, one that
// is hidden from him, one whose rows carry a mark, and one that is elsewhere.
func mesh(t *testing.T) *platformtest.Platform {
	t.Helper()
	sql := func(path, schema, mark string) map[string]catalog.OutputPort {
		return map[string]catalog.OutputPort{"sql": {Type: catalog.PortSQL, URL: "trino://trino.enclave.example:8443/" + path, Schema: schema, RecordMarking: mark}}
	}
	return platformtest.StartSIGINT(t,
		&catalog.Schema{Domain: "sigint", Name: "track", Type: catalog.SchemaJSON, Definition: definition},
		&catalog.Product{Domain: "sigint", Name: "raw", Title: "Raw", Version: "1.0.0", Marking: "CONFIDENTIAL//REL TO USA, FVEY"},
		&catalog.Product{Domain: "sigint", Name: "track-picture", Title: "Tracks", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY",
			Inputs: []string{"sigint/raw"}, OutputPorts: sql("hive/sigint/track_picture", "sigint/track", "")},
		&catalog.Product{Domain: "sigint", Name: "marked", Title: "Marked", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY",
			Inputs: []string{"sigint/raw"}, OutputPorts: sql("hive/sigint/marked", "sigint/track", `por"tion`)},
		&catalog.Product{Domain: "sigint", Name: "plain", Title: "Plain", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY", OutputPorts: sql("hive/sigint/plain", "", "")},
		&catalog.Product{Domain: "sigint", Name: "source", Title: "Source", Version: "1.0.0", Marking: "TOP SECRET//SI//NOFORN", OutputPorts: sql("hive/sigint/source", "", "")},
		&catalog.Product{Domain: "sigint", Name: "elsewhere", Title: "Elsewhere", Version: "1.0.0", Marking: "UNCLASSIFIED", OutputPorts: sql("lake/sigint/elsewhere", "", "")},
	)
}

var british = platformtest.Briton()

// post returns the status and body of an answer.
func post(t *testing.T, p *platformtest.Platform, token, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.Endpoint+opa.Prefix+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", response.StatusCode, text)
}

// identity is a user as Trino names it, with members beside the name.
func identity(user, more string) string {
	return fmt.Sprintf(`{"user":%q,"groups":["auditors","administrators"]%s}`, user, more)
}

func forwarded(token string) string {
	return fmt.Sprintf(`,"extraCredentials":{"datamesh_token":%q}`, token)
}

const (
	britishClaims = `,"clearance":"S","countryOfAffiliation":["GBR"],"fineAccessControls":[],"dutyOrganization":"GBR.MOD","employmentType":"gov"`
	topSecret     = `,"clearance":"TS","countryOfAffiliation":["USA"],"fineAccessControls":["SI"],"dutyOrganization":"USA.DOD","employmentType":"gov"`
)

func asked(identity, operation, rest string) string {
	return fmt.Sprintf(`{"input":{"context":{"identity":%s,"queryId":"20261125_081710_03427_trino","softwareStack":{"trinoVersion":"484"}},"action":{"operation":%q%s}}}`, identity, operation, rest)
}

func onTable(catalogName, schema, table, columns string) string {
	return fmt.Sprintf(`{"table":{"catalogName":%q,"schemaName":%q,"tableName":%q%s}}`, catalogName, schema, table, columns)
}

func one(resource string) string { return `,"resource":` + resource }
func many(resources ...string) string {
	return `,"filterResources":[` + strings.Join(resources, ",") + `]`
}
func column(table, columnName string) string {
	return fmt.Sprintf(`{"column":{"catalogName":"hive","schemaName":"sigint","tableName":%q,"columnName":%q,"columnType":"varchar"}}`, table, columnName)
}

// TestQueryEngineOverTheNetwork: what Trino's plugin sends, in its shapes, and
// that each answer is in the log.
func TestQueryEngineOverTheNetwork(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	ann, brit := identity("ann", topSecret), identity("brit", forwarded(p.TokenFor(british)))
	tracks, hidden, elsewhere := onTable("hive", "sigint", "track_picture", `,"columns":["id","source"]`), onTable("hive", "sigint", "source", ""), onTable("hive", "sigint", "elsewhere", "")
	schema := `{"schema":{"catalogName":"hive","schemaName":"sigint"}}`
	const yes, no = `200 {"result":true}`, `200 {"result":false}`
	for _, c := range []struct{ name, path, body, want string }{
		{"start a query", "allow", asked(brit, "ExecuteQuery", ""), yes},
		{"use a catalog", "allow", asked(brit, "AccessCatalog", one(`{"catalog":{"name":"hive"}}`)), yes},
		{"list schemas", "allow", asked(brit, "ShowSchemas", one(`{"catalog":{"name":"hive"}}`)), yes},
		{"list tables", "allow", asked(brit, "ShowTables", one(schema)), yes},
		{"read", "allow", asked(brit, "SelectFromColumns", one(tracks)), yes},
		{"read what is hidden", "allow", asked(brit, "SelectFromColumns", one(hidden)), no},
		{"read what is hidden from others", "allow", asked(ann, "SelectFromColumns", one(hidden)), yes},
		{"read a table of another catalog that is called alike", "allow", asked(ann, "SelectFromColumns", one(elsewhere)), no},
		{"read it where it is", "allow", asked(ann, "SelectFromColumns", one(onTable("lake", "sigint", "elsewhere", ""))), yes},
		{"read what is no product", "allow", asked(ann, "SelectFromColumns", one(onTable("tpch", "tiny", "nation", ""))), no},
		{"read the engine's own list", "allow", asked(brit, "SelectFromColumns", one(onTable("hive", "information_schema", "tables", ""))), yes},
		{"read others' queries", "allow", asked(ann, "SelectFromColumns", one(onTable("system", "runtime", "queries", ""))), no},
		{"show columns", "allow", asked(brit, "ShowColumns", one(tracks)), yes},
		{"filter one column", "allow", asked(brit, "FilterColumns", one(tracks)), yes},
		{"write", "allow", asked(ann, "InsertIntoTable", one(tracks)), no},
		{"delete", "allow", asked(ann, "DeleteFromTable", one(tracks)), no},
		{"a view of it", "allow", asked(ann, "CreateViewWithSelectFromColumns", one(tracks)), no},
		{"an operation of tomorrow", "allow", asked(ann, "ExportTable", one(tracks)), no},
		{"speak as another", "allow", asked(ann, "ImpersonateUser", one(`{"user":{"user":"brit","groups":[]}}`)), no},
		{"own query", "allow", asked(ann, "KillQueryOwnedBy", one(`{"user":{"user":"ann","groups":[]}}`)), yes},
		{"another's query", "allow", asked(ann, "ViewQueryOwnedBy", one(`{"user":{"user":"brit","groups":[]}}`)), no},
		{"built-in function", "allow", asked(brit, "ExecuteFunction", one(`{"function":{"catalogSchema":{"catalogName":"system","schemaName":"builtin"},"functionName":"lower"}}`)), yes},
		{"attack: pass a query through", "allow", asked(ann, "ExecuteFunction", one(`{"function":{"catalogSchema":{"catalogName":"hive","schemaName":"system"},"functionName":"query"}}`)), no},

		{"filter tables", "batch", asked(brit, "FilterTables", many(hidden, tracks, elsewhere, onTable("hive", "information_schema", "tables", ""))), `200 {"result":[1,3]}`},
		{"filter columns", "batch", asked(brit, "FilterColumns", many(tracks)), `200 {"result":[0,1]}`},
		{"filter columns of what is hidden", "batch", asked(brit, "FilterColumns", many(onTable("hive", "sigint", "source", `,"columns":["a","b"]`))), `200 {"result":[]}`},
		{"filter schemas", "batch", asked(brit, "FilterSchemas", many(schema)), `200 {"result":[0]}`},
		{"filter queries", "batch", asked(brit, "FilterViewQueryOwnedBy", many(`{"user":{"user":"ann","groups":[]}}`, `{"user":{"user":"brit","groups":[]}}`)), `200 {"result":[1]}`},
		{"filter nothing", "batch", asked(brit, "FilterTables", ""), `200 {"result":[]}`},

		{"mask of an open column", "columnMask", asked(brit, "GetColumnMask", one(column("track_picture", "ID"))), `200 {}`},
		{"mask of a marked column", "columnMask", asked(brit, "GetColumnMask", one(column("track_picture", "source"))), `200 {"result":{"expression":"NULL"}}`},
		{"no mask for who may", "columnMask", asked(ann, "GetColumnMask", one(column("track_picture", "source"))), `200 {}`},
		{"mask of what is hidden", "columnMask", asked(brit, "GetColumnMask", one(column("source", "id"))), `200 {"result":{"expression":"NULL"}}`},
		{"masks", "batchColumnMasks", asked(brit, "GetColumnMask", many(column("track_picture", "id"), column("track_picture", "source"), column("track_picture", "position"), column("track_picture", "unheard_of"), column("track_picture", "odd"))),
			`200 {"result":[{"index":1,"viewExpression":{"expression":"NULL"}},{"index":2,"viewExpression":{"expression":"NULL"}},{"index":3,"viewExpression":{"expression":"NULL"}},{"index":4,"viewExpression":{"expression":"NULL"}}]}`},
		{"no masks without a schema", "batchColumnMasks", asked(brit, "GetColumnMask", many(column("plain", "x"), column("plain", "y"))), `200 {"result":[]}`},
		{"attack: columns of two tables", "batchColumnMasks", asked(brit, "GetColumnMask", many(column("plain", "x"), column("source", "y"))), `200 {"result":[{"index":1,"viewExpression":{"expression":"NULL"}}]}`},

		{"no filter", "rowFilters", asked(brit, "GetRowFilters", one(tracks)), `200 {"result":[]}`},
		{"filter of what is hidden", "rowFilters", asked(brit, "GetRowFilters", one(hidden)), `200 {"result":[{"expression":"false"}]}`},
		{"filter by mark", "rowFilters", asked(brit, "GetRowFilters", one(onTable("hive", "sigint", "marked", ""))),
			`200 {"result":[{"expression":"\"por\"\"tion\" IN ('(C//REL TO USA, FVEY)', '(S//REL TO USA, FVEY)', '(U)', 'C//REL TO USA, FVEY', 'CONFIDENTIAL//REL TO USA, FVEY', 'S//REL TO USA, FVEY', 'SECRET//REL TO USA, FVEY', 'U', 'UNCLASSIFIED')"}]}`},
		{"filter under another name", "rowFilters", asked(ann, "SelectFromColumns", one(tracks)), `200 {"result":[{"expression":"false"}]}`},
	} {
		before := int64(len(p.Entries(0)))
		if got := post(t, p, p.Token, c.path, c.body); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if len(p.Entries(before)) == 0 {
			t.Errorf("%s: nothing was recorded", c.name)
		}
	}
}

// TestAttackOnIdentityAtTheQueryEngine: what nobody has verified counts for
// nothing, whoever says it.
func TestAttackOnIdentityAtTheQueryEngine(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	cleared := british
	cleared.Subject, cleared.Attributes = "ann", marking.Subject{Clearance: "TS", CountryOfAffiliation: []string{"USA"}, FineAccessControls: []string{"SI"}, DutyOrganization: "USA.DOD", EmploymentType: "gov"}
	brokers := british
	brokers.Subject, brokers.Groups = "mallory", []string{"enforcement-points", "brokers", catalog.AuditGroup}
	brit, ann := p.TokenFor(british), p.TokenFor(cleared)
	forged := ann[:len(ann)-4] + "AAAA"
	for _, c := range []struct{ name, token, identity string }{
		{"clearance in the body", brit, identity("brit", topSecret)},
		{"clearance in the body, by groups", p.TokenFor(brokers), identity("mallory", topSecret)},
		{"speaking for another", brit, identity("ann", topSecret)},
		{"another's token from no enforcement point", brit, identity("ann", forwarded(ann))},
		{"nothing known of the user", p.Token, identity("ann", "")},
		{"called like the engine", p.Token, identity("dev-administrator", "")},
		{"called like the engine, with groups", p.Token, identity("dev-administrator", `,"admin":true,"administrator":true`)},
		{"another's token", p.Token, identity("brit", forwarded(ann))},
		{"a forged token", p.Token, identity("ann", forwarded(forged))},
		{"no token in its place, and claims", p.Token, identity("ann", forwarded("")+topSecret)},
		{"a null token, and claims", p.Token, identity("ann", `,"extraCredentials":{"datamesh_token":null}`+topSecret)},
		{"a low token, and claims", p.Token, identity("brit", forwarded(brit)+topSecret)},
		{"claims among the credentials", p.Token, identity("ann", `,"extraCredentials":{"clearance":"TS","countryOfAffiliation":"USA"}`)},
		{"a clearance that is none", p.Token, identity("ann", strings.Replace(topSecret, `"TS"`, `["TS"]`, 1))},
	} {
		for path, body := range map[string]string{
			"allow": asked(c.identity, "SelectFromColumns", one(onTable("hive", "sigint", "source", ""))),
			"batch": asked(c.identity, "FilterTables", many(onTable("hive", "sigint", "source", ""))),
		} {
			if got := post(t, p, c.token, path, body); got != `200 {"result":false}` && got != `200 {"result":[]}` {
				t.Errorf("%s, %s: got %s", c.name, path, got)
			}
		}
	}
	// The engine is let in no further than itself.
	if got := post(t, p, p.Token, "allow", asked(identity("ann", forwarded(ann)), "SelectFromColumns", one(onTable("hive", "sigint", "source", "")))); got != `200 {"result":true}` {
		t.Errorf("a good token: got %s", got)
	}
}

// TestAttackHiddenTableToldFromAbsent: a user of an engine is told the same of
// what is hidden and of what is not there.
func TestAttackHiddenTableToldFromAbsent(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	brit := identity("brit", britishClaims)
	for path, body := range map[string]string{
		"allow":            asked(brit, "SelectFromColumns", one(onTable("hive", "sigint", "%s", ""))),
		"batch":            asked(brit, "FilterTables", many(onTable("hive", "sigint", "%s", ""))),
		"rowFilters":       asked(brit, "GetRowFilters", one(onTable("hive", "sigint", "%s", ""))),
		"columnMask":       asked(brit, "GetColumnMask", one(column("%s", "id"))),
		"batchColumnMasks": asked(brit, "GetColumnMask", many(column("%s", "id"))),
	} {
		hidden := post(t, p, p.Token, path, strings.Replace(body, "%s", "source", 1))
		absent := post(t, p, p.Token, path, strings.Replace(body, "%s", "nothin", 1))
		if hidden != absent || !strings.HasPrefix(hidden, "200 ") {
			t.Errorf("%s: hidden %s, absent %s", path, hidden, absent)
		}
	}
}

// TestAttackHiddenDomainAmongSchemas: the engine has a schema for each domain, of
// which a user is shown those that exist for him in the catalogue. One that is
// hidden is answered like one that is no domain, and its name is in no entry that
// others read.
func TestAttackHiddenDomainAmongSchemas(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	covert := &catalog.Domain{Name: "covert-source", DisplayName: "C", Discipline: catalog.DisciplineHUMINT, Contact: "c@enclave.example", Marking: "SECRET//NOFORN",
		Team: map[string]catalog.Member{"ann": {Role: catalog.RoleOwner}}}
	if _, err := p.Admin().Put(t.Context(), covert, catalog.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	schema := func(name string) string {
		return fmt.Sprintf(`{"schema":{"catalogName":"hive","schemaName":%q}}`, name)
	}
	all := many(schema("default"), schema("sigint"), schema("covert_source"), schema("COVERT_SOURCE"), schema("information_schema"), schema("sigint"))
	before := int64(len(p.Entries(0)))
	for _, c := range []struct{ name, identity, path, operation, rest, want string }{
		{"list, not cleared", identity("brit", britishClaims), "batch", "FilterSchemas", all, `200 {"result":[1,4,5]}`},
		{"list by token", identity("brit", forwarded(p.TokenFor(british))), "batch", "FilterSchemas", all, `200 {"result":[1,4,5]}`},
		{"list, cleared", identity("ann", topSecret), "batch", "FilterSchemas", all, `200 {"result":[1,2,4,5]}`},
		{"list, nothing known", identity("zoe", ""), "batch", "FilterSchemas", all, `200 {"result":[]}`},
		{"look into it", identity("brit", britishClaims), "allow", "ShowTables", one(schema("covert_source")), `200 {"result":false}`},
		{"look into none", identity("brit", britishClaims), "allow", "ShowTables", one(schema("overt_sources")), `200 {"result":false}`},
		{"look into it, cleared", identity("ann", topSecret), "allow", "ShowTables", one(schema("covert_source")), `200 {"result":true}`},
	} {
		if got := post(t, p, p.Token, c.path, asked(c.identity, c.operation, c.rest)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	hidden := 0
	for _, e := range p.Entries(before) {
		if strings.Contains(e.Object, "covert") {
			if hidden++; e.MarkingAccessed != "SECRET//NOFORN" {
				t.Errorf("the entry %+v is read by others", e)
			}
		}
	}
	if hidden == 0 {
		t.Error("nothing was recorded of it")
	}
}

// TestAttackSecondPortToOneTable: a second port that leads to a table, without
// the schema or the marks of its rows, lifts no mask and no filter: what the
// table holds is not known then, and nobody reads it.
func TestAttackSecondPortToOneTable(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	id := catalog.Ref{Kind: catalog.KindProduct, ID: "sigint/marked"}
	brit, table := identity("brit", britishClaims), one(onTable("hive", "sigint", "marked", ""))
	for _, c := range []struct {
		second catalog.OutputPort
		want   string
	}{
		{catalog.OutputPort{Schema: "sigint/track", RecordMarking: `por"tion`}, `200 {"result":true}`},
		{catalog.OutputPort{Schema: "sigint/track"}, `200 {"result":false}`},
		{catalog.OutputPort{RecordMarking: `por"tion`}, `200 {"result":false}`},
	} {
		entry, err := p.Admin().Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		product, _ := entry.Object.(*catalog.Product)
		c.second.Type, c.second.URL = catalog.PortSQL, "trino://other.enclave.example:8443/hive/sigint/marked"
		product.OutputPorts["a-second"] = c.second
		if _, err := p.Admin().Put(t.Context(), product, catalog.WriteOptions{IfMatch: entry.Revision}); err != nil {
			t.Fatal(err)
		}
		if got := post(t, p, p.Token, "allow", asked(brit, "SelectFromColumns", table)); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.second, got, c.want)
		}
	}
}

// TestAttackTableOfTheEngineAsAProduct: what the engine itself shows, such as
// everybody's queries, is nobody's product, whatever an owner declares.
func TestAttackTableOfTheEngineAsAProduct(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	for _, object := range []catalog.Object{
		&catalog.Domain{Name: "runtime", DisplayName: "Runtime", Discipline: catalog.DisciplineOther, Contact: "runtime@enclave.example",
			Team: map[string]catalog.Member{"a.stone": {Role: catalog.RoleOwner}}},
		&catalog.Product{Domain: "runtime", Name: "queries", Title: "Queries", Version: "1.0.0", Marking: "UNCLASSIFIED", OutputPorts: map[string]catalog.OutputPort{
			"lake":   {Type: catalog.PortSQL, URL: "trino://trino.enclave.example:8443/lake/runtime/queries"},
			"engine": {Type: catalog.PortSQL, URL: "trino://trino.enclave.example:8443/system/runtime/queries"}}},
	} {
		if _, err := p.Admin().Put(t.Context(), object, catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"lake": `200 {"result":true}`, "system": `200 {"result":false}`} {
		if got := post(t, p, p.Token, "allow", asked(identity("brit", britishClaims), "SelectFromColumns", one(onTable(name, "runtime", "queries", "")))); got != want {
			t.Errorf("catalog %s: got %s, want %s", name, got, want)
		}
	}
}
