package registryapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Prefix is what every path of the API starts with; clients are given the
// endpoint with it.
const Prefix = "/schema-registry"

// The error codes of a registration that may not follow the versions before it.
const (
	// IncompatibleCode is that of released registries, which clients know.
	IncompatibleCode = 409
	// IncompatibleCodeNew is that of Confluent's main branch since 2025-12.
	IncompatibleCodeNew = 40901
)

// Options say what is served. Registries and Authenticate are needed.
type Options struct {
	// Registries is the registry as a caller sees it.
	Registries func(catalog.Caller) catalog.Registry
	// Authenticate tells who calls, as in [door.Options].
	Authenticate func(*http.Request) (catalog.Caller, error)
	// IncompatibleCode is the error code of an incompatible registration; 0
	// for [IncompatibleCode].
	IncompatibleCode int
	// Version is what the API says of the server's version; "" for "dev".
	Version string
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout and MaxConcurrent bound requests as in [door.Options].
	Timeout       time.Duration
	MaxConcurrent int
}

// The media types of bodies and answers, the preferred one first. A request
// without a type is taken for a stream of octets (RFC 9110 section 8.3), which
// Confluent accepts.
var (
	answerTypes = []string{"application/vnd.schemaregistry.v1+json", "application/vnd.schemaregistry+json", "application/json"}
	bodyTypes   = []string{answerTypes[0], answerTypes[1], answerTypes[2], "application/octet-stream", ""}
)

type server struct {
	Options
	door *door.Door
}

// New serves the API below [Prefix].
func New(o Options) http.Handler {
	if o.IncompatibleCode == 0 {
		o.IncompatibleCode = IncompatibleCode
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	s := &server{Options: o, door: door.New(door.Options{
		Authenticate: o.Authenticate, Refusal: refusal, Log: o.Log, Timeout: o.Timeout, MaxConcurrent: o.MaxConcurrent,
	})}
	return s.door.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.door.Enter(w, r, s.serve) }))
}

// call is one request, read as far as its address.
type call struct {
	*server
	ctx      context.Context // of the request
	request  *http.Request
	registry catalog.Registry
	values   url.Values
	// subject is the one in the path, or what scope the path names: a context,
	// or the whole registry.
	subject catalog.Subject
	within  bool   // the path lies below a context
	version int    // that of the path, latest or a number
	key     string // the id or GUID in the path
}

// serve reads the address of the request and calls what the route says.
func (s *server) serve(r *http.Request, caller catalog.Caller) (door.Answer, error) {
	media := door.Accepted(r, answerTypes...)
	if media == "" {
		return door.Answer{}, wire.Refuse(http.StatusNotAcceptable, "The answer would be "+answerTypes[0]+", which Accept does not list.")
	}
	c := &call{server: s, ctx: r.Context(), request: r}
	operation, err := c.find(r.Method, r.URL.EscapedPath())
	if err != nil {
		return door.Answer{}, err
	}
	if c.values, err = parseQuery(r.Method, r.URL.RawQuery); err != nil {
		return door.Answer{}, err
	}
	c.registry = s.Registries(caller)
	body, err := operation(c)
	if err != nil {
		return door.Answer{}, c.explain(err)
	}
	if body == nil {
		return door.Answer{Status: http.StatusNoContent}, nil
	}
	return door.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {media}}, Body: body}, nil
}
