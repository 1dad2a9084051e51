// Package noninterference_test holds the platform to one property: what a
// caller may not see leaves no trace in any answer. It has tests only.
//
// Two platforms live through the same script. One of them is haunted: between
// the calls of the script, callers who are cleared for it create, change and
// delete what the others may not see. Every answer to every other caller is the
// same from both, byte for byte, header for header. Values that are random in a
// server (revisions, ids) come from generators that count the calls of the
// script, so that nothing has to be made equal before it is compared.
package noninterference_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// enforcers is the group whose callers ask on behalf of others.
const enforcers = "gateways"

// administrator is who works on what is hidden.
const administrator = "administrator"

// world is one platform with its generators.
type world struct {
	*platformtest.Platform
	tokens map[string]string // by subject
	issuer string            // of all of them
	envoy  authv3.AuthorizationClient

	mu     sync.Mutex // guards what follows
	call   int        // of the script
	values int        // taken in this call
	high   int        // taken by what is hidden
	hidden bool       // whoever calls now is none of the script's
	united bool       // the values of a call are one
	ids    []int      // of hidden schemas
}

func newWorld(t *testing.T, upstream string, callers []catalog.Caller) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{tokens: map[string]string{}}
	options := platformtest.Options{DataDir: dir, Now: w.now, NewRevision: w.revision, NewID: w.id}
	first := platformtest.Start(t, options)
	w.issuer = issuerOf(t, first.Token)
	first.Stop()
	options.EnforcementPoints = []platform.EnforcementPoint{{Issuer: w.issuer, Group: enforcers}}
	options.Gateway.HTTP = []configfile.HTTPSource{{URL: upstream, Domains: []string{"*"}, Networks: []string{"127.0.0.0/8"}}}
	w.Platform = platformtest.Start(t, options)
	w.tokens[administrator] = w.Token
	connection, err := grpc.NewClient(strings.TrimPrefix(w.Endpoint, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	w.envoy = authv3.NewAuthorizationClient(connection)
	for _, c := range callers {
		w.tokens[c.Subject] = w.TokenFor(c)
	}
	w.tokens["nobody"], w.tokens["forger"] = "", "none.of.ours"
	return w
}

// issuerOf reads the issuer's name in a token.
func issuerOf(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || claims.Issuer == "" {
		t.Fatalf("the administrator's token names no issuer: %v", err)
	}
	return claims.Issuer
}

func (w *world) begin(call int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.call, w.values = call, 0
}

// now is the time of the script, which goes on with each of its calls.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Date(2026, 3, 1, 8, 0, w.call, 0, time.UTC)
}

func (w *world) revision() string { return fmt.Sprintf("r%08x", w.value()) }

func (w *world) id() int {
	id := int(w.value()>>1) | 1
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hidden {
		w.ids = append(w.ids, id)
	}
	return id
}

// value is another one for each call and each time that it is asked in it.
func (w *world) value() uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := fnv.New32a()
	switch {
	case w.united:
		_, _ = fmt.Fprintf(h, "call %d", w.call)
	case w.hidden:
		w.high++
		_, _ = fmt.Fprintf(h, "hidden %d", w.high)
	default:
		w.values++
		_, _ = fmt.Fprintf(h, "call %d value %d", w.call, w.values)
	}
	return h.Sum32()
}

// unite has all values of a call be one, whoever takes how many.
func (w *world) unite(united bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.united = united
}

// conceal runs what is none of the script's.
func (w *world) conceal(f func()) {
	w.mu.Lock()
	w.hidden = true
	w.mu.Unlock()
	f()
	w.mu.Lock()
	w.hidden = false
	w.mu.Unlock()
}

// call is one call of the script.
type call struct {
	who    string // a subject, "nobody" or "forger"
	method string
	path   string
	header map[string]string
	body   string
	// basic sends the token as a password, as registry clients do.
	basic bool
	// statusOnly is why no more than the status can be the same.
	statusOnly string
}

func (c call) String() string {
	return fmt.Sprintf("%s: %s %s %v %.300s", c.who, c.method, c.path, c.header, c.body)
}

// token stands in a body for that of a subject.
func token(subject string) string { return "{token of " + subject + "}" }

func (w *world) filled(text string) string {
	if !strings.Contains(text, "{token of ") {
		return text
	}
	for subject, token := range w.tokens {
		text = strings.ReplaceAll(text, "{token of "+subject+"}", token)
	}
	return text
}

// answer is all that comes back.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// send makes the call in one world.
func (w *world) send(t *testing.T, client *http.Client, n int, c call) answer {
	t.Helper()
	got, err := w.try(t.Context(), client, n, c)
	if err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	return got
}

// patience is how long a world may put a call off, on a machine that has much to
// do.
const patience = 2 * time.Minute

// try makes a call, and makes it again for as long as it is put off: the follower
// by which the audit log is searched has its two seconds in each world, and how
// far it comes in them is the machine's to say. What is put off leaves no entry.
func (w *world) try(ctx context.Context, client *http.Client, n int, c call) (a answer, err error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		a, err = w.once(ctx, client, n, c)
		putOff := err == nil && a.Status == http.StatusServiceUnavailable && strings.Contains(a.Body, "not yet searchable")
		if !putOff || time.Now().After(deadline) {
			return a, err
		}
	}
}

