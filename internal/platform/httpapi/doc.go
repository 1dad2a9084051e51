// Package httpapi serves the platform's own REST API over any
// [catalog.Service]. It knows the network and nothing of the platform: who
// calls, what is served and when it is ready are functions in [Options].
//
// # Order of the gates
//
// A request passes, in this order: its request id, the catch for panics, the
// limit on requests at once, the time limit, authentication, the route, the
// media types, the body. Whoever is not authenticated therefore learns nothing
// of the API's inside, not even which paths exist. Only /healthz and /readyz
// are open, and they are not counted against the limit.
//
// # What leaves
//
// Every answer says no-store. Every failure is a problem document (RFC 9457);
// an error that is no [catalog.Error] goes to the log and never to the caller.
// The log has one line for each request with the path but not the query, and
// no header but the request id.
package httpapi

//go:generate go run ./internal/openapi -root ../../.. openapi.json ../../../docs/openapi.json
