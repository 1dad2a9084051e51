package auditcopy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// bucket is an S3 server with one bucket, as hostile as a test has it. The real
// one is in the tests of the server.
type bucket struct {
	mu      sync.Mutex
	objects map[string]object
	writes  int

	takes  func(o *object) bool                              // false for an object that is said to be kept, and is not
	answer func(w http.ResponseWriter, r *http.Request) bool // true for a request that it has answered
}

type object struct {
	raw    []byte
	locked http.Header
}

const allLocked = `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answer != nil && b.answer(w, r) {
		return
	}
	switch name := strings.TrimPrefix(r.URL.Path, "/copy/"); {
	case r.URL.Query().Has("object-lock"):
		_, _ = io.WriteString(w, allLocked) // the client tells
	case r.Method == http.MethodPut:
		b.put(w, r, name)
	default:
		b.get(w, r, name)
	}
}

func (b *bucket) put(w http.ResponseWriter, r *http.Request, name string) {
	raw, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("X-Amz-Decoded-Content-Length") != "" {
		http.Error(w, "not in this test", http.StatusNotImplemented)
		return
	}
	b.writes++
	o := object{raw, http.Header{}}
	for key, values := range r.Header {
		if strings.HasPrefix(key, "X-Amz-Object-Lock-") {
			o.locked[key] = values
		}
	}
	if b.takes == nil || b.takes(&o) {
		b.objects[name] = o
	}
	w.Header().Set("ETag", `"0"`)
}

func (b *bucket) get(w http.ResponseWriter, r *http.Request, name string) {
	o, ok := b.objects[name]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`) // the client tells
		return
	}
	maps.Copy(w.Header(), o.locked)
	w.Header().Set("ETag", `"0"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(o.raw)))
	http.ServeContent(w, r, "", time.Now(), bytes.NewReader(o.raw))
}

// copierOf copies a log of n entries into the bucket; the log's database is
// changed by the attack before.
func copierOf(t *testing.T, b *bucket, n int) *Copier {
	t.Helper()
	b.objects = map[string]object{}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	client, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4("", "", ""), Region: "us-east-1", MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	log, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	for i := range n {
		entry := audit.Entry{V: audit.Version, Time: "2026-11-22T12:00:00Z", Event: "catalogue", Action: "create",
			Object: fmt.Sprint(i), Consumer: audit.Consumer{Sub: "ann"}, Decision: audit.Permit}
		if err := log.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Client: client, Bucket: "copy", Retention: 24 * time.Hour, Log: log, Checkpoint: func() (audit.Checkpoint, []byte, error) {
		return audit.Checkpoint{Origin: "log", Size: head.Size(), Root: head.Root()}, []byte("signed\n"), nil
	}})
}

func TestAnHonestBucket(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	c := copierOf(t, b, 3)
	for range 2 {
		if err := c.Copy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{CheckpointName(3), "tile/0/000.p/3", "tile/entries/000.p/3"}
	if got := slices.Sorted(maps.Keys(b.objects)); !slices.Equal(got, want) || b.writes != 3 {
		t.Errorf("got %v in %d writes, want %v", got, b.writes, want)
	}
}

// TestABucketThatLies says that it has kept an object and has not, or not as it
// was asked to. The copy is none, and who runs it must hear of it at once.
func TestABucketThatLies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes  func(*object) bool
		answer func(http.ResponseWriter, *http.Request) bool
		want   error // nil for any
	}{
		"keeps nothing":          {takes: func(*object) bool { return false }},
		"keeps something else":   {takes: func(o *object) bool { o.raw = []byte("x"); return true }, want: ErrForged},
		"keeps a part":           {takes: func(o *object) bool { o.raw = o.raw[:len(o.raw)-1]; return true }, want: ErrForged},
		"keeps more":             {takes: func(o *object) bool { o.raw = append(o.raw, 0); return true }, want: ErrForged},
		"keeps it unlocked":      {takes: func(o *object) bool { o.locked = nil; return true }, want: ErrUnlocked},
		"keeps it in governance": {takes: func(o *object) bool { o.locked.Set(lockMode, "GOVERNANCE"); return true }, want: ErrUnlocked},
		"keeps it for a minute": {takes: func(o *object) bool {
			o.locked.Set(lockUntil, time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
			return true
		}, want: ErrUnlocked},
		"keeps it until nonsense": {takes: func(o *object) bool { o.locked.Set(lockUntil, "for ever"); return true }, want: ErrUnlocked},
		"has everything": {answer: func(_ http.ResponseWriter, r *http.Request) bool {
			return r.Method != http.MethodPut && !r.URL.Query().Has("object-lock")
		}},
		"answers with nonsense": {answer: func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = io.WriteString(w, "<<<")
			return true
		}},
		"says that somebody was quicker": {answer: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				w.WriteHeader(http.StatusPreconditionFailed)
			}
			return r.Method == http.MethodPut
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bucket{takes: c.takes, answer: c.answer}
			copier := copierOf(t, b, 3)
			for range 2 { // it must not take the second time for a success either
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				err := copier.Copy(ctx)
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if ctx.Err() != nil {
					t.Error("it did not end")
				}
				cancel()
			}
		})
	}
}

// tampered is a log in whose database something was changed after it was signed.
type tampered struct {
	store.Log
	tile func(audit.Tile, []audit.Hash)
	text func(*store.AuditRecord)
}

func (l tampered) Tile(ctx context.Context, t audit.Tile) ([]audit.Hash, error) {
	hashes, err := l.Log.Tile(ctx, t)
	if err == nil && l.tile != nil {
		l.tile(t, hashes)
	}
	return hashes, err
}

func (l tampered) Audit(ctx context.Context, after int64, limit int) ([]store.AuditRecord, error) {
	records, err := l.Log.Audit(ctx, after, limit)
	for i := range records {
		if l.text != nil {
			l.text(&records[i])
		}
	}
	return records, err
}

// TestALogThatWasChangedBeforeItWasCopied must not be locked in for years in the
// place of the true one.
func TestALogThatWasChangedBeforeItWasCopied(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]tampered{
		"an entry":       {text: func(r *store.AuditRecord) { r.Entry = bytes.Replace(r.Entry, []byte("ann"), []byte("bob"), 1) }},
		"a hash":         {tile: func(t audit.Tile, h []audit.Hash) { h[0][0]++ }},
		"the upper hash": {tile: func(t audit.Tile, h []audit.Hash) { h[0][0] += byte(t.Level) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bucket{}
			copier := copierOf(t, b, 260)
			change.Log = copier.Log
			copier.Log = change
			if err := copier.Copy(t.Context()); !errors.Is(err, audit.ErrTampered) {
				t.Errorf("got %v, want that the log was tampered with", err)
			}
			if b.writes > 0 {
				t.Errorf("%d objects were written", b.writes)
			}
		})
	}
}
