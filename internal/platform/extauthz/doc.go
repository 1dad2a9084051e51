// Package extauthz serves Envoy's external authorization over gRPC,
// envoy.service.auth.v3.Authorization/Check, over any [catalog.Decisions], so
// that a mesh of Envoys enforces our decisions unmodified. It knows the network
// and nothing of the platform.
//
// # Who asks, and for whom
//
// The Envoy proves itself as every caller does and must be an enforcement
// point; nobody else's message is read. Its user is who bears the token in the request's one Authorization
// header, verified here; a token that is bound to a certificate (RFC 8705) is
// held against the one that the Envoy says the user's connection had, in
// attributes.source.certificate. Without the header, the service of that
// certificate is who asks. No other header says who anybody is.
//
// # What is asked
//
// The route says so in its context_extensions: product, action ("read" where
// it says none) and purpose. Where it names no product, the path does:
// /data/{domain}/{product}/…, written plainly: a path that two readers may take
// for two things is denied. GET and HEAD read, every other method is denied. So is
// a product whose records carry marks of their own: an Envoy leaves out none.
//
// # Answers
//
// A permit tells the upstream who it is ([SubjectHeader]) and what that subject
// must not do ([ObligationsHeader]), and takes away the token and whatever else
// in the request claims an identity, or another path or method, however a server
// might spell it. A denial is 403 without a word, and 401 where the user's token
// is missing or not good. Whatever else happens, an overload, a panic, a platform
// that cannot record, is answered as a denial and never as a failure: an Envoy with
// failure_mode_allow lets failures through. Beyond [MaxMessage] bytes gRPC itself refuses, which Envoy counts as a
// failure: failure_mode_allow must be off where it sends bodies.
package extauthz
