package platformd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// record makes n entries in the log of a server.
func record(t *testing.T, s running, n int) {
	t.Helper()
	for i := range n {
		body := strings.Replace(sigint, "Signals", fmt.Sprintf("Signals %d", time.Now().UnixNano()+int64(i)), 1)
		if got, answer := ask(t, "PUT", s.Endpoint()+"/api/v1/domains/sigint", s.Ready().Token, body); got >= 300 {
			t.Fatalf("put: got %d: %s", got, answer)
		}
	}
}

// covered waits for a checkpoint of at least this size.
func covered(t *testing.T, s running, size int64) audit.Checkpoint {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		if c := published(t, s); c.Size >= size {
			return c
		}
		if time.Now().After(deadline) {
			t.Fatalf("no checkpoint covers %d entries", size)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// published is the checkpoint that the server answers with.
func published(t *testing.T, s running) audit.Checkpoint {
	t.Helper()
	got, body := ask(t, "GET", s.Endpoint()+"/audit/checkpoint", s.Ready().Token, "")
	if got != http.StatusOK {
		t.Fatalf("checkpoint: got %d: %s", got, body)
	}
	c, err := publicKey(t, s).Open([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func publicKey(t *testing.T, s running) audit.PublicKey {
	t.Helper()
	_, body := ask(t, "GET", s.Endpoint()+"/audit/key", s.Ready().Token, "")
	key, err := audit.ParsePublicKey(body)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestTheLogIsSignedOnATimerAndAtTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Config{DataDir: dir})
	if c := published(t, s); c.Size != 0 {
		t.Errorf("a new log: got a checkpoint of %d entries, want 0", c.Size)
	}
	record(t, s, 3)
	key := publicKey(t, s)
	covered(t, s, 3)
	record(t, s, 2) // most likely not yet signed
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	signed, err := os.ReadFile(filepath.Join(dir, CheckpointName))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := key.Open(signed); err != nil || c.Size != 5 {
		t.Errorf("after the end: got a checkpoint of %d entries, %v, want 5", c.Size, err)
	}
	for _, name := range []string{LogKeyName, CheckpointName} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, %v, want 0600", name, info.Mode(), err)
		}
	}
	again := start(t, Config{DataDir: dir})
	if got := publicKey(t, again); got.Origin() != key.Origin() {
		t.Errorf("the next server signs as %s, want %s", got.Origin(), key.Origin())
	}
	if c := published(t, again); c.Size != 5 {
		t.Errorf("the next server: got a checkpoint of %d entries, want 5", c.Size)
	}
}

// TestWhoReadsTheLog: hashes are for those who monitor the log, bundles of
// entries are an administrator's, for everybody else there is nothing, and who
// asks for entries is in the log.
func TestWhoReadsTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	record(t, s, 2)
	outsider := minted(t, s, devissuer.Claims{Subject: "a.low"})
	monitor := minted(t, s, devissuer.Claims{Subject: "m.low", Groups: []string{catalog.MonitorGroup}})
	auditor := minted(t, s, devissuer.Claims{Subject: "b.low", Groups: []string{catalog.AuditGroup}})
	admin := s.Ready().Token
	for _, c := range []struct {
		method, path, token string
		want                int
	}{
		{"GET", "checkpoint", "", http.StatusUnauthorized},
		{"GET", "tile/0/000.p/2", "", http.StatusUnauthorized},
		{"GET", "nothing", "", http.StatusUnauthorized},
		{"GET", "checkpoint", monitor, http.StatusOK},
		{"GET", "signed-checkpoint", monitor, http.StatusOK},
		{"HEAD", "key", monitor, http.StatusOK},
		{"GET", "tile/0/000.p/2", auditor, http.StatusOK},
		{"GET", "tile/entries/000.p/2", outsider, http.StatusNotFound},
		{"GET", "tile/entries/000.p/2", monitor, http.StatusForbidden},
		{"GET", "tile/entries/777", monitor, http.StatusForbidden},
		{"GET", "tile/entries/000.p/2", auditor, http.StatusForbidden},
		{"GET", "entries", monitor, http.StatusForbidden},
		{"GET", "tile/entries/000.p/2", admin, http.StatusOK},
		{"GET", "tile/entries/000", admin, http.StatusNotFound},
		{"GET", "tile/0/000.p/200", admin, http.StatusNotFound},
		{"GET", "tile/1/000.p/1", admin, http.StatusNotFound},
		{"GET", "tile/0/%30%30%30.p/1", admin, http.StatusNotFound},
		{"GET", "tile/0/../0/000.p/1", admin, http.StatusNotFound},
		{"GET", "tile/entries/-01", admin, http.StatusNotFound},
		{"GET", "proof/00", admin, http.StatusNotFound},
		{"GET", "", admin, http.StatusNotFound},
		{"GET", "checkpoint/", admin, http.StatusNotFound},
		{"PUT", "checkpoint", admin, http.StatusMethodNotAllowed},
		{"DELETE", "tile/0/000.p/1", admin, http.StatusMethodNotAllowed},
	} {
		if got, body := askRaw(t, s, c.method, "/audit/"+c.path, c.token); got != c.want {
			t.Errorf("%s %s: got %d, want %d: %s", c.method, c.path, got, c.want, body)
		}
	}
	_, raw := ask(t, "GET", s.Endpoint()+"/audit/tile/entries/000.p/8", admin, "")
	entries, err := audit.ParseBundle([]byte(raw), 8)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"a.low deny audit/entries/1-2", "m.low deny audit/entries/1-2", "m.low deny audit/entries/198913-199168", "b.low deny audit/entries/1-2",
		"m.low deny audit/entries?", "dev-administrator permit audit/entries/1-2",
	} {
		e, err := audit.ParseEntry(entries[2+i])
		if got := e.Consumer.Sub + " " + e.Decision + " " + e.Object; err != nil || got != want || e.Event != "audit_read" {
			t.Errorf("entry %d: got %s %s, %v, want audit_read %s", 3+i, e.Event, got, err, want)
		}
	}
}

