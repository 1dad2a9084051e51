package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
)

// ModifyPlan implements [resource.ResourceWithModifyPlan]. Terraform calls it
// for every object while planning, and again for what changes while applying.
func (r *managed[O]) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		r.planRemoval(ctx, req, resp)
		return
	}
	unchanged := req.Plan.Raw.Equal(req.State.Raw)
	replaced := !unchanged && r.planReplace(ctx, req, resp)
	if r.mesh == nil || resp.Diagnostics.HasError() {
		return // not configured yet: the platform's address is itself unknown
	}
	r.planKept(ctx, &Planned[O]{Mesh: r.mesh, Unchanged: unchanged, Request: req, Response: resp}, replaced)
}

// planReplace asks for replacement when an immutable attribute changes and
// reports whether the object is replaced.
func (r *managed[O]) planReplace(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) bool {
	if req.State.Raw.IsNull() {
		return false
	}
	replaced := false
	for _, name := range append([]string{"id"}, r.Immutable...) {
		var planned, prior attr.Value
		resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root(name), &planned)...)
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(name), &prior)...)
		if resp.Diagnostics.HasError() || planned.Equal(prior) {
			continue
		}
		replaced = true
		if name != "id" { // domain and name ask for themselves
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root(name))
		}
	}
	return replaced
}

// planKept registers and judges an object that will be there after apply.
func (r *managed[O]) planKept(ctx context.Context, p *Planned[O], replaced bool) {
	req, resp := p.Request, p.Response
	r.readPlanned(ctx, p)
	if resp.Diagnostics.HasError() {
		return
	}
	unknown := unknownIn(req.Config.Raw)
	hasPrior := !req.State.Raw.IsNull()
	if replaced {
		r.mesh.plan.replace(p.Prior.Ref())
		r.planRemoval(ctx, req, resp)
	}
	if unknown.touch("/name") || unknown.touch("/domain") {
		return // it has no id yet: nothing can be said
	}
	object := plannedObject{
		object:  p.Object,
		changed: !hasPrior || !same(p.Prior, p.Object) || len(unknown) > 0,
		partial: len(unknown) > 0,
		open:    slices.ContainsFunc(r.Sources, unknown.touch),
	}
	ref, at := p.Object.Ref(), r.locate(ctx, p.Object)
	resp.Diagnostics.Append(diags.Errors("Reference to an object that this plan deletes", lost(r.mesh.plan.keep(object)), at)...)
	if object.changed || (r.Derived && r.mesh.plan.ancestorsChange(ref)) {
		p.Finding = r.judge(ctx, ref, unknown, resp, at)
	}
	p.Open = r.mesh.plan.open(ref)
	p.Unknown = func(pointer string) bool {
		_, partial := r.mesh.plan.proposal(ref)
		return unknown.touch(pointer) || (pointer == "" && partial)
	}
	if r.Planned != nil && !resp.Diagnostics.HasError() {
		r.Planned(ctx, p)
	}
}

// readPlanned reads the object as it is planned and as it was.
func (r *managed[O]) readPlanned(ctx context.Context, p *Planned[O]) {
	model, object, d := r.read(ctx, p.Request.Plan)
	p.Response.Diagnostics.Append(d...)
	p.Object = object
	switch {
	case p.Unchanged: // most objects of most plans: not worth a second conversion
		p.State, p.Prior = model, object
	case !p.Request.State.Raw.IsNull():
		model, prior, d := r.read(ctx, p.Request.State)
		p.Response.Diagnostics.Append(d...)
		p.State, p.Prior = model, prior
	}
}

func lost(references []catalog.Reference) []catalog.Problem {
	var out []catalog.Problem
	for _, reference := range references {
		out = append(out, catalog.Problem{
			Field: reference.Field, Rule: catalog.RuleInUse,
			Detail: fmt.Sprintf("it refers to %s, which this plan deletes", reference.To),
			Fix:    fmt.Sprintf("Keep %s in the configuration, or remove this reference too.", reference.To),
		})
	}
	return out
}

// judge asks the platform what it would say to the object and all that it
// rests on in this plan. It is nil when the platform could not say.
func (r *managed[O]) judge(ctx context.Context, ref catalog.Ref, unknown unknowns, resp *resource.ModifyPlanResponse, at diags.Locator) *catalog.Finding {
	proposal, partial := r.mesh.plan.proposal(ref)
	verdict, err := r.mesh.Service.Validate(ctx, proposal)
	if errors.Is(err, catalog.ErrUnavailable) {
		resp.Diagnostics.Append(r.mesh.unchecked(err)...)
		return nil
	}
	if err != nil {
		resp.Diagnostics.Append(diags.FromError("Cannot check "+ref.String(), err, at)...)
		return nil
	}
	finding := findingOn(verdict, ref)
	if finding == nil {
		return nil
	}
	rests := pending{partial: partial, open: r.mesh.plan.open(ref), texts: r.mesh.plan.openTexts(ref)}
	replaced := r.mesh.plan.replaces(ref)
	problems := slices.DeleteFunc(unknown.known(finding.Problems), func(p catalog.Problem) bool {
		return waits(p, rests) || r.undecided(unknown, p) || replaced && p.Rule == catalog.RuleImmutable
	})
	resp.Diagnostics.Append(diags.Errors("Invalid "+ref.String(), problems, at)...)
	resp.Diagnostics.Append(diags.Warnings("Check "+ref.String(), unknown.known(finding.Warnings), at)...)
	return finding
}

