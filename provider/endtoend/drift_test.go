package endtoend

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

const digest = "@sha256:0000000000000000000000000000000000000000000000000000000000000000"

// productDrift changes each attribute of a product behind Terraform's back;
// the key lists what must show as drift.
var productDrift = map[string]func(*catalog.Product){
	"title":                     func(p *catalog.Product) { p.Title = "Other" },
	"description":               func(p *catalog.Product) { p.Description = "Other." },
	"version":                   func(p *catalog.Product) { p.Version = "1.0.1" },
	"status":                    func(p *catalog.Product) { p.Status = catalog.StatusDeprecated },
	"effective_marking marking": func(p *catalog.Product) { p.Marking = "SECRET//NOFORN" },
	"caveat_policy":             func(p *catalog.Product) { p.CaveatPolicy = "" },
	"sla":                       func(p *catalog.Product) { p.SLA = "drift/other" },
	"inherited_marking inputs":  func(p *catalog.Product) { p.Inputs = nil },
	"output_ports.feed.type": func(p *catalog.Product) {
		p.OutputPorts["feed"] = port(func(o *catalog.OutputPort) { o.Type = catalog.PortSTIXTAXII })
	},
	"output_ports.feed.url": func(p *catalog.Product) {
		p.OutputPorts["feed"] = port(func(o *catalog.OutputPort) { o.URL = "https://h.example/o" })
	},
	"output_ports.feed.content_type": func(p *catalog.Product) {
		p.OutputPorts["feed"] = port(func(o *catalog.OutputPort) { o.ContentType = "text/csv" })
	},
	"output_ports.feed.schema": func(p *catalog.Product) {
		p.OutputPorts["feed"] = port(func(o *catalog.OutputPort) { o.Schema = "drift/other" })
	},
	"output_ports.feed.record_marking": func(p *catalog.Product) {
		p.OutputPorts["feed"] = port(func(o *catalog.OutputPort) { o.RecordMarking = "marking" })
	},
	"deprecated_on status sunset_on": func(p *catalog.Product) {
		p.Status, p.DeprecatedOn, p.SunsetOn = catalog.StatusDeprecated, "2026-03-01", "2027-03-01"
	},
	"successor": func(p *catalog.Product) { p.Successor = "drift/input" },
	"pipeline.image": func(p *catalog.Product) {
		p.Pipeline = &catalog.Pipeline{Image: "r.example/other" + digest, Source: "feed-7"}
	},
	"pipeline.source": func(p *catalog.Product) {
		p.Pipeline = &catalog.Pipeline{Image: "r.example/t" + digest, Source: "feed-8"}
	},
	"documentation_links": func(p *catalog.Product) { p.DocumentationLinks = []string{"https://docs.example/o"} },
	"purpose":             func(p *catalog.Product) { p.Purpose = "Other." },
	"limitations":         func(p *catalog.Product) { p.Limitations = "" },
	"support_contact":     func(p *catalog.Product) { p.SupportContact = "o@enclave.example" },
	"deletion_protection": func(p *catalog.Product) { p.DeletionProtection = true },
	"":                    func(*catalog.Product) {},
}

func port(change func(*catalog.OutputPort)) catalog.OutputPort {
	o := catalog.OutputPort{Type: catalog.PortHTTP, URL: "https://h.example/t", ContentType: "application/geo+json", Schema: "drift/track"}
	change(&o)
	return o
}

// schemaDrift does the same to a schema. Domain, name and type cannot change.
var schemaDrift = map[string]func(*catalog.Schema){
	"description":   func(s *catalog.Schema) { s.Description = "Other." },
	"compatibility": func(s *catalog.Schema) { s.Compatibility = catalog.CompatibilityBackward },
	"definition": func(s *catalog.Schema) {
		s.Definition = `{"type":"object","properties":{"id":{"type":"string","description":"Other."}}}`
	},
	"conforms_to": func(s *catalog.Schema) { s.ConformsTo = "" },
	"references.position.json.version": func(s *catalog.Schema) {
		s.Dependencies["position.json"] = catalog.SchemaDependency{Schema: "drift/position", Version: 2}
	},
	"references.position.json.schema": func(s *catalog.Schema) {
		s.Dependencies["position.json"] = catalog.SchemaDependency{Schema: "drift/place", Version: 1}
	},
	"references.position.json.schema references.position.json.version": func(s *catalog.Schema) { s.Dependencies = nil },
	"": func(s *catalog.Schema) { // other spelling, same meaning
		s.Definition = "{\n  \"properties\": {\"id\": {\"description\": \"Number.\", \"type\": \"string\"}},\n  \"type\": \"object\"\n}"
	},
}

// referenceDrift does the same to a reference schema.
var referenceDrift = map[string]func(*catalog.ReferenceSchema){
	"description": func(r *catalog.ReferenceSchema) { r.Description = "Other." },
	"definition":  func(r *catalog.ReferenceSchema) { r.Definition = `{"type":"object","properties":{}}` },
	"":            func(r *catalog.ReferenceSchema) { r.Definition = "{\n  \"type\": \"object\"\n}" },
}

