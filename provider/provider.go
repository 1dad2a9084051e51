// Package provider is the Terraform provider: its configuration and the list
// of what it has. Everything else is in the folders of the objects and in
// [connect], the frame that they stand in.
package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/provider/caveatpolicy"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/dataschema"
	"github.com/meshwright/terraform-provider-datamesh/provider/domain"
	"github.com/meshwright/terraform-provider-datamesh/provider/functions"
	"github.com/meshwright/terraform-provider-datamesh/provider/product"
	"github.com/meshwright/terraform-provider-datamesh/provider/referenceschema"
	"github.com/meshwright/terraform-provider-datamesh/provider/sla"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// datamesh is the provider.
type datamesh struct{ version string }

var (
	_ provider.ProviderWithFunctions      = (*datamesh)(nil)
	_ provider.ProviderWithListResources  = (*datamesh)(nil)
	_ provider.ProviderWithValidateConfig = (*datamesh)(nil)
)

// New returns a function that makes the provider of a version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &datamesh{version: version} }
}

// Metadata implements [provider.Provider].
func (d *datamesh) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "datamesh"
	resp.Version = d.version
}

// Configure implements [provider.Provider]. Each configuration starts with an
// empty cache and knows of no plan.
func (d *datamesh) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	settings, diags := readSettings(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	httpClient, err := client.NewHTTPClient(settings.options(d.version, req.TerraformVersion))
	if err != nil {
		resp.Diagnostics.AddError("Invalid provider configuration", err.Error()+".")
		return
	}
	service, err := client.New(settings.endpoint, httpClient)
	if err != nil {
		resp.Diagnostics.AddError("Invalid provider configuration", err.Error()+".")
		return
	}
	markings, err := vocabulary.Current()
	if err != nil {
		resp.Diagnostics.AddError("Invalid vocabulary", err.Error()+".")
		return
	}
	markings, warnings := follow(ctx, service, markings)
	resp.Diagnostics.Append(warnings...)
	mesh := connect.New(service.Under(markings), markings)
	resp.ResourceData, resp.DataSourceData, resp.ListResourceData = mesh, mesh, mesh
}

// Resources implements [provider.Provider].
func (*datamesh) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		domain.NewResource, referenceschema.NewResource, dataschema.NewResource, caveatpolicy.NewResource, sla.NewResource, product.NewResource,
	}
}

// DataSources implements [provider.Provider].
func (*datamesh) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		domain.NewDataSource, referenceschema.NewDataSource, dataschema.NewDataSource, caveatpolicy.NewDataSource, sla.NewDataSource, product.NewDataSource,
		domain.NewSearch, referenceschema.NewSearch, dataschema.NewSearch, caveatpolicy.NewSearch, sla.NewSearch, product.NewSearch,
	}
}

// ListResources implements [provider.ProviderWithListResources].
func (*datamesh) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{
		domain.NewList, referenceschema.NewList, dataschema.NewList, caveatpolicy.NewList, sla.NewList, product.NewList,
	}
}

// Functions implements [provider.ProviderWithFunctions].
func (*datamesh) Functions(context.Context) []func() function.Function { return functions.All() }
