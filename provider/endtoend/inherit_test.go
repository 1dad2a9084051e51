package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

const outputs = `
output "effective" { value = datamesh_data_product.derived.effective_marking }
output "inherited" { value = datamesh_data_product.derived.inherited_marking }
`

// TestEffectiveMarkingIsKnownAtPlan plans a product, and what is derived from
// it, before either exists.
func TestEffectiveMarkingIsKnownAtPlan(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	w.write("main.tf", base+outputs+
		draft("first", `  marking = "SECRET//REL TO USA, FVEY"`)+
		draft("second", `  marking = "SECRET//REL TO USA, AUS, CAN, GBR"`)+
		draft("between", "  inputs = [datamesh_data_product.first.id, datamesh_data_product.second.id]")+
		draft("derived", "  inputs = [datamesh_data_product.between.id]"))
	got := w.planned()
	const want = "SECRET//REL TO USA, AUS, CAN, GBR"
	for _, name := range []string{"effective", "inherited"} {
		if after := got.Outputs[name].After; after != want {
			t.Errorf("%s marking at plan: got %v, want %q", name, after, want)
		}
	}
	w.must("apply", "-no-color", "plan.bin")
	if got := w.output("effective"); got != want {
		t.Errorf("effective marking after apply: got %q, want %q", got, want)
	}
	w.planIsEmpty()
}

// TestAChangedInputPlansItsDependants raises an input: what is derived from it
// and otherwise unchanged plans its new marking, at any depth, and applies.
func TestAChangedInputPlansItsDependants(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	config := func(marking string) string {
		return base + outputs + draft("source", `  marking = "`+marking+`"`) +
			draft("between", "  inputs = [datamesh_data_product.source.id]") +
			draft("derived", "  inputs = [datamesh_data_product.between.id]")
	}
	w.write("main.tf", config("SECRET//REL TO USA, GBR"))
	w.apply()
	w.write("main.tf", config("TOP SECRET//NOFORN"))
	got := w.planned()
	for _, name := range []string{"source", "between", "derived"} {
		if actions := got.actions("datamesh_data_product." + name); actions != "update" {
			t.Errorf("%s: got %s, want update", name, actions)
		}
	}
	if diff := cmp.Diff([]string{"effective_marking", "inherited_marking"}, got.of("datamesh_data_product.derived").differing()); diff != "" {
		t.Errorf("changes of the derived product (-want +got):\n%s", diff)
	}
	if after := got.Outputs["effective"].After; after != "TOP SECRET//NOFORN" {
		t.Errorf("effective marking at plan: got %v, want TOP SECRET//NOFORN", after)
	}
	w.must("apply", "-no-color", "plan.bin")
	w.planIsEmpty()
}

// TestAnUnknownInputLeavesTheMarkingOpen feeds inputs from something that is
// known only after apply.
func TestAnUnknownInputLeavesTheMarkingOpen(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	w.write("main.tf", base+outputs+
		draft("source", `  marking = "SECRET//NOFORN"`)+
		"resource \"terraform_data\" \"late\" {\n  input = datamesh_data_product.source.id\n}\n"+
		draft("derived", "  inputs = [terraform_data.late.output]"))
	got := w.planned().of("datamesh_data_product.derived")
	unknown, ok := got.AfterUnknown.(map[string]any)
	if !ok || unknown["effective_marking"] != true || unknown["inherited_marking"] != true {
		t.Errorf("got after_unknown %v, want both markings unknown", got.AfterUnknown)
	}
	w.must("apply", "-no-color", "plan.bin")
	if got := w.output("effective"); got != "SECRET//NOFORN" {
		t.Errorf("effective marking after apply: got %q, want SECRET//NOFORN", got)
	}
	w.planIsEmpty()
}

// TestMarkingIsKnownThoughAnAddressIsNot publishes at an address that is known
// only after apply: no marking depends on it, and rules on markings still hold.
func TestMarkingIsKnownThoughAnAddressIsNot(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	late := "resource \"terraform_data\" \"host\" {\n  input = \"h.example\"\n}\n" +
		draft("source", "  marking = \"SECRET//NOFORN\"\n  output_ports = {\n    feed = { type = \"http\", url = \"https://${terraform_data.host.output}/s\" }\n  }")
	w.write("main.tf", base+outputs+late+draft("derived", "  inputs = [datamesh_data_product.source.id]"))
	if after := w.planned().Outputs["effective"].After; after != "SECRET//NOFORN" {
		t.Errorf("effective marking at plan: got %v, want SECRET//NOFORN", after)
	}
	w.write("main.tf", base+outputs+late+
		draft("derived", "  inputs = [datamesh_data_product.source.id]\n  marking = \"SECRET//REL TO USA, GBR\""))
	w.refused(`marking = "SECRET//REL TO USA, GBR"`)
}

