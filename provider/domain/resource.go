// Package domain is the datamesh_domain resource with its data sources and its
// list resource. It is the pattern for the other objects.
package domain

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

var kind = connect.Type[*catalog.Domain]{
	Kind:   catalog.KindDomain,
	Name:   "domain",
	Plural: "domains",
	Description: "A domain: the team that owns and publishes data products. Domains form a tree, and each has at least one owner. " +
		"Only administrators create and delete domains; owners change them.",
	Attributes: attributes,
	New:        func() connect.Model[*catalog.Domain] { return &resourceModel{} },
	Data:       func() connect.Model[*catalog.Domain] { return &Model{} },
}

// NewResource returns the datamesh_domain resource.
func NewResource() resource.Resource { return connect.NewResource(kind) }

func attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"display_name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name for people, such as `Signals intelligence`.",
		},
		"description": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "What the domain is responsible for.",
		},
		"discipline": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Intelligence discipline: `HUMINT`, `SIGINT`, `GEOINT`, `MASINT`, `OSINT`, or `OTHER` for a domain that collects nothing itself.",
		},
		"parent": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Name of the domain above. Leave it out at a root. Only administrators change it.",
		},
		"contact": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Where to reach the team: a mailbox, a channel or a telephone number.",
		},
		"marking": schema.StringAttribute{
			Optional:      true,
			CustomType:    values.MarkingType{},
			PlanModifiers: []planmodifier.String{values.KeepEqual[values.MarkingEquality]()},
			MarkdownDescription: "Who may know that the domain exists, as a banner line such as `TOP SECRET//SI//NOFORN` or a portion mark. " +
				"The domain and all that is in it or below it exist only for callers whom this marking lets read, joined with those of the domains above, " +
				"and for administrators; a member of the team who is not let in is nobody there. Owners raise it, only administrators lower it. " +
				"Left out, every authenticated caller sees the domain. The spelling is yours: one that means the same is no change.",
		},
		"team": schema.MapNestedAttribute{
			Required: true,
			MarkdownDescription: "Members by the subject of their token. At least one has to be an owner today. " +
				"This map is the whole team: a member added elsewhere is removed by the next apply.",
			NestedObject: schema.NestedAttributeObject{Attributes: memberAttributes()},
		},
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Refuse deletion and replacement. To delete the domain, set this to `false` and apply first. Default `true`.",
		},
	}
}

func memberAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"role": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "`owner` writes the domain and everything in it, `steward` everything in it; " +
				"`engineer` and `releaser` are recorded and write nothing.",
		},
		"from": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "First day of the membership, such as `2027-01-31` (UTC). Open when not set.",
		},
		"until": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Last day of the membership (UTC). Open when not set.",
		},
	}
}
