// Package caveatpolicy is the datamesh_caveat_policy resource with its data
// sources and its list resource.
package caveatpolicy

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

var kind = connect.Type[*catalog.CaveatPolicy]{
	Kind:   catalog.KindCaveatPolicy,
	Name:   "caveat_policy",
	Plural: "caveat_policies",
	Description: "A caveat policy: how far products of a domain may be released. A product that names it is refused when its effective marking " +
		"releases it to anybody outside the policy, or to a nation that the policy excludes. Exclusion always wins.",
	Attributes: attributes,
	New:        func() connect.Model[*catalog.CaveatPolicy] { return &resourceModel{} },
	Data:       func() connect.Model[*catalog.CaveatPolicy] { return &Model{} },
}

// NewResource returns the datamesh_caveat_policy resource.
func NewResource() resource.Resource { return connect.NewResource(kind) }

// What restricts release is Required or has a static default, never merely
// computed: a change from outside must show as drift.
func attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"description": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Why the policy is as it is.",
		},
		"releasable_to": schema.SetAttribute{
			Required: true, ElementType: types.StringType,
			MarkdownDescription: "Widest audience that may hold the data: GENC trigraphs (`GBR`) and tetragraphs (`FVEY`). Empty means nobody but the owner's nation.",
		},
		"display_only_to": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Who else may see the data without holding it.",
		},
		"excluded": schema.SetAttribute{
			Required: true, ElementType: types.StringType,
			MarkdownDescription: "Nations that never get the data, whatever else allows them. Write `[]` for none: leaving it to chance is not possible.",
		},
		"inheritance": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(catalog.InheritCarryAll)),
			MarkdownDescription: "What derived products owe: `carry_all` (whoever is shut out here stays shut out of everything derived; the default), " +
				"`carry_or_stricter` (and a derived product's own policy is at least as strict), " +
				"`owner_approval` (and a product of another domain is active only if `approved_dependants` lists it).",
		},
		"dissemination_list": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Organisations that may see products marked ORCON.",
		},
		"approved_dependants": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Ids of products of other domains that may be derived when `inheritance` is `owner_approval`.",
		},
		"purposes": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "What the data may be used for, such as `force-protection`: at most 32, written like names. Whoever asks for the data of a product " +
				"under this policy, or of anything derived from it, states one of them and must be given it by its identity provider. Leave it out for no limit.",
		},
	}
}
