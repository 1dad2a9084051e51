package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Options say what is served. Services and Authenticate are needed.
type Options struct {
	// Services is the service as a caller sees it.
	Services func(catalog.Caller) catalog.Service
	// Vocabularies are the marking vocabularies as a caller may use them; nil
	// when there are none.
	Vocabularies func(catalog.Caller) catalog.Vocabularies
	// Authenticate tells who calls, as in [door.Options].
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Ready says why requests cannot be served; nil means always ready. Its
	// text goes to the log only.
	Ready func(context.Context) error
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout and MaxConcurrent bound requests as in [door.Options].
	Timeout       time.Duration
	MaxConcurrent int
}

// readyTimeout bounds the check of a probe.
const readyTimeout = 2 * time.Second

type server struct {
	Options
	door *door.Door
}

// New serves the API below /api/v1/, and /healthz and /readyz. Mount it for
// these paths, or as the whole server; every other path is a 404.
func New(o Options) http.Handler {
	s := &server{Options: o, door: door.New(door.Options{
		Authenticate: o.Authenticate, Refusal: refusal, Log: o.Log, Timeout: o.Timeout, MaxConcurrent: o.MaxConcurrent,
	})}
	return s.door.Guard(http.HandlerFunc(s.root))
}

func (s *server) root(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		s.probe(w, r, nil)
	case "/readyz":
		s.probe(w, r, s.Ready)
	default:
		s.door.Enter(w, r, func(r *http.Request, caller catalog.Caller) (door.Answer, error) {
			var vocabularies catalog.Vocabularies
			if s.Vocabularies != nil {
				vocabularies = s.Vocabularies(caller)
			}
			return serve(r, s.Services(caller), vocabularies)
		})
	}
}

// probe answers ok, or 503 when the check fails.
func (s *server) probe(w http.ResponseWriter, r *http.Request, check func(context.Context) error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refusal := wire.Refuse(http.StatusMethodNotAllowed, "This path takes GET, HEAD only.")
		refusal.Allow = []string{http.MethodGet, http.MethodHead}
		s.door.Fail(w, r, refusal)
		return
	}
	if check != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := check(ctx); err != nil {
			s.door.Log.WarnContext(r.Context(), "not ready", "error", err)
			s.door.Fail(w, r, &catalog.Error{Code: catalog.CodeUnavailable, Message: "The platform is not ready."})
			return
		}
	}
	s.door.Send(w, r, door.Answer{Status: http.StatusOK, Body: []byte(`{"status":"ok"}`)})
}

// refusal is the problem document of an error.
func refusal(r *http.Request, err error) door.Answer {
	problem := wire.ProblemOf(err, door.Path(r), door.RequestID(r.Context()))
	return door.Answer{Status: problem.Status, Header: http.Header{"Content-Type": {wire.ProblemType}}, Body: wire.EncodeProblem(problem)}
}
