package opa

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
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
	fields, readable := fieldsIn(schema)
	return fields, readable, nil
}

// fieldsIn is false when the schema cannot be read by itself: it refers to
// others.
func fieldsIn(schema *catalog.Schema) ([]field, bool) {
	parsed, err := compat.Parse(schema.Type, schema.Definition)
	if err != nil {
		return nil, false
	}
	fields := fieldsOf(schema.Type, parsed.Fields())
	if reuses(schema) {
		for _, f := range fields {
			fields = append(fields, field{"", f.mark})
		}
	}
	return fields, true
}

// field is one field of a schema, by the column that it is in; "" for one that
// any column may hold.
type field struct{ column, mark string }

func fieldsOf(typ catalog.SchemaType, all []compat.Field) []field {
	var fields []field
	first := "" // message, which is that of a record
	for _, f := range all {
		root, rest := rootOf(f.Path)
		if typ == catalog.SchemaProtobuf {
			if first == "" {
				first = root
			}
			if root != first || strings.Contains(rest, ".") { // another message, or one in it
				rest = ""
			}
			root = rest
		} else if root == "$defs" || root == "definitions" {
			root = ""
		}
		fields = append(fields, field{strings.ToLower(root), f.Marking})
	}
	return fields
}

// reuses reports whether one part of a schema may be described by another, whose
// fields are listed there alone. Of Protobuf, whose fields are listed by message,
// it does not matter.
func reuses(schema *catalog.Schema) bool {
	if schema.Type == catalog.SchemaProtobuf {
		return false
	}
	value, err := strictjson.Parse(schema.Definition, strictjson.Limits{Bytes: compat.MaxBytes, Depth: compat.MaxDepth, Values: compat.MaxValues})
	return err != nil || refers(schema.Type, "", value)
}

// refers looks for JSON Schema's references, and for Avro's types by name. key
// is where the value stands, for the items of a list too.
func refers(typ catalog.SchemaType, key string, v *strictjson.Value) bool {
	switch v.Kind {
	case strictjson.String:
		return typ == catalog.SchemaAvro && slices.Contains([]string{"type", "items", "values"}, key) && !slices.Contains(plainTypes, v.Text)
	case strictjson.Array:
		return slices.ContainsFunc(v.Items, func(item *strictjson.Value) bool { return refers(typ, key, item) })
	case strictjson.Object:
		return slices.ContainsFunc(v.Members, func(m strictjson.Member) bool {
			return typ == catalog.SchemaJSON && strings.HasPrefix(m.Key, "$") && strings.HasSuffix(strings.ToLower(m.Key), "ref") || refers(typ, m.Key, m.Value)
		})
	}
	return false
}

// plainTypes are the types of Avro 1.12 that are no name.
var plainTypes = []string{
	"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "error", "enum", "array", "map", "fixed",
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
