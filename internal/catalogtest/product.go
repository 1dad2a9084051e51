package catalogtest

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var productScenes = []scene{
	{"status moves forward", statusOrder},
	{"what an active product needs", activeNeeds},
	{"an active product has marked inputs", markedInputs},
	{"a raw feed is no product", rawFeed},
	{"fields of a product", productFields},
	{"undocumented fields warn", undocumented},
	{"records that carry marks", markedRecords},
	{"what ends and what follows", succession},
}

func markedRecords(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	for _, contentType := range []string{
		"application/geo+json", "application/stix+json;version=2.1", "application/jsonl", "Application/X-NDJSON", "application/avro", "application/vnd.apache.avro",
	} {
		p := product("alpha/p", "SECRET")
		p.OutputPorts = map[string]catalog.OutputPort{"x": {Type: catalog.PortFile, URL: "file:///x", ContentType: contentType, RecordMarking: "marking"}}
		m.put(t, p)
	}
	p := product("alpha/p", "SECRET")
	p.OutputPorts = map[string]catalog.OutputPort{"x": {Type: catalog.PortSQL, URL: "trino://x.example/tracks", RecordMarking: "marking"}}
	m.put(t, p)
}

// succession: both products may name each other, one as what follows and one as
// what it is made from, and no marking travels back.
func succession(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/old", "SECRET"), product("alpha/new", "TOP SECRET", "alpha/old"))
	old := product("alpha/old", "SECRET")
	old.Successor, old.Status, old.DeprecatedOn = "alpha/new", catalog.StatusDeprecated, "2026-03-01"
	m.put(t, old)
	if got := m.product(t, "alpha/old"); got.EffectiveMarking != "SECRET" || got.Successor != "alpha/new" {
		t.Errorf("got %q with successor %q, want it as it was declared", got.EffectiveMarking, got.Successor)
	}
	old.Marking = "TOP SECRET"
	m.put(t, old)
	wantProblem(t, m.admin.Delete(context.Background(), productRef("alpha/new"), catalog.WriteOptions{}), catalog.CodeConflict, "", catalog.RuleInUse)
	old.Successor = ""
	m.put(t, old)
	if err := m.admin.Delete(context.Background(), productRef("alpha/new"), catalog.WriteOptions{}); err != nil {
		t.Errorf("delete what follows nothing: %v", err)
	}
	old.Status = catalog.StatusActive
	m.refused(t, old, "/deprecated_on", catalog.RuleFormat) // it returns without the date
}

func statusOrder(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), schema("alpha/s"), sla("alpha/l"))
	order := []catalog.Status{catalog.StatusProposed, catalog.StatusDraft, catalog.StatusActive, catalog.StatusDeprecated, catalog.StatusRetired}
	for from, was := range order {
		for to, will := range order {
			p := published("alpha/p-"+string(was)+"-"+string(will), "SECRET")
			p.Status = was
			m.put(t, p)
			p.Status = will
			_, err := m.admin.Put(context.Background(), p, catalog.WriteOptions{})
			if to >= from || was == catalog.StatusDeprecated && will == catalog.StatusActive {
				if err != nil {
					t.Errorf("%s to %s: got %v, want it accepted", was, will, err)
				}
				continue
			}
			wantProblem(t, err, catalog.CodeInvalid, "/status", catalog.RuleStatusOrder)
		}
	}
}

func activeNeeds(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), schema("alpha/s"), sla("alpha/l"))
	bare := product("alpha/p", "")
	bare.Status = catalog.StatusActive
	_, err := m.admin.Put(context.Background(), bare, catalog.WriteOptions{})
	got := rules(refusal(t, err, catalog.CodeInvalid).Problems)
	want := []string{"/description product.active", "/marking product.active", "/output_ports product.active", "/sla product.active"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all parts at once (-want +got):\n%s", diff)
	}
	p := published("alpha/p", "SECRET")
	p.OutputPorts["other"] = catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x"}
	m.refused(t, p, "/output_ports/other/schema", catalog.RuleActive)
	m.put(t, published("alpha/p", "SECRET"))
}

func markedInputs(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), schema("alpha/s"), sla("alpha/l"), product("alpha/blank", ""), product("alpha/in", "SECRET"))
	p := published("alpha/p", "SECRET")
	p.Inputs = []string{"alpha/blank", "alpha/in"}
	m.refused(t, p, "/inputs/0", catalog.RuleActive)
	p.Status = catalog.StatusDraft
	m.put(t, p)
	m.put(t, product("alpha/blank", "SECRET"))
	p.Status = catalog.StatusActive
	m.put(t, p)
}

func rawFeed(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/in", "SECRET"))
	p := product("alpha/p", "SECRET")
	p.Pipeline = &catalog.Pipeline{Source: "alpha/in"}
	m.refused(t, p, "/pipeline/source", catalog.RuleRawFeed)
	p.Pipeline.Source = "alpha/feed"
	m.put(t, p)
	for _, url := range []string{"https://raw.example/feed", "https://raw.example/feed/", "HTTPS://RAW.example:443/feed", "https://raw.example/feed#x"} {
		p.Pipeline.Source = "https://raw.example/feed"
		p.OutputPorts = map[string]catalog.OutputPort{"feed": {Type: catalog.PortHTTP, URL: url}}
		m.refused(t, p, "/output_ports/feed/url", catalog.RuleRawFeed)
	}
}

