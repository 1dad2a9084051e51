package platformd

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/transparency-dev/formats/proof"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
)

// found is a page of entries as it comes over the network.
type found struct {
	Entries []struct {
		Number int64
		Hash   string
		Entry  json.RawMessage
	}
	Next string
}

// search asks for entries and returns the page.
func search(t *testing.T, s running, token string, query url.Values) found {
	t.Helper()
	status, body := ask(t, "GET", s.Endpoint()+"/audit/entries?"+query.Encode(), token, "")
	var f found
	if err := json.Unmarshal([]byte(body), &f); status != http.StatusOK || err != nil {
		t.Fatalf("entries?%s: got %d %v: %s", query.Encode(), status, err, body)
	}
	return f
}

// told is what the entries of a page say, in short.
func (f found) told(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, one := range f.Entries {
		e, err := audit.ParseEntry(one.Entry)
		if err != nil {
			t.Fatal(err)
		}
		leaf := audit.LeafHash(one.Entry)
		if one.Hash != hex.EncodeToString(leaf[:]) {
			t.Errorf("got the hash %s of %s", one.Hash, one.Entry)
		}
		lines = append(lines, e.Decision+" "+e.Action+" "+e.Object)
	}
	return lines
}

var brit = marking.Subject{Clearance: "S", CountryOfAffiliation: []string{"GBR"}, DutyOrganization: "GBR.MOD", EmploymentType: "gov"}

// mesh is a platform with a product that a British auditor is cleared for, and
// when it is secretive with another, which changes, is read, denied and removed.
func mesh(t *testing.T, secretive bool) running {
	t.Helper()
	s := start(t, Config{DataDir: t.TempDir()})
	do := func(method, path, body string) {
		t.Helper()
		if status, answer := ask(t, method, s.Endpoint()+path, s.Ready().Token, body); status >= 300 {
			t.Fatalf("%s %s: got %d %s", method, path, status, answer)
		}
	}
	question := func(id string) string {
		return `{"subject":{"type":"user","id":"dev-administrator"},"action":{"name":"read"},"resource":{"type":"product","id":"` + id + `"}}`
	}
	put := func(id, banner string) {
		do("PUT", "/api/v1/domains/alpha/products/"+id, `{"title":"T","version":"1.0.0","marking":"`+banner+`"}`)
	}
	do("PUT", "/api/v1/domains/alpha", `{"display_name":"A","discipline":"OTHER","contact":"a@enclave.example","team":{"a.owner":{"role":"owner"}}}`)
	if secretive {
		put("hidden", "TOP SECRET//SI//NOFORN")
	}
	put("shown", "SECRET//REL TO USA, FVEY")
	if secretive {
		do("POST", "/access/v1/evaluation", question("alpha/hidden"))
		do("POST", "/access/v1/evaluation", question("alpha/invented"))
		do("DELETE", "/api/v1/domains/alpha/products/hidden", "")
		put("raised", "SECRET//REL TO USA, FVEY")
		put("raised", "TOP SECRET//SI//NOFORN")
		ask(t, "PUT", s.Endpoint()+"/api/v1/domains/alpha/products/guess", minted(t, s, devissuer.Claims{Subject: "x"}), `{"title":"T","version":"1.0.0","marking":"SECRET"}`)
		ask(t, "GET", s.Endpoint()+"/audit/tile/entries/000.p/2", s.Ready().Token, "")
	}
	do("POST", "/access/v1/evaluation", question("alpha/shown"))
	put("shown", "CONFIDENTIAL//REL TO USA, FVEY")
	return s
}

