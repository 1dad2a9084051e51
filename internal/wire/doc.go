// Package wire is both directions of the platform's own REST API: paths, query
// parameters, headers, JSON bodies and errors, each with its writer and its
// reader. Client and server use nothing else, so they cannot disagree.
//
// # Paths
//
// Everything lies below [Prefix]; [Routes] is the whole table. An object is at
// domains/{domain} or domains/{domain}/{kind}/{name}, and at {kind}/{name} when
// no domain owns it; a list is one segment above, and the lists of all domains
// at {kind}. Names follow
// [catalog.CheckName]: no segment ever needs percent-encoding, so a path that
// holds a percent sign, a dot segment, an empty segment or an upper-case
// letter names nothing and is answered with 404, never cleaned or redirected.
// Query parameters that an operation does not know are refused, and so are
// repeated ones.
//
// # Bodies
//
// An object is the JSON of its catalog struct. Reading a request is strict:
// unknown and repeated members, members in other case, a wrong type, text that
// is not UTF-8, nesting beyond [MaxDepth] and trailing data are refused, each
// with a JSON pointer (RFC 6901) to the place. A member that is null counts as
// absent. Reading an answer differs in one point: unknown members are ignored,
// so that an older client can read a newer platform.
//
// # Conditions
//
// An entity tag is the strong form of a revision: "<revision>" in quotes
// (RFC 9110 section 8.8.3). If-Match takes a list or *, If-None-Match takes *
// on a change and a list on a read.
//
// # Errors
//
// Every refusal is a problem document (RFC 9457) with the member code, a
// [catalog.Code], and errors, a list of [catalog.Problem]. One table ties codes
// to statuses for both directions.
package wire
