// Package dataschema is the resource and the data sources of schemas: the
// contract of the records that an output port serves.
//
// The text of a schema is its meaning, not its spelling, and may refer to other
// schemas: see package definition. While planning, the platform resolves what it
// refers to, compares it with the versions before it and holds it against the
// reference schema that it names, with all that the same plan changes of those.
package dataschema

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/definition"
)

var kind = connect.Type[*catalog.Schema]{
	Kind:   catalog.KindSchema,
	Name:   "schema",
	Plural: "schemas",
	Description: "A schema: the contract of the records that an output port of a data product serves, in Avro, JSON Schema or " +
		"Protocol Buffers. Every change of its meaning registers a new version; whitespace, comments and the order of keys are no change.\n\n" +
		"While planning, the provider asks the platform whether the definition may follow the versions before it, and whether it is what " +
		"the board's reference schema asks for. A definition that breaks its consumers is refused with each incompatibility, what to do " +
		"about it, and the products that would break. Fields that do not say what they mean are warnings.",
	Attributes: attributes,
	Extra:      extraAttributes,
	Summary:    []string{"id", "domain", "name", "description", "type", "compatibility", "conforms_to", "version", "subject"},
	Immutable:  []string{"type"},
	Joint:      map[string][]string{"/definition": {"/references", "/compatibility", "/type"}},
	Answered:   answered,
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
				"`FORWARD_TRANSITIVE`, `FULL` or `FULL_TRANSITIVE` (the default), as in the Confluent Schema Registry; `GLOBAL` follows " +
				"the registry's own level.",
		},
		"definition": definition.Referring("Text of the schema, at most 1 MiB, usually `file(\"${path.module}/track.avsc\")`. What it refers to stands " +
			"in `references`; nothing else is ever loaded. Describe every field, give every number a unit, and, where records carry a " +
			"marking, mark every field: what does not is reported."),
		"references": references(),
		"conforms_to": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Reference schema that the definition is a projection of: its name for the current version, such as `track`, " +
				"or `track@2` for a fixed one. A definition without the fields that it requires is refused.",
		},
	}
}

func references() schema.Attribute {
	return schema.MapNestedAttribute{
		Optional: true,
		MarkdownDescription: "Other schemas of the same type that the definition refers to, under the names by which it does: the full name of an " +
			"Avro type, the URI of a `$ref`, the path of a Protobuf import. A version stays as it is, so a newer one counts only when its number is written here.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"schema":  schema.StringAttribute{Required: true, MarkdownDescription: "Id of the schema."},
			"version": schema.Int64Attribute{Required: true, MarkdownDescription: "Number of its version, which may be registered by the same plan: 1 for the first definition."},
		}},
	}
}
