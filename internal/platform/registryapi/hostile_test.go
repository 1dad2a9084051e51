package registryapi

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
)

// TestHostileRequests: none of it is served, none of it is a 500, and each is
// refused in the form of the API.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	h := serving(shelf())
	long := strings.Repeat("s", catalog.MaxSubject+1)
	for _, c := range []struct {
		name, method, target, body string
		status, code               int
	}{
		{"dot segments", "GET", "/subjects/../subjects", "", 404, 404},
		{"dot segments to another door", "GET", "/../api/v1/domains", "", 404, 404},
		{"encoded dot segment as a subject", "DELETE", "/subjects/%2e%2e", "", 422, 42208},
		{"dot segment as a subject", "DELETE", "/subjects/..", "", 422, 42208},
		{"single dot as a subject", "DELETE", "/subjects/.", "", 422, 42208},
		{"dot segments inside a subject", "DELETE", "/subjects/a%2F..%2Fb", "", 422, 42208},
		{"slash at the start of a subject", "DELETE", "/subjects/%2Fetc", "", 422, 42208},
		{"slash at the end of a subject", "DELETE", "/subjects/a%2F", "", 422, 42208},
		{"double slash inside a subject", "DELETE", "/subjects/a%2F%2Fb", "", 422, 42208},
		{"encoded dot segments in a context", "GET", "/contexts/%2e%2e/subjects", "", 422, 42208},
		{"dot segments in a context", "GET", "/contexts/../subjects", "", 422, 42208},
		{"slash in a context", "GET", "/contexts/a%2Fb/subjects", "", 422, 42208},
		{"half a context", "GET", "/contexts/:.c/subjects", "", 422, 42208},
		{"context in a context", "GET", "/contexts/.c/contexts/.d/subjects", "", 404, 404},
		{"double slash", "GET", "/subjects//versions", "", 404, 404},
		{"double slash at the start", "GET", "//subjects", "", 404, 404},
		{"slash at the end", "GET", "/subjects/", "", 404, 404},
		{"slash at the end of a change of everything", "PUT", "/config/", `{"compatibility":"NONE"}`, 404, 404},
		{"encoded slash between segments", "GET", "/subjects%2Fs/versions", "", 404, 404},
		{"encoded fixed segment", "GET", "/%73ubjects", "", 404, 404},
		{"matrix parameter on a fixed segment", "GET", "/subjects;a=b", "", 404, 404},
		{"matrix parameter on a version", "GET", "/subjects/s/versions/1;a=b", "", 422, 42202},
		{"upper case", "GET", "/Subjects", "", 404, 404},
		{"prefix that goes on", "GET", "x/subjects", "", 404, 404},
		{"decoded twice", "GET", "/subjects/%2573/versions/1", "", 404, 40401},
		{"control character in a subject", "GET", "/subjects/s%0A/versions", "", 422, 42208},
		{"NUL in a subject", "GET", "/subjects/s%00/versions", "", 422, 42208},
		{"escape sequence in a subject", "GET", "/subjects/%1b%5b2J/versions", "", 422, 42208},
		{"text direction in a subject", "GET", "/subjects/%E2%80%AEs/versions", "", 422, 42208},
		{"no UTF-8 in a subject", "GET", "/subjects/%ff/versions", "", 422, 42208},
		{"long subject", "GET", "/subjects/" + long + "/versions", "", 422, 42208},
		{"reserved subject", "GET", "/subjects/__GLOBAL/versions", "", 422, 42208},
		{"context as a subject", "DELETE", "/subjects/:.c:", "", 422, 42208},
		{"default context as a subject", "DELETE", "/subjects/:.:", "", 422, 42208},
		{"every context as a subject", "DELETE", "/subjects/:*:", "", 422, 42208},
		{"unclosed context", "DELETE", "/subjects/:.c", "", 422, 42208},
		{"version zero", "GET", "/subjects/s/versions/0", "", 422, 42202},
		{"every version", "DELETE", "/subjects/s/versions/-2", "", 422, 42202},
		{"latest with a space", "GET", "/subjects/s/versions/latest%20", "", 422, 42202},
		{"huge version", "GET", "/subjects/s/versions/2147483648", "", 422, 42202},
		{"version of many digits", "GET", "/subjects/s/versions/" + strings.Repeat("9", 400), "", 422, 42202},
		{"version with a sign", "GET", "/subjects/s/versions/+1", "", 422, 42202},
		{"version with a zero", "GET", "/subjects/s/versions/01", "", 422, 42202},
		{"version with an exponent", "GET", "/subjects/s/versions/1e0", "", 422, 42202},
		{"version in other digits", "GET", "/subjects/s/versions/%D9%A1", "", 422, 42202},
		{"id zero", "GET", "/schemas/ids/0", "", 404, 40403},
		{"negative id", "GET", "/schemas/ids/-7", "", 404, 40403},
		{"id beyond 31 bits", "GET", "/schemas/ids/4294967303", "", 404, 40403},
		{"id with an exponent", "GET", "/schemas/ids/7e0", "", 404, 40403},
		{"hexadecimal id", "GET", "/schemas/ids/0x7", "", 404, 40403},
		{"id with a sign", "GET", "/schemas/ids/%2B7", "", 404, 40403},
		{"id and a subject of no form", "GET", "/schemas/ids/7?subject=:.c", "", 422, 42208},
		{"GUID of other characters", "GET", "/schemas/guids/0a0b'--", "", 404, 40403},
		{"long GUID", "GET", "/schemas/guids/" + strings.Repeat("a", 65), "", 404, 40403},
		{"unknown parameter", "DELETE", "/subjects/s?purge=true", "", 400, 400},
		{"parameter twice", "DELETE", "/subjects/s?permanent=false&permanent=true", "", 400, 400},
		{"neither true nor false", "DELETE", "/subjects/s?permanent=yes", "", 400, 400},
		{"empty truth", "DELETE", "/subjects/s?permanent=", "", 400, 400},
		{"negative offset", "GET", "/subjects?offset=-1", "", 400, 400},
		{"huge offset", "GET", "/subjects?offset=99999999999", "", 400, 400},
		{"limit above the longest list", "GET", "/subjects?limit=10001", "", 400, 400},
		{"huge limit", "GET", "/schemas?limit=1e9", "", 400, 400},
		{"malformed query", "GET", "/subjects?deleted=%zz", "", 400, 400},
		{"long query", "GET", "/subjects?subjectPrefix=" + strings.Repeat("a", maxQuery), "", 400, 400},
		{"semicolons in the query", "GET", "/subjects?deleted=true;limit=1", "", 400, 400},
		{"long prefix", "GET", "/subjects?subjectPrefix=" + long, "", 422, 42208},
		{"control character in a prefix", "GET", "/subjects?subjectPrefix=%07", "", 422, 42208},
		{"unclosed context in a prefix", "GET", "/subjects?subjectPrefix=:.c", "", 422, 42208},
		{"bad context in a prefix", "GET", "/subjects?subjectPrefix=:.a%2Fb:", "", 422, 42208},
		{"form that is not made", "GET", "/schemas/ids/7?format=serialized", "", 422, 42201},
		{"form of references that is not made", "GET", "/subjects/s/versions/1?referenceFormat=qualified", "", 422, 42201},
		{"options", "OPTIONS", "/subjects", "", 405, 405},
		{"trace", "TRACE", "/subjects", "", 405, 405},
		{"patch", "PATCH", "/config", `{}`, 405, 405},
		{"no body", "POST", "/subjects/s/versions", "", 400, 400},
		{"not JSON", "POST", "/subjects/s/versions", "{", 400, 400},
		{"two values", "POST", "/subjects/s/versions", sent + sent, 400, 400},
		{"no object", "POST", "/subjects/s/versions", `["schema"]`, 400, 400},
		{"null", "PUT", "/config", `null`, 400, 400},
		{"duplicate key", "POST", "/subjects/s/versions", `{"schema":"\"int\"","schema":"\"long\""}`, 400, 400},
		{"escaped duplicate key", "POST", "/subjects/s/versions", `{"schema":"\"int\"","\u0073chema":"\"long\""}`, 400, 400},
		{"key in another case", "POST", "/subjects/s/versions", `{"Schema":"\"int\""}`, 422, 42205},
		{"deep", "POST", "/subjects/s/versions", `{"metadata":` + strings.Repeat("[", 10_000), 400, 400},
		{"many values", "POST", "/subjects/s/versions", `{"metadata":[` + strings.Repeat("0,", 20_000) + `0]}`, 400, 400},
		{"no UTF-8", "POST", "/subjects/s/versions", "{\"schema\":\"\xff\"}", 400, 400},
		{"half a surrogate pair", "POST", "/subjects/s/versions", `{"schema":"\ud800"}`, 400, 400},
		{"byte order mark", "POST", "/subjects/s/versions", "\ufeff" + sent, 400, 400},
		{"schema that is an object", "POST", "/subjects/s/versions", `{"schema":{"type":"int"}}`, 400, 400},
		{"no schema", "POST", "/subjects/s/versions", `{}`, 422, 42201},
		{"schema that is null", "POST", "/subjects/s", `{"schema":null}`, 422, 42201},
		{"unknown type", "POST", "/subjects/s/versions", `{"schema":"x","schemaType":"XML"}`, 422, 42201},
		{"type in lower case", "POST", "/subjects/s/versions", `{"schema":"x","schemaType":"json"}`, 422, 42201},
		{"long schema", "POST", "/subjects/s/versions", `{"schema":"` + strings.Repeat("x", catalog.MaxDefinition+1) + `"}`, 422, 42209},
		{"long body", "POST", "/subjects/s/versions", `{"schema":"` + strings.Repeat("x", 2<<20) + `"}`, 413, 42209},
		{"another subject in the body", "POST", "/subjects/s/versions", `{"schema":"x","subject":"t"}`, 422, 42208},
		{"id as a string", "POST", "/subjects/s/versions", `{"schema":"x","id":"7"}`, 422, 42207},
		{"id with a fraction", "POST", "/subjects/s/versions", `{"schema":"x","id":7.5}`, 422, 42207},
		{"id below -1", "POST", "/subjects/s/versions", `{"schema":"x","id":-2}`, 422, 42207},
		{"huge version to import", "POST", "/subjects/s/versions", `{"schema":"x","version":1e300}`, 422, 42202},
		{"metadata", "POST", "/subjects/s/versions", `{"schema":"x","metadata":{"properties":{"owner":"x"}}}`, 422, 42205},
		{"rule that would not be in force", "POST", "/subjects/s/versions", `{"schema":"x","ruleSet":{"domainRules":[{"name":"encrypt"}]}}`, 422, 42210},
		{"what nobody knows", "POST", "/subjects/s/versions", `{"schema":"x","confidential":true}`, 422, 42205},
		{"references of no list", "POST", "/subjects/s/versions", `{"schema":"x","references":{"name":"a"}}`, 400, 400},
		{"reference of no object", "POST", "/subjects/s/versions", `{"schema":"x","references":["a"]}`, 400, 400},
		{"reference without a name", "POST", "/subjects/s/versions", `{"schema":"x","references":[{"subject":"a","version":1}]}`, 422, 42201},
		{"reference without a version", "POST", "/subjects/s/versions", `{"schema":"x","references":[{"name":"a","subject":"a"}]}`, 422, 42201},
		{"reference to version zero", "POST", "/subjects/s/versions", `{"schema":"x","references":[{"name":"a","subject":"a","version":0}]}`, 422, 42201},
		{"reference to a subject of no form", "POST", "/subjects/s/versions", `{"schema":"x","references":[{"name":"a","subject":"../a","version":1}]}`, 422, 42201},
		{"reference with more", "POST", "/subjects/s/versions", `{"schema":"x","references":[{"name":"a","subject":"a","version":1,"pin":true}]}`, 422, 42205},
		{"many references", "POST", "/subjects/s/versions", `{"schema":"x","references":[` + strings.Repeat(`{"name":"a","subject":"a","version":1},`, 100) + `{"name":"a","subject":"a","version":1}]}`, 422, 42201},
		{"unknown level", "PUT", "/config", `{"compatibility":"ALL"}`, 422, 42203},
		{"level that is a number", "PUT", "/config", `{"compatibility":1}`, 400, 400},
		{"level under the name of answers", "PUT", "/config", `{"compatibilityLevel":"NONE"}`, 422, 42205},
		{"nothing to configure", "PUT", "/config", `{}`, 422, 42203},
		{"normalize as a string", "PUT", "/config", `{"normalize":"true"}`, 400, 400},
		{"alias", "PUT", "/config/s", `{"compatibility":"NONE","alias":"t"}`, 422, 42205},
		{"compatibility group", "PUT", "/config/s", `{"compatibilityGroup":"t"}`, 422, 42205},
		{"default rule set", "PUT", "/config/s", `{"defaultRuleSet":{"domainRules":[{"name":"x"}]}}`, 422, 42210},
		{"unknown mode", "PUT", "/mode", `{"mode":"FORWARD"}`, 422, 42204},
		{"no mode", "PUT", "/mode/s", `{}`, 422, 42204},
	} {
		r := do(h, c.method, c.target, c.body)
		if r.status != c.status || !strings.HasPrefix(r.body, fmt.Sprintf(`{"error_code":%d,"message":"`, c.code)) {
			t.Errorf("%s: got %d %.300s, want %d and the code %d", c.name, r.status, r.body, c.status, c.code)
		}
		if r.header.Get("Content-Type") != answerTypes[0] || r.header.Get("X-Content-Type-Options") != "nosniff" || len(r.body) > 1024 {
			t.Errorf("%s: got the type %q and %d bytes", c.name, r.header.Get("Content-Type"), len(r.body))
		}
	}
}

