// Package httpapi serves the platform's own REST API over any
// [catalog.Service]. It knows the network and nothing of the platform: who
// calls, what is served and when it is ready are functions in [Options].
//
// A request passes the gates of package door, then the route, the media types
// and the body. Only /healthz and /readyz are open to whoever is not
// authenticated, and they are not counted against the limit of requests. Every
// failure is a problem document (RFC 9457).
package httpapi

//go:generate go run ./internal/openapi -root ../../.. openapi.json ../../../docs/openapi.json
