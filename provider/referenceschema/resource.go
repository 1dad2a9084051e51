// Package referenceschema is the datamesh_reference_schema resource with its
// data sources and its list resource: what the stewardship board asks of every
// schema of one sort. It belongs to no domain.
package referenceschema

import (
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/definition"
)

var kind = connect.Type[*catalog.ReferenceSchema]{
	Kind:   catalog.KindReferenceSchema,
	Name:   "reference_schema",
	Plural: "reference_schemas",
	Description: "A reference schema: what the stewardship board asks of every schema of one sort, such as a track, an entity or an event. It " +
		"belongs to no domain. A schema names it in `conforms_to` and is then a projection of it: each field that it requires is there, " +
		"with a type and a unit that fit, in whatever language and wrapping. Every change of its meaning registers a new version.\n\n" +
		"Administrators and callers of the group `" + catalog.BoardGroup + "` write it. A change that leaves schemas behind which follow the " +
		"current version is permitted and is a warning that names them; schemas that follow a fixed version stay as they are.",
	Attributes: attributes,
	Extra:      extraAttributes,
	Summary:    []string{"id", "name", "description", "type", "version", "subject"},
	Immutable:  []string{"type"},
	New:        func() connect.Model[*catalog.ReferenceSchema] { return &resourceModel{} },
	Data:       func() connect.Model[*catalog.ReferenceSchema] { return &dataModel{} },
	Item:       func() connect.Model[*catalog.ReferenceSchema] { return &itemModel{} },
}

// NewResource makes the resource datamesh_reference_schema.
func NewResource() resource.Resource { return connect.NewResource(kind) }

func attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"description": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "What sort of schema this is for, in a sentence or two.",
		},
		"type": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "Language of the definition: `AVRO`, `JSON` (JSON Schema 2020-12, 2019-09 or draft-07) or `PROTOBUF`. Schemas " +
				"in another language can conform all the same. A change replaces the reference schema.",
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"definition": definition.Attribute("Text of the reference schema, at most 1 MiB, usually `file(\"${path.module}/track.schema.json\")`. It is " +
			"complete in itself. Give every number a unit: it is asked of every schema that conforms."),
	}
}

func extraAttributes() map[string]datasource.Attribute {
	return map[string]datasource.Attribute{
		"version": datasource.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "Number of the current version, for a `conforms_to` that stays with it: 1 for the first definition. Numbers are never used again.",
		},
		"subject": datasource.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Subject of the reference schema in the schema registry: `:.reference:name`.",
		},
	}
}