// TestStrangersLearnNothing: without a token, an address that exists answers as
// one that does not.
func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	h := serving(shelf())
	want := do(h, "GET", "/no/such/path", "", "Authorization: ").body
	for _, target := range []string{"", "/", "/subjects", "/subjects/s/versions/0", "/schemas/ids/7", "/v1/metadata/id", "/config?x=y"} {
		for _, token := range []string{"", "Bearer bad", "Basic Z29vZDpnb29k"} {
			r := do(h, "GET", target, "", "Authorization: "+token)
			if r.status != http.StatusUnauthorized || r.body != want || !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s with %q: got %d %s %q, want 401 as everywhere", target, token, r.status, r.body, r.header.Get("WWW-Authenticate"))
			}
		}
	}
}

// TestMethodsOfAPath: a 405 names what the path takes.
func TestMethodsOfAPath(t *testing.T) {
	t.Parallel()
	r := do(serving(shelf()), "PATCH", "/config/s", "{}")
	if got := r.header.Get("Allow"); r.status != http.StatusMethodNotAllowed || got != "DELETE, GET, HEAD, PUT" {
		t.Errorf("got %d %q", r.status, got)
	}
}

// TestBrokenRegistries: what a registry must not do is answered with 500 and
// told to the log only.
func TestBrokenRegistries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm           func(*scripted)
		method, target string
	}{
		"panics": {func(s *scripted) { s.schema = nil }, "GET", "/schemas/ids/7"},
		"strange error": {func(s *scripted) {
			s.settings = func(catalog.Scope) (catalog.SubjectSettings, error) {
				return catalog.SubjectSettings{}, errors.New("/srv/secret.db")
			}
		}, "GET", "/config/s"},
		"unknown code": {func(s *scripted) {
			s.remove = func(catalog.Subject, int, bool) ([]int, error) {
				return nil, &catalog.Error{Code: "secret", Message: "secret"}
			}
		}, "DELETE", "/subjects/s"},
		"removes nothing": {func(s *scripted) { s.remove = func(catalog.Subject, int, bool) ([]int, error) { return nil, nil } }, "DELETE", "/subjects/s/versions/1"},
		"removes too much": {func(s *scripted) {
			s.remove = func(catalog.Subject, int, bool) ([]int, error) { return []int{1, 2}, nil }
		}, "DELETE", "/subjects/s/versions/1"},
		"refuses in silence": {func(s *scripted) {
			s.remove = func(catalog.Subject, int, bool) ([]int, error) { return nil, &catalog.Error{} }
		}, "DELETE", "/subjects/s"},
	} {
		var log bytes.Buffer
		registry := shelf()
		c.harm(registry)
		h := serving(registry, func(o *Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
		r := do(h, c.method, c.target, "")
		if r.status != http.StatusInternalServerError || !strings.HasPrefix(r.body, `{"error_code":50001,`) || strings.Contains(r.body, "secret") {
			t.Errorf("%s: got %d %s", name, r.status, r.body)
		}
		if !strings.Contains(log.String(), `"level":"ERROR"`) {
			t.Errorf("%s: got the log %s, want the failure in it", name, log.String())
		}
	}
}

// waiting is a registry that answers when the request's time is over.
type waiting struct{ catalog.Registry }

func (waiting) Contexts(ctx context.Context) ([]string, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("store: %w", ctx.Err())
}

func TestSlowRegistryIsNotAwaitedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := do(serving(waiting{}), "GET", "/contexts", "")
		if r.status != http.StatusServiceUnavailable || !strings.HasPrefix(r.body, `{"error_code":50002,`) || time.Since(start) != door.DefaultTimeout {
			t.Errorf("got %d %s after %v", r.status, r.body, time.Since(start))
		}
	})
}