func minted(t *testing.T, s running, claims devissuer.Claims) string {
	t.Helper()
	token, err := s.Mint(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestAnOutsiderLooksForTheLog learns of none: each path answers as one that
// does not exist, to the byte.
func TestAnOutsiderLooksForTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	record(t, s, 2)
	outsider := minted(t, s, devissuer.Claims{Subject: "a.low", Groups: []string{"Auditors"}})
	look := func(method, path string) string {
		status, body := askRaw(t, s, method, path, outsider)
		instance, _, _ := strings.Cut(path, "?")
		body = strings.Replace(body, `"instance":"`+instance+`"`, `"instance":""`, 1)
		if i := strings.Index(body, `"request_id":"`); i >= 0 {
			body = body[:i]
		}
		return fmt.Sprint(status, body)
	}
	for _, path := range []string{"checkpoint", "signed-checkpoint", "key", "tile/0/000.p/2", "tile/entries/000.p/2", "entries", "entries?limit=x", "proof/00", "", "nothing"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
			if got, want := look(method, "/audit/"+path), look(method, "/nothing"); got != want {
				t.Errorf("%s %s: got %s, want %s as elsewhere", method, path, got, want)
			}
		}
	}
}

// askRaw sends the path as it is written.
func askRaw(t *testing.T, s running, method, path, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.Endpoint(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = path
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body.String()
}

// stopped is a data directory whose server has ended with this many entries.
func stopped(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	s := start(t, Config{DataDir: dir})
	record(t, s, n)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestADatabaseFromBeforeTheCheckpoint is put back from a backup. The server
// must not sign a second history under the name of the first.
func TestADatabaseFromBeforeTheCheckpoint(t *testing.T) {
	t.Parallel()
	dir, backup := stopped(t, 2), filepath.Join(t.TempDir(), "backup.db")
	database := filepath.Join(dir, DatabaseName)
	copyFile(t, database, backup)
	s := start(t, Config{DataDir: dir})
	record(t, s, 2)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	copyFile(t, backup, database)
	refused(t, dir, "it has 2 entries, and 4 were signed")
}

// TestAnotherHistoryUnderTheCheckpoint has as many entries as were signed.
func TestAnotherHistoryUnderTheCheckpoint(t *testing.T) {
	t.Parallel()
	dir := stopped(t, 3)
	copyFile(t, filepath.Join(stopped(t, 3), DatabaseName), filepath.Join(dir, DatabaseName))
	refused(t, dir, "are not those that were signed")
}

// TestTheLastEntriesTakenAway: a row that is missing is no other trouble than a
// row that is another one, and the advice is the same.
func TestTheLastEntriesTakenAway(t *testing.T) {
	t.Parallel()
	dir := stopped(t, 3)
	if err := alter(t, filepath.Join(dir, DatabaseName), `DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE last = (SELECT max(last) FROM audit)`); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "restore the database that belongs to")
}

// unread is a log that a start does not come to read: it was told to end, or the
// disk fails.
type unread struct {
	store.Store
	err error
}

func (u unread) Head(context.Context) (audit.Edge, error) { return audit.Edge{}, u.err }

// TestAnInterruptedStartIsNoOtherLog: that the log could not be read says nothing
// of what is in it. Whoever was advised to move its key away would end it.
func TestAnInterruptedStartIsNoOtherLog(t *testing.T) {
	t.Parallel()
	dir := stopped(t, 1)
	key, err := loadLogKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, cause := range []error{context.Canceled, errors.New("disk I/O error")} {
		c := &checkpoints{key: key, path: filepath.Join(dir, CheckpointName), log: unread{err: cause}}
		err := c.load(t.Context())
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), c.path) || strings.Contains(err.Error(), LogKeyName) {
			t.Errorf("got %v, want that the log was not compared with its checkpoint, and no advice to give it up", err)
		}
	}
}

