package access_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

var (
	vocabulary = marking.Default()
	everybody  = vocabulary.Affiliations()
	reading    = access.Use{Action: marking.ActionRead}
)

func parse(t testing.TB, banner string) marking.Marking {
	t.Helper()
	if banner == "" {
		return marking.Marking{}
	}
	m, err := vocabulary.Parse(banner)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// holder of a test: clearance, countries, organisation, employment, read-ins.
func holder(text string) *marking.Holder {
	f := strings.Split(text, "|")
	return vocabulary.Holder(&marking.Subject{
		Clearance: f[0], CountryOfAffiliation: strings.Fields(f[1]), DutyOrganization: f[2], EmploymentType: f[3],
		FineAccessControls: strings.Fields(f[4]),
	})
}

// TestEveryDenyCode reaches each code that a decision may give, and a permit
// beside each that differs in one thing.
func TestEveryDenyCode(t *testing.T) {
	t.Parallel()
	none := catalog.CaveatPolicy{}
	for _, c := range []struct {
		banner, high string
		policy       catalog.CaveatPolicy
		subject      string
		action       marking.Action
		want         string
	}{
		{"", "", none, "TS|USA|USA.DOD|gov|", marking.ActionRead, "unknown_marking"},
		{"SECRET", "", none, "S|USA|USA.DOD|gov|", marking.ActionRead, ""},
		{"SECRET", "", none, "S||USA.DOD|gov|", marking.ActionRead, "missing_claim"},
		{"SECRET", "", none, "C|USA|USA.DOD|gov|", marking.ActionRead, "clearance"},
		{"TOP SECRET//SI//NOFORN", "", none, "TS|USA|USA.DOD|gov|", marking.ActionRead, "missing_access:SI"},
		{"TOP SECRET//SI//NOFORN", "", none, "TS|USA|USA.DOD|gov|SI", marking.ActionRead, ""},
		{"SECRET//NOFORN", "", none, "S|GBR|GBR.MOD|gov|", marking.ActionRead, "noforn"},
		{"SECRET", "", none, "S|GBR|GBR.MOD|gov|", marking.ActionRead, "no_release_decision"},
		{"SECRET//REL TO USA, GBR", "", none, "S|DEU|DEU.BMVG|gov|", marking.ActionRead, "not_releasable"},
		{"SECRET//REL TO USA, GBR", "", none, "S|GBR|GBR.MOD|gov|", marking.ActionRead, ""},
		{"SECRET//DISPLAY ONLY GBR", "", none, "S|GBR|GBR.MOD|gov|", marking.ActionRead, "display_only"},
		{"SECRET//DISPLAY ONLY GBR", "", none, "S|GBR|GBR.MOD|gov|", marking.ActionDisplay, ""},
		{"SECRET//ORCON/NOFORN", "", none, "S|USA|USA.DOD|gov|", marking.ActionRead, "orcon"},
		{"SECRET//ORCON/NOFORN", "", catalog.CaveatPolicy{DisseminationList: []string{"USA.DOD"}}, "S|USA|USA.DOD|gov|", marking.ActionRead, ""},
		{"SECRET//PROPIN", "", none, "S|USA|USA.DOD|contractor|", marking.ActionRead, "propin"},
		{"SECRET//NOFORN//NODIS", "", none, "S|USA|USA.DOS|gov|", marking.ActionRead, "nodis"},
		{"SECRET//REL TO USA, FVEY", "", catalog.CaveatPolicy{Excluded: []string{"NZL"}}, "S|NZL|NZL.DF|gov|", marking.ActionRead, "excluded"},
		{"SECRET//REL TO USA, FVEY", "", catalog.CaveatPolicy{Excluded: []string{"NZL"}}, "S|GBR|GBR.MOD|gov|", marking.ActionRead, ""},
		{"SECRET//REL TO USA, FVEY", "", catalog.CaveatPolicy{Excluded: []string{"ACGU"}}, "S|GBR|GBR.MOD|gov|", marking.ActionRead, "excluded"},
		{"SECRET", "", catalog.CaveatPolicy{Excluded: []string{"QQQ"}}, "S|USA|USA.DOD|gov|", marking.ActionRead, "excluded"},
		{"TOP SECRET", "SECRET//NOFORN", none, "TS|USA|USA.DOD|gov|", marking.ActionRead, "system_high"},
		{"TOP SECRET", "TOP SECRET//NOFORN", none, "TS|USA|USA.DOD|gov|", marking.ActionRead, ""},
	} {
		c.policy.ReleasableTo = everybody
		terms := access.System{Vocabulary: vocabulary, High: parse(t, c.high)}.Terms(parse(t, c.banner), &c.policy)
		d := terms.Decide(holder(c.subject), access.Use{Action: c.action})
		if d.Code != c.want || d.Permit != (c.want == "") || d.Vocabulary != vocabulary.Version() {
			t.Errorf("%s on %q below %q with %+v: got %+v, want %q", c.subject, c.banner, c.high, c.policy, d, c.want)
		}
	}
	if d := access.Closed("x").Decide(holder("TS|USA|USA.DOD|gov|"), reading); d.Permit || d.Code != "x" {
		t.Errorf("closed terms: got %+v", d)
	}
	if d := (access.System{Vocabulary: vocabulary}).Terms(parse(t, "UNCLASSIFIED"), nil).Decide(nil, reading); d.Permit {
		t.Errorf("nobody: got %+v", d)
	}
}

// TestPurposes: where a policy limits them, the stated one is on its list and
// given to the subject; both, or nobody is let in.
func TestPurposes(t *testing.T) {
	t.Parallel()
	limited := []string{"force-protection", "targeting"}
	for _, c := range []struct {
		limit, given []string
		purpose      string
		banner, want string
	}{
		{nil, nil, "", "SECRET", ""},
		{nil, nil, "targeting", "SECRET", ""},
		{limited, []string{"targeting"}, "targeting", "SECRET", ""},
		{limited, []string{"training", "targeting"}, "targeting", "SECRET", ""},
		{limited, []string{"targeting"}, "", "SECRET", "purpose"},
		{limited, []string{""}, "", "SECRET", "purpose"},
		{[]string{""}, []string{""}, "", "SECRET", "purpose"},
		{limited, nil, "targeting", "SECRET", "purpose"},
		{limited, []string{"force-protection"}, "targeting", "SECRET", "purpose"},
		{limited, []string{"training"}, "training", "SECRET", "purpose"},
		{limited, []string{"Targeting"}, "Targeting", "SECRET", "purpose"},
		{limited, []string{"targeting"}, "targeting", "TOP SECRET//SI//NOFORN", "missing_access:SI"},
		{limited, nil, "", "SECRET//NOFORN//NODIS", "nodis"},
	} {
		terms := access.System{Vocabulary: vocabulary}.Terms(parse(t, c.banner), &catalog.CaveatPolicy{Purposes: c.limit})
		d := terms.Decide(holder("TS|USA|USA.DOD|gov|"), access.Use{Action: marking.ActionRead, Purpose: c.purpose, Given: c.given})
		if d.Code != c.want || d.Permit != (c.want == "") || d.Vocabulary != vocabulary.Version() {
			t.Errorf("%q for %q of %q under %q: got %+v, want %q", c.banner, c.purpose, c.given, c.limit, d, c.want)
		}
	}
	excluding := access.System{Vocabulary: vocabulary}.Terms(parse(t, "SECRET//REL TO USA, FVEY"), &catalog.CaveatPolicy{ReleasableTo: everybody, Excluded: []string{"NZL"}, Purposes: limited})
	if d := excluding.Decide(holder("S|NZL|NZL.DF|gov|"), reading); d.Code != "excluded" {
		t.Errorf("excluded and without a purpose: got %+v, want the exclusion first", d)
	}
}

// The pools that properties draw from.
var (
	banners = []string{
		"UNCLASSIFIED", "CONFIDENTIAL", "SECRET", "SECRET//NOFORN", "SECRET//REL TO USA, FVEY", "SECRET//REL TO USA, GBR", "SECRET//DISPLAY ONLY GBR",
		"SECRET//ORCON/NOFORN", "TOP SECRET//SI//NOFORN", "TOP SECRET//SI-G/TK//ORCON/REL TO USA, AUS, CAN, GBR", "SECRET//PROPIN", "//NATO SECRET",
	}
	countries     = []string{"USA", "GBR", "AUS", "CAN", "NZL", "DEU", "FVEY", "ACGU"}
	organizations = []string{"USA.DOD", "GBR.MOD", "DEU.BMVG", ""}
	purposes      = []string{"force-protection", "targeting", "training", ""}
)

// fewer takes away from a limit on purposes, but not all: that would lift it.
// No limit may become one.
func fewer(r *rand.Rand, limit []string) []string {
	switch {
	case len(limit) > 0:
		return limit[r.IntN(len(limit)):]
	case r.IntN(3) == 0:
		return some(r, purposes)
	}
	return nil
}

func some(r *rand.Rand, from []string) (list []string) {
	for _, one := range from {
		if r.IntN(3) == 0 {
			list = append(list, one)
		}
	}
	return list
}

// most leaves out few.
func most(r *rand.Rand, from []string) []string {
	return slices.DeleteFunc(slices.Clone(from), func(string) bool { return r.IntN(5) == 0 })
}

func anyHolder(r *rand.Rand) *marking.Holder {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	return holder(fmt.Sprintf("%s|%s|%s|%s|%s", pick("U", "C", "S", "TS", "TS"), pick("USA", "GBR", "DEU", "GBR DEU", "FVEY", "NATO"), pick(organizations...),
		pick("gov", "contractor"), strings.Join(some(r, []string{"SI", "SI-G", "TK", "NATO"}), " ")))
}

// TestStricterPolicyNeverPermitsMore: shutting out more nations, listing fewer
// organisations, raising the marking or lowering system-high takes permits
// away and never gives one.
func TestStricterPolicyNeverPermitsMore(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 14))
	permits := 0
	for range 20_000 {
		policy := catalog.CaveatPolicy{ReleasableTo: most(r, countries), DisplayOnlyTo: some(r, countries), Excluded: some(r, countries), DisseminationList: some(r, organizations)}
		if r.IntN(3) == 0 {
			policy.Purposes = some(r, purposes)
		}
		stricter := catalog.CaveatPolicy{
			ReleasableTo: most(r, policy.ReleasableTo), DisplayOnlyTo: most(r, policy.DisplayOnlyTo),
			Excluded:          append(slices.Clone(policy.Excluded), some(r, countries)...),
			DisseminationList: slices.DeleteFunc(slices.Clone(policy.DisseminationList), func(string) bool { return r.IntN(3) == 0 }),
			Purposes:          fewer(r, policy.Purposes),
		}
		m := parse(t, banners[r.IntN(len(banners))])
		higher := vocabulary.Rollup(m, parse(t, banners[r.IntN(len(banners))]))
		open, high := access.System{Vocabulary: vocabulary}, access.System{Vocabulary: vocabulary, High: parse(t, banners[r.IntN(len(banners))])}
		h, use := anyHolder(r), access.Use{
			Action:  []marking.Action{marking.ActionRead, marking.ActionDisplay, marking.ActionDownload}[r.IntN(3)],
			Purpose: purposes[r.IntN(len(purposes))], Given: some(r, purposes),
		}
		loose := open.Terms(m, &policy).Decide(h, use).Permit
		for name, terms := range map[string]*access.Terms{
			"policy": open.Terms(m, &stricter), "marking": open.Terms(higher, &policy), "system-high": high.Terms(m, &policy),
		} {
			if terms.Decide(h, use).Permit && !loose {
				t.Fatalf("a stricter %s lets %+v %+v %s (then %s) under %+v, then %+v", name, h.Subject(), use, m, higher, policy, stricter)
			}
		}
		if loose {
			permits++
		}
	}
	if permits < 500 {
		t.Errorf("%d permits: the pools show nothing", permits)
	}
}