// TestTricklingBody: a caller that never finishes its body must not hold a
// slot for ever.
func TestTricklingBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(serving(shelf(), func(o *Options) { o.Timeout = 50 * time.Millisecond }))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	if _, err := conn.Write([]byte("POST " + Prefix + "/subjects/s/versions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n" +
		"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer func() { _ = response.Body.Close() }() // read as far as it matters
	if response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("got %d, want 408", response.StatusCode)
	}
}

// TestListOfGigabytes: a registry of large schemas is listed in parts.
func TestListOfGigabytes(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", catalog.MaxDefinition)
	registry := shelf()
	asked := 0
	registry.registrations = func(q catalog.RegistryQuery) (found []catalog.Registration, err error) {
		for range q.Limit {
			found = append(found, catalog.Registration{Subject: catalog.Subject{Name: "s"}, Version: 1, Schema: catalog.RegisteredSchema{Definition: text}})
		}
		asked += q.Limit
		return found, nil
	}
	h := serving(registry)
	if r := do(h, "GET", "/schemas", ""); r.status != http.StatusUnprocessableEntity || asked > listStep || !strings.Contains(r.body, "limit and offset") {
		t.Errorf("got %d %.200s after %d schemas, want a refusal that says how to ask", r.status, r.body, asked)
	}
	if r := do(h, "GET", "/schemas?limit=20", ""); r.status != http.StatusOK || len(r.body) < 20*len(text) {
		t.Errorf("20 schemas: got %d and %d bytes", r.status, len(r.body))
	}
}

