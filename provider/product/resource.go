// Package product is the resource and the data sources of data products: the
// curated, documented and governed interfaces through which domains make data
// available.
//
// A plan already knows what the platform will compute and refuse: see plan.go.
package product

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

var kind = connect.Type[*catalog.Product]{
	Kind:   catalog.KindProduct,
	Name:   "data_product",
	Plural: "data_products",
	Description: "A data product: a curated, documented and governed interface through which a domain makes its data available. " +
		"A raw feed is never a product; name it in `pipeline.source`.\n\n" +
		"While planning, the provider asks the platform whether it will accept the product together with everything else that " +
		"the plan changes. The marking that a derived product inherits is known before anything is applied, and a product that is " +
		"marked below its inputs, released to a nation that a policy excludes, or active without all its parts is refused at the " +
		"attribute at fault. A wider release is a warning that names who gains access.",
	Attributes: attributes,
	Summary: []string{
		"id", "domain", "name", "title", "description", "version", "status", "marking", "caveat_policy", "sla", "inputs", "effective_marking",
	},
	Derived: true,
	Sources: []string{"/marking", "/inputs"},
	New:     func() connect.Model[*catalog.Product] { return &resourceModel{} },
	Data:    func() connect.Model[*catalog.Product] { return &fields{} },
	Item:    func() connect.Model[*catalog.Product] { return &itemModel{} },
	Planned: planned,
}

// NewResource makes the resource datamesh_data_product.
func NewResource() resource.Resource { return connect.NewResource(kind) }

func attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"title":       required("Title as people read it, on one line."),
		"description": optional("What the data are, for somebody who has never seen them. Required of an active product."),
		"version":     required("Semantic version 2.0.0 of the product, such as `1.4.0`. The owner counts."),
		"status": schema.StringAttribute{
			Optional: true,
			Computed: true,
			Default:  stringdefault.StaticString(string(catalog.StatusDraft)),
			MarkdownDescription: "`proposed`, `draft` (the default), `active`, `deprecated` or `retired`. It only moves forward, save " +
				"that a deprecated product may become active again. An active product needs an owner, a description, a marking, an SLA, and a schema on every output port.",
		},
		"marking": schema.StringAttribute{
			Optional:      true,
			CustomType:    values.MarkingType{},
			PlanModifiers: []planmodifier.String{values.KeepEqual[values.MarkingEquality]()},
			MarkdownDescription: "Declared marking, as a banner line such as `SECRET//REL TO USA, FVEY` or a portion mark. It must be at " +
				"least as strict as what is inherited from `inputs`. The spelling is yours: one that means the same is no change.",
		},
		"caveat_policy":       optional("Id of the caveat policy that bounds the product's release."),
		"sla":                 optional("Id of the SLA that the product is published under. Required of an active product."),
		"inputs":              texts("Ids of the products that this one is derived from. Their markings are inherited."),
		"output_ports":        ports(),
		"pipeline":            pipelineAttribute(),
		"documentation_links": texts("`https` or `http` URLs of further documentation."),
		"purpose":             optional("What the data may be used for."),
		"limitations":         optional("What the data must not be relied on for."),
		"support_contact":     optional("Who answers questions about the product."),
		"deprecated_on": optional("Day from which nobody new should rely on the product, such as `2026-03-01`; it may lie ahead. Only of a product " +
			"that is deprecated or retired. Whoever reads its data is told in the header `Deprecation`."),
		"sunset_on": optional("Day from which the product may no longer answer, not before `deprecated_on`. Whoever reads its data is told in the header `Sunset`."),
		"successor": optional("Id of the product to use instead. It must exist and be seen by who names it. Outside the team it is shown only to those who see the successor."),
		"deletion_protection": schema.BoolAttribute{
			Optional: true,
			Computed: true,
			Default:  booldefault.StaticBool(true),
			MarkdownDescription: "Whether the product is protected from deletion and replacement, `true` by default. To delete it, set this " +
				"to `false`, apply, then destroy.",
		},
		"inherited_marking": computed("Roll-up of the effective markings of `inputs`; null without inputs. Known when planning."),
		"effective_marking": computed("`marking` joined with `inherited_marking`: what access is decided on. Known when planning. " +
			"When an input is marked higher, it rises at once, whatever this product declares."),
	}
}

func ports() schema.Attribute {
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: "The stable interfaces of the product, by name.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"type":         required("How the port is read: `http`, `s3`, `kafka`, `sql`, `stix-taxii` or `file`."),
			"url":          required("Where the port is, without credentials. The scheme fits the type."),
			"content_type": optional("Media type of what is served, such as `application/geo+json`."),
			"schema":       optional("Id of the schema of the records. Required of an active product."),
			"record_marking": optional("Property of each record, or column of each row, that holds its own portion mark, such as `marking` or `security.marking`. Records that a reader may not see are then " +
				"left out of what it is given; one without a mark that can be read is left out for everybody. With a `content_type` of GeoJSON, STIX, JSON Lines " +
				"or Avro, such as `application/geo+json`, `application/stix+json`, `application/jsonl`, `application/x-ndjson` or `application/avro`, or on a port of type `sql`."),
		}},
	}
}

func pipelineAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "How the product is made.",
		Attributes: map[string]schema.Attribute{
			"image":  optional("Container image that makes it, pinned by digest: `registry.example/name@sha256:…`."),
			"source": optional("Name of the raw feed that it reads. Never the id of a product: that is one of `inputs`."),
		},
	}
}

func required(text string) schema.Attribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: text}
}

func optional(text string) schema.Attribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: text}
}

func computed(text string) schema.Attribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: text}
}

func texts(text string) schema.Attribute {
	return schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: text}
}
