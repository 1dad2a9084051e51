package opa

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// maxAncestors is how many products are read for the marks that a row may carry.
const maxAncestors = 256

// nobody is the filter that no row passes.
var nobody = []expressionBody{{"false"}}

// rowFilters answers with the expressions that every row must pass. Where rows
// carry a mark of their own, one lets through those marks that the catalogue
// knows for the product and the user is let in to: SQL cannot ask us about a
// mark, so a row with any other mark, or none, is withheld.
func (q *inquiry) rowFilters(ctx context.Context) (any, error) {
	if q.operation != "GetRowFilters" || q.resource == nil {
		return nobody, q.denied(ctx)
	}
	if n := q.resource.table; n.open() {
		permit, err := q.known(ctx, "table", n.String())
		if err != nil || !permit {
			return nobody, err
		}
		return []expressionBody{}, nil
	}
	t, err := q.table(ctx, q.resource.table)
	if err != nil {
		return nil, err
	}
	marks, err := q.rowMarks(ctx, t)
	if err != nil {
		return nil, err
	}
	d, admitted, err := q.options.Portions(q.caller).EvaluatePortions(ctx, q.evaluation(t.entity()), marks)
	switch {
	case err != nil || !d.Permit || len(admitted) != len(marks):
		return nobody, err
	case t.port.RecordMarking == "":
		return []expressionBody{}, nil
	}
	var let []string
	for i, mark := range marks {
		if admitted[i] {
			let = append(let, mark)
		}
	}
	return []expressionBody{{q.lets(t.port.RecordMarking, let)}}, nil
}

// rowMarks are the marks that the catalogue knows for the rows of a table: that
// of open data, those of the product and of all that it is made from, and those
// of its fields.
func (q *inquiry) rowMarks(ctx context.Context, t table) ([]string, error) {
	if t.product == nil || t.port.RecordMarking == "" {
		return nil, nil
	}
	marks := []string{"UNCLASSIFIED"}
	fields, _, err := q.fields(ctx, t)
	if err != nil {
		return nil, err
	}
	marks = append(marks, marksOf(fields)...)
	waiting := []string{t.product.Ref().ID}
	for met := map[string]bool{}; len(waiting) > 0 && len(met) < maxAncestors; waiting = waiting[1:] {
		if met[waiting[0]] {
			continue
		}
		met[waiting[0]] = true
		product, err := q.product(ctx, waiting[0])
		if err != nil {
			return nil, err
		}
		if product != nil {
			marks, waiting = append(marks, product.EffectiveMarking), append(waiting, product.Inputs...)
		}
	}
	slices.Sort(marks)
	marks = slices.Compact(marks)
	return marks[:min(len(marks), catalog.MaxPortions)], nil
}

// product is one that the engine sees, or nil.
func (q *inquiry) product(ctx context.Context, id string) (*catalog.Product, error) {
	entry, err := q.options.Catalogue(q.engine).Get(ctx, catalog.Ref{Kind: catalog.KindProduct, ID: id})
	if known := (*catalog.Error)(nil); errors.As(err, &known) && known.Code == catalog.CodeNotFound {
		return nil, nil
	}
	product, _ := entry.Object.(*catalog.Product)
	return product, err
}

// lets is the expression that a row's column is one of the marks, in each way
// to write it.
func (q *inquiry) lets(column string, marks []string) string {
	var texts []string
	for _, mark := range marks {
		if m, err := q.options.Vocabulary().Parse(mark); err == nil {
			texts = append(texts, literals(m)...)
		}
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	if len(texts) == 0 {
		return "false"
	}
	return quoted(column, `"`) + " IN (" + strings.Join(texts, ", ") + ")"
}

// literals are the portion mark, with its parentheses and without, and the
// banner line.
func literals(m marking.Marking) []string {
	portion := m.Portion()
	bare := strings.TrimSuffix(strings.TrimPrefix(portion, "("), ")")
	return []string{quoted(portion, "'"), quoted(bare, "'"), quoted(m.Banner(), "'")}
}

// quoted is a name or a text as SQL writes it: whatever is in it, it is one.
func quoted(text, quote string) string {
	return quote + strings.ReplaceAll(text, quote, quote+quote) + quote
}
