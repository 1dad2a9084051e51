// Package sla is the datamesh_sla resource with its data sources and its list
// resource.
package sla

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

var kind = connect.Type[*catalog.SLA]{
	Kind:        catalog.KindSLA,
	Name:        "sla",
	Plural:      "slas",
	Description: "A service level: what a domain promises about its products. It has at least one of the objectives `freshness`, `completeness`, `availability` and `accuracy`.",
	Attributes:  attributes,
	New:         func() connect.Model[*catalog.SLA] { return &resourceModel{} },
	Data:        func() connect.Model[*catalog.SLA] { return &Model{} },
}

// NewResource returns the datamesh_sla resource.
func NewResource() resource.Resource { return connect.NewResource(kind) }

func attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"description": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "What the service level is for.",
		},
		"freshness": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Promises that data are at most `max_age` old, `target_percent` of the time within `window`.",
			Attributes:          freshnessAttributes(),
		},
		"completeness": objective("Share of expected records that are there."),
		"availability": objective("Share of the time in which the output ports answer."),
		"accuracy":     objective("Share of records that are right when checked."),
	}
}

func freshnessAttributes() map[string]schema.Attribute {
	attributes := objectiveAttributes()
	attributes["max_age"] = duration("Oldest that data may be, such as `15m` or `4h`: whole numbers with w, d, h, m and s, largest first.")
	attributes["anchor"] = schema.StringAttribute{
		Required:            true,
		MarkdownDescription: "What age is measured from: `schedule`, the planned publication, or `event`, what the data tell of.",
	}
	return attributes
}

func objective(text string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: text, Attributes: objectiveAttributes()}
}

func objectiveAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"target_percent": schema.Float64Attribute{
			Required:            true,
			MarkdownDescription: "Share that has to be met, in percent: above 0, at most 100.",
		},
		"window": duration("Span over which the share is counted, such as `30d`."),
	}
}

func duration(text string) schema.StringAttribute {
	return schema.StringAttribute{
		Required: true, CustomType: values.DurationType{}, MarkdownDescription: text,
		PlanModifiers: []planmodifier.String{values.KeepEqual[values.DurationEquality]()},
	}
}
