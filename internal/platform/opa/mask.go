package opa

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// expressionBody is a piece of SQL that the engine puts into a query.
type expressionBody struct {
	Expression string `json:"expression"`
}

// hidden stands in the place of a column that the user may not see.
var hidden = &expressionBody{"NULL"}

// columnMaskBody is one of many masks.
type columnMaskBody struct {
	Index int             `json:"index"`
	Mask  *expressionBody `json:"viewExpression"`
}

// columnMask answers for one column, with nothing when it may be seen.
func (q *inquiry) columnMask(ctx context.Context) (any, error) {
	if q.operation != "GetColumnMask" || q.resource == nil {
		return hidden, q.denied(ctx)
	}
	masked, err := q.masked(ctx, []resource{*q.resource})
	if err != nil || !masked[0] {
		return nil, err
	}
	return hidden, nil
}

// batchColumnMasks answers for many columns, with those alone that may not be
// seen.
func (q *inquiry) batchColumnMasks(ctx context.Context) (any, error) {
	if q.operation != "GetColumnMask" || len(q.batched) == 0 {
		// What is asked under another name is nothing that a mask is for.
		return nil, badRequest("The masks of columns are asked for with the operation GetColumnMask and filterResources.")
	}
	masked, err := q.masked(ctx, q.batched)
	masks := []columnMaskBody{}
	for i, is := range masked {
		if is {
			masks = append(masks, columnMaskBody{i, hidden})
		}
	}
	return masks, err
}

// masked says which columns the user must not see. All are of one table, as
// the engine asks; of others, none is shown.
func (q *inquiry) masked(ctx context.Context, on []resource) ([]bool, error) {
	of := on[0].table
	if of.open() {
		permit, err := q.known(ctx, "table", of.String())
		return slices.Repeat([]bool{!permit}, len(on)), err
	}
	t, err := q.table(ctx, of)
	if err != nil {
		return nil, err
	}
	shown, err := q.shown(ctx, t)
	masked := make([]bool, len(on))
	for i, r := range on {
		masked[i] = r.table != of || r.column == "" || !shown(r.column)
	}
	return masked, err
}

// shown is a test of a column's name.
type shown func(column string) bool

func nothing(string) bool { return false }

// shown decides on the table's product, and on the fields of its schema that
// carry a marking of their own. Whatever cannot be read shows nothing.
func (q *inquiry) shown(ctx context.Context, t table) (shown, error) {
	fields, readable, err := q.fields(ctx, t)
	if err != nil {
		return nothing, err
	}
	marks := marksOf(fields)
	if len(marks) > catalog.MaxPortions {
		marks, readable = nil, false
	}
	d, admitted, err := q.options.Portions(q.caller).EvaluatePortions(ctx, q.evaluation(t.entity()), marks)
	if err != nil || !d.Permit || !readable || len(admitted) != len(marks) {
		return nothing, err
	}
	kept := map[string]bool{"": true} // what has no marking of its own is marked like the product
	for i, mark := range marks {
		kept[mark] = admitted[i]
	}
	return columnsOf(fields, t.port.Schema == "", kept), nil
}

// fields are those of the port's schema; false when they cannot be told.
func (q *inquiry) fields(ctx context.Context, t table) ([]field, bool, error) {
	if t.product == nil || t.port.Schema == "" {
		return nil, t.product != nil, nil
	}
	entry, err := q.options.Catalogue(q.engine).Get(ctx, catalog.Ref{Kind: catalog.KindSchema, ID: t.port.Schema})
	if known := (*catalog.Error)(nil); errors.As(err, &known) && known.Code == catalog.CodeNotFound {
		return nil, false, nil
	}
	schema, ok := entry.Object.(*catalog.Schema)
	if err != nil || !ok {
		return nil, false, err
	}
	parsed, err := compat.Parse(schema.Type, schema.Definition)
	if err != nil {
		return nil, false, nil // it refers to others, or was not registered here
	}
	return fieldsOf(schema.Type, parsed.Fields()), true, nil
}

// field is one field of a schema, by the column that it is in; "" for one that
// types share, so that any column may hold it.
type field struct{ column, mark string }

func fieldsOf(typ catalog.SchemaType, all []compat.Field) []field {
	var fields []field
	first := "" // message, which is that of a record
	for _, f := range all {
		root, rest := rootOf(f.Path)
		switch {
		case typ != catalog.SchemaProtobuf && (root == "$defs" || root == "definitions"):
			root = ""
		case typ == catalog.SchemaProtobuf && (first == "" || first == root):
			first = root
			root, _ = rootOf(rest)
		case typ == catalog.SchemaProtobuf:
			root = ""
		}
		fields = append(fields, field{strings.ToLower(root), f.Marking})
	}
	return fields
}

// rootOf is the first part of a path, and what follows.
func rootOf(path string) (root, rest string) {
	i := strings.IndexAny(path, ".[{")
	if i < 0 {
		return path, ""
	}
	return path[:i], strings.TrimPrefix(path[i:], ".")
}

func marksOf(fields []field) []string {
	var marks []string
	for _, f := range fields {
		if f.mark != "" && !slices.Contains(marks, f.mark) {
			marks = append(marks, f.mark)
		}
	}
	return marks
}

// columnsOf shows a column when everything in it, and everything that might be,
// is kept. A column that the schema does not have is not shown: nobody can tell
// how it is marked. any is true where there is no schema.
func columnsOf(fields []field, any bool, kept map[string]bool) shown {
	columns := map[string]bool{}
	for _, f := range fields {
		so, met := columns[f.column]
		columns[f.column] = kept[f.mark] && (so || !met)
	}
	if shared, met := columns[""]; met && !shared {
		return nothing
	}
	return func(column string) bool { return column != "" && (any || columns[strings.ToLower(column)]) }
}
