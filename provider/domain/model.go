package domain

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// Model is the attributes of a domain.
type Model struct {
	ID                 types.String   `tfsdk:"id"`
	Name               types.String   `tfsdk:"name"`
	DisplayName        types.String   `tfsdk:"display_name"`
	Description        types.String   `tfsdk:"description"`
	Discipline         types.String   `tfsdk:"discipline"`
	Parent             types.String   `tfsdk:"parent"`
	Contact            types.String   `tfsdk:"contact"`
	Marking            values.Marking `tfsdk:"marking"`
	Team               types.Map      `tfsdk:"team"` // of memberModel
	DeletionProtection types.Bool     `tfsdk:"deletion_protection"`
}

type resourceModel struct {
	Model
	connect.Lifetime
}

type memberModel struct {
	Role  types.String `tfsdk:"role"`
	From  types.String `tfsdk:"from"`
	Until types.String `tfsdk:"until"`
}

var memberType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"role": types.StringType, "from": types.StringType, "until": types.StringType,
}}

// Object implements [connect.Model].
func (m *Model) Object(context.Context) (*catalog.Domain, diag.Diagnostics) {
	team, diags := values.Structs[memberModel](m.Team)
	domain := &catalog.Domain{
		Name:               m.Name.ValueString(),
		DisplayName:        m.DisplayName.ValueString(),
		Description:        m.Description.ValueString(),
		Discipline:         catalog.Discipline(m.Discipline.ValueString()),
		Parent:             m.Parent.ValueString(),
		Contact:            m.Contact.ValueString(),
		Marking:            m.Marking.ValueString(),
		Team:               make(map[string]catalog.Member, len(team)),
		DeletionProtection: m.DeletionProtection.ValueBool(),
	}
	for subject, member := range team {
		domain.Team[subject] = catalog.Member{
			Role:  catalog.Role(member.Role.ValueString()),
			From:  member.From.ValueString(),
			Until: member.Until.ValueString(),
		}
	}
	return domain, diags
}

// Fill implements [connect.Model].
func (m *Model) Fill(_ context.Context, d *catalog.Domain) diag.Diagnostics {
	before := values.Elements[memberModel](m.Team)
	team := make(map[string]memberModel, len(d.Team))
	for subject, member := range d.Team {
		team[subject] = memberModel{
			Role:  types.StringValue(string(member.Role)),
			From:  values.String(before[subject].From, member.From),
			Until: values.String(before[subject].Until, member.Until),
		}
	}
	members, diags := values.Map(memberType, team)
	*m = Model{
		ID:                 types.StringValue(d.Ref().ID),
		Name:               types.StringValue(d.Name),
		DisplayName:        types.StringValue(d.DisplayName),
		Description:        values.String(m.Description, d.Description),
		Discipline:         types.StringValue(string(d.Discipline)),
		Parent:             values.String(m.Parent, d.Parent),
		Contact:            types.StringValue(d.Contact),
		Marking:            values.TextOf[values.MarkingEquality](d.Marking),
		Team:               members,
		DeletionProtection: types.BoolValue(d.DeletionProtection),
	}
	return diags
}
