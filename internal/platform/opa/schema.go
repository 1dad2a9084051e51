package opa

import (
	"context"
	"errors"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// schemas decides on each schema of the engine: one that is a domain is shown to
// whom the domain exists for, and one that is none, in which nobody reads
// anything, to nobody. A question is asked for every name, or the time would tell
// how many are hidden.
func (q *inquiry) schemas(ctx context.Context, on []resource) ([]bool, error) {
	answers := make([]bool, len(on))
	settled := map[string]bool{}
	for i, r := range on {
		id, ok := schemaID(r.schema)
		if !ok {
			continue
		}
		permit, known := settled[id]
		if !known {
			var err error
			if permit, err = q.schema(ctx, r.schema, id); err != nil {
				return nil, err
			}
			settled[id] = permit
		}
		answers[i] = permit
	}
	if len(settled) == 0 {
		return answers, q.denied(ctx)
	}
	return answers, nil
}

// schemaID is what a schema is asked about as, false for a name that is neither
// the engine's own nor can be a domain's.
func schemaID(n name) (id string, ok bool) {
	if n.open() {
		return n.schema, n.catalog != ""
	}
	id = strings.ReplaceAll(n.schema, "_", "-")
	return id, catalog.KindDomain.CheckID(id) == nil
}

func (q *inquiry) schema(ctx context.Context, n name, id string) (bool, error) {
	if n.open() {
		return q.known(ctx, "schema", n.catalog+"."+n.schema)
	}
	permit, err := q.known(ctx, catalog.EntityDomain, id)
	if err != nil {
		return false, err
	}
	_, err = q.options.Catalogue(q.engine).Get(ctx, catalog.Ref{Kind: catalog.KindDomain, ID: id})
	if known := (*catalog.Error)(nil); errors.As(err, &known) && known.Code == catalog.CodeNotFound {
		return false, nil
	}
	return permit && err == nil, err
}
