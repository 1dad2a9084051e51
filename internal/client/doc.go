// Package client is the catalogue from afar: [Service] is a [catalog.Service]
// over the platform's REST API, and [NewHTTPClient] is the transport that
// authenticates, retries and bounds its requests.
//
// # What a caller can rely on
//
// Errors are *[catalog.Error] with the code, the problems and the request id
// of the platform, so errors.Is(err, catalog.ErrNotFound) holds on both sides
// of the network. CodeNotFound comes from the platform's own problem document
// and nothing else: neither a proxy's page with status 404 nor a path that the
// platform does not have is taken for an object that is gone. A platform that
// cannot be reached is CodeUnavailable, with the cause wrapped.
//
// # What it defends against
//
// The endpoint is where the token goes, so redirects are refused rather than
// followed. Answers are bounded in size and depth, and must be about what was
// asked: the object of that id, a page in order, a cursor that moves on.
package client
