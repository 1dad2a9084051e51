package sqlite

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// A database of each format is kept for good. When the format changes, raise
// format and add a file; the earlier ones stay as they are:
//
//	go test ./internal/platform/internal/sqlite -run TestWriteGolden -golden
var writeGolden = flag.Bool("golden", false, "write testdata/format-N.db of today's format N")

const format = 5

var (
	goldenDomain = store.Record{Ref: sigint, Revision: "r1", Text: "signals", Body: []byte(`{"name":"sigint"}`)}
	goldenSchema = store.Record{
		Ref: catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track"}, Revision: "r2", Text: "track 50%",
		Body: []byte(`{"name":"track"}`), References: []catalog.Ref{sigint},
	}
	goldenProduct = store.Record{
		Ref: catalog.Ref{Kind: catalog.KindProduct, ID: "sigint/tracks"}, Revision: "r3", Text: "tracks über", Status: "active",
		Body: []byte(`{"name":"tracks"}`), References: []catalog.Ref{sigint, goldenSchema.Ref},
	}
	goldenVersions = []catalog.Registration{
		goldenVersion(1, `"string"`, "2026-11-22T12:00:00Z"),
		goldenVersion(2, `"bytes"`, "2026-11-23T12:00:00Z"),
	}
	// goldenUse and goldenSettings are in format 2 and later.
	goldenUse = catalog.Registration{
		Subject: catalog.Subject{Context: "lab", Name: "a.b"}, Version: 1, Created: "2026-11-24T12:00:00Z",
		Schema: catalog.RegisteredSchema{
			ID: 7, GUID: "5f3c1b0e-1111-8222-9333-444455556666", Type: catalog.SchemaAvro, Definition: `"Point"`,
			References: []catalog.SubjectReference{{Name: "Point", Subject: goldenSubject, Version: 2}},
		},
	}
	goldenSettings = catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull, Mode: catalog.ModeReadOnly, Normalize: new(true)}
)

var goldenSubject = catalog.Subject{Name: "sigint.track"}

// goldenVersion is a version as format 1 is carried over: ids count from 1.
func goldenVersion(n int, text, created string) catalog.Registration {
	return catalog.Registration{Subject: goldenSubject, Version: n, Created: created, Schema: catalog.RegisteredSchema{
		ID: n, GUID: fmt.Sprintf("00000000-0000-8000-8000-%012x", n), Type: catalog.SchemaAvro, Definition: text,
	}}
}

func TestDatabasesOfEveryFormatOpen(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/format-*.db")
	if err != nil || len(files) != format {
		t.Fatalf("testdata: got %q, %v, want %d files: run TestWriteGolden with -golden", files, err, format)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "copy.db")
			if err := os.WriteFile(path, content(t, file), 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, path)
			wantGolden(t, s)
			if !strings.HasSuffix(file, "format-1.db") {
				wantGoldenRegistry(t, s)
			}
			wantGoldenVocabulary(t, s, file >= filepath.Join("testdata", "format-4.db"))
		})
	}
}

func TestTodaysFormatHasItsNumber(t *testing.T) {
	t.Parallel()
	db := raw(t, newPath(t))
	var got int
	if err := db.QueryRowContext(t.Context(), `SELECT max(version_id) FROM goose_db_version`).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != format {
		t.Errorf("the migrations lead to format %d, want %d: keep a database of the new one too", got, format)
	}
}

func wantGolden(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		for _, want := range []store.Record{goldenDomain, goldenSchema, goldenProduct} {
			got, err := r.Get(t.Context(), want.Ref)
			if err != nil {
				return err
			}
			for _, to := range want.References {
				if users, err := r.Dependants(t.Context(), to); err != nil || !slices.Contains(users, want.Ref) {
					t.Errorf("%s: got it from %v, %v, want from %s", to, users, err, want.Ref)
				}
			}
			want.References = nil
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", want.Ref, d)
			}
		}
		versions, err := r.Registrations(t.Context(), catalog.RegistryQuery{Subject: goldenSubject, Limit: 10})
		if d := cmp.Diff(goldenVersions, versions); d != "" {
			t.Errorf("versions (-want +got):\n%s", d)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	wantHashed(t, s, 1)
	log, err := s.Audit(t.Context(), 0, 10)
	if err != nil || len(log) != 1 || log[0].Sequence != 1 {
		t.Fatalf("audit: got %v, %v, want one entry", log, err)
	}
	if object, n := auditedRevision(t, log[0].Entry); object != "products/sigint/tracks" || n != 3 {
		t.Errorf("audit: got %s, %d, want products/sigint/tracks, 3", object, n)
	}
}

