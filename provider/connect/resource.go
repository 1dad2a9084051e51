package connect

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// managed is the resource of a [Type].
type managed[O catalog.Object] struct {
	Type[O]
	mesh *Mesh
}

// Everything that a resource of this provider can do.
var (
	_ resource.ResourceWithConfigure      = (*managed[*catalog.Domain])(nil)
	_ resource.ResourceWithValidateConfig = (*managed[*catalog.Domain])(nil)
	_ resource.ResourceWithModifyPlan     = (*managed[*catalog.Domain])(nil)
	_ resource.ResourceWithImportState    = (*managed[*catalog.Domain])(nil)
	_ resource.ResourceWithIdentity       = (*managed[*catalog.Domain])(nil)
)

// NewResource returns the resource of a type.
func NewResource[O catalog.Object](t Type[O]) resource.Resource { return &managed[O]{Type: t} }

// Metadata implements [resource.Resource].
func (r *managed[O]) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.Name
}

// Schema implements [resource.Resource].
func (r *managed[O]) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.schema(ctx)
}

// Configure implements [resource.ResourceWithConfigure].
func (r *managed[O]) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	mesh, d := receive(req.ProviderData)
	r.mesh = mesh
	resp.Diagnostics.Append(d...)
}

// ValidateConfig implements [resource.ResourceWithValidateConfig]. It needs no
// platform.
func (r *managed[O]) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	object, d := r.object(ctx, req.Config)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	problems := unknownIn(req.Config.Raw).known(object.Check(vocabularyOf(r.mesh)))
	judgedBy(vocabularyOf(r.mesh), problems)
	resp.Diagnostics.Append(diags.Errors("Invalid "+r.Kind.Noun(), problems, r.locate(ctx, object))...)
}

// judgedBy says of codes that are unknown by which vocabulary: before it can be
// asked, the platform may know them all the same.
func judgedBy(v *marking.Vocabulary, problems []catalog.Problem) {
	for i, p := range problems {
		if strings.Contains(p.Detail, "of the vocabulary") {
			problems[i].Fix = strings.TrimSpace(fmt.Sprintf("%s It was judged by vocabulary %s (%s): where the platform has another one in force, name its file in %s.",
				p.Fix, v.Version(), vocabulary.Source(), vocabulary.Variable))
		}
	}
}

// Create implements [resource.Resource].
func (r *managed[O]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	ctx, cancel, d := deadline(ctx, req.Plan, forCreate)
	defer cancel()
	resp.Diagnostics.Append(d...)
	model, object, d := r.read(ctx, req.Plan)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	entry, d := r.create(ctx, object, r.locate(ctx, object))
	resp.Diagnostics.Append(d...)
	if d.HasError() {
		return
	}
	// The object exists from here on. What names it is saved before anything
	// that could still fail, so that it cannot be lost.
	resp.Diagnostics.Append(saveIdentity(ctx, resp.Identity, object.Ref())...)
	resp.Diagnostics.Append(r.saveKey(ctx, &resp.State, object.Ref())...)
	resp.Diagnostics.Append(saveRevision(ctx, resp.Private, entry.Revision)...)
	resp.Diagnostics.Append(r.save(ctx, &resp.State, model, entry)...)
}

// Read implements [resource.Resource].
func (r *managed[O]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	ctx, cancel, d := deadline(ctx, req.State, forRead)
	defer cancel()
	resp.Diagnostics.Append(d...)
	model, prior, d := r.read(ctx, req.State)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.mesh.plan.normal.Store(true)
	// Also for an object that turns out to be gone: Terraform before 1.12 kept
	// no identity, and the framework insists on one.
	resp.Diagnostics.Append(saveIdentity(ctx, resp.Identity, prior.Ref())...)
	entry, err := r.mesh.cache.get(ctx, prior.Ref())
	if gone(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		resp.Diagnostics.Append(diags.FromError("Cannot read "+prior.Ref().String(), err, diags.Whole)...)
		return
	}
	r.refresh(ctx, req, resp, model, prior, entry)
}

// refresh brings state up to what was read. Most objects of most plans are as
// state says: those cost one comparison.
func (r *managed[O]) refresh(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse, model Model[O], prior O, entry catalog.Entry) {
	revision, d := loadRevision(ctx, req.Private)
	resp.Diagnostics.Append(d...)
	before := values.Attributes(model)
	resp.Diagnostics.Append(r.fill(ctx, model, entry)...)
	if resp.Diagnostics.HasError() {
		return
	}
	unchanged := maps.EqualFunc(before, values.Attributes(model), attr.Value.Equal)
	if !unchanged {
		resp.Diagnostics.Append(store(ctx, &resp.State, model)...)
	}
	if revision == "" || !unchanged && r.managedChanged(ctx, prior, entry, &resp.Diagnostics) {
		resp.Diagnostics.Append(saveRevision(ctx, resp.Private, entry.Revision)...)
	}
}

// managedChanged reports whether anything that Terraform manages has changed.
// While nothing has, state keeps its revision: a new one would count as drift.
// A stale one costs a second read at apply, no more.
func (r *managed[O]) managedChanged(ctx context.Context, prior O, entry catalog.Entry, out *diag.Diagnostics) bool {
	current, d := r.managedPart(ctx, entry.Object)
	out.Append(d...)
	return !d.HasError() && !same(prior, current)
}

