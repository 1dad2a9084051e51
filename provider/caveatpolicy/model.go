package caveatpolicy

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// Model is the attributes of a caveat policy.
type Model struct {
	connect.Key
	Description        types.String `tfsdk:"description"`
	ReleasableTo       types.Set    `tfsdk:"releasable_to"`
	DisplayOnlyTo      types.Set    `tfsdk:"display_only_to"`
	Excluded           types.Set    `tfsdk:"excluded"`
	Inheritance        types.String `tfsdk:"inheritance"`
	DisseminationList  types.Set    `tfsdk:"dissemination_list"`
	ApprovedDependants types.Set    `tfsdk:"approved_dependants"`
	Purposes           types.Set    `tfsdk:"purposes"`
}

type resourceModel struct {
	Model
	connect.Lifetime
}

// Object implements [connect.Model].
func (m *Model) Object(context.Context) (*catalog.CaveatPolicy, diag.Diagnostics) {
	return &catalog.CaveatPolicy{
		Domain:             m.Domain.ValueString(),
		Name:               m.Name.ValueString(),
		Description:        m.Description.ValueString(),
		ReleasableTo:       values.Strings(m.ReleasableTo),
		DisplayOnlyTo:      values.Strings(m.DisplayOnlyTo),
		Excluded:           values.Strings(m.Excluded),
		Inheritance:        catalog.Inheritance(m.Inheritance.ValueString()),
		DisseminationList:  values.Strings(m.DisseminationList),
		ApprovedDependants: values.Strings(m.ApprovedDependants),
		Purposes:           values.Strings(m.Purposes),
	}, nil
}

// Fill implements [connect.Model].
func (m *Model) Fill(_ context.Context, c *catalog.CaveatPolicy) diag.Diagnostics {
	*m = Model{
		Key:                connect.KeyOf(c.Ref()),
		Description:        values.String(m.Description, c.Description),
		ReleasableTo:       values.RequiredSet(c.ReleasableTo),
		DisplayOnlyTo:      values.Set(m.DisplayOnlyTo, c.DisplayOnlyTo),
		Excluded:           values.RequiredSet(c.Excluded),
		Inheritance:        types.StringValue(string(c.Inheritance)),
		DisseminationList:  values.Set(m.DisseminationList, c.DisseminationList),
		ApprovedDependants: values.Set(m.ApprovedDependants, c.ApprovedDependants),
		Purposes:           values.Set(m.Purposes, c.Purposes),
	}
	return nil
}
