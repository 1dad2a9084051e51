package access_test

import (
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// TestPolicyIsTheMost: whatever the marking lets in, a policy lets in no more,
// and who is known by an organisation is let in as its worst member.
func TestPolicyIsTheMost(t *testing.T) {
	t.Parallel()
	const open, five, nato = "UNCLASSIFIED", "SECRET//REL TO USA, FVEY", "SECRET//REL TO USA, NATO"
	four := catalog.CaveatPolicy{ReleasableTo: []string{"ACGU"}}
	look := catalog.CaveatPolicy{ReleasableTo: []string{"GBR"}, DisplayOnlyTo: []string{"AUS", "CAN", "NZL"}}
	turkish := catalog.CaveatPolicy{ReleasableTo: []string{"NATO", "ISAF"}, Excluded: []string{"TUR"}}
	for _, c := range []struct {
		banner  string
		policy  catalog.CaveatPolicy
		country string
		action  marking.Action
		want    string
	}{
		{five, catalog.CaveatPolicy{}, "GBR", marking.ActionRead, marking.DenyNotReleasable},
		{five, catalog.CaveatPolicy{}, "USA", marking.ActionRead, ""},
		{five, four, "GBR", marking.ActionRead, ""},
		{five, four, "NZL", marking.ActionRead, marking.DenyNotReleasable},
		{five, four, "ACGU", marking.ActionRead, ""},
		{five, four, "FVEY", marking.ActionRead, marking.DenyNotReleasable},
		{five, catalog.CaveatPolicy{ReleasableTo: []string{"QQQ", "GBR"}}, "GBR", marking.ActionRead, ""},
		{five, catalog.CaveatPolicy{ReleasableTo: []string{"QQQ", "GBR"}}, "NZL", marking.ActionRead, marking.DenyNotReleasable},
		{open, four, "DEU", marking.ActionRead, marking.DenyNotReleasable},
		{five, look, "NZL", marking.ActionRead, marking.DenyDisplayOnly},
		{five, look, "NZL", marking.ActionDisplay, ""},
		{five, look, "FVEY", marking.ActionDisplay, ""},
		{five, look, "FVEY", marking.ActionDownload, marking.DenyDisplayOnly},
		{nato, turkish, "TUR", marking.ActionRead, "excluded"},
		{nato, turkish, "NATO", marking.ActionRead, "excluded"},
		{nato, turkish, "GBR", marking.ActionRead, ""},
		{open, turkish, "ISAF", marking.ActionRead, "excluded"}, // its members are not known
		{nato, catalog.CaveatPolicy{ReleasableTo: []string{"NATO"}, Excluded: []string{"NATO"}}, "NATO", marking.ActionRead, "excluded"},
		{nato, catalog.CaveatPolicy{ReleasableTo: []string{"NATO"}}, "NATO", marking.ActionRead, ""},
		{nato, catalog.CaveatPolicy{ReleasableTo: []string{"DEU"}}, "NATO", marking.ActionRead, marking.DenyNotReleasable},
	} {
		terms := access.System{Vocabulary: vocabulary}.Terms(parse(t, c.banner), &c.policy)
		d := terms.Decide(holder("S|"+c.country+"|"+c.country+".GOV|gov|NATO"), access.Use{Action: c.action})
		if d.Code != c.want || d.Permit != (c.want == "") {
			t.Errorf("%s of %q by %s under %+v: got %+v, want %q", c.action, c.banner, c.country, c.policy, d, c.want)
		}
		if looks := d.Permit && c.action == marking.ActionDisplay; looks != slices.Equal(d.Obligations, []string{"no_copy", "no_export"}) {
			t.Errorf("%s of %q by %s: got the obligations %q", c.action, c.banner, c.country, d.Obligations)
		}
	}
}

// TestLookingLiftsNoOriginatorControl: who may only look, at what is the
// originator's to pass on, must not pass it on either.
func TestLookingLiftsNoOriginatorControl(t *testing.T) {
	t.Parallel()
	policy := catalog.CaveatPolicy{ReleasableTo: []string{"USA"}, DisplayOnlyTo: []string{"GBR"}, DisseminationList: []string{"GBR.MOD"}}
	for _, banner := range []string{"SECRET//ORCON/REL TO USA, GBR", "SECRET//ORCON/DISPLAY ONLY GBR"} {
		d := access.System{Vocabulary: vocabulary}.Terms(parse(t, banner), &policy).Decide(holder("S|GBR|GBR.MOD|gov|"), access.Use{Action: marking.ActionDisplay})
		if !d.Permit || !slices.Equal(d.Obligations, []string{"no_copy", "no_export", "no_onward_release"}) {
			t.Errorf("%s: got %+v", banner, d)
		}
	}
}