func wantGoldenRegistry(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		use, err := r.Registration(t.Context(), goldenUse.Subject, goldenUse.Version)
		if d := cmp.Diff(goldenUse, use); d != "" {
			t.Errorf("version with a reference (-want +got):\n%s", d)
		}
		settings, more := r.Settings(t.Context(), goldenSubject)
		if d := cmp.Diff(goldenSettings, settings); d != "" {
			t.Errorf("settings (-want +got):\n%s", d)
		}
		return errors.Join(err, more)
	})
	if err != nil {
		t.Error(err)
	}
}

// goldenVocabulary is in format 4 and later.
var goldenVocabulary = store.Vocabulary{Version: "2026-01.1", Digest: "sha256:00", Text: []byte(`{"version":"2026-01.1"}`)}

// wantGoldenVocabulary wants it in force, or none where the format had none.
func wantGoldenVocabulary(t *testing.T, s *sqlstore.Store, kept bool) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		e, err := r.InForce(t.Context())
		if !kept {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("vocabulary in force: got %v, %v, want none", e, err)
			}
			return nil
		}
		v, more := r.Vocabulary(t.Context(), e.Version)
		if d := cmp.Diff(goldenVocabulary, v); d != "" {
			t.Errorf("vocabulary in force (-want +got):\n%s", d)
		}
		return errors.Join(err, more)
	})
	if err != nil {
		t.Error(err)
	}
}

// auditEntry records that a change gave the object this revision.
func auditEntry(object string, revision int) audit.Entry {
	return audit.Entry{
		V: audit.Version, Time: "2026-11-22T12:00:00Z", Event: "catalogue", Consumer: audit.Consumer{Sub: "ann"},
		Action: "replace", Object: object, Decision: audit.Permit, Revision: strconv.Itoa(revision),
	}
}

// auditedRevision is the object of an entry and its revision, a number here.
func auditedRevision(t *testing.T, text []byte) (object string, n int) {
	t.Helper()
	var e struct {
		Object   string `json:"object"`
		Revision int    `json:"revision,string"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatalf("audit entry %s: %v", text, err)
	}
	return e.Object, e.Revision
}

func TestWriteGolden(t *testing.T) {
	if !*writeGolden {
		t.Skip("it writes into testdata: run it with -golden when the format has changed")
	}
	path := filepath.Join(t.TempDir(), "golden.db")
	s := open(t, path)
	err := s.Update(t.Context(), func(w store.Writer) error {
		return errors.Join(
			w.Put(t.Context(), goldenDomain), w.Put(t.Context(), goldenSchema), w.Put(t.Context(), goldenProduct),
			register(t, w, goldenVersions[0]), register(t, w, goldenVersions[1]), register(t, w, goldenUse),
			w.PutSettings(t.Context(), goldenSubject, goldenSettings),
			w.Enact(t.Context(), goldenVocabulary, store.Enactment{Revision: "v1", Time: "2026-11-25T12:00:00Z"}),
			w.Append(t.Context(), auditEntry("products/sigint/tracks", 3)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fmt.Sprintf("testdata/format-%d.db", format), content(t, path), 0o600); err != nil {
		t.Fatal(err)
	}
}

// register adds a text and the version that has it.
func register(t *testing.T, w store.Writer, r catalog.Registration) error {
	t.Helper()
	schema := store.Schema{Context: r.Subject.Context, Fingerprint: store.UnknownFingerprint + strconv.Itoa(r.Schema.ID), RegisteredSchema: r.Schema}
	return errors.Join(w.AddSchema(t.Context(), schema), w.AddVersion(t.Context(), r))
}

// TestNumbersOfASchemaThatFormat1DeletedStayTaken: its type went with it, so
// its versions cannot be registrations; a new schema of that id counts on.
func TestNumbersOfASchemaThatFormat1DeletedStayTaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, content(t, "testdata/format-1.db"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := rawConnect(t, path)
	mustExec(t, db, `INSERT INTO schema_versions VALUES ('sigint/gone', 1, '"int"', 'x'), ('sigint/gone', 2, '"long"', 'x')`)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	wantGolden(t, s)
	err := s.View(t.Context(), func(r store.Reader) error {
		gone := catalog.Subject{Name: "sigint.gone"}
		last, err := r.LastVersion(t.Context(), gone)
		if err != nil || last != 2 {
			t.Errorf("LastVersion: got %d, %v, want 2", last, err)
		}
		found, err := r.Registrations(t.Context(), catalog.RegistryQuery{Subject: gone, Deleted: true, Limit: 10})
		if len(found) != 0 {
			t.Errorf("got %v of a deleted schema, want nothing", found)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
