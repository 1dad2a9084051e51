package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// log is a log of n entries in memory.
type log struct {
	key    *audit.Key
	leaves []audit.Hash
}

func newLog(t *testing.T, n int) *log {
	t.Helper()
	secret, err := audit.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	l := &log{key: key}
	for i := range n {
		l.leaves = append(l.leaves, audit.LeafHash(fmt.Append(nil, i)))
	}
	return l
}

func (l *log) tile(_ context.Context, t audit.Tile) ([]audit.Hash, error) {
	if t.Level != 0 || int(t.Index)*audit.TileWidth+t.Width > len(l.leaves) {
		return nil, fmt.Errorf("no tile %v", t)
	}
	first := int(t.Index) * audit.TileWidth
	return l.leaves[first : first+t.Width], nil
}

// checkpoint signs the first n entries.
func (l *log) checkpoint(t *testing.T, n int) (audit.Checkpoint, []byte) {
	t.Helper()
	var edge audit.Edge
	for _, leaf := range l.leaves[:n] {
		edge.Append(leaf)
	}
	signed, err := l.key.Sign(edge.Size(), edge.Root())
	if err != nil {
		t.Fatal(err)
	}
	return audit.Checkpoint{Origin: l.key.Origin(), Size: edge.Size(), Root: edge.Root()}, signed
}

func (l *log) prove(ctx context.Context, old int64, c audit.Checkpoint) ([]audit.Hash, error) {
	return audit.ProveConsistency(ctx, old, c, l.tile)
}

// cosigner signs as a witness does, or as one that lies.
type cosigner struct {
	name    string
	private ed25519.PrivateKey
}

func newCosigner(t *testing.T, name string) cosigner {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return cosigner{name, private}
}

func (c cosigner) typed() []byte {
	return append([]byte{4}, c.private[ed25519.SeedSize:]...)
}

func (c cosigner) id() []byte {
	sum := sha256.Sum256(append([]byte(c.name+"\n"), c.typed()...))
	return sum[:4]
}

func (c cosigner) key(t *testing.T) audit.WitnessKey {
	t.Helper()
	key, err := audit.ParseWitnessKey(fmt.Sprintf("%s+%x+%s", c.name, c.id(), base64.StdEncoding.EncodeToString(c.typed())))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// cosign makes a line for the checkpoint of a request.
func (c cosigner) cosign(body []byte, at time.Time) string {
	_, signed, _ := bytes.Cut(body, []byte("\n\n"))
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s\n", at.Unix(), text)
	raw := binary.BigEndian.AppendUint64(c.id(), uint64(at.Unix()))
	return fmt.Sprintf("— %s %s\n", c.name, base64.StdEncoding.EncodeToString(append(raw, ed25519.Sign(c.private, []byte(message))...)))
}

// serve is a witness that answers as it is told.
func serve(t *testing.T, answer func(w http.ResponseWriter, body []byte)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/add-checkpoint" || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func asked(l *log, url string, key audit.WitnessKey) *Witness {
	client := &http.Client{Timeout: Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return New(Options{URL: url, Key: key, Client: client, Prove: l.prove})
}

// TestAWitnessThatLies, fails or hangs gives no cosignature, and what it says
// does not last: once it answers honestly, its cosignature counts.
func TestAWitnessThatLies(t *testing.T) {
	t.Parallel()
	honest, other := newCosigner(t, "w.example"), newCosigner(t, "w.example")
	now := time.Now()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, body []byte)
		want   error
		says   string
	}{
		"another key": {want: nil, says: "no valid cosignature", answer: func(w http.ResponseWriter, body []byte) { _, _ = io.WriteString(w, other.cosign(body, now)) }},
		"another checkpoint": {says: "no valid cosignature", answer: func(w http.ResponseWriter, _ []byte) {
			_, _ = io.WriteString(w, honest.cosign([]byte("old 0\n\na\n1\nb\n\n"), now))
		}},
		"an old time": {want: ErrTime, answer: func(w http.ResponseWriter, body []byte) {
			_, _ = io.WriteString(w, honest.cosign(body, now.Add(-time.Hour)))
		}},
		"a time to come": {want: ErrTime, answer: func(w http.ResponseWriter, body []byte) {
			_, _ = io.WriteString(w, honest.cosign(body, now.Add(time.Hour)))
		}},
		"nothing": {says: "", answer: func(http.ResponseWriter, []byte) {}},
		"text":    {says: "not made of signature lines", answer: func(w http.ResponseWriter, _ []byte) { _, _ = io.WriteString(w, "hello\n") }},
		"a huge answer": {says: "longer than", answer: func(w http.ResponseWriter, body []byte) {
			_, _ = io.WriteString(w, honest.cosign(body, now)+strings.Repeat("x", maxAnswer))
		}},
		"an endless answer": {answer: func(w http.ResponseWriter, _ []byte) {
			for {
				if _, err := io.WriteString(w, strings.Repeat("— w.example AAAA\n", 1000)); err != nil {
					return
				}
			}
		}},
		"a redirect": {says: "302", answer: func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(http.StatusFound)
		}},
		"that it is larger":    {want: ErrForked, answer: conflict("99")},
		"the size that it got": {want: ErrForked, answer: conflict("0")},
		"size after size": {says: "another size each time", answer: func() func(w http.ResponseWriter, body []byte) {
			var n atomic.Int64
			return func(w http.ResponseWriter, body []byte) {
				conflict(fmt.Sprint(n.Add(1)))(w, body)
			}
		}()},
		"no size":            {says: "which size it has", answer: conflict("many")},
		"a size below zero":  {says: "which size it has", answer: conflict("-1")},
		"a size above all":   {says: "which size it has", answer: conflict("99999999999999999999")},
		"a size with a zero": {says: "which size it has", answer: conflict("007")},
		"another history":    {want: ErrForked, answer: status(http.StatusUnprocessableEntity)},
		"an unknown log":     {want: ErrUnknown, answer: status(http.StatusNotFound)},
		"a refused key":      {want: ErrKeyRefused, answer: status(http.StatusForbidden)},
		"that it is broken":  {says: "500", answer: status(http.StatusInternalServerError)},
		"too much to do":     {says: "429", answer: status(http.StatusTooManyRequests)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t, 10)
			var honestly atomic.Bool
			w := asked(l, serve(t, func(w http.ResponseWriter, body []byte) {
				if !honestly.Load() {
					c.answer(w, body)
					return
				}
				_, _ = io.WriteString(w, honest.cosign(body, time.Now()))
			}), honest.key(t))
			checkpoint, signed := l.checkpoint(t, 10)
			_, _, err := w.Cosign(t.Context(), checkpoint, signed)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v, %q", err, c.want, c.says)
			}
			honestly.Store(true)
			if _, _, err := w.Cosign(t.Context(), checkpoint, signed); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func conflict(size string) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, size+"\n")
	}
}

