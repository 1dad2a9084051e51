package endtoend

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestThousandProductsCostPages plans 1,000 unchanged products and counts what
// that asks of the platform: the pages of one list, and a few requests more.
func TestThousandProductsCostPages(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand products take half a minute: not in -short")
	}
	t.Parallel()
	const products = 1000
	p := platformtest.Start(t)
	publish(t, p, products)
	w := open(t, p)
	w.write("main.tf", requirement+fmt.Sprintf(`
locals {
  names = toset([for i in range(%d) : format("p%%04d", i)])
}

# They exist already; nothing has to be written.
import {
  for_each = local.names
  to       = datamesh_data_product.product[each.key]
  id       = "mass/${each.key}"
}

resource "datamesh_data_product" "product" {
  for_each = local.names

  domain              = "mass"
  name                = each.key
  title               = "Product ${each.key}"
  version             = "1.0.0"
  marking             = "SECRET//NOFORN"
  deletion_protection = false
}
`, products))
	if got, want := w.apply().Stdout, "1000 imported, 0 added, 0 changed, 0 destroyed"; !strings.Contains(got, want) {
		t.Fatalf("import: got\n%s\nwant %q", got, want)
	}

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