// lessThan is a subject with one attribute fewer, or one that says less.
func lessThan(r *rand.Rand, s marking.Subject, given []string) (marking.Subject, []string) {
	s.CountryOfAffiliation, s.FineAccessControls, given = slices.Clone(s.CountryOfAffiliation), slices.Clone(s.FineAccessControls), slices.Clone(given)
	switch r.IntN(7) {
	case 0:
		s.Clearance = map[string]string{"TS": "S", "S": "C", "C": "U"}[s.Clearance]
	case 1:
		s.CountryOfAffiliation = append(s.CountryOfAffiliation, countries[r.IntN(len(countries))])
	case 2:
		s.CountryOfAffiliation = nil
	case 3:
		s.FineAccessControls = most(r, s.FineAccessControls)
	case 4:
		s.DutyOrganization = ""
	case 5:
		s.EmploymentType = []string{"", "contractor", "owner"}[r.IntN(3)]
	case 6:
		given = most(r, given)
	}
	return s, given
}

// TestFewerAttributesNeverPermitMore: whoever loses an attribute, or comes by one
// more nation, is let in to nothing new. So a service that acts for a user never
// adds anything, as both are decided on.
func TestFewerAttributesNeverPermitMore(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 71))
	lost := 0
	for range 50_000 {
		policy := catalog.CaveatPolicy{ReleasableTo: most(r, countries), DisplayOnlyTo: some(r, countries), DisseminationList: most(r, organizations)}
		if r.IntN(3) == 0 {
			policy.Excluded, policy.Purposes = some(r, countries), some(r, purposes)
		}
		terms := access.System{Vocabulary: vocabulary}.Terms(parse(t, banners[r.IntN(len(banners))]), &policy)
		use := access.Use{Action: []marking.Action{marking.ActionRead, marking.ActionDisplay}[r.IntN(2)], Purpose: purposes[r.IntN(len(purposes))], Given: most(r, purposes)}
		h := anyHolder(r)
		less, given := lessThan(r, *h.Subject(), use.Given)
		more := terms.Decide(h, use)
		use.Given = given
		fewer := terms.Decide(vocabulary.Holder(&less), use)
		if fewer.Permit && !more.Permit {
			t.Fatalf("%+v is let in and %+v is not (%s), under %+v for %+v", less, h.Subject(), more.Code, policy, use)
		}
		if more.Permit && !fewer.Permit {
			lost++
		}
	}
	if lost < 500 {
		t.Errorf("%d lose: the pools show nothing", lost)
	}
}