// TestAnAuditorReadsWhatTheyAreLetInTo: what is hidden leaves no trace in any
// page, whatever its size.
func TestAnAuditorReadsWhatTheyAreLetInTo(t *testing.T) {
	t.Parallel()
	plain, secretive := mesh(t, false), mesh(t, true)
	claims := devissuer.Claims{Subject: "b.low", Groups: []string{catalog.AuditGroup}, Attributes: brit}
	var pages [2][]string
	for i, s := range []running{plain, secretive} {
		token := minted(t, s, claims)
		for _, limit := range []string{"1", "2", "3", "200"} {
			for query := (url.Values{"limit": {limit}}); ; {
				page := search(t, s, token, query)
				pages[i] = append(pages[i], strings.Join(page.told(t), ", "))
				for _, e := range page.Entries {
					if e.Number != 0 {
						t.Errorf("an auditor is told the number %d", e.Number)
					}
				}
				if page.Next == "" {
					break
				}
				pages[i] = append(pages[i], fmt.Sprintf("more, with a cursor of %d bytes", len(page.Next)))
				query.Set("cursor", page.Next)
			}
		}
	}
	if diff := cmp.Diff(pages[0], pages[1]); diff != "" {
		t.Errorf("pages (-without hidden products +with them):\n%s", diff)
	}
	want := "permit create domains/alpha, permit create products/alpha/shown, permit read products/alpha/shown, permit replace products/alpha/shown"
	if !slices.Contains(pages[1], want) {
		t.Errorf("got the pages %q, want one of them to be %q", pages[1], want)
	}
	all := search(t, secretive, secretive.Ready().Token, url.Values{"limit": {"200"}})
	for i, e := range all.Entries {
		if e.Number != int64(i)+1 {
			t.Errorf("an administrator is told the number %d of entry %d", e.Number, i+1)
		}
	}
	if told := all.told(t); !slices.Contains(told, "permit delete products/alpha/hidden") || !slices.Contains(told, "deny create products/alpha/guess") {
		t.Errorf("an administrator reads %q, want all of it", told)
	}
}

// TestCriteria asks for entries by what they say.
func TestCriteria(t *testing.T) {
	t.Parallel()
	s := mesh(t, true)
	admin := s.Ready().Token
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for query, want := range map[string]int{
		"object=products/alpha/hidden":                           3,
		"object=products/alpha/hidden&event=decision":            1,
		"decision=deny&subject=dev-administrator":                1, // of what does not exist
		"event=audit_read&subject=nobody":                        0,
		"subject=x&decision=deny":                                1,
		"from=" + later:                                          0,
		"object=products/alpha/hidden&until=" + later:            3,
		"object=products/alpha/hidden&from=1970-01-01T00:00:00Z": 3,
		"object=" + url.QueryEscape("' OR 1=1 --"):               0,
		"request_id=" + url.QueryEscape("none\x00"):              0,
		"object=products/alpha/hidden&limit=3":                   3,
	} {
		status, body := ask(t, "GET", s.Endpoint()+"/audit/entries?"+query, admin, "")
		var page found
		if err := json.Unmarshal([]byte(body), &page); status != http.StatusOK || err != nil || len(page.Entries) != want || page.Next != "" {
			t.Errorf("%s: got %d with %d entries, want %d: %s", query, status, len(page.Entries), want, body)
		}
	}
	for _, query := range []string{
		"limit=0", "limit=201", "limit=-1", "limit=a", "cursor=abc", "unknown=1", "subject=a&subject=b", "from=yesterday",
		"from=2300-01-01T00:00:00Z", "%zz", "subject=" + strings.Repeat("a", audit.MaxCriterion+1), "subject=" + strings.Repeat("a", 13000),
		"event=decisions", "decision=denied", "decision=Deny", "subject=", "event=decision&object=", "from=&until=",
	} {
		if status, body := ask(t, "GET", s.Endpoint()+"/audit/entries?"+query, admin, ""); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
			t.Errorf("%.60s: got %d, want it refused: %s", query, status, body)
		}
	}
}

// TestACursorOfSomebodyElse, or of another query, or changed by its bearer.
func TestACursorOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := mesh(t, false)
	admin := s.Ready().Token
	next := search(t, s, admin, url.Values{"limit": {"1"}}).Next
	auditor := minted(t, s, devissuer.Claims{Subject: "b.low", Groups: []string{catalog.AuditGroup}, Attributes: brit})
	for token, query := range map[string]string{
		auditor: "cursor=" + next,
		admin:   "event=catalogue&cursor=" + next,
	} {
		if status, body := ask(t, "GET", s.Endpoint()+"/audit/entries?"+query, token, ""); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: got %d, want it refused: %s", query, status, body)
		}
	}
	changed := []byte(next)
	changed[len(changed)/2] ^= 1
	if status, _ := ask(t, "GET", s.Endpoint()+"/audit/entries?cursor="+url.QueryEscape(string(changed)), admin, ""); status != http.StatusUnprocessableEntity {
		t.Errorf("a changed cursor: got %d, want it refused", status)
	}
	if again := search(t, s, admin, url.Values{"limit": {"1"}}).Next; again == next {
		t.Error("a cursor tells its place: it is the same each time")
	}
}

