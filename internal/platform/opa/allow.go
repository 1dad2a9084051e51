package opa

import (
	"context"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// allow answers one question with true or false.
func (q *inquiry) allow(ctx context.Context) (any, error) {
	one := resource{}
	if q.resource != nil {
		one = *q.resource
	}
	answers, err := q.decide(ctx, []resource{one})
	if err != nil {
		return nil, err
	}
	return answers[0], nil
}

// batch answers with the places of the resources that are let through, in
// their order; of a list of columns, with those of the columns.
func (q *inquiry) batch(ctx context.Context) (any, error) {
	permitted := []int{}
	if len(q.batched) == 0 {
		return permitted, q.denied(ctx)
	}
	answers, err := q.decide(ctx, q.batched)
	if err != nil {
		return nil, err
	}
	if q.operation == "FilterColumns" {
		// One table and its columns: a table is let through whole.
		if len(q.batched) != 1 || !answers[0] {
			return permitted, nil
		}
		answers = make([]bool, len(q.batched[0].columns))
		for i := range answers {
			answers[i] = true
		}
	}
	for i, permit := range answers {
		if permit {
			permitted = append(permitted, i)
		}
	}
	return permitted, nil
}

// decide answers one operation on each of the resources.
func (q *inquiry) decide(ctx context.Context, on []resource) ([]bool, error) {
	switch q.operation {
	case "SelectFromColumns", "ShowColumns", "FilterTables", "FilterColumns":
		return q.tables(ctx, on)
	case "FilterSchemas", "ShowTables":
		return q.schemas(ctx, on)
	}
	answers := make([]bool, len(on))
	if !q.names(on, answers) {
		return answers, q.denied(ctx)
	}
	kind, id := about(on)
	permit, err := q.known(ctx, kind, id)
	for i := range answers {
		answers[i] = answers[i] && permit
	}
	return answers, err
}

// names marks those resources that are open to a known user under the
// operation, and reports whether there are any.
func (q *inquiry) names(on []resource, open []bool) (some bool) {
	is, known := operations[q.operation]
	for i, r := range on {
		open[i] = known && is(q, r)
		some = some || open[i]
	}
	return some
}

// operations give out no data. Each says of which resources.
var operations = map[string]func(*inquiry, resource) bool{
	"ExecuteQuery":           func(*inquiry, resource) bool { return true },
	"AccessCatalog":          func(_ *inquiry, r resource) bool { return r.catalog != "" },
	"FilterCatalogs":         func(_ *inquiry, r resource) bool { return r.catalog != "" },
	"ShowSchemas":            func(_ *inquiry, r resource) bool { return r.catalog != "" },
	"ExecuteFunction":        builtin,
	"FilterFunctions":        builtin,
	"ViewQueryOwnedBy":       own,
	"FilterViewQueryOwnedBy": own,
	"KillQueryOwnedBy":       own,
}

// builtin are functions of the engine itself. Those of a connector may read
// anything, such as a table function that passes a query through.
func builtin(_ *inquiry, r resource) bool {
	return r.function.catalog == engineCatalog && r.function.schema == "builtin"
}

func own(q *inquiry, r resource) bool { return r.user == q.user }

// about is what is recorded of operations that give out no data.
func about(on []resource) (kind, id string) {
	switch r := on[0]; {
	case len(on) > 1:
		return "resources", ""
	case r.catalog != "":
		return "catalog", r.catalog
	case !r.function.isZero():
		return "function", r.function.object
	case r.user != "":
		return "user", r.user
	}
	return "query", ""
}

// tables decides on each table, all in as few questions as may be asked at once.
func (q *inquiry) tables(ctx context.Context, on []resource) ([]bool, error) {
	answers := make([]bool, len(on))
	var open, products []int // places
	var asked []catalog.Evaluation
	for i, r := range on {
		if r.table.open() {
			open = append(open, i)
			continue
		}
		t, err := q.table(ctx, r.table)
		if err != nil {
			return nil, err
		}
		asked, products = append(asked, q.evaluation(t.entity())), append(products, i)
	}
	if err := q.opens(ctx, on, open, answers); err != nil {
		return nil, err
	}
	return answers, q.evaluate(ctx, asked, products, answers)
}

// opens answers for the tables at these places, which are open, with one
// decision.
func (q *inquiry) opens(ctx context.Context, on []resource, places []int, answers []bool) error {
	if len(places) == 0 {
		return nil
	}
	permit, err := q.known(ctx, "table", on[places[0]].table.String())
	for _, i := range places {
		answers[i] = permit
	}
	return err
}

// evaluate puts the answers at their places.
func (q *inquiry) evaluate(ctx context.Context, asked []catalog.Evaluation, places []int, answers []bool) error {
	for len(asked) > 0 {
		n := min(len(asked), catalog.MaxEvaluations)
		decisions, err := q.options.Decisions(q.caller).EvaluateMany(ctx, asked[:n], catalog.ExecuteAll)
		if err != nil {
			return err
		}
		for i := range min(n, len(decisions)) {
			answers[places[i]] = decisions[i].Permit
		}
		asked, places = asked[n:], places[n:]
	}
	return nil
}