const driftConfig = `
resource "datamesh_domain" "drift" {
  name                = "drift"
  display_name        = "Drift"
  discipline          = "OTHER"
  contact             = "drift@enclave.example"
  team                = { "a.stone" = { role = "owner" } }
  deletion_protection = false
}

resource "datamesh_sla" "each" {
  for_each  = toset(["hourly", "other"])
  domain    = datamesh_domain.drift.name
  name      = each.key
  freshness = { max_age = "1h", anchor = "event", target_percent = 99, window = "30d" }
}

resource "datamesh_caveat_policy" "partners" {
  domain        = datamesh_domain.drift.name
  name          = "partners"
  releasable_to = ["USA", "GBR"]
  excluded      = []
}

locals {
  definition = jsonencode({ type = "object", properties = { id = { type = "string", description = "Number." } } })
}

resource "datamesh_schema" "named" {
  for_each   = toset(["track", "other"])
  domain     = datamesh_domain.drift.name
  name       = each.key
  type       = "JSON"
  definition = local.definition
}

resource "datamesh_reference_schema" "each" {
  for_each    = toset(%s)
  name        = each.key
  type        = "JSON"
  description = "What every track says."
  definition  = jsonencode({ type = "object" })
}

resource "datamesh_reference_schema" "track" {
  name       = "track"
  type       = "JSON"
  definition = jsonencode({ type = "object" })
}

resource "datamesh_schema" "position" {
  for_each   = toset(["position", "place"])
  domain     = datamesh_domain.drift.name
  name       = each.key
  type       = "JSON"
  definition = jsonencode({ type = "object" })
}

resource "datamesh_schema" "each" {
  for_each    = toset(%s)
  domain      = datamesh_domain.drift.name
  name        = each.key
  type        = "JSON"
  description = "One track."
  definition  = local.definition
  conforms_to = datamesh_reference_schema.track.name
  references  = { "position.json" = { schema = datamesh_schema.position["position"].id, version = 1 } }
}

resource "datamesh_data_product" "input" {
  domain              = datamesh_domain.drift.name
  name                = "input"
  title               = "Input"
  version             = "1.0.0"
  marking             = "CONFIDENTIAL//REL TO USA, GBR"
  deletion_protection = false
}

resource "datamesh_data_product" "each" {
  for_each      = toset(%s)
  domain        = datamesh_domain.drift.name
  name          = each.key
  title         = "Tracks"
  description   = "All tracks."
  version       = "1.0.0"
  status        = "active"
  marking       = "SECRET//REL TO USA, GBR"
  caveat_policy = datamesh_caveat_policy.partners.id
  sla           = datamesh_sla.each["hourly"].id
  inputs        = [datamesh_data_product.input.id]
  output_ports = {
    feed = {
      type         = "http"
      url          = "https://h.example/t"
      content_type = "application/geo+json"
      schema       = datamesh_schema.named["track"].id
    }
  }
  pipeline = {
    image  = "r.example/t` + digest + `"
    source = "feed-7"
  }
  documentation_links = ["https://docs.example/t"]
  purpose             = "Awareness."
  limitations         = "None known."
  support_contact     = "t@enclave.example"
  deletion_protection = false
}
`

// TestEveryAttributeShowsAsDrift changes each attribute of a product, of a
// schema and of a reference schema through the API and expects exactly that
// attribute as drift. Two refreshes before that find none.
func TestEveryAttributeShowsAsDrift(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	w := open(t, p)
	products, schemas, references := numbered(productDrift), numbered(schemaDrift), numbered(referenceDrift)
	w.write("main.tf", requirement+fmt.Sprintf(driftConfig, list(references), list(schemas), list(products)))
	w.apply()
	for range 2 {
		if drift := w.planned("-refresh-only").Drift; len(drift) != 0 {
			t.Fatalf("idle refresh: got drift %v, want none", drift)
		}
	}

	position := catalog.Ref{Kind: catalog.KindSchema, ID: "drift/position"}
	for _, text := range []string{`{"type":"object","description":"Place."}`, `{"type":"object"}`} { // version 2, and back to the text in state
		change(t, p, position, func(s *catalog.Schema) { s.Definition = text })
	}
	want := map[string]string{}
	for name, attributes := range products {
		change(t, p, catalog.Ref{Kind: catalog.KindProduct, ID: "drift/" + name}, productDrift[attributes])
		note(want, fmt.Sprintf("datamesh_data_product.each[%q]", name), attributes)
	}
	for name, attributes := range schemas {
		change(t, p, catalog.Ref{Kind: catalog.KindSchema, ID: "drift/" + name}, schemaDrift[attributes])
		note(want, fmt.Sprintf("datamesh_schema.each[%q]", name), attributes)
	}
	for name, attributes := range references {
		change(t, p, catalog.Ref{Kind: catalog.KindReferenceSchema, ID: name}, referenceDrift[attributes])
		note(want, fmt.Sprintf("datamesh_reference_schema.each[%q]", name), attributes)
	}
	got := map[string]string{}
	for _, drift := range w.planned("-refresh-only").Drift {
		got[drift.Address] = strings.Join(drift.Change.differing(), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
}

// numbered names an object for each entry of a drift table.
func numbered[F any](table map[string]F) map[string]string {
	out := map[string]string{}
	for i, attributes := range slices.Sorted(maps.Keys(table)) {
		out[fmt.Sprintf("o%02d", i)] = attributes
	}
	return out
}

func list(names map[string]string) string {
	return `["` + strings.Join(slices.Sorted(maps.Keys(names)), `", "`) + `"]`
}

func note(want map[string]string, address, attributes string) {
	if attributes != "" {
		want[address] = attributes
	}
}

func change[O catalog.Object](t *testing.T, p *platformtest.Platform, ref catalog.Ref, f func(O)) {
	t.Helper()
	entry, err := p.Admin().Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	object, ok := entry.Object.(O)
	if !ok {
		t.Fatalf("got %T", entry.Object)
	}
	f(object)
	if _, err := p.Admin().Put(t.Context(), object, catalog.WriteOptions{IfMatch: entry.Revision}); err != nil {
		t.Fatalf("changing %s: %v", ref, err)
	}
}
