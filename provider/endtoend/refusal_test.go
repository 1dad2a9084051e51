package endtoend

import (
	"errors"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// base is a domain with everything that an active product needs.
const base = requirement + `
resource "datamesh_domain" "sigint" {
  name                = "sigint"
  display_name        = "Signals intelligence"
  discipline          = "SIGINT"
  contact             = "sigint-data@enclave.example"
  team                = { "a.stone" = { role = "owner" } }
  deletion_protection = false
}

resource "datamesh_sla" "hourly" {
  domain    = datamesh_domain.sigint.name
  name      = "hourly"
  freshness = { max_age = "1h", anchor = "event", target_percent = 99, window = "30d" }
}

resource "datamesh_caveat_policy" "partners" {
  domain        = datamesh_domain.sigint.name
  name          = "partners"
  releasable_to = ["USA", "FVEY"]
  excluded      = ["NZL"]
}
`

const track = `
resource "datamesh_schema" "track" {
  domain     = datamesh_domain.sigint.name
  name       = "track"
  type       = "JSON"
  definition = jsonencode({ type = "object", properties = { id = { type = "string", description = "Number." } } })
}
`

// draft is a product that nothing can be said against.
func draft(name, attributes string) string {
	return `
resource "datamesh_data_product" "` + name + `" {
  domain              = datamesh_domain.sigint.name
  name                = "` + name + `"
  title               = "Product"
  version             = "1.0.0"
  deletion_protection = false
` + attributes + `
}
`
}

// active is one that others may rely on.
func active(name, attributes string) string {
	return draft(name, `
  status        = "active"
  description   = "All of it."
  sla           = datamesh_sla.hourly.id
  output_ports = {
    feed = {
      type   = "http"
      url    = "https://h.example/`+name+`"
      schema = datamesh_schema.track.id
    }
  }
`+attributes)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config string
		places []string // a piece of the configuration at each error
		detail []string // in the first error
	}{
		"under-marked, derived in the same plan": {
			draft("source", `  marking = "SECRET//NOFORN"`) +
				draft("derived", "  inputs = [datamesh_data_product.source.id]\n  marking = \"CONFIDENTIAL//REL TO USA, GBR\""),
			[]string{`marking = "CONFIDENTIAL//REL TO USA, GBR"`}, []string{`"SECRET//NOFORN"`, "marking.under_marked"},
		},
		"under-marked through a product without a marking of its own": {
			draft("source", `  marking = "SECRET//NOFORN"`) +
				draft("between", "  inputs = [datamesh_data_product.source.id]") +
				draft("derived", "  inputs = [datamesh_data_product.between.id]\n  marking = \"SECRET//REL TO USA, GBR\""),
			[]string{`marking = "SECRET//REL TO USA, GBR"`}, []string{`"SECRET//NOFORN"`},
		},
		"released to a nation that the policy excludes": {
			draft("tracks", "  caveat_policy = datamesh_caveat_policy.partners.id\n  marking = \"SECRET//REL TO USA, FVEY\""),
			[]string{`marking = "SECRET//REL TO USA, FVEY"`}, []string{"NZL", "caveat_policy.excluded"},
		},
		"active without any of its parts": {
			draft("tracks", "  status = \"active\"\n  output_ports = {\n    feed = { type = \"http\", url = \"https://h.example/t\" }\n  }"),
			[]string{"datamesh_data_product.tracks", "datamesh_data_product.tracks", "datamesh_data_product.tracks", "datamesh_data_product.tracks"},
			[]string{"product.active"},
		},
		"schema that does not exist": {
			draft("tracks", "  output_ports = {\n    feed = { type = \"http\", url = \"https://h.example/t\", schema = \"sigint/nothing\" }\n  }"),
			[]string{"datamesh_data_product.tracks"}, []string{`output_ports["feed"].schema`, "sigint/nothing", "reference"},
		},
		"input that does not exist": {
			draft("tracks", `  inputs = ["sigint/nothing"]`),
			[]string{`sigint/nothing`}, []string{"sigint/nothing", "reference"},
		},
		"marking with an unknown token": {
			draft("tracks", `  marking = "SECRET//COSMIC-FOO"`),
			[]string{`marking = "SECRET//COSMIC-FOO"`}, []string{"COSMIC-FOO"},
		},
		"definition that is cut short": {
			strings.Replace(track, `jsonencode({ type = "object", properties = { id = { type = "string", description = "Number." } } })`, `"{\n  \"type\":"`, 1),
			[]string{`definition = "{`}, []string{"Line 2, column "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, platformtest.Start(t))
			w.write("main.tf", base+test.config)
			errors := w.refused(test.places...)
			for _, part := range test.detail {
				if len(errors) == 0 || !strings.Contains(errors[0].Detail, part) {
					t.Errorf("got %v, want %q in the first", errors, part)
				}
			}
		})
	}
}

