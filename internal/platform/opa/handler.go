package opa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Prefix is what the path of every question starts with.
const Prefix = "/opa/v1/data/trino/"

// Options say what is served. All functions are needed.
type Options struct {
	// Decisions and Portions answer the questions of a caller.
	Decisions func(catalog.Caller) catalog.Decisions
	Portions  func(catalog.Caller) catalog.PortionDecisions
	// Catalogue is where products and schemas are looked up, as the engine
	// sees them.
	Catalogue func(catalog.Caller) catalog.Service
	// Trusted reports whether the caller is an enforcement point.
	Trusted func(catalog.Caller) bool
	// Bearer says who bears a token that came in a body, where no certificate
	// vouches for it.
	Bearer func(token string) (catalog.Caller, error)
	// Vocabulary is what marks are written by.
	Vocabulary func(context.Context) (*marking.Vocabulary, error)
	// Authenticate tells who calls, as in [door.Options].
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout and MaxConcurrent bound requests as in [door.Options].
	Timeout       time.Duration
	MaxConcurrent int
}

const mediaType = "application/json"

type server struct {
	door    *door.Door
	options Options
}

// New serves the API. Mount it for what [Serves] says.
func New(o Options) http.Handler {
	s := &server{options: o, door: door.New(door.Options{
		Authenticate: o.Authenticate, Refusal: refusal, Log: o.Log, Timeout: o.Timeout, MaxConcurrent: o.MaxConcurrent,
	})}
	return s.door.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.door.Enter(w, r, s.serve) }))
}

// Serves reports whether the request is for this API.
func Serves(r *http.Request) bool { return strings.HasPrefix(r.URL.EscapedPath(), "/opa/") }

// routes are the questions, by path below Prefix.
var routes = map[string]func(*inquiry, context.Context) (any, error){
	"allow":            (*inquiry).allow,
	"batch":            (*inquiry).batch,
	"rowFilters":       (*inquiry).rowFilters,
	"columnMask":       (*inquiry).columnMask,
	"batchColumnMasks": (*inquiry).batchColumnMasks,
}

// Routes lists the API as method and path.
func Routes() (list []string) {
	for _, path := range slices.Sorted(maps.Keys(routes)) {
		list = append(list, http.MethodPost+" "+Prefix+path)
	}
	return list
}

// inquiry is one request on its way.
type inquiry struct {
	*server
	input
	engine  catalog.Caller // who sent it
	caller  catalog.Caller // as whom it is asked
	subject catalog.Entity // whom it is about
}

func (s *server) serve(r *http.Request, engine catalog.Caller) (door.Answer, error) {
	path, below := strings.CutPrefix(r.URL.EscapedPath(), Prefix)
	route := routes[path]
	switch {
	case !below || route == nil:
		return door.Answer{}, wire.Refuse(http.StatusNotFound, "No such policy. The policies below "+Prefix+" are allow, batch, rowFilters, columnMask and batchColumnMasks.")
	case r.Method != http.MethodPost:
		refused := wire.Refuse(http.StatusMethodNotAllowed, "This path takes POST only.")
		refused.Allow = []string{http.MethodPost}
		return door.Answer{}, refused
	case door.Accepted(r, mediaType) == "":
		return door.Answer{}, wire.Refuse(http.StatusNotAcceptable, "The answer would be application/json, which Accept does not list.")
	}
	body, err := door.ReadBody(r, bodyLimit, mediaType)
	if err != nil {
		return door.Answer{}, err
	}
	asked, err := decode(string(body))
	if err != nil {
		return door.Answer{}, err
	}
	q := &inquiry{server: s, input: asked, engine: engine}
	q.identify()
	result, err := route(q, r.Context())
	if err != nil {
		return door.Answer{}, err
	}
	return encoded(result)
}

// answerBody is an answer; without a result, the policy says nothing.
type answerBody struct {
	Result any `json:"result,omitempty"`
}

// encoded is compact JSON that leaves <, > and & as they are: they stand in SQL.
func encoded(result any) (door.Answer, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(answerBody{result}); err != nil {
		return door.Answer{}, errors.New("the decision cannot be sent: " + err.Error())
	}
	return door.Answer{Status: http.StatusOK, Body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}, nil
}

// refusal is the answer for an error of any origin, in OPA's form.
func refusal(r *http.Request, err error) door.Answer {
	problem := wire.ProblemOf(err, door.Path(r), door.RequestID(r.Context()))
	sentences := []string{problem.Detail}
	for _, p := range problem.Errors {
		sentences = append(sentences, p.String())
	}
	code := "invalid_parameter"
	if problem.Status >= http.StatusInternalServerError {
		code = "internal_error"
	}
	body, err := json.Marshal(map[string]string{"code": code, "message": strings.Join(sentences, " ")})
	if err != nil { // two strings: cannot fail
		return door.Answer{Status: http.StatusInternalServerError}
	}
	return door.Answer{Status: problem.Status, Body: slices.Clip(body)}
}
