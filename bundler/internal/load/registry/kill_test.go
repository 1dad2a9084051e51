package registry

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/placement"
)

var kills = flag.Int("kills", 100, "how often TestKilledLoadContinues kills, save for runs that end first")

// TestKilledLoadContinues kills a load with SIGKILL at random moments, counted
// in what the registry has seen so that the speed of the machine does not
// matter, until one is through, and again with another registry. No blob that
// the registry had whole is sent again, in whichever repository it was, and
// what can be found by name in the end is what a load finds that nobody killed.
func TestKilledLoadContinues(t *testing.T) {
	t.Parallel()
	j := packed(t, bundlertest.Corpus{Seed: 5, Images: 6, Bytes: 96 << 20, Signatures: true})
	whole := &intake{}
	want := loadUntil(t, j, whole, func() int { return 0 })
	for left := *kills; left > 0; {
		i := &intake{}
		got := loadUntil(t, j, i, func() int {
			if left == 0 { // also where no run comes further than the one before
				return 0
			}
			left--
			return 1 + rand.IntN(whole.events/4)
		})
		if !maps.Equal(got, want) {
			t.Errorf("after %d kills the registry has %v, want %v", i.strikes, got, want)
		}
		t.Logf("%d kills: %d bytes sent, %d without a kill", i.strikes, i.bytes, whole.bytes)
	}
}

// loadUntil loads into an empty registry and kills each run after as many events
// as the function says, until a run is through; 0 lets it end. It returns the
// digest under every name.
func loadUntil(t *testing.T, j job, i *intake, after func() int) map[string]string {
	t.Helper()
	far := bundlertest.Start(t)
	far.Inject(i.note)
	j.Host = far.Host
	for done := false; !done; {
		cmd, started := child(t, j), make(chan struct{})
		i.watch(after(), func() {
			<-started              // its first request may be faster than Start
			_ = cmd.Process.Kill() // it may have ended just now
		})
		err := cmd.Start()
		if err != nil {
			t.Fatal(err)
		}
		close(started)
		err = cmd.Wait()
		if done = err == nil; err != nil && !i.settle() {
			t.Fatalf("a load that nobody killed failed: %v", err)
		}
	}
	for _, d := range i.again {
		t.Errorf("blob %s was there whole and was sent again", d)
	}
	i.watch(0, nil)
	if moved := finish(t, j).Moved; moved != (load.Moved{}) {
		t.Errorf("the load after the last one moved %+v, want nothing", moved)
	}
	return named(t, j, far.URL)
}

// named maps each name of the bundle's repositories to its digest:
// "repository:tag". The indexes under referrers tags are among them.
func named(t *testing.T, j job, base string) map[string]string {
	t.Helper()
	names := map[string]string{}
	for _, repository := range repositories(t, j) {
		var list struct{ Tags []string }
		decodeAt(t, base+"/v2/"+repository+"/tags/list", &list)
		for _, tag := range list.Tags {
			_, digest, _ := get(t, base+"/v2/"+repository+"/manifests/"+tag, artifact.MediaTypeOCIManifest+", "+artifact.MediaTypeOCIIndex)
			names[repository+":"+tag] = digest
		}
	}
	if len(names) == 0 {
		t.Fatal("nothing in the registry has a name")
	}
	return names
}

func repositories(t *testing.T, j job) []string {
	t.Helper()
	b, err := j.open()
	if err != nil {
		t.Fatal(err)
	}
	places, err := placement.Rules{}.Place(b.Lock.Items)
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	return placement.Paths(places)
}

func decodeAt(t *testing.T, address string, to any) {
	t.Helper()
	status, _, body := get(t, address, "")
	if err := json.Unmarshal(body, to); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d, %v", address, status, err)
	}
}

// intake stands before a registry and notes what it is sent. An event is a
// request, or a piece of a body.
type intake struct {
	mu      sync.Mutex
	idle    *sync.Cond // no request runs
	running int
	events  int
	bytes   int64
	left    int // events until strike, 0 for never
	strike  func()
	strikes int
	whole   map[artifact.Digest]bool
	known   map[artifact.Digest]bool // those that were whole when the run began
	again   []artifact.Digest        // of these, that were sent again
}

// watch begins a run that is struck after so many events, 0 for never.
func (i *intake) watch(after int, strike func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.known, i.left, i.strike = maps.Clone(i.whole), after, strike
}

// settle waits until the registry is done with what a killed run had sent, and
// reports whether the run was struck.
func (i *intake) settle() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.running > 0 {
		i.idle.Wait()
	}
	return i.strikes > 0 && i.left == 0
}

func (i *intake) received() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.bytes
}

func (i *intake) event(bytes int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.events++
	i.bytes += int64(bytes)
	if i.left == 0 {
		return
	}
	if i.left--; i.left == 0 {
		i.strikes++
		i.strike()
	}
}

// note is the fault that notes, and breaks nothing.
func (i *intake) note(next http.Handler) http.Handler {
	i.idle, i.whole = sync.NewCond(&i.mu), map[artifact.Digest]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		blob := filled(r.Method, r.URL)
		i.begin(blob)
		answer := &statusWriter{w, http.StatusOK}
		defer func() { i.end(blob, answer.status) }()
		r.Body = &taken{r.Body, i}
		i.event(0)
		next.ServeHTTP(answer, r)
	})
}

// filled is the blob that a request completes, "" for none.
func filled(method string, u *url.URL) artifact.Digest {
	if method != http.MethodPut {
		return ""
	}
	return artifact.Digest(u.Query().Get("digest"))
}

func (i *intake) begin(blob artifact.Digest) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running++
	if i.known[blob] {
		i.again = append(i.again, blob)
	}
}

func (i *intake) end(blob artifact.Digest, status int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if blob != "" && status == http.StatusCreated {
		i.whole[blob] = true
	}
	if i.running--; i.running == 0 {
		i.idle.Broadcast()
	}
}

type taken struct {
	io.ReadCloser
	by *intake
}

func (b *taken) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.by.event(n)
	}
	return n, err
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
