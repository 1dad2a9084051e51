package connect

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
)

// lookup is the singular data source of a [Type].
type lookup[O catalog.Object] struct {
	Type[O]
	mesh *Mesh
}

var _ datasource.DataSourceWithConfigure = (*lookup[*catalog.Domain])(nil)

// NewDataSource returns the data source that looks up one object of a type.
func NewDataSource[O catalog.Object](t Type[O]) datasource.DataSource { return &lookup[O]{Type: t} }

// Metadata implements [datasource.DataSource].
func (l *lookup[O]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + l.Name
}

// Schema implements [datasource.DataSource].
func (l *lookup[O]) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = l.dataSchema()
}

// Configure implements [datasource.DataSourceWithConfigure].
func (l *lookup[O]) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	mesh, d := receive(req.ProviderData)
	l.mesh = mesh
	resp.Diagnostics.Append(d...)
}

// Read implements [datasource.DataSource].
func (l *lookup[O]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	model := l.Data()
	resp.Diagnostics.Append(req.Config.Get(ctx, model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	asked, d := model.Object(ctx)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	ref := asked.Ref()
	if err := l.Kind.CheckID(ref.ID); err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("name"), "Invalid name", fmt.Sprintf("Cannot look up a %s: %v.", l.Kind.Noun(), err))
		return
	}
	entry, err := l.mesh.cache.get(ctx, ref)
	if err != nil {
		resp.Diagnostics.Append(diags.FromError("Cannot read "+ref.String(), err, atName)...)
		return
	}
	object, ok := entry.Object.(O)
	if !ok {
		resp.Diagnostics.AddError("Unexpected answer of the platform", fmt.Sprintf("Got %T where a %s was asked for.", entry.Object, l.Kind.Noun()))
		return
	}
	resp.Diagnostics.Append(model.Fill(ctx, object)...)
	if l.Answered != nil && !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(l.Answered(ctx, l.mesh.Service, model)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}

func atName(string) path.Path { return path.Root("name") }
