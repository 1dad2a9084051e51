package platform

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestAFieldMarkingMeansWhatIsInForce: an update of the vocabulary after which
// the marking of a field says nothing is seen by the next report on its schema
// and by the next plan, although the text was understood before it; and so is
// the way back.
func TestAFieldMarkingMeansWhatIsInForce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := started(t, openStore(t))
	track := &catalog.Schema{Domain: "alpha", Name: "track", Type: catalog.SchemaJSON, Definition: `{"type":"object","properties":{
		"marking":{"type":"string","description":"Portion mark."},
		"course":{"type":"string","description":"Course.","x-marking":"(S//REL TO USA, ISAF)"}}}`}
	mustPut(t, p.As(admin), domain("alpha"), track)
	first, err := p.Vocabularies(admin).Vocabulary(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name    string
		text    []byte
		refused bool
	}{
		{"as embedded", nil, false},
		{"without ISAF", embedded(t, "2026-11.1").drop("ISAF").text(t), true},
		{"as embedded again", first.Text, false},
	} {
		if step.text != nil {
			enactNow(t, p, step.text)
		}
		report, err := p.As(admin).SchemaReport(ctx, "alpha/track")
		if err != nil {
			t.Fatal(err)
		}
		if got := len(report.Unmarked) == 1 && strings.Contains(report.Unmarked[0].Reason, "ISAF"); got != step.refused || !step.refused && report.Unmarked != nil {
			t.Errorf("%s: the report says of markings: %+v", step.name, report.Unmarked)
		}
		verdict, err := p.As(admin).Validate(ctx, catalog.Proposal{Puts: []catalog.Object{track.Clone()}})
		if err != nil || len(verdict.Findings) != 1 {
			t.Fatalf("%s: Validate: %+v, %v", step.name, verdict, err)
		}
		warned := slices.ContainsFunc(verdict.Findings[0].Warnings, func(w catalog.Problem) bool { return w.Rule == catalog.RuleFieldMarking })
		if warned != step.refused {
			t.Errorf("%s: the plan warns of %+v", step.name, verdict.Findings[0].Warnings)
		}
	}
}