func (w *world) once(ctx context.Context, client *http.Client, n int, c call) (answer, error) {
	w.begin(n)
	request, err := http.NewRequestWithContext(ctx, c.method, w.Endpoint+c.path, strings.NewReader(w.filled(c.body)))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("X-Request-ID", fmt.Sprintf("call-%d", n))
	if c.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		request.Header.Set(name, value)
	}
	switch token := w.tokens[c.who]; {
	case c.basic:
		request.SetBasicAuth(c.who, token)
	case token != "":
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	header := maps.Clone(response.Header)
	delete(header, "Date")
	return answer{response.StatusCode, header, string(body)}, err
}

// pair are the two worlds.
type pair struct {
	plain, haunted *world
	upstream       string // where products have their data
	client         *http.Client
	calls          int
	made           map[string]bool // method and path
	statuses       map[int]int
	failures       int
	read, checked  int // entries of the log, and requests that an Envoy let through
}

func newPair(t *testing.T, callers []catalog.Caller) *pair {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, ExpectContinueTimeout: time.Minute}
	t.Cleanup(transport.CloseIdleConnections)
	from := upstream(t)
	return &pair{
		upstream: from, plain: newWorld(t, from, callers), haunted: newWorld(t, from, callers), made: map[string]bool{}, statuses: map[int]int{},
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// ask makes a call in both worlds and compares the answers.
func (p *pair) ask(t *testing.T, c call) answer {
	t.Helper()
	p.calls++
	p.makes(c)
	var answers [2]answer
	p.both(t, c, func(i int, w *world) (err error) {
		answers[i], err = w.try(t.Context(), p.client, p.calls, c)
		return err
	})
	want, got := answers[0], answers[1]
	p.statuses[want.Status]++
	p.compare(t, c, want, got)
	return want
}

// both does something in both worlds at once: neither knows of the other.
func (p *pair) both(t *testing.T, c call, do func(i int, w *world) error) {
	t.Helper()
	plain := make(chan error, 1)
	go func() { plain <- do(0, p.plain) }()
	if err := errors.Join(do(1, p.haunted), <-plain); err != nil {
		t.Fatalf("%v: %v", c, err)
	}
}

// makes notes that the call is made.
func (p *pair) makes(c call) {
	path, _, _ := strings.Cut(c.path, "?")
	p.made[c.method+" "+path] = true
}

// compare reports what is not the same.
func (p *pair) compare(t *testing.T, c call, want, got answer) {
	t.Helper()
	if c.statusOnly != "" {
		want.Header, want.Body, got.Header, got.Body = nil, "", nil, ""
	}
	if c.path == "/.well-known/authzen-configuration" { // it says where it is itself
		got.Body = strings.ReplaceAll(got.Body, p.haunted.Endpoint, p.plain.Endpoint)
		got.Header, want.Header = nil, nil
	}
	if !reflect.DeepEqual(want, got) { // which is what Diff finds equal, sooner
		p.differs(t, c, cmp.Diff(want, got))
	}
}

func (p *pair) differs(t *testing.T, c call, diff string) {
	t.Helper()
	if p.failures++; p.failures > 40 {
		t.Fatal("too many differences")
	}
	t.Errorf("call %d: %v\n(-without what is hidden +with it)\n%s", p.calls, c, diff)
}

// put has the administrator write what everybody may see, in both worlds.
func (p *pair) put(t *testing.T, objects ...catalog.Object) {
	t.Helper()
	p.calls++
	for _, w := range []*world{p.plain, p.haunted} {
		w.begin(p.calls)
		mustPut(t, w, objects...)
	}
}

func mustPut(t *testing.T, w *world, objects ...catalog.Object) {
	t.Helper()
	for _, object := range objects {
		if _, err := w.Admin().Put(context.Background(), object, catalog.WriteOptions{}); err != nil {
			t.Fatalf("put %s: %v", object.Ref(), err)
		}
	}
}

// covers reports whether some call was one of a route, whose pattern has names
// in braces: that of the route which fits the call best.
func (p *pair) uncovered(routes []string) []string {
	met := map[string]bool{}
	for made := range p.made {
		best, literal := "", -1
		for _, route := range routes {
			if n := fits(route, made); n > literal {
				best, literal = route, n
			}
		}
		met[best] = true
	}
	return slices.DeleteFunc(slices.Clone(routes), func(route string) bool { return met[route] })
}

// fits counts the segments that are the same, -1 when the call is not of the
// route.
func fits(route, made string) int {
	wants, got := strings.Split(route, "/"), strings.Split(made, "/")
	if len(wants) != len(got) {
		return -1
	}
	literal := 0
	for i, want := range wants {
		switch {
		case want == got[i]:
			literal++
		case !strings.HasPrefix(want, "{") || got[i] == "":
			return -1
		}
	}
	return literal
}
