package connect

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// IdentitySchema implements [resource.ResourceWithIdentity]: the key and
// nothing else, for all else can change.
func (r *managed[O]) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	attributes := map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the " + r.Kind.Noun() + "."},
	}
	if r.Kind.Owned() {
		attributes["domain"] = identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the domain that owns it."}
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

func saveIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, ref catalog.Ref) diag.Diagnostics {
	if identity == nil {
		return nil
	}
	out := identity.SetAttribute(ctx, path.Root("name"), ref.Name())
	if ref.Kind.Owned() {
		out.Append(identity.SetAttribute(ctx, path.Root("domain"), ref.Domain())...)
	}
	return out
}

// ImportState implements [resource.ResourceWithImportState], by id or by identity.
func (r *managed[O]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id, d := r.importID(ctx, req)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.Kind.CheckID(id); err != nil {
		resp.Diagnostics.AddError("Cannot import "+r.Kind.Noun(),
			fmt.Sprintf("The id is wrong: %v. It is %s.", err, r.idForm()))
		return
	}
	resp.Diagnostics.Append(r.saveKey(ctx, &resp.State, catalog.Ref{Kind: r.Kind, ID: id})...)
}

func (r *managed[O]) importID(ctx context.Context, req resource.ImportStateRequest) (string, diag.Diagnostics) {
	if req.ID != "" || req.Identity == nil || req.Identity.Raw.IsNull() {
		return req.ID, nil
	}
	var domain, name types.String
	out := req.Identity.GetAttribute(ctx, path.Root("name"), &name)
	if !r.Kind.Owned() {
		return name.ValueString(), out
	}
	out.Append(req.Identity.GetAttribute(ctx, path.Root("domain"), &domain)...)
	return domain.ValueString() + "/" + name.ValueString(), out
}
