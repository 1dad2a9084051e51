package sla

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// Model is the attributes of a service level.
type Model struct {
	connect.Key
	Description  types.String `tfsdk:"description"`
	Freshness    types.Object `tfsdk:"freshness"` // freshnessModel
	Completeness types.Object `tfsdk:"completeness"`
	Availability types.Object `tfsdk:"availability"`
	Accuracy     types.Object `tfsdk:"accuracy"` // objectiveModel, as the two above
}

type resourceModel struct {
	Model
	connect.Lifetime
}

type freshnessModel struct {
	MaxAge        values.Duration `tfsdk:"max_age"`
	Anchor        types.String    `tfsdk:"anchor"`
	TargetPercent types.Float64   `tfsdk:"target_percent"`
	Window        values.Duration `tfsdk:"window"`
}

type objectiveModel struct {
	TargetPercent types.Float64   `tfsdk:"target_percent"`
	Window        values.Duration `tfsdk:"window"`
}

var (
	freshnessTypes = map[string]attr.Type{
		"max_age": values.DurationType{}, "anchor": types.StringType,
		"target_percent": types.Float64Type, "window": values.DurationType{},
	}
	objectiveTypes = map[string]attr.Type{"target_percent": types.Float64Type, "window": values.DurationType{}}
)

// Object implements [connect.Model].
func (m *Model) Object(context.Context) (*catalog.SLA, diag.Diagnostics) {
	sla := &catalog.SLA{Domain: m.Domain.ValueString(), Name: m.Name.ValueString(), Description: m.Description.ValueString()}
	freshness, diags := values.Struct[freshnessModel](m.Freshness)
	if freshness != nil {
		sla.Freshness = &catalog.Freshness{
			MaxAge:        catalog.Duration(freshness.MaxAge.ValueString()),
			Anchor:        catalog.Anchor(freshness.Anchor.ValueString()),
			TargetPercent: freshness.TargetPercent.ValueFloat64(),
			Window:        catalog.Duration(freshness.Window.ValueString()),
		}
	}
	for object, to := range map[*types.Object]**catalog.Objective{
		&m.Completeness: &sla.Completeness, &m.Availability: &sla.Availability, &m.Accuracy: &sla.Accuracy,
	} {
		objective, d := values.Struct[objectiveModel](*object)
		diags.Append(d...)
		if objective != nil {
			*to = &catalog.Objective{
				TargetPercent: objective.TargetPercent.ValueFloat64(),
				Window:        catalog.Duration(objective.Window.ValueString()),
			}
		}
	}
	return sla, diags
}

// Fill implements [connect.Model].
func (m *Model) Fill(_ context.Context, s *catalog.SLA) diag.Diagnostics {
	var diags diag.Diagnostics
	objective := func(o *catalog.Objective) types.Object {
		if o == nil {
			return types.ObjectNull(objectiveTypes)
		}
		object, d := values.Object(objectiveTypes, &objectiveModel{
			TargetPercent: types.Float64Value(o.TargetPercent),
			Window:        values.TextOf[values.DurationEquality](string(o.Window)),
		})
		diags.Append(d...)
		return object
	}
	*m = Model{
		Key:          connect.KeyOf(s.Ref()),
		Description:  values.String(m.Description, s.Description),
		Freshness:    fillFreshness(s.Freshness, &diags),
		Completeness: objective(s.Completeness),
		Availability: objective(s.Availability),
		Accuracy:     objective(s.Accuracy),
	}
	return diags
}

func fillFreshness(f *catalog.Freshness, diags *diag.Diagnostics) types.Object {
	if f == nil {
		return types.ObjectNull(freshnessTypes)
	}
	object, d := values.Object(freshnessTypes, &freshnessModel{
		MaxAge:        values.TextOf[values.DurationEquality](string(f.MaxAge)),
		Anchor:        types.StringValue(string(f.Anchor)),
		TargetPercent: types.Float64Value(f.TargetPercent),
		Window:        values.TextOf[values.DurationEquality](string(f.Window)),
	})
	diags.Append(d...)
	return object
}
