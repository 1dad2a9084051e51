package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// This is the decision written a second time, from the standard alone (CAPCO
// 2016, G.2 Table 5, and what a mesh adds), with sets of names and nothing of
// what it is compared with: no parser, no vocabulary, no order of bits.

// nations of the model, and its organisations with their members. NATO is kept
// whole in a list: it is named, or it is not in it.
var (
	five  = []string{"AUS", "CAN", "GBR", "NZL", "USA"}
	treat = []string{"CAN", "DEU", "GBR", "TUR", "USA"} // those of NATO that the model has
)

// expand is who is in a list by name or as a member.
func expand(list ...string) map[string]bool {
	in := map[string]bool{}
	for _, code := range list {
		in[code] = true
		members := map[string][]string{"FVEY": five, "NATO": treat}[code]
		for _, member := range members {
			in[member] = true
		}
	}
	in["FVEY"] = in["FVEY"] || !slices.ContainsFunc(five, func(c string) bool { return !in[c] })
	return in
}

// data is a marking by its meaning.
type data struct {
	text                                            string
	level                                           int // 0 to 3
	readIns                                         []string
	noforn, none, stated                            bool // the release: NOFORN; nobody foreign; a list
	holders, viewers                                map[string]bool
	orcon, propin, nodis, everybody, askOrg, askJob bool
}

// release is one way to state who may have data.
type release struct {
	text             string
	noforn, stated   bool
	holders, viewers []string
	readIn           string
	foreign          string // before the release: the foreign information in it
}

var releases = []release{
	{},
	{text: "NOFORN", noforn: true},
	{text: "RELIDO"},
	{text: "REL TO USA, FVEY", stated: true, holders: []string{"FVEY"}},
	{text: "REL TO USA, GBR", stated: true, holders: []string{"GBR"}},
	{text: "REL TO USA, NATO", stated: true, holders: []string{"NATO"}},
	{text: "REL TO USA, NATO", stated: true, holders: []string{"NATO"}, readIn: "NATO", foreign: "FGI NATO"},
	{text: "DISPLAY ONLY GBR", stated: true, viewers: []string{"GBR"}},
	{text: "REL TO USA, CAN/DISPLAY ONLY FVEY", stated: true, holders: []string{"CAN"}, viewers: []string{"FVEY"}},
}

// universe is every marking of the model that is one.
func universe(t *testing.T) (all []data) {
	t.Helper()
	for level, name := range []string{"UNCLASSIFIED", "CONFIDENTIAL", "SECRET", "TOP SECRET"} {
		for _, sci := range []string{"", "SI", "SI/TK"} {
			for _, r := range releases {
				for _, control := range []string{"", "ORCON", "PROPIN", "ORCON/PROPIN"} {
					for _, other := range []string{"", "NODIS"} {
						if d, ok := compose(level, name, sci, r, control, other); ok {
							all = append(all, d)
						}
					}
				}
			}
		}
	}
	if len(all) < 80 {
		t.Fatalf("%d markings: too few to tell anything", len(all))
	}
	return all
}

func compose(level int, name, sci string, r release, control, other string) (data, bool) {
	order := map[string]int{"ORCON": 1, "REL TO": 2, "RELIDO": 3, "NOFORN": 2, "PROPIN": 3, "DISPLA": 4}
	controls := slices.DeleteFunc(append(strings.Split(control, "/"), strings.Split(r.text, "/")...), func(s string) bool { return s == "" })
	slices.SortStableFunc(controls, func(a, b string) int { return order[a[:min(6, len(a))]] - order[b[:min(6, len(b))]] })
	parts := slices.DeleteFunc([]string{name, sci, r.foreign, strings.Join(controls, "/"), other}, func(s string) bool { return s == "" })
	d := data{text: strings.Join(parts, "//"), level: level, noforn: r.noforn, stated: r.stated, none: !r.noforn && !r.stated,
		orcon: strings.Contains(control, "ORCON"), propin: strings.Contains(control, "PROPIN"), nodis: other != ""}
	if _, err := vocabulary.Parse(d.text); err != nil {
		return data{}, false
	}
	d.holders = expand(append([]string{"USA"}, r.holders...)...)
	d.viewers = expand(append(append([]string{"USA"}, r.holders...), r.viewers...)...)
	for _, readIn := range append(strings.Split(sci, "/"), r.readIn) {
		if readIn != "" {
			d.readIns = append(d.readIns, readIn)
		}
	}
	d.everybody = len(parts) == 1 && level == 0
	d.askOrg, d.askJob = d.noforn || d.orcon, d.propin
	return d, true
}

// clause is a caveat policy by its meaning.
type clause struct {
	policy           *catalog.CaveatPolicy
	holders, viewers map[string]bool
	shut             []string // nations
}

func clauses() (all []clause) {
	for _, p := range []*catalog.CaveatPolicy{
		nil,
		{},
		{ReleasableTo: []string{"FVEY", "NATO"}},
		{ReleasableTo: []string{"GBR", "NZL"}},
		{ReleasableTo: []string{"CAN"}, DisplayOnlyTo: []string{"FVEY"}},
		{ReleasableTo: []string{"FVEY", "NATO"}, Excluded: []string{"TUR", "NZL"}},
		{ReleasableTo: []string{"FVEY", "NATO"}, DisseminationList: []string{"USA.DOD", "GBR.MOD"}},
		{ReleasableTo: []string{"FVEY", "NATO"}, Purposes: []string{"targeting"}},
	} {
		c := clause{policy: p}
		if p != nil {
			c.shut = p.Excluded
			c.holders = expand(append([]string{"USA"}, p.ReleasableTo...)...)
			c.viewers = expand(append(append([]string{"USA"}, p.ReleasableTo...), p.DisplayOnlyTo...)...)
		}
		all = append(all, c)
	}
	return all
}

