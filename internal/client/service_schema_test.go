package client_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestWhatIsSaidOfASchemaIsNotLostOnTheWay: its versions and its report.
func TestWhatIsSaidOfASchemaIsNotLostOnTheWay(t *testing.T) {
	t.Parallel()
	gaps := func(path string) []catalog.FieldGap {
		return []catalog.FieldGap{{Path: path, Reason: "ä <&> \u2028"}, {Path: "a/b~c", Reason: "r"}}
	}
	far := &constant{
		versions: []catalog.SchemaVersion{
			{Version: 1, ID: 7, Definition: "{}", Created: "2026-01-02T03:04:05Z"},
			{Version: 3, ID: 9, Definition: "{ }", Created: "2026-01-02T03:04:06Z", Dependencies: map[string]catalog.SchemaDependency{"t.json": {Schema: "a/t", Version: 2}}},
		},
		report: catalog.SchemaReport{Schema: "sigint/track", Version: 3, Fields: 12,
			Undescribed: gaps("u"), WithoutUnit: gaps("w"), Unmarked: gaps("m"), Nonconforming: gaps("n")},
	}
	near := serve(t, serve(t, far)) // through two clients and two servers
	versions, err := near.SchemaVersions(t.Context(), "sigint/track")
	if diff := cmp.Diff(far.versions, versions); diff != "" || err != nil {
		t.Errorf("SchemaVersions: %v (-want +got):\n%s", err, diff)
	}
	report, err := near.SchemaReport(t.Context(), "sigint/track")
	if diff := cmp.Diff(far.report, report); diff != "" || err != nil {
		t.Errorf("SchemaReport: %v (-want +got):\n%s", err, diff)
	}
	if want := (catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track"}); far.ref != want {
		t.Errorf("asked for %s, want %s", far.ref, want)
	}
}

// TestReportOnAnotherSchema: a platform, or a cache in between, that answers
// with what belongs to something else.
func TestReportOnAnotherSchema(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"another schema": says(200, `{"schema":"sigint/emitter","version":1,"fields":1}`),
		"the schema":     says(200, `{"id":"sigint/track","domain":"sigint","name":"track","type":"AVRO","definition":"{}","version":1}`),
		"its versions":   says(200, `{"items":[{"version":1,"id":1,"definition":"{}","created":"t"}]}`),
		"gaps of no use": says(200, `{"schema":"sigint/track","version":1,"fields":1,"unmarked":[{"path":"","reason":""}]}`),
		"cut off":        says(200, `{"schema":"sigint/track","version":1,`),
		"deep":           says(200, `{"schema":"sigint/track","version":1,"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`),
	} {
		if report, err := platform(t, answer).SchemaReport(t.Context(), track.ID); codeOf(err) != catalog.CodeInternal {
			t.Errorf("%s: got %+v, %v, want it refused as a fault of the platform", name, report, err)
		}
	}
	_, err := platform(t, says(404, `{"type":"about:blank","title":"Not Found","status":404}`)).SchemaReport(t.Context(), track.ID)
	if codeOf(err) != catalog.CodeUnavailable {
		t.Errorf("a path that another server does not know: got %v, want unavailable", err)
	}
	for name, body := range map[string]string{
		"numbers that fall":  `{"items":[{"version":2,"id":1},{"version":1,"id":2}]}`,
		"an id of no schema": `{"items":[{"version":1,"id":-7}]}`,
	} {
		if versions, err := platform(t, says(200, body)).SchemaVersions(t.Context(), track.ID); codeOf(err) != catalog.CodeInternal {
			t.Errorf("%s: got %+v, %v, want it refused as a fault of the platform", name, versions, err)
		}
	}
}

// TestReferenceSchemaOfAnotherName: an answer about another one, or about what
// a domain owns.
func TestReferenceSchemaOfAnotherName(t *testing.T) {
	t.Parallel()
	board := catalog.Ref{Kind: catalog.KindReferenceSchema, ID: "track"}
	for name, body := range map[string]string{
		"another":        `{"name":"entity"}`,
		"another id":     `{"id":"sigint/track","name":"track"}`,
		"a list":         `{"items":[]}`,
		"text for type":  `{"name":"track","type":1}`,
		"name and slash": `{"name":"sigint/track"}`,
	} {
		if entry, err := platform(t, says(200, body, `ETag: "r1"`)).Get(t.Context(), board); codeOf(err) != catalog.CodeInternal {
			t.Errorf("%s: got %+v, %v, want it refused as a fault of the platform", name, entry, err)
		}
	}
	for name, body := range map[string]string{
		"no name":      `{"items":[{"type":"JSON"}],"revisions":{"":"1"}}`,
		"two segments": `{"items":[{"name":"a/b"}],"revisions":{"a/b":"1"}}`,
		"not in order": `{"items":[{"name":"b"},{"name":"a"}],"revisions":{"a":"1","b":"1"}}`,
	} {
		if page, err := platform(t, says(200, body)).List(t.Context(), catalog.Query{Kind: board.Kind}); codeOf(err) != catalog.CodeInternal {
			t.Errorf("%s: got %+v, %v, want it refused as a fault of the platform", name, page, err)
		}
	}
}

// TestDerivationIsNotLostOnTheWay, and one of another product is refused.
func TestDerivationIsNotLostOnTheWay(t *testing.T) {
	t.Parallel()
	far := &constant{derived: catalog.Derivation{
		Product: "sigint/tracks", DeclaredMarking: "SECRET", InheritedMarking: "TOP SECRET", EffectiveMarking: "TOP SECRET", VocabularyVersion: "1",
		Tokens: []catalog.TokenOrigin{{Attribute: "classification", Token: "TS", Rule: "highest", Inputs: []string{"a/b"}, OtherInputs: true}, {Attribute: "x", Token: "<&>", Rule: "r", Declared: true, Inputs: []string{}}},
	}}
	got, err := serve(t, serve(t, far)).Derivation(t.Context(), "sigint/tracks")
	if diff := cmp.Diff(far.derived, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if want := (catalog.Ref{Kind: catalog.KindProduct, ID: "sigint/tracks"}); far.ref != want {
		t.Errorf("asked for %s, want %s", far.ref, want)
	}
	if got, err := platform(t, says(200, `{"product":"a/b","tokens":[]}`)).Derivation(t.Context(), "sigint/tracks"); codeOf(err) != catalog.CodeInternal {
		t.Errorf("of another product: got %+v, %v, want it refused as a fault of the platform", got, err)
	}
}
