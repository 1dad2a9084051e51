package authzen

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

const (
	// Prefix is what the path of every question starts with.
	Prefix = "/access/v1/"
	// Discovery is the path of the metadata (RFC 8615).
	Discovery = "/.well-known/authzen-configuration"
)

// Options say what is served. Decisions, Authenticate and Endpoint are needed.
type Options struct {
	// Decisions answers the questions of a caller.
	Decisions func(catalog.Caller) catalog.Decisions
	// Authenticate tells who calls, as in [door.Options].
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Endpoint is the URL below which the paths lie, without a slash at its
	// end: the policy decision point's name.
	Endpoint string
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout and MaxConcurrent bound requests as in [door.Options].
	Timeout       time.Duration
	MaxConcurrent int
}

const mediaType = "application/json"

type server struct {
	door     *door.Door
	options  Options
	metadata []byte
}

// New serves the API. Mount it for what [Serves] says.
func New(o Options) http.Handler {
	s := &server{options: o, metadata: metadata(o.Endpoint), door: door.New(door.Options{
		Authenticate: o.Authenticate, Refusal: refusal, Log: o.Log, Timeout: o.Timeout, MaxConcurrent: o.MaxConcurrent,
	})}
	return s.door.Guard(http.HandlerFunc(s.root))
}

// Routes lists the API as method and path.
func Routes() []string {
	list := []string{http.MethodGet + " " + Discovery}
	for path := range routes {
		list = append(list, http.MethodPost+" "+Prefix+path)
	}
	slices.Sort(list)
	return list
}

// Serves reports whether the request is for this API.
func Serves(r *http.Request) bool {
	path := r.URL.EscapedPath()
	return path == Discovery || strings.HasPrefix(path, Prefix)
}

func (s *server) root(w http.ResponseWriter, r *http.Request) {
	if r.URL.EscapedPath() == Discovery {
		s.discover(w, r)
		return
	}
	s.door.Enter(w, r, s.serve)
}

func (s *server) discover(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.door.Fail(w, r, methodNotAllowed(http.MethodGet, http.MethodHead))
		return
	}
	s.door.Send(w, r, door.Answer{Status: http.StatusOK, Body: s.metadata})
}

// operation answers one request.
type operation func(context.Context, catalog.Decisions, request) (any, error)

// routes are the questions, by path below Prefix.
var routes = map[string]struct {
	shape shape
	serve operation
}{
	"evaluation":      {shape{}, evaluation},
	"evaluations":     {shape{batch: true}, evaluations},
	"search/subject":  {shape{open: "subject"}, searchSubjects},
	"search/resource": {shape{open: "resource"}, searchResources},
	"search/action":   {shape{open: "action"}, searchActions},
}

func (s *server) serve(r *http.Request, caller catalog.Caller) (door.Answer, error) {
	route, ok := routes[strings.TrimPrefix(r.URL.EscapedPath(), Prefix)]
	switch {
	case !ok:
		return door.Answer{}, wire.Refuse(http.StatusNotFound, "No such path. The paths are listed in "+Discovery+".")
	case r.Method != http.MethodPost:
		return door.Answer{}, methodNotAllowed(http.MethodPost)
	case door.Accepted(r, mediaType) == "":
		return door.Answer{}, wire.Refuse(http.StatusNotAcceptable, "The answer would be application/json, which Accept does not list.")
	}
	body, err := door.ReadBody(r, bodyLimit, mediaType)
	if err != nil {
		return door.Answer{}, err
	}
	asked, err := decode(string(body), route.shape)
	if err != nil {
		return door.Answer{}, err
	}
	answer, err := route.serve(r.Context(), s.options.Decisions(caller), asked)
	if err != nil {
		return door.Answer{}, err
	}
	return encoded(answer)
}

func methodNotAllowed(allow ...string) error {
	r := wire.Refuse(http.StatusMethodNotAllowed, "This path takes "+strings.Join(allow, ", ")+" only.")
	r.Allow = slices.Clone(allow)
	return r
}

func badRequest(message string) error { return wire.Refuse(http.StatusBadRequest, message) }

// refusal is the answer for an error of any origin, a sentence each for what
// happened and what is wrong. The standard knows 400 where HTTP has 415 and 422.
func refusal(r *http.Request, err error) door.Answer {
	problem := wire.ProblemOf(err, door.Path(r), door.RequestID(r.Context()))
	sentences := []string{problem.Detail}
	for _, p := range problem.Errors {
		sentences = append(sentences, p.String())
	}
	status := problem.Status
	if status == http.StatusUnsupportedMediaType || status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	return door.Answer{Status: status, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte(strings.Join(sentences, " "))}
}
