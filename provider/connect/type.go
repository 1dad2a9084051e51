package connect

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Type is one kind of object as the provider sees it.
type Type[O catalog.Object] struct {
	Kind   catalog.Kind
	Name   string // "domain": resource and data source datamesh_domain
	Plural string // "domains": data source datamesh_domains, and its attribute
	// Description is Markdown and serves the resource and the data source.
	Description string
	// Attributes are those of the resource, without id, domain, name and
	// timeouts. The data source has them too, computed.
	Attributes func() map[string]schema.Attribute
	// Extra are attributes that only the data source has; nil for none.
	Extra func() map[string]datasource.Attribute
	// Summary names the attributes of an element of the plural data source;
	// nil for all that the data source has. Item then makes its model.
	Summary []string
	Item    func() Model[O]
	// Immutable names attributes whose change replaces the object, beside
	// domain and name.
	Immutable []string
	// Derived says that computed attributes follow from other objects, so an
	// object that is itself unchanged is judged again when one of those changes.
	Derived bool
	// Sources are the JSON pointers of the attributes that computed attributes
	// follow from, here and in objects of the type that this one rests on.
	Sources []string

	// Joint names, by the JSON pointer of an attribute, others that it is
	// judged together with: while one of those is unknown, no plan is refused
	// for what the platform says of the first.
	Joint map[string][]string

	// New makes an empty model of the resource and Data one of the data
	// source. Both are pointers to structs with tfsdk tags.
	New, Data func() Model[O]

	// Planned, if set, is called for every object that the plan keeps, after
	// it was judged. It may change the plan's computed attributes.
	Planned func(context.Context, *Planned[O])
	// Answered, if set, is called for the object that the singular data source
	// looked up, to fill the attributes that it has beyond the object.
	Answered func(context.Context, catalog.Reader, Model[O]) diag.Diagnostics
}

// Model is the attributes of an object of type O.
type Model[O catalog.Object] interface {
	// Object is the object that the attributes describe: unknown and null
	// attributes and all read-only fields are left out.
	Object(context.Context) (O, diag.Diagnostics)
	// Fill sets the attributes from the object, keeping null and empty apart
	// as they were.
	Fill(context.Context, O) diag.Diagnostics
}

// Key is the attributes that name an object within a domain, to be embedded
// in models.
type Key struct {
	ID     types.String `tfsdk:"id"`
	Domain types.String `tfsdk:"domain"`
	Name   types.String `tfsdk:"name"`
}

// KeyOf is the key of an object within a domain.
func KeyOf(ref catalog.Ref) Key {
	return Key{
		ID:     types.StringValue(ref.ID),
		Domain: types.StringValue(ref.Domain()),
		Name:   types.StringValue(ref.Name()),
	}
}

// Lifetime is the timeouts attribute, to be embedded in models of resources.
type Lifetime struct {
	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

// Planned is an object that the plan keeps, for [Type.Planned].
type Planned[O catalog.Object] struct {
	Mesh *Mesh
	// Object is as the configuration describes it; Prior is as state has it,
	// nil when the object is new.
	Object O
	Prior  O
	// State is the attributes that Prior comes from, nil when the object is new.
	State Model[O]
	// Finding is the platform's judgement; nil when it was not asked because
	// nothing changed, or could not be.
	Finding *catalog.Finding
	// Unchanged says that the plan changes no attribute.
	Unchanged bool
	// Open says that computed attributes cannot be known before apply: one of
	// the [Type.Sources] is unknown, here or in what the object rests on.
	Open bool
	// Unknown reports whether the value at a JSON pointer, or a part of it,
	// is not known before apply, for the object or anything that it rests on
	// in this plan when the pointer is "".
	Unknown func(pointer string) bool

	Request  resource.ModifyPlanRequest
	Response *resource.ModifyPlanResponse
}