// TestWideningNamesWhoGains lowers a marking: the plan warns, at the marking,
// and says who gains access; a dependant that follows warns too.
func TestWideningNamesWhoGains(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	config := func(marking string) string {
		return base + draft("source", `  marking = "`+marking+`"`) + draft("derived", "  inputs = [datamesh_data_product.source.id]")
	}
	w.write("main.tf", config("SECRET//REL TO USA, GBR"))
	w.apply()
	if got := w.warnings(); len(got) != 0 {
		t.Errorf("nothing changed: got %v, want no warning", got)
	}
	w.write("main.tf", config("SECRET//REL TO USA, FVEY"))
	var addresses []string
	for _, m := range w.warnings() {
		if !strings.Contains(m.Summary, "AUS, CAN, NZL") {
			t.Errorf("got %v, want AUS, CAN and NZL named", m)
		}
		addresses = append(addresses, m.Address)
	}
	slices.Sort(addresses)
	want := []string{"datamesh_data_product.derived", "datamesh_data_product.source"}
	if diff := cmp.Diff(want, addresses); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	w.write("main.tf", config("SECRET//NOFORN"))
	if got := w.warnings(); len(got) != 0 {
		t.Errorf("the release got narrower: got %v, want no warning", got)
	}
}

// TestAnInputRaisedElsewhere changes an input outside of this configuration.
// The dependant's marking rises at once: that is drift, and a warning says
// what to declare, but nothing is planned.
func TestAnInputRaisedElsewhere(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	source := open(t, p)
	source.write("main.tf", base+draft("source", `  marking = "SECRET//REL TO USA, GBR"`))
	source.apply()
	w := open(t, p)
	w.write("main.tf", requirement+strings.Replace(
		draft("derived", "  inputs = [\"sigint/source\"]\n  marking = \"SECRET//REL TO USA, GBR\""), "datamesh_domain.sigint.name", `"sigint"`, 1))
	w.apply()

	change(t, p, catalog.Ref{Kind: catalog.KindProduct, ID: "sigint/source"}, func(o *catalog.Product) { o.Marking = "SECRET//NOFORN" })

	got := w.planned()
	if len(got.Drift) != 1 {
		t.Fatalf("got drift %v, want that of the derived product", got.Drift)
	}
	if diff := cmp.Diff([]string{"effective_marking", "inherited_marking"}, got.Drift[0].Change.differing()); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	if actions := got.actions("datamesh_data_product.derived"); actions != "no-op" {
		t.Errorf("got %s planned, want nothing", actions)
	}
	warning := w.one(w.warnings(), "below the inherited one")
	if !strings.Contains(warning.at(), "marking = ") || !strings.Contains(warning.Detail, `marking = "SECRET//NOFORN"`) {
		t.Errorf("got %v, want it at the marking, saying what to declare", warning)
	}
}

// TestUndocumentedFieldsAreReported publishes a schema with a field that says
// nothing about itself and a number without a unit: a warning for each rule at
// the schema, none again at the product of the same plan, no refusal. A product
// that comes later is warned of both.
func TestUndocumentedFieldsAreReported(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	silent := strings.Replace(track, `, description = "Number." } }`, ` }, speed = { type = "number", description = "Speed over ground." } }`, 1)
	w.write("main.tf", base+silent+active("tracks", `  marking = "SECRET//NOFORN"`))
	messages := w.warnings()
	for _, m := range messages {
		if !strings.Contains(m.at(), "definition = ") || m.Address != "datamesh_schema.track" {
			t.Errorf("got %v, want it at the definition", m)
		}
	}
	if len(messages) != 2 || !strings.Contains(fmt.Sprint(messages), `"id" is not documented`) || !strings.Contains(fmt.Sprint(messages), `"speed" has no unit`) {
		t.Errorf("got %v, want a warning about each of both fields", messages)
	}
	w.apply()
	w.write("later.tf", active("later", `  marking = "SECRET//NOFORN"`))
	messages = w.warnings()
	if len(messages) != 1 || strings.Count(messages[0].Detail, "not documented") != 2 || messages[0].Address != "datamesh_data_product.later" {
		t.Errorf("got %v, want one warning about both undocumented fields", messages)
	}
	w.apply()
	if messages := w.warnings(); len(messages) != 0 {
		t.Errorf("nothing changed: got %v, want no warning", messages)
	}
}

// TestPlatformDown plans while nothing answers: local checks still hold, one
// warning says what was not checked, and an unchanged plan is not possible.
func TestPlatformDown(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	w := open(t, p)
	w.write("main.tf", base+draft("first", `  marking = "SECRET//NOFORN"`)+draft("second", "  inputs = [datamesh_data_product.first.id]"))
	p.Stop()
	messages := w.warnings()
	for _, want := range []string{"checks were skipped", "could not be asked how it judges markings"} {
		if got := w.one(messages, want); got.Severity != "warning" {
			t.Errorf("got %v, want a warning", got)
		}
	}
	w.write("main.tf", base+draft("first", `  marking = "SECRET//COSMIC-FOO"`))
	w.refused(`marking = "SECRET//COSMIC-FOO"`)
}