// TestAReadingIsRecordedBeforeItIsAnswered with what was asked for.
func TestAReadingIsRecordedBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	s := mesh(t, false)
	auditor := minted(t, s, devissuer.Claims{Subject: "b.low", Groups: []string{catalog.AuditGroup}, Attributes: brit})
	search(t, s, auditor, url.Values{"subject": {"a b"}, "limit": {"7"}})
	got := search(t, s, s.Ready().Token, url.Values{"event": {"audit_read"}}).told(t)
	if diff := cmp.Diff([]string{"permit read audit/entries?subject=a+b"}, got); diff != "" {
		t.Errorf("readings (-want +got):\n%s", diff)
	}
	if got := search(t, s, auditor, url.Values{"event": {"audit_read"}}); len(got.Entries) != 0 {
		t.Errorf("an auditor reads who read: %v", got.told(t))
	}
}

// TestAProofCheckedByTheCodeOfOthers is fetched for an entry that was found by
// its request, parsed by transparency-dev's formats and checked by its merkle.
func TestAProofCheckedByTheCodeOfOthers(t *testing.T) {
	t.Parallel()
	s := mesh(t, true)
	token := minted(t, s, devissuer.Claims{Subject: "b.low", Groups: []string{catalog.AuditGroup}, Attributes: brit})
	all := search(t, s, s.Ready().Token, url.Values{})
	covered(t, s, int64(len(all.Entries)))
	page := search(t, s, token, url.Values{"object": {"products/alpha/shown"}, "event": {"decision"}})
	if len(page.Entries) != 1 {
		t.Fatalf("got %d entries, want the decision", len(page.Entries))
	}
	status, text := ask(t, "GET", s.Endpoint()+"/audit/proof/"+page.Entries[0].Hash, token, "")
	if status != http.StatusOK {
		t.Fatalf("got %d: %s", status, text)
	}
	var theirs proof.TLogProof
	if err := theirs.Unmarshal([]byte(text)); err != nil {
		t.Fatal(err)
	}
	c, err := publicKey(t, s).Open(theirs.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	var path [][]byte
	for _, h := range theirs.Hashes {
		path = append(path, h[:])
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(page.Entries[0].Entry)
	if err := merkle.VerifyInclusion(rfc6962.DefaultHasher, theirs.Index, uint64(c.Size), leaf, path, c.Root[:]); err != nil {
		t.Errorf("the proof: %v", err)
	}
	ours, err := audit.ParseProof([]byte(text))
	if err != nil || string(ours.Text()) != text {
		t.Fatalf("our own reading: %v", err)
	}
	if _, _, err := ours.Verify(page.Entries[0].Entry, publicKey(t, s), audit.Witnesses{}); err != nil {
		t.Errorf("our own check: %v", err)
	}
	absent := strings.Repeat("00", 32)
	for _, e := range all.Entries {
		if strings.Contains(string(e.Entry), "hidden") {
			hidden, what := ask(t, "GET", s.Endpoint()+"/audit/proof/"+e.Hash, token, "")
			none, which := ask(t, "GET", s.Endpoint()+"/audit/proof/"+absent, token, "")
			cut := func(body, hash string) string {
				body, _, _ = strings.Cut(strings.ReplaceAll(body, hash, ""), `"request_id"`)
				return body
			}
			if hidden != http.StatusNotFound || hidden != none || cut(what, e.Hash) != cut(which, absent) {
				t.Errorf("the proof of a hidden entry: got %d %s, want %d %s as of none", hidden, what, none, which)
			}
		}
	}
}

// TestALockedSearchDatabaseDelaysSearchesOnly: acts go on being recorded and
// answered, and the search answers again when it can, without a gap.
func TestALockedSearchDatabaseDelaysSearchesOnly(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	search(t, s, s.Ready().Token, url.Values{}) // it is there
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.DataDir(), SearchName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	lock, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(t.Context(), `PRAGMA busy_timeout = 30000; BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	record(t, s, 3)
	status, body := ask(t, "GET", s.Endpoint()+"/audit/entries", s.Ready().Token, "")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "not yet searchable") {
		t.Errorf("a search: got %d %s, want 503", status, body)
	}
	record(t, s, 1)
	waitReady(t, s, http.StatusOK)
	if _, err := lock.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if page := waitSearch(t, s); len(page.Entries) < 4 {
		t.Errorf("got %d entries after the lock, want all", len(page.Entries))
	}
}

func waitSearch(t *testing.T, s running) found {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; {
		status, body := ask(t, "GET", s.Endpoint()+"/audit/entries", s.Ready().Token, "")
		var page found
		if err := json.Unmarshal([]byte(body), &page); status == http.StatusOK && err == nil {
			return page
		}
		if time.Now().After(deadline) {
			t.Fatalf("never searchable: %d %s", status, body)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestTheSearchDatabaseIsMadeAgain when it is gone, broken, of somebody else,
// or of another log.
func TestTheSearchDatabaseIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, path string) error{
		"gone": func(_ *testing.T, path string) error { return os.Remove(path) },
		"broken": func(_ *testing.T, path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("junk", 5000)), 0o600)
		},
		"of another log": func(t *testing.T, path string) error {
			other := start(t, Config{DataDir: t.TempDir()})
			record(t, other, 3)
			waitSearch(t, other)
			err := other.stop()
			copyFile(t, filepath.Join(other.DataDir(), SearchName), path)
			return err
		},
		"of a newer version": func(t *testing.T, path string) error { return alter(t, path, `PRAGMA user_version = 99`) },
		"without its head":   func(t *testing.T, path string) error { return alter(t, path, `DELETE FROM head`) },
		"without its tables": func(t *testing.T, path string) error { return alter(t, path, `DROP TABLE entries`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := start(t, Config{DataDir: dir})
			record(t, s, 5)
			waitSearch(t, s)
			path := filepath.Join(dir, SearchName)
			if err := errors.Join(s.stop(), damage(t, path)); err != nil {
				t.Fatal(err)
			}
			again := start(t, Config{DataDir: dir})
			record(t, again, 1)
			if page := waitSearch(t, again); len(page.Entries) != 7 || page.Entries[0].Number != 1 {
				t.Errorf("got %d entries, want 6 and the first reading: %v", len(page.Entries), page.told(t))
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("got %v, %v, want mode 0600", info, err)
			}
		})
	}
}

func alter(t *testing.T, path, statement string) error {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(t.Context(), statement)
	return errors.Join(err, db.Close())
}

// TestRecordingTouchesNoIndexOfTheSearch: the database that acts are recorded
// in has no index on the log and knows no other database.
func TestRecordingTouchesNoIndexOfTheSearch(t *testing.T) {
	t.Parallel()
	dir := stopped(t, 3)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var indexes, triggers int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'audit'`).Scan(&indexes); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'
		AND (sql LIKE '%entries%' OR sql LIKE '%INSERT INTO%')`).Scan(&triggers); err != nil {
		t.Fatal(err)
	}
	if indexes != 0 || triggers != 0 {
		t.Errorf("got %d indexes and %d feeding triggers on the log, want none", indexes, triggers)
	}
	if err := os.Remove(filepath.Join(dir, SearchName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, SearchName), 0o700); err != nil { // so that there is none
		t.Fatal(err)
	}
	s := start(t, Config{DataDir: dir})
	record(t, s, 2)
	if status, _ := ask(t, "GET", s.Endpoint()+"/audit/entries", s.Ready().Token, ""); status != http.StatusServiceUnavailable {
		t.Errorf("a search without its database: got %d, want 503", status)
	}
}
