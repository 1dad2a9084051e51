package gateway_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// TestCatalogueAndFilterAgreeOnTypes: a port may have a record marking if and
// only if its records can be filtered, whatever is written behind the type.
func TestCatalogueAndFilterAgreeOnTypes(t *testing.T) {
	t.Parallel()
	types := slices.Concat(catalog.MarkedTypes(), records.ContentTypes())
	for _, written := range slices.Concat(types, []string{"", "text/csv", "application/json", "application/x-geojson", "application/geo+json, text/csv"}) {
		for _, parameters := range []string{
			"", ";", "; charset=utf-8", ";charset=\"UTF-8\"", "; charset=utf-16", "; charset=", "; charset=\"\"", "; version=2.1", "; charset=utf-8; charset=utf-16", "; =", " ; profile=x", "; q",
		} {
			for _, text := range []string{written + parameters, strings.ToUpper(written) + parameters} {
				port := catalog.OutputPort{Type: catalog.PortHTTP, ContentType: text}
				format, filtered := records.FormatOf(text)
				if marks := port.MarksRecords(); marks != filtered || filtered != (format != "") {
					t.Errorf("%q: the catalogue says %v, the filter %v (%q)", text, marks, filtered, format)
				}
			}
		}
	}
	for _, name := range types {
		if port := (catalog.OutputPort{ContentType: name + "; charset=utf-8"}); !port.MarksRecords() {
			t.Errorf("%s: one of the two lists lacks it", name)
		}
	}
}

// TestCatalogueAndFilterAgreeOnPaths: what the catalogue takes for the path of a
// property the filter takes as well.
func TestCatalogueAndFilterAgreeOnPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"m": true, "security.marking": true, "a.b.c": true, "Marke é": true, records.MarkingRefs: true,
		".": false, "m.": false, ".m": false, "a..b": false, "...": false, " m": false, "a. b": false, "a\tb": false,
	} {
		p := product("tracks", "UNCLASSIFIED", catalog.OutputPort{Type: catalog.PortHTTP, URL: "https://h.example/", ContentType: "application/jsonl", RecordMarking: path})
		problems := p.Check(marking.Default())
		if (len(problems) == 0) != want || !want && problems[0].Field != "/output_ports/p/record_marking" {
			t.Errorf("%q: got %+v, want it taken: %v", path, problems, want)
		}
		_, err := records.JSONLines.Filter(context.Background(), io.Discard, strings.NewReader(""), records.Rules{Property: path, Admits: func(string) bool { return true }})
		if want && err != nil || err != nil && errors.Is(err, records.ErrMalformed) {
			t.Errorf("%q: the filter says %v", path, err)
		}
	}
	for column, want := range map[string]bool{
		"marking": true, "Portion Mark": true, `por"tion`: true, "é_$1": true, strings.Repeat("é", 128): true,
		"security.marking": false, ".": false, " m": false, "m ": false, "m\n": false, "m\u200b": false, strings.Repeat("c", 129): false,
	} {
		p := product("tracks", "UNCLASSIFIED", catalog.OutputPort{Type: catalog.PortSQL, URL: "trino://t.example/a/b/c", RecordMarking: column})
		problems := p.Check(marking.Default())
		if (len(problems) == 0) != want || !want && problems[0].Field != "/output_ports/p/record_marking" {
			t.Errorf("column %q: got %+v, want it taken: %v", column, problems, want)
		}
	}
}