func findingOn(verdict catalog.Verdict, ref catalog.Ref) *catalog.Finding {
	for i := range verdict.Findings {
		if verdict.Findings[i].Ref == ref {
			return &verdict.Findings[i]
		}
	}
	return nil
}

// undecided reports whether a problem may come from an unknown attribute that
// is judged together with the one at fault, see [Type.Joint].
func (r *managed[O]) undecided(unknown unknowns, p catalog.Problem) bool {
	for pointer, others := range r.Joint {
		if within(p.Field, pointer) && slices.ContainsFunc(others, unknown.touch) {
			return true
		}
	}
	return false
}

// pending says what is unknown before apply in the objects that one rests on:
// anything at all, what markings follow from, or the text of a schema.
type pending struct{ partial, open, texts bool }

// waits reports whether a problem may come from what is unknown in another
// object: those rules wait until it is known.
func waits(p catalog.Problem, rests pending) bool {
	switch p.Rule {
	case catalog.RuleUnderMarked:
		return rests.open
	case catalog.RuleOwner, catalog.RuleForbidden:
		return rests.partial
	case catalog.RuleSchemaText, catalog.RuleSchemaReference, catalog.RuleCompatibility, catalog.RuleTooComplex, catalog.RuleConformance:
		return rests.texts
	}
	return (rests.partial || rests.open) && strings.HasPrefix(p.Rule, "caveat_policy.")
}

// planRemoval refuses what the platform would refuse at apply: deleting, by
// itself or to be replaced, what is protected or still used.
func (r *managed[O]) planRemoval(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	prior, d := r.object(ctx, req.State)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	if protected(prior) {
		resp.Diagnostics.AddAttributeError(path.Root("deletion_protection"), title(prior.Ref())+" is protected from deletion",
			"This plan would delete it. If that is meant, set deletion_protection = false, apply, and delete it then.")
		return
	}
	if r.mesh == nil {
		return
	}
	r.planDrifted(ctx, prior, resp)
	for _, dependant := range r.mesh.plan.remove(prior) {
		resp.Diagnostics.AddError(fmt.Sprintf("%s is still in use", title(prior.Ref())),
			fmt.Sprintf("This plan deletes it, but %s stays and refers to it. Remove that reference, or keep the %s in the configuration.",
				dependant, r.Kind.Noun()))
	}
	if !resp.Diagnostics.HasError() && r.mesh.plan.normal.Load() {
		r.judgeRemoval(ctx, prior.Ref(), resp, r.locate(ctx, prior))
	}
}

// planDrifted makes up for a gap of Terraform: the plan of an object that is no
// longer configured reads it again, but shows it as it was in state. What has
// changed is shown here, and the revision that goes to apply is that of what
// is shown.
func (r *managed[O]) planDrifted(ctx context.Context, prior O, resp *resource.ModifyPlanResponse) {
	entry, ok := r.mesh.cache.held(prior.Ref())
	if !ok {
		return
	}
	current, d := r.managedPart(ctx, entry.Object)
	resp.Diagnostics.Append(d...)
	if d.HasError() || same(current, prior) {
		return
	}
	if protected(current) {
		resp.Diagnostics.AddAttributeError(path.Root("deletion_protection"), title(prior.Ref())+" is protected from deletion",
			"It was protected outside Terraform after the last apply. If it is to be deleted all the same, set deletion_protection = false, apply, and delete it then.")
		return
	}
	var lines []string
	for _, d := range differences(prior, current) {
		lines = append(lines, fmt.Sprintf("  %s was %s and is %s", d.field, d.before, d.after))
	}
	resp.Diagnostics.AddWarning(title(prior.Ref())+" changed outside Terraform and will be deleted",
		"The plan shows it as it was after the last apply. Since then:\n\n"+strings.Join(lines, "\n")+"\n\nApply deletes it as it is now.")
	resp.Diagnostics.Append(saveRevision(ctx, resp.Private, entry.Revision)...)
}

// judgeRemoval asks the platform who else needs the object. Terraform may plan
// the removal of those later, so this only warns of them.
func (r *managed[O]) judgeRemoval(ctx context.Context, ref catalog.Ref, resp *resource.ModifyPlanResponse, at diags.Locator) {
	verdict, err := r.mesh.Service.Validate(ctx, r.mesh.plan.removal(ref))
	if errors.Is(err, catalog.ErrUnavailable) {
		resp.Diagnostics.Append(r.mesh.unchecked(err)...)
		return
	}
	if err != nil {
		resp.Diagnostics.Append(diags.FromError("Cannot check the deletion of "+ref.String(), err, at)...)
		return
	}
	finding := findingOn(verdict, ref)
	if finding == nil {
		return
	}
	for _, p := range finding.Problems {
		if p.Rule != catalog.RuleInUse {
			resp.Diagnostics.Append(diags.Errors("Cannot delete "+ref.String(), []catalog.Problem{p}, at)...)
			continue
		}
		p.Fix = "If this plan deletes that too, all is well. If the plan only takes the reference away, apply that first: Terraform deletes before it updates, " +
			"unless what is deleted was created with create_before_destroy. Otherwise apply will refuse the deletion."
		resp.Diagnostics.Append(diags.Warnings(title(ref)+" is in use", []catalog.Problem{p}, at)...)
	}
}

func protected(object catalog.Object) bool {
	switch o := object.(type) {
	case *catalog.Domain:
		return o.DeletionProtection
	case *catalog.Product:
		return o.DeletionProtection
	}
	return false
}