func productFields(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	port := func(o catalog.OutputPort) func(*catalog.Product) {
		return func(p *catalog.Product) { p.OutputPorts = map[string]catalog.OutputPort{"x": o} }
	}
	for _, c := range []struct {
		field, rule string
		change      func(*catalog.Product)
	}{
		{"/title", catalog.RuleRequired, func(p *catalog.Product) { p.Title = "" }},
		{"/title", catalog.RuleFormat, func(p *catalog.Product) { p.Title = "a\nb" }},
		{"/version", catalog.RuleFormat, func(p *catalog.Product) { p.Version = "v1.0.0" }},
		{"/status", catalog.RuleUnknownValue, func(p *catalog.Product) { p.Status = "alive" }},
		{"/caveat_policy", catalog.RuleFormat, func(p *catalog.Product) { p.CaveatPolicy = "x" }},
		{"/inputs/0", catalog.RuleFormat, func(p *catalog.Product) { p.Inputs = []string{"alpha/../p"} }},
		{"/pipeline", catalog.RuleRequired, func(p *catalog.Product) { p.Pipeline = &catalog.Pipeline{} }},
		{"/pipeline/image", catalog.RuleFormat, func(p *catalog.Product) { p.Pipeline = &catalog.Pipeline{Image: "registry.example/x:latest"} }},
		{"/documentation_links/0", catalog.RuleFormat, func(p *catalog.Product) { p.DocumentationLinks = []string{"javascript:alert(1)"} }},
		{"/documentation_links/0", catalog.RuleFormat, func(p *catalog.Product) { p.DocumentationLinks = []string{"https://user@docs.example/"} }},
		{"/output_ports/x/type", catalog.RuleRequired, port(catalog.OutputPort{URL: "https://x.example"})},
		{"/output_ports/x/type", catalog.RuleUnknownValue, port(catalog.OutputPort{Type: "ftp", URL: "ftp://x.example"})},
		{"/output_ports/x/url", catalog.RuleRequired, port(catalog.OutputPort{Type: catalog.PortHTTP})},
		{"/output_ports/x/url", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortS3, URL: "https://x.example"})},
		{"/output_ports/x/url", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortKafka, URL: "kafka://u@x.example/t"})},
		{"/output_ports/x/content_type", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", ContentType: "text"})},
		{"/output_ports/x/schema", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", Schema: "s"})},
		{"/output_ports/x/record_marking", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", RecordMarking: "m"})},
		{"/output_ports/x/record_marking", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", ContentType: "text/csv", RecordMarking: "m"})},
		{"/output_ports/x/record_marking", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", ContentType: "application/jsonl", RecordMarking: " m"})},
		{"/output_ports/x/record_marking", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", ContentType: "application/avro", RecordMarking: "m\u202e"})},
		{"/output_ports/x/record_marking", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", ContentType: "application/jsonl", RecordMarking: "security..marking"})},
		{"/output_ports/x/record_marking", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", ContentType: "application/jsonl; charset=utf-16", RecordMarking: "m"})},
		{"/output_ports/x/record_marking", catalog.RuleFormat, port(catalog.OutputPort{Type: catalog.PortSQL, URL: "trino://t.example/x", RecordMarking: "security.marking"})},
		{"/deprecated_on", catalog.RuleFormat, func(p *catalog.Product) { p.Status, p.DeprecatedOn = catalog.StatusDeprecated, "2026-02-30" }},
		{"/deprecated_on", catalog.RuleFormat, func(p *catalog.Product) { p.DeprecatedOn = "2026-02-28" }}, // a draft
		{"/deprecated_on", catalog.RuleRequired, func(p *catalog.Product) { p.Status, p.SunsetOn = catalog.StatusRetired, "2026-02-28" }},
		{"/sunset_on", catalog.RuleFormat, func(p *catalog.Product) {
			p.Status, p.DeprecatedOn, p.SunsetOn = catalog.StatusDeprecated, "2026-02-28", "2026-02-27"
		}},
		{"/successor", catalog.RuleFormat, func(p *catalog.Product) { p.Successor = "x" }},
		{"/successor", catalog.RuleFormat, func(p *catalog.Product) { p.Successor = "alpha/p" }}, // itself
		{"/successor", catalog.RuleReference, func(p *catalog.Product) { p.Successor = "alpha/none" }},
		{"/output_ports", catalog.RuleFormat, func(p *catalog.Product) {
			p.OutputPorts = map[string]catalog.OutputPort{"X Y": {Type: catalog.PortFile, URL: "file:///x"}}
		}},
	} {
		p := product("alpha/p", "SECRET")
		c.change(p)
		m.refused(t, p, c.field, c.rule)
	}
	p := product("alpha/p", "SECRET//SOON")
	_, err := m.admin.Put(context.Background(), p, catalog.WriteOptions{})
	problems := refusal(t, err, catalog.CodeInvalid).Problems
	if !slices.ContainsFunc(problems, func(p catalog.Problem) bool { return p.Field == "/marking" && p.Rule != "" && p.Fix != "" }) {
		t.Errorf("got %+v, want a rule of the marking at /marking and a way out", problems)
	}
}

func undocumented(t *testing.T, m *mesh) {
	bare := schema("alpha/s")
	bare.Definition = `{"type":"object","properties":{"speed":{"type":"number"}}}`
	m.fill(t, domain("alpha"), bare, sla("alpha/l"))
	p := published("alpha/p", "SECRET")
	finding := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{p}})[productRef("alpha/p")]
	wantNone(t, finding.Problems)
	wantIn(t, finding.Warnings, "/output_ports/feed/schema", catalog.RuleFieldDocumentation)
	m.put(t, p) // a report, not a refusal
	p = published("alpha/q", "SECRET")
	p.Status = catalog.StatusDraft
	if got := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{p}})[productRef("alpha/q")]; len(got.Warnings) > 0 {
		t.Errorf("got warnings %v on a draft, want none", got.Warnings)
	}
}