// TestMissingPartsAreNamedEach holds each missing part of an active product to
// its own attribute, by giving the parts one by one.
func TestMissingPartsAreNamedEach(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	w.write("main.tf", base+track+active("tracks", ""))
	w.refused("datamesh_data_product.tracks") // no marking
	w.write("main.tf", base+track+strings.Replace(active("tracks", `  marking = "SECRET//NOFORN"`), "sla           = datamesh_sla.hourly.id", "", 1))
	if got := w.refused("datamesh_data_product.tracks"); len(got) > 0 && !strings.Contains(strings.ToUpper(got[0].Detail), "SLA") {
		t.Errorf("got %v, want the SLA named", got)
	}
	w.write("main.tf", base+track+active("tracks", `  marking = "SECRET//NOFORN"`))
	w.must("plan", "-no-color")
}

// TestASchemaInUseStays deletes a schema that a product names literally, so
// that Terraform knows of no dependency, and then both together.
func TestASchemaInUseStays(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	w := open(t, p)
	literal := strings.Replace(active("tracks", "  marking = \"SECRET//NOFORN\"\n  depends_on = [datamesh_domain.sigint]"), "datamesh_schema.track.id", `"sigint/track"`, 1)
	w.write("main.tf", base+track)
	w.apply()
	w.write("product.tf", literal)
	w.apply()

	w.write("main.tf", base)
	result, messages := w.plan()
	if result.Code == 0 {
		t.Errorf("deleting a schema in use was planned; got %v, want an error", messages)
	}
	inUse := false
	for _, m := range messages {
		inUse = inUse || m.Severity == "error" && strings.Contains(m.Detail, "sigint/track")
	}
	if !inUse {
		t.Errorf("got %v, want an error that names sigint/track", messages)
	}

	w.write("product.tf", "")
	for _, m := range w.warnings() {
		if m.Severity == "error" {
			t.Errorf("schema and product are deleted together: got %v, want no error", m)
		}
	}
	w.apply()
	if got := count(t, p, catalog.KindSchema) + count(t, p, catalog.KindProduct); got != 0 {
		t.Errorf("got %d objects left, want none", got)
	}
}

// TestProtectedProductStays refuses to delete or replace what is protected,
// and names the way out.
func TestProtectedProductStays(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	unprotected := draft("tracks", "")
	protected := strings.Replace(unprotected, "deletion_protection = false", "deletion_protection = true", 1)
	w.write("main.tf", base+protected)
	w.apply()
	for name, config := range map[string]string{
		"deletion":    "",
		"replacement": strings.Replace(protected, `name                = "tracks"`, `name                = "other"`, 1),
	} {
		w.write("main.tf", base+config)
		_, messages := w.plan()
		if got := w.one(messages, "protected from deletion"); !strings.Contains(got.Detail, "deletion_protection = false") {
			t.Errorf("%s: got %q, want the way out named", name, got.Detail)
		}
	}
	w.write("main.tf", base+unprotected)
	w.apply()
	w.write("main.tf", base)
	w.apply()
}

// TestARenamedSchemaTakesItsProductsAlong replaces a schema that is in use: the
// way that the warning names works.
func TestARenamedSchemaTakesItsProductsAlong(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	w := open(t, p)
	kept := strings.Replace(track, `  type       = "JSON"`, "  type       = \"JSON\"\n  lifecycle { create_before_destroy = true }", 1)
	product := active("tracks", `  marking = "SECRET//NOFORN"`)
	w.write("main.tf", base+kept+product)
	w.apply()
	w.write("main.tf", base+strings.Replace(kept, `name       = "track"`, `name       = "track-v2"`, 1)+product)
	if got := w.one(w.warnings(), "is in use"); !strings.Contains(got.Detail, "create_before_destroy") {
		t.Errorf("got %v, want the way out named", got)
	}
	w.apply()
	w.planIsEmpty()
	if _, err := p.Admin().Get(t.Context(), catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track"}); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the old schema: got %v, want it gone", err)
	}
}
