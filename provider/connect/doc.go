// Package connect is the frame that every resource, data source and list
// resource of the provider stands in. It receives the platform, reads through
// one cache, judges plans before they are applied, carries the reviewed
// revision to apply, imports, keeps identity and honours timeouts. An object's
// own package says only what the object looks like.
//
// # Adding an object
//
// An object's package holds a model and a [Type]:
//
//	var kind = connect.Type[*catalog.Domain]{
//	    Kind: catalog.KindDomain, Name: "domain", Plural: "domains",
//	    Description: "…", Attributes: attributes,
//	    New:  func() connect.Model[*catalog.Domain] { return &resourceModel{} },
//	    Data: func() connect.Model[*catalog.Domain] { return &Model{} },
//	}
//
//	func NewResource() resource.Resource { return connect.NewResource(kind) }
//
// with the same file names in each: resource.go (the type and the schema),
// model.go (the only place where fields become attributes), data_source.go,
// data_source_list.go and list.go. The frame adds id, domain, name and
// timeouts to the schema; a model has these by embedding [Key] (not where no
// domain owns the object) and, for the resource, [Lifetime].
//
// A [Model] converts both ways. Object leaves out what is null or unknown and
// every read-only field. Fill keeps what is the author's: the spelling of a
// [values.Text], null against empty. Both are called with state, with plan and
// with configuration.
//
// # What happens when
//
//   - ValidateConfig: [catalog.Object.Check], offline, leaving out what is unknown.
//   - Read: through the cache; only CodeNotFound removes from state.
//   - ModifyPlan: the object is registered with what this run plans, and judged
//     by [catalog.Service.Validate] with all that it rests on as overlay. Then
//     [Type.Planned] may fill computed attributes and add diagnostics.
//   - Create: If-None-Match. Update and Delete: If-Match with the revision that
//     was read when the plan was made; on a mismatch the object is read again
//     and the change goes on only if nothing reviewed has changed.
//
// # What a plan knows of itself
//
// The protocol shows a provider one object at a time. The [Mesh] therefore
// remembers what one provider instance plans. Terraform plans an object after
// those that it refers to, so all that an object rests on is there when it is
// judged. Removals come in any order: of a removal and a dependant that stays,
// whichever is planned second reports the conflict.
package connect
