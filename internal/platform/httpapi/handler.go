package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Options say what is served. Services and Authenticate are needed.
type Options struct {
	// Services is the service as a caller sees it.
	Services func(catalog.Caller) catalog.Service
	// Authenticate tells who calls, from the request's token or certificate.
	// An error that is no *catalog.Error counts as CodeUnauthenticated and
	// its text goes to the log only.
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Ready says why requests cannot be served; nil means always ready. Its
	// text goes to the log only.
	Ready func(context.Context) error
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout bounds one request, the reading of its body included; 0 for
	// 30 s.
	Timeout time.Duration
	// MaxConcurrent bounds the requests that are served at once, beyond which
	// they are refused with 503; 0 for 256.
	MaxConcurrent int
}

// The defaults of Options.
const (
	defaultTimeout       = 30 * time.Second
	defaultMaxConcurrent = 256
	readyTimeout         = 2 * time.Second
)

// server is Options with the defaults filled in.
type server struct {
	Options
	slots chan struct{} // one for each request that is being served
}

// New serves the API below /api/v1/, and /healthz and /readyz. Mount it for
// these paths, or as the whole server; every other path is a 404.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = defaultMaxConcurrent
	}
	s := &server{Options: o, slots: make(chan struct{}, o.MaxConcurrent)}
	return s.gate(http.HandlerFunc(s.root))
}

func (s *server) root(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		s.probe(w, r, nil)
	case "/readyz":
		s.probe(w, r, s.Ready)
	default:
		s.limit(w, r, s.api)
	}
}

// probe answers ok, or 503 when the check fails.
func (s *server) probe(w http.ResponseWriter, r *http.Request, check func(context.Context) error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refusal := wire.Refuse(http.StatusMethodNotAllowed, "This path takes GET, HEAD only.")
		refusal.Allow = []string{http.MethodGet, http.MethodHead}
		s.fail(w, r, refusal)
		return
	}
	if check != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := check(ctx); err != nil {
			s.Log.WarnContext(r.Context(), "not ready", "error", err)
			s.fail(w, r, &catalog.Error{Code: catalog.CodeUnavailable, Message: "The platform is not ready."})
			return
		}
	}
	s.send(w, r, answer{status: http.StatusOK, body: []byte(`{"status":"ok"}`)})
}

// api authenticates and serves one request.
func (s *server) api(w http.ResponseWriter, r *http.Request) {
	caller, err := s.Authenticate(r)
	if err != nil {
		s.fail(w, r, s.unauthenticated(r, err))
		return
	}
	note(r.Context(), caller.Subject)
	caller.RequestID = requestID(r.Context())
	result, err := s.serve(r, s.Services(caller))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.send(w, r, result)
}
