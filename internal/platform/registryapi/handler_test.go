package registryapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

const (
	one      = `{"subject":"s","version":1,"id":7,"guid":"0a0b","schemaType":"AVRO","schema":"\"string\"","ts":1767323045000}`
	other    = `{"subject":":.c:s","version":1,"id":7,"guid":"0a0b","schemaType":"AVRO","schema":"\"string\"","ts":1767323045000}`
	sent     = `{"schema":"\"int\""}`
	noSub    = `{"error_code":40401,"message":"Subject 'x' not found."}`
	noSchema = `{"error_code":40403,"message":"Schema not found"}`
)

// TestAnswers states whole answers.
func TestAnswers(t *testing.T) {
	t.Parallel()
	h := serving(shelf())
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "", "", 200, `{}`},
		{"GET", "/", "", 200, `{}`},
		{"GET", "/schemas/types", "", 200, `["JSON","PROTOBUF","AVRO"]`},
		{"GET", "/subjects", "", 200, `["s",":.c:s"]`},
		{"GET", "/subjects?subjectPrefix=s&deleted=True&limit=-1&offset=0", "", 200, `["s"]`},
		{"GET", "/subjects?subjectPrefix=t", "", 200, `[]`},
		{"GET", "/subjects?subjectPrefix=:.c:", "", 200, `[":.c:s"]`},
		{"GET", "/subjects?subjectPrefix=:*:s", "", 200, `["s",":.c:s"]`},
		{"GET", "/subjects?deletedOnly=true", "", 200, `[]`},
		{"GET", "/contexts/.c/subjects", "", 200, `[":.c:s"]`},
		{"GET", "/contexts/./subjects", "", 200, `["s"]`},
		{"GET", "/subjects/s/versions", "", 200, `[1]`},
		{"GET", "/subjects/s/versions?deletedOnly=true", "", 200, `[]`},
		{"GET", "/subjects/x/versions", "", 404, noSub},
		{"POST", "/subjects/s/versions", sent, 200, `{"subject":"s","version":2,"id":9,"schemaType":"AVRO","schema":"\"int\""}`},
		{"POST", "/subjects/s", sent, 200, one},
		{"POST", "/subjects/x?normalize=true&deleted=false", sent, 404, noSub},
		{"GET", "/subjects/s/versions/1", "", 200, one},
		{"GET", "/subjects/s/versions/latest", "", 200, one},
		{"GET", "/subjects/s/versions/1?name=stray&name=twice", "", 200, one},
		{"GET", "/subjects/s/versions/-1", "", 200, one},
		{"HEAD", "/subjects/s/versions/1", "", 200, ""},
		{"GET", "/subjects/s/versions/2", "", 404, `{"error_code":40402,"message":"Version 2 not found."}`},
		{"GET", "/subjects/x/versions/1", "", 404, noSub},
		{"GET", "/subjects/:.c:s/versions/1", "", 200, other},
		{"GET", "/subjects/%3A.c%3As/versions/1", "", 200, other},
		{"GET", "/contexts/.c/subjects/s/versions/1", "", 200, other},
		{"GET", "/contexts/c/subjects/s/versions/1", "", 200, other},
		{"GET", "/contexts/:.c:/subjects/s/versions/1", "", 200, other},
		{"GET", "/contexts/%3A.c%3A/subjects/:.:s/versions/1", "", 200, one},
		{"GET", "/subjects/s/versions/1/schema", "", 200, `"string"`},
		{"GET", "/subjects/s/versions/1/referencedby", "", 200, `[7]`},
		{"GET", "/subjects/s/versions/1/referencedby?deleted=true&offset=1", "", 200, `[8]`},
		{"DELETE", "/subjects/s/versions/1", "", 200, `1`},
		{"DELETE", "/subjects/s?permanent=true", "", 200, `[1]`},
		{"GET", "/schemas", "", 200, `[` + one + `]`},
		{"GET", "/schemas?subjectPrefix=:*:&latestOnly=true", "", 200, `[` + one + `,` + other + `]`},
		{"GET", "/schemas?subjectPrefix=x", "", 200, `[]`},
		{"GET", "/schemas/ids/7", "", 200, `{"schema":"\"string\"","schemaType":"AVRO","guid":"0a0b"}`},
		{"GET", "/schemas/ids/7?subject=:.c:s&fetchMaxId=true&format=&referenceFormat=default", "", 200, `{"schema":"\"string\"","schemaType":"AVRO","guid":"0a0b","maxId":2147483647}`},
		{"GET", "/schemas/ids/7/schema", "", 200, `"string"`},
		{"GET", "/schemas/ids/7/subjects", "", 200, `["s"]`},
		{"GET", "/schemas/ids/7/subjects?subject=:.c:", "", 200, `[":.c:s"]`},
		{"GET", "/schemas/ids/7/versions?deleted=true", "", 200, `[{"subject":"s","version":1}]`},
		{"GET", "/contexts/.c/schemas/ids/7/versions", "", 200, `[{"subject":":.c:s","version":1}]`},
		{"GET", "/schemas/ids/8", "", 404, noSchema},
		{"GET", "/schemas/guids/0A0B", "", 200, `{"schema":"\"string\"","schemaType":"AVRO","guid":"0a0b"}`},
		{"GET", "/schemas/guids/0a0b/ids", "", 200, `[{"context":".","id":7},{"context":".c","id":5}]`},
		{"GET", "/schemas/guids/0a", "", 404, noSchema},
		{"POST", "/compatibility/subjects/s/versions/latest", sent, 200, `{"is_compatible":true}`},
		{"POST", "/compatibility/subjects/s/versions?verbose=true", sent, 200, `{"is_compatible":true,"messages":[]}`},
		{"GET", "/config", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
		{"GET", "/config/s", "", 200, `{"compatibilityLevel":"FULL","normalize":true}`},
		{"GET", "/config/x", "", 404, `{"error_code":40408,"message":"Subject 'x' does not have subject-level compatibility configured"}`},
		{"GET", "/config/x?defaultToGlobal=true", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
		{"GET", "/config/:.:", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
		{"PUT", "/config", `{"compatibility":"full_transitive"}`, 200, `{"compatibility":"FULL_TRANSITIVE"}`},
		{"PUT", "/config/s", `{"compatibility":"NONE","normalize":false,"alias":"","overrideMetadata":{"tags":{}},"defaultRuleSet":null}`, 200, `{"compatibility":"NONE","normalize":false}`},
		{"DELETE", "/config/s", "", 200, `{"compatibilityLevel":"FULL","compatibility":"FULL","normalize":true}`},
		{"DELETE", "/config/x", "", 404, noSub},
		{"GET", "/mode", "", 200, `{"mode":"READWRITE"}`},
		{"GET", "/mode/s", "", 200, `{"mode":"READONLY"}`},
		{"GET", "/mode/x", "", 404, `{"error_code":40409,"message":"Subject 'x' does not have subject-level mode configured"}`},
		{"GET", "/contexts/.c/mode?defaultToGlobal=true", "", 200, `{"mode":"READWRITE"}`},
		{"PUT", "/mode?force=true", `{"mode":"import"}`, 200, `{"mode":"IMPORT"}`},
		{"PUT", "/mode/s", `{"mode":"READONLY_OVERRIDE"}`, 200, `{"mode":"READONLY_OVERRIDE"}`},
		{"DELETE", "/mode", "", 200, `{"mode":"READWRITE"}`},
		{"DELETE", "/mode/x", "", 404, noSub},
		{"DELETE", "/mode/:.d:?recursive=true", "", 200, `{}`},
		{"GET", "/contexts", "", 200, `[".",".c"]`},
		{"GET", "/contexts?contextPrefix=.c&limit=5", "", 200, `[".c"]`},
		{"GET", "/contexts/.c/contexts", "", 200, `[".",".c"]`},
		{"DELETE", "/contexts/.d", "", 204, ``},
		{"DELETE", "/contexts/.c", "", 422, `{"error_code":42211,"message":"The context '.c' is not empty: delete its subjects for ever first."}`},
		{"DELETE", "/contexts/.", "", 422, `{"error_code":42205,"message":"The default context cannot be deleted."}`},
		{"GET", "/v1/metadata/id", "", 200, `{"id":"","scope":{"path":[],"clusters":{"schema-registry-cluster":"datamesh"}}}`},
		{"GET", "/v1/metadata/version", "", 200, `{"version":"dev","commitId":""}`},
	} {
		r := do(h, c.method, c.target, c.body)
		if r.status != c.status || r.body != c.want {
			t.Errorf("%s %s: got %d %s\nwant %d %s", c.method, c.target, r.status, r.body, c.status, c.want)
		}
		if got := r.header.Get("Content-Type"); c.status != http.StatusNoContent && got != answerTypes[0] {
			t.Errorf("%s %s: got the type %q", c.method, c.target, got)
		}
	}
}

// TestRequestsReachTheRegistry: what a client writes is what the registry is
// asked.
func TestRequestsReachTheRegistry(t *testing.T) {
	t.Parallel()
	registry := shelf()
	var subject catalog.Subject
	var got catalog.Registering
	registry.register = func(s catalog.Subject, r catalog.Registering) (catalog.Registration, error) {
		subject, got = s, r
		return catalog.Registration{Subject: s, Schema: catalog.RegisteredSchema{References: r.References}}, nil
	}
	body := `{"schema":"syntax = \"proto3\";","schemaType":"PROTOBUF","id":5,"version":-1,"subject":"a/b.proto","guid":"x","ts":5,"deleted":true,"references":[` +
		`{"name":"x.proto","subject":"x","version":2},{"name":"y.proto","subject":":.:y","version":-1},{"name":"z.proto","subject":":.d:z","version":1}]}`
	r := do(serving(registry), "POST", "/contexts/.c/subjects/a%2Fb.proto/versions?normalize=TRUE", body)
	want := catalog.Registering{
		Type: catalog.SchemaProtobuf, Definition: `syntax = "proto3";`, Normalize: true, ID: 5,
		References: []catalog.SubjectReference{
			{Name: "x.proto", Subject: catalog.Subject{Context: "c", Name: "x"}, Version: 2},
			{Name: "y.proto", Subject: catalog.Subject{Name: "y"}, Version: catalog.LatestVersion},
			{Name: "z.proto", Subject: catalog.Subject{Context: "d", Name: "z"}, Version: 1},
		},
	}
	if diff := cmp.Diff(want, got); r.status != http.StatusOK || diff != "" || subject != (catalog.Subject{Context: "c", Name: "a/b.proto"}) {
		t.Errorf("got %d %s for %v (-want +got):\n%s", r.status, r.body, subject, diff)
	}
	for _, reference := range []string{`"subject":"x"`, `"subject":":.:y"`, `"subject":":.d:z"`} {
		if !strings.Contains(r.body, reference) {
			t.Errorf("got %s, want the reference %s as it was sent", r.body, reference)
		}
	}
}

// TestMediaTypes: the answer is of the type that the client takes.
func TestMediaTypes(t *testing.T) {
	t.Parallel()
	h := serving(shelf())
	for accept, want := range map[string]string{
		"":                                    answerTypes[0],
		"*/*":                                 answerTypes[0],
		"application/json":                    "application/json",
		"application/vnd.schemaregistry+json": answerTypes[1],
		"application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json": answerTypes[0],
		"application/json, */*;q=0.1":                                            "application/json",
		"application/vnd.schemaregistry.v1+json; q=0.5, application/json; q=0.9": "application/json",
		"text/html":            "",
		"application/json;q=0": "",
	} {
		r := do(h, "GET", "/subjects", "", "Accept: "+accept)
		if want == "" {
			if r.status != http.StatusNotAcceptable || r.header.Get("Content-Type") != answerTypes[0] {
				t.Errorf("%q: got %d of %q, want 406", accept, r.status, r.header.Get("Content-Type"))
			}
			continue
		}
		if got := r.header.Get("Content-Type"); r.status != http.StatusOK || got != want {
			t.Errorf("%q: got %d of %q, want %q", accept, r.status, got, want)
		}
	}
	for media, want := range map[string]int{
		answerTypes[0]: 200, answerTypes[1]: 200, answerTypes[2]: 200, "application/octet-stream": 200, "": 200,
		"application/json; charset=utf-8": 200, "application/json; charset=latin1": 415,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "application/xml": 415, ";": 415,
	} {
		if got := do(h, "POST", "/subjects/s/versions", sent, "Content-Type: "+media).status; got != want {
			t.Errorf("body of type %q: got %d, want %d", media, got, want)
		}
	}
}

// TestErrorTable: each rule of the catalogue has its code.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{refusing(catalog.CodeNotFound, catalog.RuleSubjectNotFound), 404, `40401,"message":"Subject 's' not found."`},
		{refusing(catalog.CodeNotFound, catalog.RuleVersionNotFound), 404, `40402,"message":"Version 3 not found."`},
		{refusing(catalog.CodeNotFound, catalog.RuleSchemaNotFound), 404, `40403,"message":"Schema not found"`},
		{refusing(catalog.CodeConflict, catalog.RuleSubjectDeleted), 404, `40404,"message":"Subject 's' was soft deleted. Set permanent=true to delete permanently"`},
		{refusing(catalog.CodeConflict, catalog.RuleVersionDeleted), 404, `40406,"message":"Subject 's' Version 3 was soft deleted. Set permanent=true to delete permanently"`},
		{refusing(catalog.CodeConflict, catalog.RuleNotYetDeleted), 404, `40407,"message":"Subject 's' Version 3 was not deleted first before being permanently deleted"`},
		{refusing(catalog.CodeInvalid, catalog.RuleCompatibility), 409, `409,"message":"The registry says so. A detail. A way out."`},
		{refusing(catalog.CodeInvalid, catalog.RuleImmutable), 409, `409,`},
		{refusing(catalog.CodeInvalid, catalog.RuleSchemaText), 422, `42201,`},
		{refusing(catalog.CodeInvalid, catalog.RuleSchemaReference), 422, `42201,`},
		{refusing(catalog.CodeInvalid, catalog.RuleTooComplex), 422, `42201,`},
		{refusing(catalog.CodeInvalid, catalog.RuleFieldUnit), 422, `42201,`},
		{refusing(catalog.CodeInvalid, catalog.RuleVersionNumber), 422, `42202,`},
		{refusing(catalog.CodeConflict, catalog.RuleMode), 422, `42205,`},
		{refusing(catalog.CodeConflict, catalog.RuleDeletionProtection), 422, `42205,`},
		{refusing(catalog.CodeConflict, catalog.RuleInUse), 422, `42206,`},
		{refusing(catalog.CodeConflict, catalog.RuleIDTaken), 422, `42207,`},
		{refusing(catalog.CodeInvalid, catalog.RuleSubject), 422, `42208,`},
		{refusing(catalog.CodeInvalid, catalog.RuleLimit), 422, `42209,`},
		{refusing(catalog.CodeForbidden, catalog.RuleForbidden), 403, `40301,`},
		{&catalog.Error{Code: catalog.CodeForbidden, Message: "No."}, 403, `40301,"message":"No."`},
		{&catalog.Error{Code: catalog.CodeUnauthenticated, Message: "Who?"}, 401, `40101,"message":"Who?"`},
		{&catalog.Error{Code: catalog.CodeTooLarge}, 413, `42209,`},
		{&catalog.Error{Code: catalog.CodeTooManyRequests}, 429, `429,`},
		{&catalog.Error{Code: catalog.CodePreconditionFailed}, 412, `412,`},
		{&catalog.Error{Code: catalog.CodeConflict}, 409, `409,`},
		{&catalog.Error{Code: catalog.CodeNotFound}, 404, `404,`},
		{&catalog.Error{Code: catalog.CodeUnavailable}, 503, `50003,`},
		{&catalog.Error{Code: catalog.CodeInternal, Message: "secret"}, 500, `50001,"message":"The platform failed.`},
		{errors.New("secret"), 500, `50001,"message":"The platform failed.`},
		{fmt.Errorf("secret: %w", context.DeadlineExceeded), 503, `50002,`},
		{fmt.Errorf("secret: %w", refusing(catalog.CodeNotFound, catalog.RuleSubjectNotFound)), 404, `40401,`},
	} {
		registry := shelf()
		registry.remove = func(catalog.Subject, int, bool) ([]int, error) { return nil, c.err }
		r := do(serving(registry), "DELETE", "/subjects/s/versions/3", "")
		if r.status != c.status || !strings.HasPrefix(r.body, `{"error_code":`+c.want) || strings.Contains(r.body, "secret") {
			t.Errorf("%v: got %d %s, want %d and %s", c.err, r.status, r.body, c.status, c.want)
		}
	}
	registry := shelf()
	registry.remove = func(catalog.Subject, int, bool) ([]int, error) {
		return nil, refusing(catalog.CodeConflict, catalog.RuleNotYetDeleted)
	}
	if r := do(serving(registry), "DELETE", "/subjects/s", ""); !strings.HasPrefix(r.body, `{"error_code":40405,`) {
		t.Errorf("a subject that is not deleted: got %s, want 40405", r.body)
	}
	registry.configure = func(catalog.Scope, catalog.SettingsChange) error {
		return &catalog.Error{Code: catalog.CodeInvalid, Problems: []catalog.Problem{{Field: "/mode", Rule: catalog.RuleUnknownValue}}}
	}
	if r := do(serving(registry), "PUT", "/mode/s", `{"mode":"READONLY_OVERRIDE"}`); !strings.HasPrefix(r.body, `{"error_code":42204,`) {
		t.Errorf("a mode of the whole registry for one subject: got %s, want 42204", r.body)
	}
}
