// Package opa serves the part of the Open Policy Agent's data API that Trino's
// access control plugin speaks, over any [catalog.Decisions], so that a query
// engine enforces the mesh's decisions unmodified. It knows the network and
// nothing of the platform.
//
// # Paths
//
// [Prefix] holds allow, batch, rowFilters, columnMask and batchColumnMasks,
// which take POST with {"input": {"context": …, "action": …}} and answer
// {"result": …}. They are what the plugin is configured with.
//
// # Who asks, and for whom
//
// The engine proves itself as every caller does. A user it names is believed
// from an enforcement point only, and is known by one of two things:
//
//   - the user's own token, forwarded by Trino as the extra credential
//     [TokenCredential]. It is verified here like every token, and its subject
//     must be the user that the engine names: a client writes its extra
//     credentials itself. It alone counts where it is sent;
//   - the members clearance, countryOfAffiliation, fineAccessControls,
//     dutyOrganization, employmentType and purposes beside the user, as an
//     adapter that has verified the user sends them. Trino never sends these.
//
// Otherwise nothing is known of the user, and everything is denied, also when
// the user is called like the engine. Groups never count: they are those of the
// engine's own group provider.
//
// # What is asked
//
// A table is a product when its schema and name are the product's domain and
// name, with "_" for "-", and an output port of type sql has a URL that ends in
// /catalog/schema/table. Reading a table, its columns and its place in a list
// are one question: may the user read the product? A schema is a domain in the
// same way, and shown to whom the domain exists for. The names of catalogs,
// information_schema and system.jdbc, whose rows the engine filters by the same
// questions, built-in functions and the user's own queries are open to every user
// who is known. Whatever else is asked, writing of any kind before
// all, is denied, and so is every operation that is not known.
//
// # Limits
//
// Reading is strict as in package strictjson. Members that are not known are
// ignored, because engines add some. A request that cannot be read is refused
// with a status, which fails the engine's query.
package opa
