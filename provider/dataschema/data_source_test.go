package dataschema

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// meanwhile is a platform on which things changed after the schema was read.
type meanwhile struct {
	catalog.Reader
	versions []catalog.SchemaVersion
	failing  error
}

func (m meanwhile) SchemaReport(_ context.Context, id string) (catalog.SchemaReport, error) {
	return catalog.SchemaReport{Schema: id, Version: 2, Fields: 4}, m.failing
}

func (m meanwhile) SchemaVersions(context.Context, string) ([]catalog.SchemaVersion, error) {
	return m.versions, nil
}

// TestIDIsThatOfTheVersionThatWasRead, whatever was registered or removed since.
func TestIDIsThatOfTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		versions []catalog.SchemaVersion
		want     types.Int64
	}{
		"a newer version":     {[]catalog.SchemaVersion{{Version: 1, ID: 11}, {Version: 2, ID: 22}, {Version: 3, ID: 33}}, types.Int64Value(22)},
		"removed":             {[]catalog.SchemaVersion{{Version: 1, ID: 11}, {Version: 3, ID: 33}}, types.Int64Null()},
		"no id of a registry": {[]catalog.SchemaVersion{{Version: 2}}, types.Int64Null()},
	} {
		model := &dataModel{}
		if d := model.Fill(t.Context(), &catalog.Schema{Domain: "elint", Name: "emitter", Version: 2}); d.HasError() {
			t.Fatal(d)
		}
		d := answered(t.Context(), meanwhile{versions: test.versions}, model)
		if d.HasError() || !model.SchemaID.Equal(test.want) || model.Report.IsNull() {
			t.Errorf("%s: got id %s, report %s, %v, want id %s", name, model.SchemaID, model.Report, d, test.want)
		}
	}
}

func TestReportThatCannotBeRead(t *testing.T) {
	t.Parallel()
	model := &dataModel{}
	if d := model.Fill(t.Context(), &catalog.Schema{Domain: "elint", Name: "emitter"}); d.HasError() {
		t.Fatal(d)
	}
	got := answered(t.Context(), meanwhile{failing: &catalog.Error{Code: catalog.CodeInvalid, Problems: []catalog.Problem{{Detail: "Gone."}}}}, model)
	if at, ok := got[0].(diag.DiagnosticWithPath); len(got) != 1 || !ok || !at.Path().Equal(path.Root("name")) {
		t.Errorf("got %v, want one error at the name", got)
	}
}