func status(code int) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, _ []byte) { w.WriteHeader(code) }
}

// TestASlowWitness holds a round up until its time is over and is then left
// alone; the others are enough meanwhile.
func TestASlowWitness(t *testing.T) {
	t.Parallel()
	l := newLog(t, 10)
	fast, slow := newCosigner(t, "fast.example"), newCosigner(t, "slow.example")
	var calls atomic.Int64
	hanging := asked(l, "http://slow.example", slow.key(t))
	hanging.Client = &http.Client{Timeout: 10 * time.Millisecond, Transport: transport(func(r *http.Request) (*http.Response, error) {
		calls.Add(1)
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	answering := asked(l, serve(t, func(w http.ResponseWriter, body []byte) { _, _ = io.WriteString(w, fast.cosign(body, time.Now())) }), fast.key(t))
	clock := time.Now()
	g, err := NewGroup(1, func() time.Time { return clock }, hanging, answering)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{1, 1, 2, 2, 2, 3} { // after 0, 0.9, 1.8, 2.7, 3.6 and 4.5 s
		checkpoint, signed := l.checkpoint(t, i+1)
		cosigned, _, err := g.Round(t.Context(), checkpoint, signed)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := g.Policy().Satisfied(cosigned); err != nil || len(found) != 1 {
			t.Errorf("round %d: got %v, %v", i, found, err)
		}
		if got := calls.Load(); got != want {
			t.Errorf("round %d: the slow witness was asked %d times, want %d", i, got, want)
		}
		clock = clock.Add(900 * time.Millisecond)
	}
}

// transport is a network that does as it is told.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestLinesThatNobodyAskedFor are not published with the checkpoint.
func TestLinesThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	l := newLog(t, 3)
	honest, stranger := newCosigner(t, "w.example"), newCosigner(t, "stranger.example")
	w := asked(l, serve(t, func(w http.ResponseWriter, body []byte) {
		_, _ = io.WriteString(w, stranger.cosign(body, time.Now())+honest.cosign(body, time.Now())+stranger.cosign(body, time.Now()))
	}), honest.key(t))
	checkpoint, signed := l.checkpoint(t, 3)
	cosigned, _, err := w.Cosign(t.Context(), checkpoint, signed)
	if err != nil {
		t.Fatal(err)
	}
	if added := strings.TrimPrefix(string(cosigned), string(signed)); strings.Count(added, "\n") != 1 || !strings.HasPrefix(added, "— w.example ") {
		t.Errorf("got the lines %q, want that of the witness", added)
	}
}

func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"0\n", "12\n", "-1\n", "007\n", "72057594037927937\n", "", "\n", "1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if size, err := parseSize(body); err == nil && fmt.Sprintf("%d\n", size) != string(body) {
			t.Errorf("read %d from %q", size, body)
		}
	})
}
