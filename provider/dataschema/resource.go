// Package dataschema is the resource and the data sources of schemas: the
// contract of the records that an output port serves.
//
// The text of a schema is its meaning, not its spelling: see [Definition]. A
// text that is not of its type is refused when it is validated, with line and
// column, and never repeated in the message.
package dataschema

import (
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

var kind = connect.Type[*catalog.Schema]{
	Kind:   catalog.KindSchema,
	Name:   "schema",
	Plural: "schemas",
	Description: "A schema: the contract of the records that an output port of a data product serves, in Avro, JSON Schema or " +
		"Protocol Buffers. Every change of its meaning registers a new version; whitespace, comments and the order of keys are no change.",
	Attributes: attributes,
	Extra:      dataAttributes,
	Summary:    []string{"id", "domain", "name", "description", "type", "compatibility", "version"},
	Immutable:  []string{"type"},
	New:        func() connect.Model[*catalog.Schema] { return &resourceModel{} },
	Data:       func() connect.Model[*catalog.Schema] { return &dataModel{} },
	Item:       func() connect.Model[*catalog.Schema] { return &itemModel{} },
}

// NewResource makes the resource datamesh_schema.
func NewResource() resource.Resource { return connect.NewResource(kind) }

func attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"description": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "What a record is, in a sentence or two.",
		},
		"type": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Language of the definition: `AVRO`, `JSON` (JSON Schema 2020-12, 2019-09 or draft-07) or `PROTOBUF`. A change replaces the schema.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"compatibility": schema.StringAttribute{
			Optional: true,
			Computed: true,
			Default:  stringdefault.StaticString(string(catalog.CompatibilityFullTransitive)),
			MarkdownDescription: "What a new version must be compatible with: `NONE`, `BACKWARD`, `BACKWARD_TRANSITIVE`, `FORWARD`, " +
				"`FORWARD_TRANSITIVE`, `FULL` or `FULL_TRANSITIVE` (the default), as in the Confluent Schema Registry.",
		},
		"definition": schema.StringAttribute{
			Required:      true,
			CustomType:    DefinitionType{},
			Validators:    []validator.String{wellFormed{}},
			PlanModifiers: []planmodifier.String{values.KeepEqual[DefinitionEquality]()},
			MarkdownDescription: "Text of the schema, at most 1 MiB, usually `file(\"${path.module}/track.avsc\")`. It must be " +
				"complete in itself: references to other files or hosts are refused. Describe every field, and give every number a " +
				"unit: active products whose schemas do not are reported.",
		},
	}
}

func dataAttributes() map[string]datasource.Attribute {
	return map[string]datasource.Attribute{
		"version": datasource.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "Number of the current version: 1 for the first definition. Numbers are never used again.",
		},
	}
}
