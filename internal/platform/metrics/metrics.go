// Package metrics counts what a server answers, in the text form of Prometheus.
//
// # What may be counted
//
// Numbers are read by people who may see nothing of the catalogue, so no number
// follows from what is stored, and no label names an object, a subject or a
// caller. There are two labels: the door, one of a fixed list, and the class of
// the status, such as "4xx". Each number counts requests of everybody, those
// included whose objects the reader may not know of: it tells that somebody is at
// work, not on what.
//
// # Who reads them
//
// [Metrics.Handler] serves administrators and callers of group [Group]. For
// everybody else its path is one that does not exist: the request goes where
// requests for unknown paths go.
package metrics

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

const (
	// Path is where the metrics are served.
	Path = "/metrics"
	// Group is the group, in a caller's verified token, of those who read them.
	Group = "metrics"
)

// Routes lists the API as method and path.
func Routes() []string { return []string{http.MethodGet + " " + Path} }

// Metrics are the numbers of one server. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by door and class of the status
	duration *prometheus.HistogramVec // by door, in seconds
	doorOf   func(*http.Request) string
}

// New makes the numbers of a server. doorOf names the door that serves a
// request, one of doors, all of which are there from the start: a number that
// appears late would tell that its first request has come.
func New(doorOf func(*http.Request) string, doors ...string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "datamesh_http_requests_total", Help: "Requests answered, by door and class of the status.",
		}, []string{"door", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "datamesh_http_request_duration_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.005, .025, .1, .5, 2.5, 10, 60},
		}, []string{"door"}),
		doorOf: doorOf,
	}
	m.registry.MustRegister(m.requests, m.duration)
	for _, name := range doors {
		m.duration.WithLabelValues(name)
		for _, class := range classes {
			m.requests.WithLabelValues(name, class)
		}
	}
	return m
}

// aborted is the class of an answer that was cut off.
const aborted = "aborted"

var classes = []string{"1xx", "2xx", "3xx", "4xx", "5xx", aborted}

// Count counts the requests that next serves.
func (m *Metrics) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, start := m.doorOf(r), time.Now()
		watched := &writer{ResponseWriter: w, status: http.StatusOK}
		class := aborted
		defer func() { // a panic goes on its way
			m.requests.WithLabelValues(name, class).Inc()
			m.duration.WithLabelValues(name).Observe(time.Since(start).Seconds())
		}()
		next.ServeHTTP(watched, r)
		class = fmt.Sprintf("%dxx", watched.status/100)
	})
}

// Options say who reads the numbers. Authenticate and Otherwise are needed.
type Options struct {
	// Authenticate tells who calls, as in [door.Options].
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Otherwise serves whoever may not read the numbers, as it serves any path
	// that does not exist.
	Otherwise http.Handler
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
}

// Handler serves the numbers at [Path].
func (m *Metrics) Handler(o Options) http.Handler {
	d := door.New(door.Options{Authenticate: o.Authenticate, Refusal: refusal, Log: o.Log})
	served := d.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Enter(w, r, m.serve) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := o.Authenticate(r)
		if err != nil || !mayRead(&caller) {
			o.Otherwise.ServeHTTP(w, r)
			return
		}
		served.ServeHTTP(w, r)
	})
}

// mayRead asks of each who is in the call: a service that acts for somebody may
// no more than both.
func mayRead(c *catalog.Caller) bool {
	for ; c != nil; c = c.Via {
		if c.Subject == "" || !c.Administrator && !slices.Contains(c.Groups, Group) {
			return false
		}
	}
	return true
}

func (m *Metrics) serve(r *http.Request, _ catalog.Caller) (door.Answer, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refusal := wire.Refuse(http.StatusMethodNotAllowed, "The metrics take GET, HEAD only.")
		refusal.Allow = []string{http.MethodGet, http.MethodHead}
		return door.Answer{}, refusal
	}
	families, err := m.registry.Gather()
	if err != nil {
		return door.Answer{}, err
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	var text bytes.Buffer
	encoder := expfmt.NewEncoder(&text, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return door.Answer{}, err
		}
	}
	return door.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {string(format)}}, Body: text.Bytes()}, nil
}

// refusal is the problem document of an error.
func refusal(r *http.Request, err error) door.Answer {
	problem := wire.ProblemOf(err, door.Path(r), door.RequestID(r.Context()))
	return door.Answer{Status: problem.Status, Header: http.Header{"Content-Type": {wire.ProblemType}}, Body: wire.EncodeProblem(problem)}
}