// TestListIsWholeOrRefused: a list that is cut at its longest looks whole.
func TestListIsWholeOrRefused(t *testing.T) {
	t.Parallel()
	registry := shelf()
	registry.registrations = func(q catalog.RegistryQuery) (found []catalog.Registration, err error) {
		for i := range cmp.Or(q.Limit, catalog.MaxRegistrations) {
			found = append(found, catalog.Registration{Subject: catalog.Subject{Name: fmt.Sprint(q.Offset + i)}, Version: 1})
		}
		return found, nil
	}
	for _, target := range []string{"/subjects", "/subjects?deletedOnly=true", "/subjects/s/versions", "/schemas", "/schemas/ids/7/subjects", "/schemas/ids/7/versions"} {
		if r := do(serving(registry), "GET", target, ""); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, "limit and offset") {
			t.Errorf("%s: got %d %.200s", target, r.status, r.body)
		}
	}
	if r := do(serving(registry), "GET", "/subjects?limit=2&offset=9", ""); r.body != `["9","10"]` {
		t.Errorf("a part: got %d %.200s", r.status, r.body)
	}
}

// TestListIsFetchedWhole: the steps of a list join without a gap.
func TestListIsFetchedWhole(t *testing.T) {
	t.Parallel()
	const all = 250
	registry := shelf()
	registry.registrations = func(q catalog.RegistryQuery) (found []catalog.Registration, err error) {
		for i := q.Offset; i < min(all, q.Offset+q.Limit); i++ {
			found = append(found, catalog.Registration{Subject: catalog.Subject{Name: "s"}, Version: i + 1})
		}
		return found, nil
	}
	for target, want := range map[string][2]int{"/schemas": {1, all}, "/schemas?offset=1&limit=101": {2, 101}, "/schemas?offset=240&limit=100": {241, 10}, "/schemas?offset=900": {0, 0}} {
		var list []struct{ Version int }
		if err := json.Unmarshal([]byte(do(serving(registry), "GET", target, "").body), &list); err != nil {
			t.Fatal(err)
		}
		if len(list) != want[1] || len(list) > 0 && (list[0].Version != want[0] || list[len(list)-1].Version != want[0]+want[1]-1) {
			t.Errorf("%s: got %d from %+v", target, len(list), list[:min(1, len(list))])
		}
	}
}

