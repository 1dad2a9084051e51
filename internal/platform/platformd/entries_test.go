package platformd

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// askIndex asks for what the follower of the log answers, and asks again for as
// long as it says that it is behind: its patience is short, a loaded machine's is
// not. A question that is put off leaves no entry.
func askIndex(t *testing.T, s running, path, token string) (status int, body string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		status, body = ask(t, "GET", s.Endpoint()+"/audit/"+path, token, "")
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "not yet searchable") || time.Now().After(deadline) {
			return status, body
		}
	}
}

// search asks for entries and returns the page.
func search(t *testing.T, s running, token string, query url.Values) found {
	t.Helper()
	status, body := askIndex(t, s, "entries?"+query.Encode(), token)
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
		status, body := askIndex(t, s, "entries?"+query, admin)
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
	status, text := askIndex(t, s, "proof/"+page.Entries[0].Hash, token)
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
			hidden, what := askIndex(t, s, "proof/"+e.Hash, token)
			none, which := askIndex(t, s, "proof/"+absent, token)
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

// TestABrokenSearchDelaysSearchesOnly: acts go on being recorded and answered,
// and the search answers again when it can, without a gap.
func TestABrokenSearchDelaysSearchesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inTheWay := filepath.Join(dir, SearchName)
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil { // so that there can be none
		t.Fatal(err)
	}
	s := start(t, Config{DataDir: dir})
	record(t, s, 3)
	status, body := ask(t, "GET", s.Endpoint()+"/audit/entries", s.Ready().Token, "")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "not yet searchable") {
		t.Errorf("a search: got %d %s, want 503", status, body)
	}
	record(t, s, 1)
	waitReady(t, s, http.StatusOK)
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	if page := search(t, s, s.Ready().Token, url.Values{}); len(page.Entries) < 4 {
		t.Errorf("got %d entries when nothing is in the way, want all", len(page.Entries))
	}
}

// TestNobodyHidesEntriesFromTheSearch: who has the data directory finds no file in
// it that searches are answered from, and what they put there is not believed.
func TestNobodyHidesEntriesFromTheSearch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Config{DataDir: dir})
	record(t, s, 5)
	search(t, s, s.Ready().Token, url.Values{})
	hideEntries(t, dir)
	if page := search(t, s, s.Ready().Token, url.Values{}); len(page.Entries) != 6 || page.Entries[0].Number != 1 {
		t.Errorf("got %d entries, want 5 and the first reading: %v", len(page.Entries), page.told(t))
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	hideEntries(t, dir)
	folder := filepath.Join(dir, SearchName)
	for _, left := range []string{folder + ".db", filepath.Join(folder, "auditsearch-1.db"), filepath.Join(folder, "auditsearch-1.db-wal")} {
		if err := os.WriteFile(left, []byte("of somebody else"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := start(t, Config{DataDir: dir})
	if page := search(t, again, again.Ready().Token, url.Values{}); len(page.Entries) != 7 || page.Entries[0].Number != 1 {
		t.Errorf("after a start: got %d entries, want one reading more: %v", len(page.Entries), page.told(t))
	}
	if left, err := filepath.Glob(filepath.Join(dir, SearchName+"*", "*")); err != nil || len(left) > 0 {
		t.Errorf("the folder of the search holds %v, %v, want nothing", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, SearchName+".*")); err != nil || len(left) > 0 {
		t.Errorf("the database of an earlier version is left: %v, %v", left, err)
	}
}

// hideEntries takes the entries away from each database that has a table of
// them, but for the log's own.
func hideEntries(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() || !strings.HasSuffix(path, ".db") || f.Name() == DatabaseName {
			return err
		}
		return alter(t, path, `DELETE FROM entries WHERE seq < 4`)
	})
	if err != nil {
		t.Fatal(err)
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
}
