package opa

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// table is a table that the engine names, and the product that it is, if any.
type table struct {
	name
	product *catalog.Product // nil for none, or none that the engine sees
	port    catalog.OutputPort
}

// entity is what is asked about. A table that is no product is asked about as
// such, which is denied and recorded.
func (t table) entity() catalog.Entity {
	if t.product == nil {
		return catalog.Entity{Type: "table", ID: t.String()}
	}
	return catalog.Entity{Type: catalog.EntityProduct, ID: t.product.Ref().ID}
}

// table finds the product by its name, one read a table, and believes it only
// when one of its own ports leads there: a table of another catalog that is
// called alike is none, and so is one of which two ports say different things.
func (q *inquiry) table(ctx context.Context, n name) (table, error) {
	found := table{name: n}
	id, ok := idOf(n)
	if !ok {
		return found, nil
	}
	product, err := q.product(ctx, id)
	if product == nil || err != nil {
		return found, err
	}
	for _, key := range slices.Sorted(maps.Keys(product.OutputPorts)) {
		port := product.OutputPorts[key]
		switch {
		case port.Type != catalog.PortSQL || !leadsTo(port.URL, n):
		case found.product == nil:
			found.product, found.port = product, port
		case port.Schema != found.port.Schema || port.RecordMarking != found.port.RecordMarking:
			return table{name: n}, nil
		}
	}
	return found, nil
}

// engineCatalog holds what the engine tells of itself, such as its queries. None
// of it is a product, whatever the URL of a port says.
const engineCatalog = "system"

// idOf is the product that a table's name stands for, false for a name that no
// product can have.
func idOf(n name) (id string, ok bool) {
	id = strings.ReplaceAll(n.schema+"/"+n.object, "_", "-")
	return id, n.catalog != engineCatalog && catalog.KindProduct.CheckID(id) == nil
}

// leadsTo reports whether the path of the URL ends in the name.
func leadsTo(address string, n name) bool {
	u, err := url.Parse(address)
	if err != nil || n.catalog == "" {
		return false
	}
	parts := strings.Split(u.Path, "/")
	want := []string{n.catalog, n.schema, n.object}
	return len(parts) > len(want) && slices.EqualFunc(parts[len(parts)-len(want):], want, strings.EqualFold)
}

// open reports whether a table holds nothing but what the engine filters by our
// own answers.
func (n name) open() bool {
	return n.schema == "information_schema" || n.catalog == engineCatalog && n.schema == "jdbc"
}
