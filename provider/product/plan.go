package product

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// markings are the two computed attributes. Null says "none", unknown says
// "not before apply".
type markings struct{ inherited, effective types.String }

var unknownMarkings = markings{types.StringUnknown(), types.StringUnknown()}

// planned fills the computed markings of a product that the plan keeps, and
// warns of what they mean.
func planned(ctx context.Context, p *connect.Planned[*catalog.Product]) {
	before := prior(p)
	same := unmodified(p)
	after := foreseen(p, before, same)
	if after != before || !p.Unchanged {
		p.Response.Diagnostics.Append(p.Response.Plan.SetAttribute(ctx, path.Root("inherited_marking"), after.inherited)...)
		p.Response.Diagnostics.Append(p.Response.Plan.SetAttribute(ctx, path.Root("effective_marking"), after.effective)...)
	}
	warnOfWidening(p, before.effective, after.effective)
	if same {
		warnOfRaise(p, after)
	}
}

// unmodified reports whether the plan says of the product what state says. A
// marking in other words makes a plan differ from state, because the framework
// opens the computed attributes before it compares markings.
func unmodified(p *connect.Planned[*catalog.Product]) bool {
	return p.Unchanged || p.Prior != nil && !p.Unknown("") && reflect.DeepEqual(p.Object, p.Prior)
}

// prior are the markings in state, none when the product is new.
func prior(p *connect.Planned[*catalog.Product]) markings {
	if state, ok := p.State.(*resourceModel); ok {
		return markings{state.InheritedMarking, state.EffectiveMarking}
	}
	return markings{types.StringNull(), types.StringNull()}
}

// foreseen are the markings after apply. The platform computes them; this side
// only knows when it cannot have known enough.
func foreseen(p *connect.Planned[*catalog.Product], before markings, same bool) markings {
	switch {
	case p.Finding == nil && same:
		return before
	case p.Finding == nil, p.Open:
		return unknownMarkings
	}
	judged, ok := p.Finding.Object.(*catalog.Product)
	if !ok || judged == nil {
		return unknownMarkings
	}
	inherited, effective := computedMarkings(judged)
	return markings{inherited, effective}
}

// warnOfWidening names who gains access to a product that exists.
func warnOfWidening(p *connect.Planned[*catalog.Product], before, after types.String) {
	if before.Equal(after) {
		return
	}
	from, ok := parsed(p.Mesh.Vocabulary, before)
	to, known := parsed(p.Mesh.Vocabulary, after)
	if !ok || !known {
		return
	}
	gains := p.Mesh.Vocabulary.Gains(from, to)
	if len(gains) == 0 {
		return
	}
	p.Response.Diagnostics.AddAttributeWarning(path.Root("marking"), "Release is widened: "+strings.Join(gains, ", ")+" would gain access",
		fmt.Sprintf("The effective marking of %s goes from %s to %s. After apply, %s may hold or see data that they may not hold or see now.\n\n"+
			"Apply only if the owner of the data has decided so; otherwise restore the marking, here or at the input that it is inherited from.",
			p.Object.Ref(), from.Banner(), to.Banner(), strings.Join(gains, ", ")))
}

// warnOfRaise says so when an unchanged product is declared below what it
// inherits: an input was raised elsewhere. A changed one is refused instead.
func warnOfRaise(p *connect.Planned[*catalog.Product], m markings) {
	declared, ok := parsed(p.Mesh.Vocabulary, types.StringValue(p.Object.Marking))
	inherited, derived := parsed(p.Mesh.Vocabulary, m.inherited)
	if !ok || !derived || p.Mesh.Vocabulary.Dominates(declared, inherited) {
		return
	}
	p.Response.Diagnostics.AddAttributeWarning(path.Root("marking"), "The declared marking is below the inherited one",
		fmt.Sprintf("%s declares %s and inherits %s, because an input was marked higher. Access is decided on %s already, "+
			"but the next change of this product will be refused.\n\nDeclare marking = %q.",
			p.Object.Ref(), declared.Banner(), inherited.Banner(), m.effective.ValueString(), m.effective.ValueString()))
}

// parsed is a marking that is known and there.
func parsed(v *marking.Vocabulary, text types.String) (marking.Marking, bool) {
	if text.ValueString() == "" {
		return marking.Marking{}, false
	}
	m, err := v.Parse(text.ValueString())
	return m, err == nil
}
