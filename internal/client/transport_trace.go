package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
)

type traceKey struct{}

// StartTrace returns a context whose requests belong to one trace, unless
// Options.TraceParent names a larger one: the requests of one operation, such
// as a refused update, the read after it and the update that follows.
func StartTrace(ctx context.Context) context.Context {
	return context.WithValue(ctx, traceKey{}, randomHex(16))
}

// traceFor is the trace of a request: the given one, else that of its
// operation, else one of its own.
func traceFor(ctx context.Context, given string) string {
	if given != "" {
		return given
	}
	if trace, ok := ctx.Value(traceKey{}).(string); ok {
		return trace
	}
	return randomHex(16)
}

var traceParent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-|$)`)

// traceOf is the trace id in a W3C traceparent, "" when it is malformed.
func traceOf(parent string) string {
	parts := traceParent.FindStringSubmatch(parent)
	if parts == nil || parts[1] == strings.Repeat("0", 32) {
		return ""
	}
	return parts[1]
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails, by its documentation
	return hex.EncodeToString(b)
}
