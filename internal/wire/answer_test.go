package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestReportsOfAHostilePlatform: what would put the gaps of one schema, or none
// that can be acted on, into the state of another.
func TestReportsOfAHostilePlatform(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another schema":      `{"schema":"x/b","version":1,"fields":1}`,
		"no schema":           `{"version":1,"fields":1}`,
		"no version":          `{"schema":"x/a","fields":1}`,
		"negative":            `{"schema":"x/a","version":1,"fields":-1}`,
		"a gap of nothing":    `{"schema":"x/a","version":1,"fields":1,"unmarked":[{}]}`,
		"a gap nowhere":       `{"schema":"x/a","version":1,"fields":1,"nonconforming":[{"path":"p","reason":"r"},{"reason":"r"}]}`,
		"a gap of no reason":  `{"schema":"x/a","version":1,"fields":1,"without_unit":[{"path":"p"}]}`,
		"a list of texts":     `{"schema":"x/a","version":1,"fields":1,"undescribed":["p"]}`,
		"a list that is none": `{"schema":"x/a","version":1,"fields":1,"undescribed":{"p":"r"}}`,
		"a member twice":      `{"schema":"x/a","schema":"x/a","version":1}`,
		"null":                `null`,
	} {
		if report, err := DecodeReport("x/a", []byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, report)
		}
	}
	want := catalog.SchemaReport{Schema: "x/a", Version: 2, Fields: 3, Nonconforming: []catalog.FieldGap{{Path: "p", Reason: "r"}}}
	body, err := EncodeReport(want)
	if err != nil || strings.Contains(string(body), "null") {
		t.Fatalf("got %s, %v, want a list for each sort of gap", body, err)
	}
	want.Undescribed, want.WithoutUnit, want.Unmarked = []catalog.FieldGap{}, []catalog.FieldGap{}, []catalog.FieldGap{}
	got, err := DecodeReport("x/a", body)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestDerivationsOfAHostilePlatform: what would explain the marking of another
// product, or explain nothing.
func TestDerivationsOfAHostilePlatform(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another product":  `{"product":"x/b","tokens":[]}`,
		"no product":       `{"tokens":[]}`,
		"no token":         `{"product":"x/a","tokens":[{"attribute":"a","rule":"r"}]}`,
		"no rule":          `{"product":"x/a","tokens":[{"attribute":"a","token":"t"}]}`,
		"no attribute":     `{"product":"x/a","tokens":[{"rule":"r","token":"t"}]}`,
		"an input of none": `{"product":"x/a","tokens":[{"attribute":"a","token":"t","rule":"r","inputs":["../x"]}]}`,
		"null":             `null`,
	} {
		if d, err := DecodeDerivation("x/a", []byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, d)
		}
	}
}

func TestVersionsOfAHostilePlatform(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"not in order":   `{"items":[{"version":2},{"version":1}]}`,
		"the same twice": `{"items":[{"version":1},{"version":1}]}`,
		"version 0":      `{"items":[{"version":0}]}`,
		"no id":          `{"items":[{"version":1,"id":-1}]}`,
		"no list":        `{"items":{"version":1}}`,
		"null":           `{"items":[null]}`,
	} {
		if versions, err := DecodeVersions([]byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, versions)
		}
	}
	want := []catalog.SchemaVersion{
		{Version: 2, ID: 77, Definition: "{}", Created: "2026-01-02T03:04:05Z", Dependencies: map[string]catalog.SchemaDependency{"t": {Schema: "x/t", Version: 1}}},
		{Version: 5, ID: 77, Definition: "{}"}, // numbers of deleted versions are missing; an id may come back
	}
	body, err := EncodeVersions(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeVersions(body)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