// Update implements [resource.Resource].
func (r *managed[O]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	ctx, cancel, d := deadline(ctx, req.Plan, forUpdate)
	defer cancel()
	resp.Diagnostics.Append(d...)
	model, desired, d := r.read(ctx, req.Plan)
	resp.Diagnostics.Append(d...)
	prior, d := r.object(ctx, req.State)
	resp.Diagnostics.Append(d...)
	revision, d := loadRevision(ctx, req.Private)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	entry, d := r.update(ctx, change[O]{desired, prior, revision}, r.locate(ctx, desired))
	resp.Diagnostics.Append(d...)
	if d.HasError() {
		return
	}
	resp.Diagnostics.Append(saveRevision(ctx, resp.Private, entry.Revision)...)
	resp.Diagnostics.Append(saveIdentity(ctx, resp.Identity, desired.Ref())...)
	resp.Diagnostics.Append(r.save(ctx, &resp.State, model, entry)...)
}

// Delete implements [resource.Resource].
func (r *managed[O]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	ctx, cancel, d := deadline(ctx, req.State, forDelete)
	defer cancel()
	resp.Diagnostics.Append(d...)
	prior, d := r.object(ctx, req.State)
	resp.Diagnostics.Append(d...)
	revision, d := loadRevision(ctx, req.Private)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.remove(ctx, change[O]{prior: prior, revision: revision}, r.locate(ctx, prior))...)
}

// source is a configuration, plan or state.
type source interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

// read fills a model from a source and builds its object in normal form.
func (r *managed[O]) read(ctx context.Context, from source) (Model[O], O, diag.Diagnostics) {
	model := r.New()
	var none O
	if d := load(ctx, from, model); d.HasError() {
		return model, none, d
	}
	object, d := model.Object(ctx)
	if d.HasError() {
		return model, none, d
	}
	object.Normalize(vocabularyOf(r.mesh))
	return model, object, d
}

func (r *managed[O]) object(ctx context.Context, from source) (O, diag.Diagnostics) {
	_, object, d := r.read(ctx, from)
	return object, d
}

// load sets a model from a source.
func load(ctx context.Context, from source, model any) diag.Diagnostics {
	var attributes types.Object
	if d := from.Get(ctx, &attributes); d.HasError() {
		return d
	}
	return values.Assign(model, attributes.Attributes())
}

// save writes what the platform answered into state, over the model that was
// planned or read before, so that the author's spelling stays.
func (r *managed[O]) save(ctx context.Context, state *tfsdk.State, model Model[O], entry catalog.Entry) diag.Diagnostics {
	out := r.fill(ctx, model, entry)
	if out.HasError() {
		return out
	}
	out.Append(store(ctx, state, model)...)
	return out
}

func (r *managed[O]) fill(ctx context.Context, model Model[O], entry catalog.Entry) diag.Diagnostics {
	object, ok := entry.Object.(O)
	if !ok {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected answer of the platform",
			fmt.Sprintf("Got %T where a %s was asked for.", entry.Object, r.Kind.Noun()))}
	}
	return model.Fill(ctx, object)
}

// store sets a state from a model.
func store(ctx context.Context, state *tfsdk.State, model any) diag.Diagnostics {
	of, ok := state.Schema.Type().(types.ObjectType)
	if !ok {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected schema", fmt.Sprintf("State is %T.", state.Schema.Type()))}
	}
	attributes, out := values.Object(of.AttrTypes, model)
	if out.HasError() {
		return out
	}
	out.Append(state.Set(ctx, attributes)...)
	return out
}

// locate finds attributes by pointers into the object. The schema is built only
// if there is a problem to place.
func (r *managed[O]) locate(ctx context.Context, object O) diags.Locator {
	return func(pointer string) path.Path {
		return diags.Locate(r.schema(ctx).Type(), object)(pointer)
	}
}

// saveKey writes what names the object into an otherwise empty state.
func (r *managed[O]) saveKey(ctx context.Context, state *tfsdk.State, ref catalog.Ref) diag.Diagnostics {
	out := state.SetAttribute(ctx, path.Root("id"), ref.ID)
	out.Append(state.SetAttribute(ctx, path.Root("name"), ref.Name())...)
	if r.Kind.Owned() {
		out.Append(state.SetAttribute(ctx, path.Root("domain"), ref.Domain())...)
	}
	return out
}

// managedPart is what Terraform manages of an object: the object as it comes
// out of a model, in normal form.
func (r *managed[O]) managedPart(ctx context.Context, object catalog.Object) (O, diag.Diagnostics) {
	var none O
	typed, ok := object.(O)
	if !ok {
		return none, diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected answer of the platform",
			fmt.Sprintf("Got %T where a %s was asked for.", object, r.Kind.Noun()))}
	}
	model := r.New()
	if d := model.Fill(ctx, typed); d.HasError() {
		return none, d
	}
	part, d := model.Object(ctx)
	if d.HasError() {
		return none, d
	}
	part.Normalize(vocabularyOf(r.mesh))
	return part, d
}
