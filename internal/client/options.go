package client

import (
	"context"
	"time"
)

// Options are how to reach a platform. The zero value sends no token, trusts
// the system's authorities and takes the proxy from the environment.
type Options struct {
	// Token is sent as a bearer token. At most one of Token and TokenFile is set.
	Token string
	// TokenFile holds the token, with or without a line end, at most 64 KiB.
	// It is read at the first request and again when the platform refuses the
	// token, so that another process can renew it.
	TokenFile string

	// CAFile holds the certificate authorities to trust, in PEM, instead of
	// the system's.
	CAFile string
	// ClientCertFile and ClientKeyFile hold the client's certificate chain and
	// its key, in PEM. Both or neither.
	ClientCertFile, ClientKeyFile string

	// ProxyURL is the proxy for all requests but those to this machine; ""
	// for what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. http, https or socks5.
	ProxyURL string

	// MaxRequestsPerSecond bounds how fast requests are sent, repeats
	// included; 0 for no bound.
	MaxRequestsPerSecond float64

	// UserAgent names the program and its versions.
	UserAgent string
	// TraceParent is the W3C trace context that requests belong to, as CI
	// systems set it in TRACEPARENT; "" for a trace for each
	// operation, see [StartTrace]. One that is malformed counts as none.
	TraceParent string

	// Log, if set, is told of every attempt. It never sees a token or a body.
	Log func(context.Context, Attempt)

	// firstWait shortens the waits between attempts in tests; 0 for the default.
	firstWait time.Duration
}

// Attempt is one request as it was sent and answered.
type Attempt struct {
	Method, Path string
	Number       int // 1 for the first
	Status       int // 0 when there was no answer
	Err          error
	Duration     time.Duration
	RequestID    string // of the platform
	TraceID      string // 32 hex digits
	// Wait is how long the next attempt will be put off; 0 when there is none.
	Wait time.Duration
}
