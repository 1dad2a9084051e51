package connect_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

const sigint = `
resource "datamesh_domain" "sigint" {
  name                = "sigint"
  display_name        = "Signals intelligence"
  discipline          = "SIGINT"
  contact             = "sigint@enclave.example"
  team                = { "a.stone" = { role = "owner" } }
  deletion_protection = false
}
`

const fast = `
resource "datamesh_sla" "fast" {
  domain   = "sigint"
  name     = "fast"
  accuracy = { target_percent = 99, window = "30d" }
}
`

var domainRef = catalog.Ref{Kind: catalog.KindDomain, ID: "sigint"}

// lossy forwards to the platform and loses the answer to the first request of
// the method: the platform has carried it out, and nobody hears of it.
func lossy(t *testing.T, mesh *providertest.Mesh, method string, then func()) string {
	t.Helper()
	forward := forwardTo(t, mesh)
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lost := false
		if r.Method == method {
			once.Do(func() {
				lost = true
				forward.ServeHTTP(httptest.NewRecorder(), r)
				if then != nil {
					then()
				}
			})
		}
		if lost {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func forwardTo(t *testing.T, mesh *providertest.Mesh) http.Handler {
	t.Helper()
	target, err := url.Parse(mesh.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
}

func through(endpoint string, mesh *providertest.Mesh, blocks string) string {
	return strings.Replace(mesh.Config(blocks), mesh.Endpoint, endpoint, 1)
}

// The platform creates the object, the answer is lost, and the repeated request
// finds that the object exists. It is our own work, not somebody else's.
func TestCreateWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{Config: through(lossy(t, mesh, http.MethodPut, nil), mesh, sigint)})
}

// As above, but what exists is not what was sent: somebody else was faster.
func TestCreateWhoseAnswerIsLostAndOverwritten(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	endpoint := lossy(t, mesh, http.MethodPut, func() {
		domain := mesh.Get(domainRef).(*catalog.Domain)
		domain.Contact = "somebody@enclave.example"
		mesh.Put(domain)
	})
	mesh.Run(resource.TestStep{Config: through(endpoint, mesh, sigint), ExpectError: regexp.MustCompile(`already exists`)})
}

func TestUpdateWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	changed := strings.Replace(sigint, "sigint@", "other@", 1)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(sigint)},
		resource.TestStep{Config: through(lossy(t, mesh, http.MethodPut, nil), mesh, changed)},
	)
}

func TestDeleteWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(sigint)},
		resource.TestStep{Config: through(lossy(t, mesh, http.MethodDelete, nil), mesh, "# nothing")},
	)
}

// before runs f once, just before the platform sees the first request of the
// method: after the plan, that is.
func before(mesh *providertest.Mesh, method string, f func()) func() {
	return func() {
		var once sync.Once
		mesh.Fail(func(r *http.Request) int {
			if r.Method == method {
				once.Do(f)
			}
			return 0
		})
	}
}

func TestChangeBetweenPlanAndApply(t *testing.T) {
	t.Parallel()
	contact := func(mesh *providertest.Mesh, text string) {
		domain := mesh.Get(domainRef).(*catalog.Domain)
		domain.Contact = text
		mesh.Put(domain)
	}
	planned := strings.Replace(sigint, "Signals intelligence", "Signals", 1)
	for name, test := range map[string]struct {
		config, method string
		meanwhile      func(*providertest.Mesh)
		want           string // error, "" for none
	}{
		"update of what changed": {planned, http.MethodPut, func(m *providertest.Mesh) { contact(m, "other@enclave.example") },
			`(?s)/contact\s+was\s+"sigint@enclave.example".*"other@enclave.example"`},
		"update of what changed and changed back": {planned, http.MethodPut, func(m *providertest.Mesh) {
			contact(m, "other@enclave.example")
			contact(m, "sigint@enclave.example")
		}, ""},
		"update to what it became meanwhile": {planned, http.MethodPut, func(m *providertest.Mesh) {
			domain := m.Get(domainRef).(*catalog.Domain)
			domain.DisplayName = "Signals"
			m.Put(domain)
		}, ""},
		"update of what is gone": {planned, http.MethodPut, func(m *providertest.Mesh) { m.Delete(domainRef) }, `(?s)deleted\s+after\s+the\s+plan`},
		"delete of what changed": {"# nothing", http.MethodDelete, func(m *providertest.Mesh) { contact(m, "other@enclave.example") }, `(?s)/contact\s+was`},
		"delete of what is gone": {"# nothing", http.MethodDelete, func(m *providertest.Mesh) { m.Delete(domainRef) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mesh := providertest.Start(t)
			step := resource.TestStep{PreConfig: before(mesh, test.method, func() { test.meanwhile(mesh) }), Config: mesh.Config(test.config)}
			if test.want != "" {
				step.ExpectError = regexp.MustCompile(test.want)
			}
			mesh.Run(resource.TestStep{Config: mesh.Config(sigint)}, step, resource.TestStep{Config: mesh.Config(sigint)})
		})
	}
}

