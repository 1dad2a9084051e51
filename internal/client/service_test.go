package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/httpapi"
)

// serve puts a service behind a real server and returns the client of it.
func serve(t *testing.T, service catalog.Service) catalog.Service {
	t.Helper()
	server := httptest.NewServer(httpapi.New(httpapi.Options{
		Services:     func(catalog.Caller) catalog.Service { return service },
		Authenticate: func(*http.Request) (catalog.Caller, error) { return catalog.Caller{Subject: "a.stone"}, nil },
	}))
	t.Cleanup(server.Close)
	return dial(t, server)
}

func dial(t *testing.T, server *httptest.Server) *client.Service {
	t.Helper()
	remote, err := client.New(server.URL, server.Client())
	if err != nil {
		t.Fatalf("client.New: %v", err)
	}
	return remote
}

// constant answers every call with the same, and notes what it was asked.
type constant struct {
	object   catalog.Object
	next     string
	versions []catalog.SchemaVersion
	report   catalog.SchemaReport
	derived  catalog.Derivation
	verdict  catalog.Verdict
	err      error

	ref      catalog.Ref
	put      catalog.Object
	options  catalog.WriteOptions
	query    catalog.Query
	proposal catalog.Proposal
}

func (c *constant) entry() catalog.Entry {
	return catalog.Entry{Object: c.object, Revision: "r1"}
}

func (c *constant) Get(_ context.Context, ref catalog.Ref) (catalog.Entry, error) {
	c.ref = ref
	return c.entry(), c.err
}

func (c *constant) List(_ context.Context, query catalog.Query) (catalog.Page, error) {
	c.query = query
	return catalog.Page{Entries: []catalog.Entry{c.entry()}, Next: c.next}, c.err
}

func (c *constant) SchemaVersions(_ context.Context, id string) ([]catalog.SchemaVersion, error) {
	c.ref = catalog.Ref{Kind: catalog.KindSchema, ID: id}
	return c.versions, c.err
}

func (c *constant) SchemaReport(_ context.Context, id string) (catalog.SchemaReport, error) {
	c.ref = catalog.Ref{Kind: catalog.KindSchema, ID: id}
	return c.report, c.err
}

func (c *constant) Derivation(_ context.Context, id string) (catalog.Derivation, error) {
	c.ref = catalog.Ref{Kind: catalog.KindProduct, ID: id}
	return c.derived, c.err
}

func (c *constant) Put(_ context.Context, o catalog.Object, options catalog.WriteOptions) (catalog.Entry, error) {
	c.put, c.options = o, options
	return c.entry(), c.err
}

func (c *constant) Delete(_ context.Context, ref catalog.Ref, options catalog.WriteOptions) error {
	c.ref, c.options = ref, options
	return c.err
}

func (c *constant) Validate(_ context.Context, proposal catalog.Proposal) (catalog.Verdict, error) {
	c.proposal = proposal
	return c.verdict, c.err
}

// full is one object of each kind with every field set.
func full() []catalog.Object {
	return []catalog.Object{
		&catalog.Domain{ID: "sigint", Name: "sigint", DisplayName: "Signals <&> \u2028", Description: "d\u0000\\u0041", Discipline: "SIGINT",
			Parent: "intel", Contact: "c", Team: map[string]catalog.Member{"CN=a/b~c": {Role: "owner", From: "2026-01-01", Until: "2026-12-31"}}, DeletionProtection: true},
		&catalog.ReferenceSchema{ID: "track", Name: "track", Description: "d", Type: "JSON", Definition: "{\n\t\"type\": \"object\"\r\n}", Version: 2},
		&catalog.Schema{ID: "sigint/track", Domain: "sigint", Name: "track", Description: "d", Type: "AVRO", Compatibility: "GLOBAL",
			Definition: "{\n\t\"type\": \"string\"\r\n}", ConformsTo: "track@2", Version: 3, Dependencies: map[string]catalog.SchemaDependency{
				"x.y.Position": {Schema: "geoint/position", Version: 1}, "a/b~c": {Schema: "sigint/other", Version: 12}}},
		&catalog.CaveatPolicy{ID: "sigint/five-eyes", Domain: "sigint", Name: "five-eyes", Description: "d", ReleasableTo: []string{"FVEY"},
			DisplayOnlyTo: []string{"FRA"}, Excluded: []string{}, Inheritance: "carry_all", DisseminationList: []string{"GBR.MOD"}, ApprovedDependants: []string{"a/b"}},
		&catalog.SLA{ID: "sigint/fast", Domain: "sigint", Name: "fast", Description: "d",
			Freshness:    &catalog.Freshness{MaxAge: "15m", Anchor: "event", TargetPercent: 99.95, Window: "30d"},
			Completeness: &catalog.Objective{TargetPercent: 0.1, Window: "1d"}, Availability: &catalog.Objective{TargetPercent: 100, Window: "1d"},
			Accuracy: &catalog.Objective{TargetPercent: 1e-7, Window: "1d"}},
		&catalog.Product{ID: "sigint/tracks", Domain: "sigint", Name: "tracks", Title: "t", Description: "d", Version: "1.0.0", Status: "active",
			Marking: "SECRET", CaveatPolicy: "sigint/five-eyes", SLA: "sigint/fast", Inputs: []string{"a/b"},
			OutputPorts: map[string]catalog.OutputPort{"feed": {Type: "http", URL: "http://x", ContentType: "a/b", Schema: "sigint/track", RecordMarking: "m"}},
			Pipeline:    &catalog.Pipeline{Image: "i@sha256:0", Source: "s"}, DocumentationLinks: []string{"https://x"}, Purpose: "p", Limitations: "l",
			SupportContact: "s", DeprecatedOn: "2026-03-01", SunsetOn: "2027-03-01", Successor: "a/c", DeletionProtection: true, InheritedMarking: "SECRET", EffectiveMarking: "SECRET"},
	}
}

func TestNothingIsLostOnTheWay(t *testing.T) {
	t.Parallel()
	for _, object := range full() {
		t.Run(string(object.Ref().Kind), func(t *testing.T) {
			t.Parallel()
			far := &constant{object: object}
			near := serve(t, serve(t, far)) // through two clients and two servers
			entry, err := near.Put(t.Context(), object, catalog.WriteOptions{IfMatch: "r0"})
			if err != nil {
				t.Fatalf("Put: %v", err)
			}
			if diff := cmp.Diff(object, far.put); diff != "" {
				t.Errorf("Put arrived changed (-sent +arrived):\n%s", diff)
			}
			if want := (catalog.WriteOptions{IfMatch: "r0"}); far.options != want {
				t.Errorf("Put options: got %+v, want %+v", far.options, want)
			}
			want := catalog.Entry{Object: object, Revision: "r1"}
			if diff := cmp.Diff(want, entry); diff != "" {
				t.Errorf("Put answer (-want +got):\n%s", diff)
			}
			got, err := near.Get(t.Context(), object.Ref())
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("Get: %v (-want +got):\n%s", err, diff)
			}
			query := catalog.Query{Kind: object.Ref().Kind, Domain: "sigint", Text: "ä & +%=", Limit: 7, Cursor: "c/1=="}
			far.next = "c/2=="
			page, err := near.List(t.Context(), query)
			if diff := cmp.Diff(catalog.Page{Entries: []catalog.Entry{want}, Next: "c/2=="}, page); diff != "" || err != nil {
				t.Errorf("List: %v (-want +got):\n%s", err, diff)
			}
			if far.query != query {
				t.Errorf("List query: got %+v, want %+v", far.query, query)
			}
		})
	}
}