// TestAttackOneListReadsTheRegistryTwoHundredTimes: a step of a list begins at its
// start again, so steps of one size read it as often as there are steps.
func TestAttackOneListReadsTheRegistryTwoHundredTimes(t *testing.T) {
	t.Parallel()
	const all = catalog.MaxRegistrations - 1
	registry, passed := shelf(), 0
	registry.registrations = func(q catalog.RegistryQuery) (found []catalog.Registration, err error) {
		end := min(all, q.Offset+q.Limit)
		for i := q.Offset; i < end; i++ {
			found = append(found, catalog.Registration{Subject: catalog.Subject{Name: "s"}, Version: i + 1})
		}
		passed += end
		return found, nil
	}
	if r := do(serving(registry), "GET", "/schemas", ""); r.status != http.StatusOK || passed > 4*all {
		t.Errorf("got %d after %d versions were passed, want at most four times the %d of the list", r.status, passed, all)
	}
}

// TestLogTellsNoSecrets: the log has the path, neither the query nor a header.
func TestLogTellsNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := serving(shelf(), func(o *Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	do(h, "GET", "/subjects?subjectPrefix=secret", "")
	do(h, "GET", "/subjects", "", "Authorization: Basic secret")
	text := log.String()
	if strings.Contains(text, "secret") || !strings.Contains(text, `"path":"/schema-registry/subjects"`) || !strings.Contains(text, `"subject":"a.stone"`) {
		t.Errorf("got the log %s", text)
	}
}
