package main

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the attacker's tool

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// verify runs datamesh audit verify and returns its exit code and what it said.
func verify(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(append([]string{"audit", "verify"}, args...), strings.NewReader(""), &out, &errOut)
	return code, out.String() + errOut.String()
}

func wantVerified(t *testing.T, what string, want int, says string, args ...string) {
	t.Helper()
	if code, text := verify(t, args...); code != want || !strings.Contains(text, says) {
		t.Errorf("%s: got exit %d, want %d and %q:\n%s", what, code, want, says, text)
	}
}

// denials makes n entries: each refusal is one.
func denials(t *testing.T, p *platformtest.Platform, n int) {
	t.Helper()
	domain := &catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineOther, Contact: "s@enclave.example",
		Team: map[string]catalog.Member{"a": {Role: catalog.RoleOwner}}}
	for range n {
		if _, err := p.Service(catalog.Caller{Subject: "a.low"}).Put(t.Context(), domain, catalog.WriteOptions{}); err == nil {
			t.Fatal("the refusal that is to be recorded was none")
		}
	}
}

// kept is what an auditor took away: a checkpoint and the key.
type kept struct{ checkpoint, key string }

// keep stops the platform, so that everything is signed, and takes both.
func keep(t *testing.T, p *platformtest.Platform) kept {
	t.Helper()
	p.Stop()
	k := kept{filepath.Join(t.TempDir(), "checkpoint"), filepath.Join(t.TempDir(), "key")}
	writeFile(t, k.checkpoint, readFile(t, filepath.Join(p.DataDir(), platformd.CheckpointName)))
	writeFile(t, k.key, []byte(secretKey(t, p.DataDir()).Public()+"\n"))
	return k
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func writeFile(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func secretKey(t *testing.T, dir string) *audit.Key {
	t.Helper()
	key, err := audit.ParseKey(string(readFile(t, filepath.Join(dir, platformd.LogKeyName))))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// forge is the owner of the machine: they change the entries in the database,
// hash everything again and sign it with the log's own key.
func forge(t *testing.T, dir string, change func([][]byte) [][]byte) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, platformd.DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	entries := change(entriesOf(t, db))
	exec(`DROP TRIGGER audit_no_delete; DELETE FROM audit; DELETE FROM audit_tiles`)
	var edge audit.Edge
	var open []audit.Hash
	for _, entry := range entries {
		leaf := audit.LeafHash(entry)
		edge.Append(leaf)
		bundle, err := audit.AppendBundled(nil, entry)
		if err != nil {
			t.Fatal(err)
		}
		exec(`INSERT INTO audit (first, last, leaves, entries) VALUES (?1, ?1, ?2, ?3)`, edge.Size(), leaf[:], bundle)
		if open = append(open, leaf); len(open) == audit.TileWidth {
			root := audit.TileRoot(open)
			exec(`INSERT INTO audit_tiles VALUES (0, ?, ?, ?)`, edge.Size()/audit.TileWidth-1, root[:], audit.HashBytes(open))
			open = nil
		}
	}
	exec(`UPDATE audit_head SET size = ?, edge = ?`, edge.Size(), edge.Bytes())
	exec(`CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`)
	signed, err := secretKey(t, dir).Sign(edge.Size(), edge.Root())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, platformd.CheckpointName), signed)
}

