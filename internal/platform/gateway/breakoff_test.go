package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestBreakOfAnAnswerTellsNothingOfTheWithheld: an answer that is broken off is
// the same down to its pieces and its end, however much was withheld, and
// whatever has ended it: something that the caller might see, something withheld,
// or the source.
func TestBreakOfAnAnswerTellsNothingOfTheWithheld(t *testing.T) {
	t.Parallel()
	const n = 7_000
	answers := map[string]string{}
	for name, c := range map[string]struct {
		secret int
		end    string
	}{
		"a line that may be seen": {0, `{"mark":"U"` + "\n"},
		"the same behind secrets": {1, `{"mark":"U"` + "\n"},
		"a secret line":           {3, `{"mark":"S","x":"` + "\xff\n"},
		"a long secret":           {1, `{"mark":"S","x":"` + strings.Repeat("x", 16<<20)},
		"secrets and no mark":     {1, `{"x":[` + strings.Repeat("[", 200) + "\n"},
		"the source":              {3, ""},
		"the source at once":      {0, ""},
	} {
		body := lines(n, c.secret) + c.end
		up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/jsonl")
			_, _ = io.WriteString(w, body)
			if c.end == "" {
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
		})
		m := marked(up+"/", "application/jsonl")
		answers[name] = wire(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p")
		if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed || done.Bytes != 128<<10 {
			t.Errorf("%s: recorded %+v", name, done)
		}
	}
	want := answers["a line that may be seen"]
	if !strings.HasPrefix(want, "HTTP/1.1 200") || strings.HasSuffix(want, "0\r\n\r\n") {
		t.Fatalf("got %.100q … %q", want, want[max(0, len(want)-20):])
	}
	for name, got := range answers {
		if got != want {
			t.Errorf("%s: %d bytes as %.300q, want %d bytes as %.300q", name, len(got), got, len(want), want)
		}
	}
}
