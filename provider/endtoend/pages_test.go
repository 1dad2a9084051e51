package endtoend

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestThousandProductsCostPages plans 1,000 unchanged products and counts what
// that asks of the platform: the pages of one list, and a few requests more.
func TestThousandProductsCostPages(t *testing.T) {
	t.Parallel()
	const products = 1000
	p := platformtest.Start(t)
	publish(t, p, products)
	w := open(t, p)
	w.write("main.tf", many(1))
	w.apply()
	w.write("main.tf", many(products))
	multiply(t, filepath.Join(w.Dir, "terraform.tfstate"), products)

	p.ResetRequests()
	w.planIsEmpty()

	const pages, more = products / catalog.MaxLimit, 5
	got := p.Requests()
	if len(got) > pages+more {
		t.Errorf("a plan of %d unchanged products made %d requests, want at most %d pages and %d more:\n%s",
			products, len(got), pages, more, strings.Join(got[:min(len(got), 20)], "\n"))
	}
	lists := 0
	for _, request := range got {
		if strings.HasPrefix(request, "GET /api/v1/products?") {
			lists++
		}
	}
	if lists != pages {
		t.Errorf("got %d pages, want %d:\n%s", lists, pages, strings.Join(got, "\n"))
	}
	t.Logf("%d products: %d requests", products, len(got))
}

// batch is how many products one block holds. Terraform before 1.13 takes time
// that is quadratic in the instances of a block; this test is not about that.
const batch = 50

// many is a configuration of products that exist already, so the first run
// imports.
func many(products int) string {
	var b strings.Builder
	b.WriteString(requirement)
	for first := 0; first < products; first += batch {
		fmt.Fprintf(&b, `
import {
  for_each = toset([for i in range(%[2]d, %[3]d) : format("p%%04d", i)])
  to       = datamesh_data_product.batch%02[1]d[each.key]
  id       = "mass/${each.key}"
}

resource "datamesh_data_product" "batch%02[1]d" {
  for_each = toset([for i in range(%[2]d, %[3]d) : format("p%%04d", i)])

  domain              = "mass"
  name                = each.key
  title               = "Product ${each.key}"
  version             = "1.0.0"
  marking             = "SECRET//NOFORN"
  deletion_protection = false
}
`, first/batch, first, min(first+batch, products))
	}
	return b.String()
}

// multiply makes the only product of a state file into many, in blocks of a
// batch. Terraform itself writes the whole file again after each import, which
// takes minutes for a thousand.
func multiply(t *testing.T, file string, products int) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Version          int              `json:"version"`
		TerraformVersion string           `json:"terraform_version"`
		Serial           int              `json:"serial"`
		Lineage          string           `json:"lineage"`
		Resources        []map[string]any `json:"resources"`
	}
	if err := json.Unmarshal(content, &state); err != nil || len(state.Resources) != 1 {
		t.Fatalf("reading the state of one product: %v", err)
	}
	one, err := json.Marshal(state.Resources[0]["instances"])
	if err != nil {
		t.Fatal(err)
	}
	instance := strings.TrimSuffix(strings.TrimPrefix(string(one), "["), "]")
	only := state.Resources[0]
	state.Resources = nil
	for first := 0; first < products; first += batch {
		block := maps.Clone(only)
		block["name"] = fmt.Sprintf("batch%02d", first/batch)
		var instances []json.RawMessage
		for i := first; i < min(first+batch, products); i++ {
			instances = append(instances, json.RawMessage(strings.ReplaceAll(instance, "p0000", fmt.Sprintf("p%04d", i))))
		}
		block["instances"] = instances
		state.Resources = append(state.Resources, block)
	}
	if content, err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// publish puts products into the domain "mass".
func publish(t *testing.T, p *platformtest.Platform, products int) {
	t.Helper()
	admin := p.Admin()
	put := func(object catalog.Object) {
		if _, err := admin.Put(t.Context(), object, catalog.WriteOptions{}); err != nil {
			t.Fatalf("publishing %s: %v", object.Ref(), err)
		}
	}
	put(&catalog.Domain{
		Name: "mass", DisplayName: "Mass", Discipline: catalog.DisciplineOther, Contact: "mass@enclave.example",
		Team: map[string]catalog.Member{"a.stone": {Role: catalog.RoleOwner}},
	})
	for i := range products {
		name := fmt.Sprintf("p%04d", i)
		put(&catalog.Product{Domain: "mass", Name: name, Title: "Product " + name, Version: "1.0.0", Marking: "SECRET//NOFORN"})
	}
}