// TestNothingAboveSystemHighIsPermitted whoever asks.
func TestNothingAboveSystemHighIsPermitted(t *testing.T) {
	t.Parallel()
	everything := holder("TS|USA|USA.DOD|gov|SI SI-G TK NATO")
	all := catalog.CaveatPolicy{DisseminationList: []string{"USA.DOD"}}
	for _, banner := range banners {
		for _, high := range banners {
			m, h := parse(t, banner), parse(t, high)
			d := access.System{Vocabulary: vocabulary, High: h}.Terms(m, &all).Decide(everything, reading)
			if above := vocabulary.Exceeds(m, h); d.Permit == above || above && d.Code != access.DenySystemHigh {
				t.Errorf("%q on a system accredited for %q: got %+v", banner, high, d)
			}
		}
	}
}

func decideOnce(b testing.TB) func() marking.Decision {
	terms := access.System{Vocabulary: vocabulary, High: parse(b, "TOP SECRET//SI-G ABCD/TK//ORCON/NOFORN")}.
		Terms(parse(b, "TOP SECRET//SI-G ABCD/TK//ORCON/REL TO USA, FVEY"), &catalog.CaveatPolicy{
			ReleasableTo: []string{"FVEY"}, Excluded: []string{"NZL"}, DisseminationList: []string{"USA.DOD", "GBR.MOD"}, Purposes: []string{"force-protection", "targeting"},
		})
	h := holder("TS|GBR|GBR.MOD|gov|SI SI-G SI-G-ABCD TK")
	use := access.Use{Action: marking.ActionRead, Purpose: "targeting", Given: []string{"force-protection", "targeting"}}
	return func() marking.Decision { return terms.Decide(h, use) }
}

// TestDecisionAllocatesNothing so that no load makes it slower, also of somebody
// who is known by an organisation, whose members are looked at.
func TestDecisionAllocatesNothing(t *testing.T) {
	terms := access.System{Vocabulary: vocabulary}.Terms(parse(t, "SECRET//REL TO USA, NATO"), &catalog.CaveatPolicy{ReleasableTo: []string{"NATO"}, Excluded: []string{"JPN"}})
	allied := holder("S|NATO|NATO.SHAPE|mil|")
	for i, decide := range []func() marking.Decision{decideOnce(t), func() marking.Decision { return terms.Decide(allied, reading) }} {
		if n := testing.AllocsPerRun(100, func() {
			if d := decide(); !d.Permit {
				t.Fatal(i, d.Code)
			}
		}); n != 0 {
			t.Errorf("%d: got %v allocations, want none", i, n)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	decide := decideOnce(b)
	b.ReportAllocs()
	for b.Loop() {
		if !decide().Permit {
			b.Fatal("denied")
		}
	}
}
