package sqlite

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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

const format = 1

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
	goldenVersions = []catalog.SchemaVersion{
		{Version: 1, Definition: `"string"`, Created: "2026-11-22T12:00:00Z"},
		{Version: 2, Definition: `"bytes"`, Created: "2026-11-23T12:00:00Z"},
	}
)

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
			wantGolden(t, open(t, path))
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
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", want.Ref, d)
			}
		}
		versions, err := r.Versions(t.Context(), goldenSchema.Ref.ID)
		if d := cmp.Diff(goldenVersions, versions); d != "" {
			t.Errorf("versions (-want +got):\n%s", d)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	log, err := s.Audit(t.Context(), 0, 10)
	if err != nil || len(log) != 1 || log[0].Sequence != 1 {
		t.Fatalf("audit: got %v, %v, want one entry", log, err)
	}
	if object, n := auditedRevision(t, log[0].Entry); object != "products/sigint/tracks" || n != 3 {
		t.Errorf("audit: got %s, %d, want products/sigint/tracks, 3", object, n)
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
			w.AddVersion(t.Context(), goldenSchema.Ref.ID, goldenVersions[0]),
			w.AddVersion(t.Context(), goldenSchema.Ref.ID, goldenVersions[1]),
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