func TestTheKeyOfTheLogSwapped(t *testing.T) {
	t.Parallel()
	dir := stopped(t, 1)
	copyFile(t, filepath.Join(stopped(t, 1), LogKeyName), filepath.Join(dir, LogKeyName))
	refused(t, dir, "its key was replaced")
	if err := os.Chmod(filepath.Join(dir, LogKeyName), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "0600")
	if err := os.Remove(filepath.Join(dir, LogKeyName)); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "its key was replaced")
}

func refused(t *testing.T, dir, reason string) {
	t.Helper()
	s, err := Open(t.Context(), Config{Dev: true, DataDir: dir})
	if err == nil {
		t.Fatal("the server opened", s.Close())
	}
	if !strings.Contains(err.Error(), reason) {
		t.Errorf("got %v, want %q in it", err, reason)
	}
}

// TestAnUnsignedLogIsNotReady takes the place of the checkpoint away.
func TestAnUnsignedLogIsNotReady(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Config{DataDir: dir})
	place := filepath.Join(dir, CheckpointName)
	if err := errors.Join(os.Remove(place), os.MkdirAll(filepath.Join(place, "occupied"), 0o700)); err != nil {
		t.Fatal(err)
	}
	record(t, s, 1)
	waitReady(t, s, http.StatusServiceUnavailable)
	if err := os.RemoveAll(place); err != nil {
		t.Fatal(err)
	}
	waitReady(t, s, http.StatusOK)
	if c := published(t, s); c.Size != 1 {
		t.Errorf("got a checkpoint of %d entries, want 1", c.Size)
	}
}

func waitReady(t *testing.T, s running, want int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		got, body := ask(t, "GET", s.Endpoint()+"/readyz", "", "")
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("readyz: got %d, want %d: %s", got, want, body)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// failedForGood is a database after a failed sync.
type failedForGood struct{ store.Store }

func (failedForGood) Ready(context.Context) error { return store.ErrStopped }

// TestAFailedSyncStopsTheProcess: a server that can record nothing more must
// not go on answering.
func TestAFailedSyncStopsTheProcess(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready.json")
	s, err := Open(t.Context(), Config{Dev: true, DataDir: t.TempDir(), ReadyFile: ready, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.log.log = failedForGood{s.store}
	if err := s.Run(t.Context()); !errors.Is(err, store.ErrStopped) {
		t.Errorf("Run: got %v, want ErrStopped", err)
	}
	if _, err := os.Stat(ready); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ready file: got %v, want that it is gone", err)
	}
}