func TestRemovals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ after, want string }{
		"of an object and what rests on it": {"# nothing", ""},
		"of an object that is still used":   {fast, `(?si)domain\s+"sigint".*this\s+plan\s+deletes|domain\s+"sigint"\s+is\s+still\s+in\s+use`},
		"of what rests on it":               {sigint, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mesh := providertest.Start(t)
			step := resource.TestStep{Config: mesh.Config(test.after)}
			if test.after != sigint { // both go, at the latest when the test cleans up
				step.Config = through(parentFirst(t, mesh), mesh, test.after)
			}
			if test.want != "" {
				step.ExpectError = regexp.MustCompile(test.want)
				step.PlanOnly = true
			}
			mesh.Run(
				resource.TestStep{Config: mesh.Config(sigint)}, // first, as the other names it by a literal
				resource.TestStep{Config: mesh.Config(sigint + fast)}, step)
		})
	}
}

// parentFirst forwards to the platform in the worst order in which Terraform may
// delete: the service level when its domain was refused for being in use, and
// the domain again when the service level is gone.
func parentFirst(t *testing.T, mesh *providertest.Mesh) string {
	t.Helper()
	forward := forwardTo(t, mesh)
	refused, gone := newEvent(), newEvent()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		level := r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/slas/fast")
		domain := r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/domains/sigint")
		switch {
		case level:
			refused.await(r.Context())
			defer gone.happen()
		case domain && asked.Add(1) == 1:
			defer refused.happen()
		case domain:
			gone.await(r.Context())
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// event is something that happens once, and is waited for.
type event struct {
	once sync.Once
	done chan struct{}
}

func newEvent() *event { return &event{done: make(chan struct{})} }

func (e *event) happen() { e.once.Do(func() { close(e.done) }) }

func (e *event) await(ctx context.Context) {
	select {
	case <-e.done:
	case <-ctx.Done():
	}
}

// Unchanged objects cost their reads and nothing else, few of them by
// themselves and many by a list.
func TestRequestsOfAnUnchangedPlan(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	config := mesh.Config(sigint + `
resource "datamesh_sla" "many" {
  count    = 40
  domain   = datamesh_domain.sigint.name
  name     = "s${count.index}"
  accuracy = { target_percent = 99, window = "30d" }
}
`)
	mesh.Run(
		resource.TestStep{Config: config},
		resource.TestStep{PreConfig: mesh.ResetRequests, Config: config, PlanOnly: true},
		resource.TestStep{PreConfig: func() { cheap(t, mesh.Requests()) }, Config: config, PlanOnly: true},
	)
}

// cheap checks what plans of one domain and forty service levels asked for.
func cheap(t *testing.T, requests []string) {
	t.Helper()
	lists, singles, vocabularies := 0, 0, 0
	for _, request := range requests {
		switch path, _, _ := strings.Cut(request, "?"); {
		case path == "GET /api/v1/slas":
			lists++
		case strings.HasPrefix(path, "GET ") && strings.Contains(path, "/slas/"):
			singles++
		case path == "GET /api/v1/vocabulary":
			vocabularies++
		case path != "GET /api/v1/domains/sigint":
			t.Errorf("an unchanged plan asked for %s", request)
		}
	}
	if lists == 0 || singles != lists {
		t.Errorf("got %d lists and %d single reads, want one of each in every plan: %v", lists, singles, requests)
	}
	if vocabularies > 2*lists { // Terraform configures a provider once or twice
		t.Errorf("got %d reads of the vocabulary in %d plans: %v", vocabularies, lists, requests)
	}
}

// Names that a platform would refuse never reach it.
func TestOfflineRefusalsCostNoRequest(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config:      mesh.Config(strings.Replace(sigint, `= "sigint"`, `= "Sigint"`, 1)),
		ExpectError: regexp.MustCompile("Invalid domain"),
	})
	if got := mesh.Requests(); len(got) != 0 {
		t.Errorf("got requests %v, want none", got)
	}
}