// model is the verdict, in the order of the standard.
func model(d data, c clause, s marking.Subject, use access.Use) string {
	rank := slices.Index([]string{"U", "C", "S", "TS"}, s.Clearance)
	if rank < 0 || len(s.CountryOfAffiliation) == 0 || slices.Contains(s.CountryOfAffiliation, "XXX") ||
		d.askOrg && s.DutyOrganization == "" || d.askJob && s.EmploymentType == "" {
		return "missing_claim"
	}
	sci := slices.Contains(d.readIns, "SI")
	if rank < d.level || sci && rank < 3 {
		return "clearance"
	}
	for _, readIn := range d.readIns {
		if !slices.Contains(s.FineAccessControls, readIn) {
			return "missing_access:" + readIn
		}
	}
	foreign := slices.ContainsFunc(s.CountryOfAffiliation, func(code string) bool { return code != "USA" })
	switch {
	case d.everybody:
	case d.noforn && (foreign || !strings.HasPrefix(s.DutyOrganization, "USA.")):
		return "noforn"
	case d.none && foreign:
		return "no_release_decision"
	case d.stated:
		if code := among(d.holders, d.viewers, s.CountryOfAffiliation, use.Action); code != "" {
			return code
		}
	}
	switch listed := c.policy != nil && slices.Contains(c.policy.DisseminationList, s.DutyOrganization); {
	case d.orcon && !listed:
		return "orcon"
	case d.propin && s.EmploymentType == "contractor":
		return "propin"
	case d.nodis && !slices.Contains(s.FineAccessControls, "ND"):
		return "nodis"
	case c.policy == nil:
		return ""
	}
	for _, code := range s.CountryOfAffiliation {
		for _, nation := range c.shut {
			if code == nation || code == "NATO" && slices.Contains(treat, nation) || code == "FVEY" && slices.Contains(five, nation) {
				return "excluded"
			}
		}
	}
	if code := among(c.holders, c.viewers, s.CountryOfAffiliation, use.Action); code != "" {
		return code
	}
	if len(c.policy.Purposes) > 0 && (!slices.Contains(c.policy.Purposes, use.Purpose) || !slices.Contains(use.Given, use.Purpose)) {
		return "purpose"
	}
	return ""
}

// among holds countries against two lists, the first that fails decides.
func among(holders, viewers map[string]bool, countries []string, action marking.Action) string {
	for _, code := range countries {
		switch {
		case holders[code]:
		case !viewers[code]:
			return "not_releasable"
		case action != marking.ActionDisplay:
			return "display_only"
		}
	}
	return ""
}

// people is every subject of the model.
func people() (all []marking.Subject) {
	for _, clearance := range []string{"U", "C", "S", "TS", "SECRET"} {
		for _, countries := range []string{"USA", "GBR", "NZL", "TUR", "DEU", "USA GBR", "CAN AUS", "FVEY", "NATO", "XXX", ""} {
			for _, readIns := range []string{"", "SI", "SI TK NATO", "SI TK NATO ND"} {
				for _, serves := range []string{"USA.DOD gov", "USA.DOD contractor", "GBR.MOD mil", "USAF gov", ""} {
					organization, employment, _ := strings.Cut(serves, " ")
					all = append(all, marking.Subject{Clearance: clearance, CountryOfAffiliation: strings.Fields(countries),
						FineAccessControls: strings.Fields(readIns), DutyOrganization: organization, EmploymentType: employment})
				}
			}
		}
	}
	return all
}

// TestDecisionsAreThoseOfTheStandard compares every decision of a small universe
// with the model, by its reason.
func TestDecisionsAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	uses := []access.Use{{Action: marking.ActionRead}, {Action: marking.ActionDisplay, Purpose: "targeting", Given: []string{"targeting"}}, {Action: "copy", Purpose: "targeting", Given: []string{"training"}}}
	everyone := people()
	holders := make([]*marking.Holder, len(everyone))
	for i := range everyone {
		holders[i] = vocabulary.Holder(&everyone[i])
	}
	met, differ := map[string]int{}, 0
	for _, d := range universe(t) {
		for _, c := range clauses() {
			terms := access.System{Vocabulary: vocabulary}.Terms(parse(t, d.text), c.policy)
			for i, s := range everyone {
				for _, use := range uses {
					got, want := terms.Decide(holders[i], use), model(d, c, s, use)
					if met[want]++; got.Code == want && got.Permit == (want == "") {
						continue
					}
					if differ++; differ <= 20 {
						t.Errorf("%q to %+v under %+v for %+v: got %+v, want %q", d.text, s, c.policy, use, got, want)
					}
				}
			}
		}
	}
	if differ > 0 {
		t.Errorf("%d decisions differ", differ)
	}
	for _, code := range []string{"", "missing_claim", "clearance", "missing_access:SI", "missing_access:TK", "missing_access:NATO", "noforn", "no_release_decision",
		"not_releasable", "display_only", "orcon", "propin", "nodis", "excluded", "purpose"} {
		if met[code] < 50 {
			t.Errorf("%d decisions have the code %q: too few", met[code], code)
		}
	}
	t.Log(fmt.Sprint(met))
}
