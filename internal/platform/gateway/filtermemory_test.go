package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// scarce is a gateway with little memory and a source of one long record. asked
// has one for each time that the source was asked.
func scarce(t *testing.T, change func(*gateway.Options)) (m *mesh, sources *gateway.Sources, address string, asked chan struct{}) {
	t.Helper()
	asked = make(chan struct{}, 10)
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		w.Header().Set("Content-Type", "application/jsonl")
		_, _ = io.WriteString(w, `{"mark":"U","text":"`+strings.Repeat("x", 15<<20)+"\"}\n")
	})
	m, config := marked(up+"/", "application/jsonl"), everyone(up+"/")
	config.FilterMemoryMiB = 80
	endpoint := serve(t, m, config, change, func(o *gateway.Options) { sources = o.Sources })
	return m, sources, endpoint + "/data/sigint/tracks/p", asked
}

// TestReadersWhoFillTheMemory: who gets none is told so before the first byte, and
// is recorded, and the source is not asked.
func TestReadersWhoFillTheMemory(t *testing.T) {
	t.Parallel()
	m, sources, address, asked := scarce(t, func(o *gateway.Options) { o.Timeout = 100 * time.Millisecond })
	sources.Take("first", gateway.Claim)
	sources.Take("second", 7<<20)
	before := sources.Held()
	resp, body, err := get(t, address)
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || strings.Contains(body, "xxx") {
		t.Errorf("got %s %.300q %v, want 503", resp.Status, body, err)
	}
	if done := m.last(t).result(t); done != (catalog.Delivery{Outcome: catalog.OutcomeFailed}) || len(asked) != 0 {
		t.Errorf("recorded %+v, asked %d times", done, len(asked))
	}
	if held := sources.Held(); held != before {
		t.Errorf("%d bytes are held still", held-before)
	}
}

// TestRecordForWhichThereIsNoMemory: the answer is broken off before it.
func TestRecordForWhichThereIsNoMemory(t *testing.T) {
	t.Parallel()
	m, sources, address, _ := scarce(t, func(o *gateway.Options) { o.Stall = 100 * time.Millisecond })
	sources.Take("first", gateway.Claim)
	before := sources.Held()
	_, body, err := get(t, address)
	if err == nil || strings.Contains(body, "xxx") {
		t.Errorf("got %d bytes as the whole", len(body))
	}
	if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed || done.Bytes != 0 {
		t.Errorf("recorded %+v", done)
	}
	if held := sources.Held(); held != before {
		t.Errorf("%d bytes are held still", held-before)
	}
}

// TestStreamsGiveBackTheirMemory however they end.
func TestStreamsGiveBackTheirMemory(t *testing.T) {
	t.Parallel()
	for name, admits := range map[string]func(string) bool{
		"whole":    func(string) bool { return true },
		"withheld": func(string) bool { return false },
		"a panic":  func(string) bool { panic("boom") },
	} {
		m, sources, address, _ := scarce(t, func(*gateway.Options) {})
		m.admits = admits
		other := sources.Take("first", gateway.Claim)
		ended := make(chan error, 1)
		go func() {
			_, _, err := get(t, address)
			ended <- err
		}()
		other() // which it may have waited for
		if err := <-ended; (err == nil) != (name != "a panic") {
			t.Errorf("%s: %v", name, err)
		}
		m.last(t).result(t)
		if held := sources.Held(); held != 0 {
			t.Errorf("%s: %d bytes are held still", name, held)
		}
	}
}