func entriesOf(t *testing.T, db *sql.DB) [][]byte {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT last - first + 1, entries FROM audit ORDER BY last`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var entries [][]byte
	for rows.Next() {
		var width int
		var bundle []byte
		if err := rows.Scan(&width, &bundle); err != nil {
			t.Fatal(err)
		}
		more, err := audit.ParseBundle(bundle, width)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, more...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return entries
}

func blameAnother(entry []byte) []byte {
	return bytes.Replace(entry, []byte(`"sub":"a.low"`), []byte(`"sub":"b.low"`), 1)
}

func TestAuditVerifyOfAnHonestLog(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, []byte(p.Token))
	denials(t, p, 3)
	early := keep(t, p)
	p.Restart()
	denials(t, p, 260)
	late := keep(t, p)
	wantVerified(t, "a directory", 0, "verified 263 entries", "--dir", p.DataDir())
	wantVerified(t, "with what was kept", 0, "begins with the 3 entries", "--dir", p.DataDir(), "--checkpoint", early.checkpoint, "--checkpoint", late.checkpoint, "--key", early.key)
	p.Restart()
	wantVerified(t, "over HTTP", 0, "verified 263 entries", "--endpoint", p.Endpoint, "--token-file", token, "--checkpoint", early.checkpoint, "--key", late.key)
	wantVerified(t, "beside the server", 0, "verified 26", "--dir", p.DataDir())
	wantVerified(t, "a key that came with the log", 0, "Keep it elsewhere", "--endpoint", p.Endpoint, "--token-file", token)
	writeFile(t, token, []byte(p.TokenFor(catalog.Caller{Subject: "a.low"})))
	wantVerified(t, "a token that may not", 1, "administrator", "--endpoint", p.Endpoint, "--token-file", token)
	wantVerified(t, "no log there", 1, "not a data directory", "--dir", t.TempDir())
	wantVerified(t, "a checkpoint that is none", 1, "malformed", "--dir", p.DataDir(), "--checkpoint", token)
	wantVerified(t, "a key that is none", 1, "name+hash+key", "--dir", p.DataDir(), "--key", token)
	wantVerified(t, "neither", 2, "one of them")
	wantVerified(t, "both", 2, "one of them", "--dir", ".", "--endpoint", p.Endpoint)
	wantVerified(t, "an endpoint that is none", 1, "https://host", "--endpoint", "mesh.example")
}

// TestARecordChangedAndEverythingSignedAgain and its like are caught by who
// kept a checkpoint, in the directory and over HTTP.
func TestARecordChangedAndEverythingSignedAgain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([][]byte) [][]byte{
		"record changed": func(e [][]byte) [][]byte { e[7] = blameAnother(e[7]); return e },
		"entry removed":  func(e [][]byte) [][]byte { return slices.Delete(e, 7, 8) },
		"entry removed and another added": func(e [][]byte) [][]byte {
			return append(slices.Delete(e, 7, 8), blameAnother(e[3]), blameAnother(e[4]))
		},
		"entries reordered":         func(e [][]byte) [][]byte { e[7], e[8] = e[8], e[7]; return e },
		"log truncated":             func(e [][]byte) [][]byte { return e[:100] },
		"the last record of a size": func(e [][]byte) [][]byte { e[len(e)-1] = blameAnother(e[len(e)-1]); return e },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := platformtest.Start(t)
			token := filepath.Join(t.TempDir(), "token")
			writeFile(t, token, []byte(p.Token))
			denials(t, p, 260)
			k := keep(t, p)
			forge(t, p.DataDir(), change)
			wantVerified(t, "without a checkpoint", 0, "verified", "--dir", p.DataDir())
			wantVerified(t, "against the checkpoint", exitTampered, "tampered", "--dir", p.DataDir(), "--checkpoint", k.checkpoint, "--key", k.key)
			p.Restart()
			wantVerified(t, "over HTTP", exitTampered, "tampered", "--endpoint", p.Endpoint, "--token-file", token, "--checkpoint", k.checkpoint)
		})
	}
}

// TestADatabaseChangedWithoutTheKey is caught by the log's own checkpoint.
func TestADatabaseChangedWithoutTheKey(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]string{
		"an entry": `DROP TRIGGER audit_no_update;
			UPDATE audit SET entries = CAST(replace(CAST(entries AS TEXT), 'a.low', 'b.low') AS BLOB) WHERE last = 7`,
		"an entry and hash":   `DROP TRIGGER audit_no_update; UPDATE audit SET leaves = zeroblob(32) WHERE last = 7`,
		"the end":             `DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE last > 5`,
		"the middle":          `DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE last = 5`,
		"an entry with junk":  `DROP TRIGGER audit_no_update; UPDATE audit SET entries = x'000100' WHERE last = 7`,
		"a row with junk":     `DROP TRIGGER audit_no_update; UPDATE audit SET entries = x'ffff00' WHERE last = 7`,
		"a row that is empty": `DROP TRIGGER audit_no_update; DROP TABLE audit; CREATE TABLE audit (last INTEGER PRIMARY KEY, first, leaves, entries); INSERT INTO audit VALUES (10, 1, NULL, NULL)`,
		"a row for two":       `DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE last = 6; UPDATE audit SET first = 6, leaves = CAST(leaves || leaves AS BLOB) WHERE last = 7`,
	} {
		p := platformtest.Start(t)
		token := filepath.Join(t.TempDir(), "token")
		writeFile(t, token, []byte(p.Token))
		denials(t, p, 10)
		p.Restart() // everything is signed
		offline := strings.Contains(attack, "leaves = zeroblob")
		if offline { // a server notices that itself, and ends with an error
			p.Stop()
		}
		db, err := sql.Open("sqlite", "file:"+filepath.Join(p.DataDir(), platformd.DatabaseName))
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), attack)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if !offline {
			wantVerified(t, name+", over HTTP", exitTampered, "tampered", "--endpoint", p.Endpoint, "--token-file", token)
		}
		wantVerified(t, name, exitTampered, "tampered", "--dir", p.DataDir())
	}
}

// TestEntriesBehindTheLastCheckpoint: a server that is killed leaves entries that
// nobody has signed. They are not passed over in silence, and one that was changed
// since does not fit the database.
func TestEntriesBehindTheLastCheckpoint(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	denials(t, p, 5)
	early := keep(t, p)
	p.Restart()
	denials(t, p, 3)
	p.Stop()
	writeFile(t, filepath.Join(p.DataDir(), platformd.CheckpointName), readFile(t, early.checkpoint)) // as if the last second had not been signed
	wantVerified(t, "as they were recorded", 0, "verified 5 entries", "--dir", p.DataDir())
	wantVerified(t, "as they were recorded", 0, "followed by 3 entries that no checkpoint covers", "--dir", p.DataDir())
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.DataDir(), platformd.DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `DROP TRIGGER audit_no_update; UPDATE audit SET entries = CAST(replace(CAST(entries AS TEXT), 'a.low', 'b.low') AS BLOB) WHERE last = 7`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	wantVerified(t, "one of them changed", exitTampered, "tampered", "--dir", p.DataDir())
}

func TestTheKeyOfTheLogReplaced(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	denials(t, p, 3)
	k := keep(t, p)
	secret, err := audit.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(p.DataDir(), platformd.LogKeyName), []byte(secret))
	forge(t, p.DataDir(), func(e [][]byte) [][]byte { return e })
	wantVerified(t, "by its own key", 0, "verified", "--dir", p.DataDir())
	wantVerified(t, "by the key that was kept", exitTampered, "not signed by the key", "--dir", p.DataDir(), "--key", k.key)
	wantVerified(t, "against the checkpoint", exitTampered, "not signed by the key", "--dir", p.DataDir(), "--checkpoint", k.checkpoint)
}
