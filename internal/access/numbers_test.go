package access_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// reversed is the embedded vocabulary with its nations and groups in the other
// order, so that each has another number.
func reversed(t *testing.T) *marking.Vocabulary {
	t.Helper()
	var file map[string]json.RawMessage
	if err := json.Unmarshal(marking.EmbeddedVocabulary(), &file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nations", "groups"} {
		var list []json.RawMessage
		if err := json.Unmarshal(file[name], &list); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(list)
		var err error
		if file[name], err = json.Marshal(list); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := marking.ReadVocabulary(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAttackClaimsReadUnderAnotherVocabulary: where a nation has the number that
// another one has in the vocabulary that decides, it is not taken for that one.
func TestAttackClaimsReadUnderAnotherVocabulary(t *testing.T) {
	t.Parallel()
	other := reversed(t)
	byNumber := map[marking.Affiliation]string{}
	for _, code := range other.Affiliations() {
		n, _ := other.Affiliation(code)
		byNumber[n] = code
	}
	tried := 0
	for _, code := range everybody {
		n, _ := vocabulary.Affiliation(code)
		taken := byNumber[n]
		effective, err := other.Parse("SECRET//REL TO USA, " + taken)
		if taken == code || err != nil { // USA, and groups that no list names
			continue
		}
		tried++
		terms := access.System{Vocabulary: other}.Terms(effective, &catalog.CaveatPolicy{ReleasableTo: []string{taken}})
		if d := terms.Decide(holder("S|"+code+"|"+code+".MOD|gov|"), reading); d.Permit || d.Code != marking.DenyMissingClaim {
			t.Errorf("%s in the place of %s: got %+v", code, taken, d)
		}
	}
	if tried < 200 {
		t.Errorf("%d were tried: the vocabularies do not differ", tried)
	}
	stranger := access.System{Vocabulary: other}.Terms(parse(t, "SECRET//REL TO USA, GBR"), nil)
	if d := stranger.Decide(other.Holder(&marking.Subject{Clearance: "S", CountryOfAffiliation: []string{"GBR"}}), reading); d.Code != marking.DenyUnknownMarking {
		t.Errorf("a marking of another vocabulary: got %+v", d)
	}
}

// TestDecisionsDoNotDependOnTheOrderOfAVocabulary: the numbers that nations and
// organisations have decide nothing.
func TestDecisionsDoNotDependOnTheOrderOfAVocabulary(t *testing.T) {
	t.Parallel()
	other, r, permits := reversed(t), rand.New(rand.NewPCG(27, 18)), 0
	for range 2000 {
		policy := catalog.CaveatPolicy{ReleasableTo: most(r, countries), DisplayOnlyTo: some(r, countries), DisseminationList: organizations}
		if r.IntN(3) == 0 {
			policy.Excluded = some(r, countries)
		}
		banner, h, use := banners[r.IntN(len(banners))], anyHolder(r), access.Use{Action: marking.ActionRead}
		if r.IntN(2) == 0 {
			use.Action = marking.ActionDisplay
		}
		effective, err := other.Parse(banner)
		if err != nil {
			t.Fatal(err)
		}
		got := access.System{Vocabulary: other}.Terms(effective, &policy).Decide(other.Holder(h.Subject()), use)
		want := access.System{Vocabulary: vocabulary}.Terms(parse(t, banner), &policy).Decide(h, use)
		if got.Code != want.Code || !slices.Equal(got.Obligations, want.Obligations) {
			t.Fatalf("%+v %s %q under %+v: got %+v, want %+v", h.Subject(), use.Action, banner, policy, got, want)
		}
		if want.Permit {
			permits++
		}
	}
	if permits < 100 {
		t.Errorf("%d permits show little", permits)
	}
}
