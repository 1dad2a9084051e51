// Package authzen serves the OpenID AuthZEN Authorization API 1.0 over any
// [catalog.Decisions], so that gateways and brokers ask the mesh unmodified. It
// knows the network and nothing of the platform.
//
// # Paths
//
// [Prefix] holds evaluation, evaluations and search/{subject,resource,action},
// which take POST. [Discovery] is where a client finds them; it is open to
// whoever is not authenticated, because it says what the standard says, at the
// address that the operator configured and never at one from the request.
//
// # Requests
//
// Reading is strict as in package strictjson: one meaning or none. Members that
// the standard does not have are ignored, because it asks for that; so is most
// of context, whose time and address are the asker's own words. Of it counts
// context.purpose, a string: what the data is wanted for. What is missing or
// of another type is refused with 400, and so is a body of another media type,
// where HTTP has 415. In a batch only that one question is denied; its context
// says what is wrong with it.
//
// # Answers
//
// A denial is {"decision":false} with 200: statuses from 400 on are about who
// asks and how, never about the subject. Why it was denied stands in
// context.reason for those alone who may know, which Decisions tells. A refusal
// is a sentence of plain text.
//
// # Request ids
//
// X-Request-ID comes back when it is 1 to 128 letters, digits, dots, hyphens
// and underscores, such as a UUID; otherwise the answer has one of our own,
// because ids go to logs.
package authzen
