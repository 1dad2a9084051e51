package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// words is a vocabulary file that can be changed.
type words map[string]any

// embedded is the embedded vocabulary under another version.
func embedded(t testing.TB, version string) words {
	t.Helper()
	var w words
	if err := json.Unmarshal(marking.EmbeddedVocabulary(), &w); err != nil {
		t.Fatal(err)
	}
	w["version"] = version
	return w
}

func (w words) text(t testing.TB) []byte {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// group is the entry of a group, nil for none.
func (w words) group(code string) map[string]any {
	for _, g := range w["groups"].([]any) {
		if g := g.(map[string]any); g["code"] == code {
			return g
		}
	}
	return nil
}

// leave takes a nation out of a group.
func (w words) leave(group, nation string) words {
	g := w.group(group)
	g["members"] = slices.DeleteFunc(g["members"].([]any), func(m any) bool { return m == nation })
	return w
}

// drop removes a group.
func (w words) drop(code string) words {
	w["groups"] = slices.DeleteFunc(w["groups"].([]any), func(g any) bool { return g.(map[string]any)["code"] == code })
	return w
}

// started is a platform on its store with a vocabulary in force.
func started(t testing.TB, s store.Store) *Platform {
	t.Helper()
	p := newPlatform(t, s)
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return p
}

// inForceNow is the revision of the vocabulary in force.
func inForceNow(t testing.TB, p *Platform) string {
	t.Helper()
	text, err := p.Vocabularies(admin).Vocabulary(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	return text.Revision
}

func enactNow(t testing.TB, p *Platform, text []byte) catalog.VocabularyImpact {
	t.Helper()
	impact, _, err := p.Vocabularies(admin).PutVocabulary(context.Background(), text, catalog.WriteOptions{IfMatch: inForceNow(t, p)})
	if err != nil {
		t.Fatal(err)
	}
	return impact
}

// TestAPartnerLeavesWhileItReads: its streams end with the update that shuts it
// out, in the same transaction, and those of others go on.
func TestAPartnerLeavesWhileItReads(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	p := started(t, s)
	kiwi := mustOpen(t, p, analyst("kiri", "S", "NZL"), feed("alpha/out"))
	briton := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/out"))
	mark := int64(len(entries(t, s, 0)))
	enactNow(t, p, embedded(t, "2026-11.1").leave("FVEY", "NZL").text(t))
	if !ended(kiwi) || kiwi.Admits("(U)") {
		t.Error("whom the update shuts out reads on")
	}
	if ended(briton) || !briton.Admits("(S//REL TO USA, FVEY)") || briton.Admits("(S//NF)") {
		t.Error("who is still let in was cut off, or is judged by something else")
	}
	var ends []audit.Entry
	for _, e := range entries(t, s, mark) {
		if e.Action == "end" {
			ends = append(ends, e)
		}
	}
	if len(ends) != 1 || ends[0].Consumer.Sub != "kiri" || ends[0].VocabularyVersion != "2026-11.1" {
		t.Errorf("the log says of ends: %+v", ends)
	}
}

// TestAPartnerLeaves: what the preview says is what happens, it is recorded,
// and the vocabulary before it can still be read.
func TestAPartnerLeaves(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	shut := product("alpha/shut", "SECRET//REL TO USA, FVEY")
	shut.CaveatPolicy = "alpha/no-acgu"
	mustPut(t, p.As(admin), domain("alpha"),
		&catalog.CaveatPolicy{Domain: "alpha", Name: "no-acgu", ReleasableTo: []string{"FVEY"}, Excluded: []string{"ISAF"}},
		product("alpha/five", "SECRET//REL TO USA, FVEY"), product("alpha/derived", "", "alpha/five"), product("alpha/own", "SECRET//NOFORN"), shut,
		product("alpha/isaf", "SECRET//REL TO USA, ISAF"), product("alpha/over-isaf", "", "alpha/isaf"))
	first, mark := inForceNow(t, p), int64(len(entries(t, s, 0)))
	text := embedded(t, "2026-11.1").leave("FVEY", "NZL").drop("ISAF").text(t)
	preview, revision, err := p.Vocabularies(admin).PutVocabulary(ctx, text, catalog.WriteOptions{DryRun: true})
	if err != nil || revision != "" {
		t.Fatalf("preview: got revision %q, %v", revision, err)
	}
	if got := entries(t, s, mark); len(got) != 0 || inForceNow(t, p) != first {
		t.Errorf("the preview left %v", told(got))
	}
	var lines []string
	for _, c := range preview.Products {
		lines = append(lines, fmt.Sprintf("%s %s>%s read-%v+%v closed %v", c.Product, c.EffectiveMarking.From, c.EffectiveMarking.To, c.Read.Lose, c.Read.Gain, c.Closed))
	}
	want := []string{
		"alpha/derived SECRET//REL TO USA, FVEY>SECRET//REL TO USA, FVEY read-[NZL]+[] closed false",
		"alpha/five SECRET//REL TO USA, FVEY>SECRET//REL TO USA, FVEY read-[NZL]+[] closed false",
		"alpha/isaf SECRET//REL TO USA, ISAF>SECRET//REL TO USA, ISAF read-[ISAF USA]+[] closed true",
		"alpha/over-isaf SECRET//REL TO USA, ISAF>SECRET//REL TO USA, ISAF read-[ISAF USA]+[] closed true",
		"alpha/shut SECRET//REL TO USA, FVEY>SECRET//REL TO USA, FVEY read-[ACGU AUS CAN FVEY GBR NZL TEYE USA]+[] closed true",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
	wantPolicy := catalog.PolicyImpact{Policy: "alpha/no-acgu", ReleasableTo: catalog.Shift{Lose: []string{"NZL"}, Gain: []string{}},
		DisplayOnlyTo: catalog.Shift{Lose: []string{}, Gain: []string{}}, Excluded: catalog.Shift{Lose: []string{"ISAF"}, Gain: []string{}}, Unknown: []string{"ISAF"}}
	if diff := cmp.Diff([]catalog.PolicyImpact{wantPolicy}, preview.Policies); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(preview, enactNow(t, p, text)); diff != "" {
		t.Errorf("done (-preview +done):\n%s", diff)
	}
	log := entries(t, s, mark)
	wantLog := []string{
		"permit enact vocabularies/2026-11.1",
		"permit recompute products/alpha/derived SECRET//REL TO USA, FVEY", "permit recompute products/alpha/five SECRET//REL TO USA, FVEY",
		"permit recompute products/alpha/isaf SECRET//REL TO USA, ISAF", "permit recompute products/alpha/over-isaf SECRET//REL TO USA, ISAF",
		"permit recompute products/alpha/shut SECRET//REL TO USA, FVEY",
	}
	if diff := cmp.Diff(wantLog, told(log)); diff != "" {
		t.Fatalf("log (-want +got):\n%s", diff)
	}
	next, _ := marking.ReadVocabulary(bytes.NewReader(text))
	if log[0].Event != "policy" || log[0].Before != kept(marking.Default()).Digest || log[0].After != kept(next).Digest || log[0].VocabularyVersion != "2026-01.1" ||
		log[1].VocabularyVersion != "2026-11.1" {
		t.Errorf("got %+v and %+v", log[0], log[1])
	}
	old, err := p.Vocabularies(reader("GBR", "GBR.MOD")).Vocabulary(ctx, "2026-01.1")
	if err != nil || !bytes.Equal(old.Text, marking.Default().Canonical()) || old.Revision != "" {
		t.Errorf("the vocabulary before: got %.40s, %q, %v", old.Text, old.Revision, err)
	}
	derivation, err := p.Vocabularies(admin).DerivationUnder(ctx, "alpha/isaf", "2026-01.1")
	if err != nil || derivation.VocabularyVersion != "2026-01.1" || len(derivation.Tokens) == 0 {
		t.Errorf("derivation under the one before: got %+v, %v", derivation, err)
	}
	if derivation, err = p.As(admin).Derivation(ctx, "alpha/isaf"); err != nil || len(derivation.Tokens) != 0 {
		t.Errorf("derivation of what cannot be read: got %+v, %v, want no token", derivation, err)
	}
	enactNow(t, p, marking.EmbeddedVocabulary()) // back again
	history, err := p.Vocabularies(admin).VocabularyHistory(ctx)
	var versions []string
	for _, h := range history {
		versions = append(versions, fmt.Sprint(h.Version, " ", h.By, " ", h.InForce))
	}
	if diff := cmp.Diff([]string{"2026-01.1 root true", "2026-11.1 root false", "2026-01.1  false"}, versions); diff != "" || err != nil {
		t.Errorf("history (-want +got):\n%s%v", diff, err)
	}
}

// decided are the nations that a decision lets in, for each product and action:
// members of their governments with everything that is asked for.
func decided(t *testing.T, p *Platform, codes []string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := p.store.View(context.Background(), func(r store.Reader) error {
		h, err := decisions{&session{Platform: p, caller: admin}}.inquiry(context.Background(), r)
		if err != nil {
			return err
		}
		records, err := r.List(context.Background(), store.Query{Kind: catalog.KindProduct, Limit: 1000})
		if err != nil {
			return err
		}
		for _, record := range records {
			product, err := find[*catalog.Product](h.before, catalog.KindProduct, record.Ref.ID)
			if err != nil {
				return err
			}
			for _, code := range codes {
				subject := catalog.Caller{Subject: code, Attributes: marking.Subject{Clearance: "TS", CountryOfAffiliation: []string{code},
					FineAccessControls: []string{"NATO", "SI", "TK"}, DutyOrganization: "GOV", EmploymentType: "gov"}}
				if code == "USA" {
					subject.Attributes.DutyOrganization = "USA.GOV"
				}
				for _, action := range []string{"read", "display"} {
					d, err := h.decide([]catalog.Caller{subject}, product, action, "")
					if err != nil {
						return err
					}
					if d.Permit {
						found[record.Ref.ID+" "+action] = append(found[record.Ref.ID+" "+action], code)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// edited is a random change of the embedded vocabulary.
func edited(t *testing.T, r *rand.Rand, version string) words {
	w := embedded(t, version)
	some := func(of ...string) string { return of[r.IntN(len(of))] }
	for range 1 + r.IntN(4) {
		switch r.IntN(6) {
		case 0, 1:
			w.leave(some("FVEY", "ACGU", "NATO", "TEYE"), some("GBR", "NZL", "AUS", "CAN", "DEU"))
		case 2:
			if g := w.group(some("FVEY", "ACGU")); g != nil && !slices.Contains(g["members"].([]any), any("JPN")) {
				g["members"] = append(g["members"].([]any), "JPN")
			}
		case 3:
			w.drop(some("ISAF", "RSMA", "KFOR"))
		case 4:
			w["nations"] = slices.DeleteFunc(w["nations"].([]any), func(n any) bool { return n.(map[string]any)["code"] == "IRQ" })
			for _, g := range w["groups"].([]any) {
				if members, ok := g.(map[string]any)["members"].([]any); ok {
					g.(map[string]any)["members"] = slices.DeleteFunc(members, func(m any) bool { return m == "IRQ" })
				}
			}
		case 5:
			if g := w.group("ISAF"); g != nil {
				g["members"] = []any{"GBR", "DEU"}
			}
		}
	}
	return w
}

// TestAPreviewIsTheDifferenceOfTheDecisions: for random catalogues and random
// changes of the vocabulary, the report lists exactly those whom decisions let
// in before and not after, or after and not before.
func TestAPreviewIsTheDifferenceOfTheDecisions(t *testing.T) {
	t.Parallel()
	changed := 0
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 5))
		s := openStore(t)
		p := started(t, s)
		service := p.As(admin)
		mustPut(t, service, domain("alpha"))
		for name, text := range map[string]string{"beta": "SECRET//REL TO USA, FVEY", "gamma": "CONFIDENTIAL//REL TO USA, NATO, JPN"} {
			marked := domain(name)
			marked.Marking = text
			mustPut(t, service, marked)
		}
		for i, excluded := range [][]string{{"NZL"}, {"ACGU"}, {"ISAF"}, {"IRQ", "DEU"}} {
			mustPut(t, service, &catalog.CaveatPolicy{Domain: "alpha", Name: fmt.Sprintf("policy%d", i), ReleasableTo: []string{"NATO", "FVEY", "JPN"}, Excluded: excluded})
		}
		mustPut(t, service, &catalog.CaveatPolicy{Domain: "beta", Name: "policy4", ReleasableTo: []string{"AUS", "CAN", "GBR", "NZL"}},
			&catalog.CaveatPolicy{Domain: "alpha", Name: "policy5", ReleasableTo: []string{"GBR"}, DisplayOnlyTo: []string{"FVEY", "IRQ"}})
		banners := []string{"", "UNCLASSIFIED", "SECRET", "SECRET//NOFORN", "SECRET//REL TO USA, FVEY", "TOP SECRET//SI//REL TO USA, ACGU", "SECRET//REL TO USA, NATO",
			"SECRET//REL TO USA, AUS, CAN, GBR", "SECRET//REL TO USA, ISAF", "SECRET//REL TO USA, IRQ", "SECRET//DISPLAY ONLY IRQ, FVEY", "CONFIDENTIAL//REL TO USA, GBR/DISPLAY ONLY NZL"}
		in := func(i int) string { return []string{"alpha", "beta", "gamma"}[i%3] }
		for i := range 24 {
			one := product(fmt.Sprintf("%s/p%d", in(i), i), banners[r.IntN(len(banners))])
			for range r.IntN(3) {
				j := r.IntN(i + 1)
				one.Inputs = append(one.Inputs, fmt.Sprintf("%s/p%d", in(j), j))
			}
			if len(one.Inputs) > 0 && r.IntN(2) == 0 {
				one.Marking = ""
			}
			if r.IntN(3) == 0 {
				n := r.IntN(6)
				one.CaveatPolicy = fmt.Sprintf("%s/policy%d", map[bool]string{true: "beta", false: "alpha"}[n == 4], n)
			}
			_, _ = service.Put(context.Background(), one, catalog.WriteOptions{}) // the rules refuse many
		}
		for step := range 2 {
			next := edited(t, r, fmt.Sprintf("v%d.%d", seed, step))
			v, err := marking.ReadVocabulary(bytes.NewReader(next.text(t)))
			if err != nil {
				t.Fatal(err)
			}
			codes := union(marking.Default().Affiliations(), v.Affiliations())
			before := decided(t, p, codes)
			preview, _, err := p.Vocabularies(admin).PutVocabulary(context.Background(), next.text(t), catalog.WriteOptions{DryRun: true})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(preview, enactNow(t, p, next.text(t))); diff != "" {
				t.Fatalf("seed %d: done (-preview +done):\n%s", seed, diff)
			}
			after := decided(t, p, codes)
			got, want := map[string]catalog.Shift{}, map[string]catalog.Shift{}
			for _, c := range preview.Products {
				got[c.Product+" read"], got[c.Product+" display"] = c.Read, c.Display
			}
			maps.DeleteFunc(got, func(_ string, s catalog.Shift) bool { return s.Empty() })
			for key := range before {
				want[key] = catalog.Shift{}
			}
			for key := range after {
				want[key] = catalog.Shift{}
			}
			for key := range want {
				want[key] = catalog.Shift{Lose: listed(without(before[key], after[key])), Gain: listed(without(after[key], before[key]))}
			}
			maps.DeleteFunc(want, func(_ string, s catalog.Shift) bool { return s.Empty() })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: (-decisions +preview):\n%s", seed, diff)
			}
			changed += len(got)
		}
	}
	if changed < 20 {
		t.Errorf("only %d changes: the test shows nothing", changed)
	}
}

// TestAnUpdateThatFailsLeavesTheOldVocabulary fails each call of the store in
// turn.
func TestAnUpdateThatFailsLeavesTheOldVocabulary(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := started(t, s)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/five", "SECRET//REL TO USA, FVEY"), product("alpha/japan", "SECRET//REL TO USA, AUS, CAN, GBR, NZL"), product("alpha/six", "", "alpha/five"))
	text, revision := embedded(t, "2").leave("FVEY", "NZL").text(t), inForceNow(t, p)
	before := everything(t, s)
	for n := 0; ; n++ {
		_, _, err := newPlatform(t, &faulty{s, n}).Vocabularies(admin).PutVocabulary(context.Background(), text, catalog.WriteOptions{IfMatch: revision})
		if err == nil {
			if n < 5 || inForceNow(t, p) == revision {
				t.Errorf("got success after %d calls, in force is %s", n, inForceNow(t, p))
			}
			return
		}
		if !errors.Is(err, catalog.ErrUnavailable) {
			t.Fatalf("call %d: got %v, want unavailable", n, err)
		}
		if diff := cmp.Diff(before, everything(t, s)); diff != "" || inForceNow(t, p) != revision {
			t.Fatalf("call %d left a trace (-before +after):\n%s", n, diff)
		}
		if n > 200 {
			t.Fatal("got no success after 200 calls, want the update to end")
		}
	}
}

// TestRefusedVocabularies are attacks on the update.
func TestRefusedVocabularies(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p, err := New(Config{Store: s, SystemHigh: "TOP SECRET//SI/TK//NOFORN", Log: slog.New(slog.DiscardHandler)})
	if err != nil || p.Start(t.Context()) != nil {
		t.Fatal(err)
	}
	low := reader("GBR", "GBR.MOD")
	revision := inForceNow(t, p)
	cyclic, undefined, huge, odd := embedded(t, "2"), embedded(t, "2"), embedded(t, "2"), embedded(t, "../2")
	cyclic.group("FVEY")["members"] = []any{"ACGU", "FVEY"}
	undefined.group("FVEY")["members"] = []any{"USA", "QQQ"}
	var many []any
	for i := range 2000 {
		many = append(many, map[string]any{"code": fmt.Sprintf("G%05d", i), "title": "X", "members": []any{"GBR"}, "decomposable": true})
	}
	huge["groups"] = many
	noSystem := embedded(t, "2")
	noSystem["systems"] = slices.DeleteFunc(noSystem["systems"].([]any), func(s any) bool { return s.(map[string]any)["code"] == "TK" })
	for name, c := range map[string]struct {
		text   []byte
		caller catalog.Caller
		match  string
		code   catalog.Code
		logged int
	}{
		"the same version with other bytes":        {embedded(t, "2026-01.1").leave("FVEY", "NZL").text(t), admin, revision, catalog.CodeConflict, 0},
		"a group of groups and itself":             {cyclic.text(t), admin, revision, catalog.CodeInvalid, 0},
		"a member that is no nation":               {undefined.text(t), admin, revision, catalog.CodeInvalid, 0},
		"more groups than there are":               {huge.text(t), admin, revision, catalog.CodeInvalid, 0},
		"a version that is a path":                 {odd.text(t), admin, revision, catalog.CodeInvalid, 0},
		"without what system-high is made of":      {noSystem.text(t), admin, revision, catalog.CodeInvalid, 0},
		"an endless text":                          {bytes.Repeat([]byte(" "), marking.MaxVocabularySize+1), admin, revision, catalog.CodeInvalid, 0},
		"a field twice":                            {[]byte(`{"format":"marking-vocabulary/1","Format":"x"}`), admin, revision, catalog.CodeInvalid, 0},
		"over one that nobody looked at":           {embedded(t, "2").text(t), admin, "", catalog.CodePreconditionFailed, 0},
		"over one that is no longer in force":      {embedded(t, "2").text(t), admin, "old", catalog.CodePreconditionFailed, 0},
		"by somebody who is no administrator":      {embedded(t, "2").text(t), low, revision, catalog.CodeForbidden, 1},
		"by nobody":                                {embedded(t, "2").text(t), catalog.Caller{}, revision, catalog.CodeUnauthenticated, 0},
		"by nobody, who is told nothing of it":     {[]byte(`x`), catalog.Caller{}, revision, catalog.CodeUnauthenticated, 0},
		"by a member of the stewardship board":     {embedded(t, "2").text(t), catalog.Caller{Subject: "b", Groups: []string{catalog.BoardGroup}}, "*", catalog.CodeForbidden, 1},
		"by an administrator who is nobody at all": {embedded(t, "2").text(t), catalog.Caller{Administrator: true}, revision, catalog.CodeUnauthenticated, 0},
	} {
		mark := int64(len(entries(t, s, 0)))
		_, _, err := p.Vocabularies(c.caller).PutVocabulary(t.Context(), c.text, catalog.WriteOptions{IfMatch: c.match})
		var refusal *catalog.Error
		if !errors.As(err, &refusal) || refusal.Code != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
		if got := entries(t, s, mark); len(got) != c.logged || inForceNow(t, p) != revision {
			t.Errorf("%s: got %v recorded, want %d", name, told(got), c.logged)
		}
	}
}

// TestALowCallerReadsThePreview, or has it made: it is refused before anything
// is read, be the text a vocabulary or not, so that neither the answer nor its
// time depends on what there is.
func TestALowCallerReadsThePreview(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := started(t, s)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/low", "SECRET//REL TO USA, FVEY"))
	text := embedded(t, "2").leave("FVEY", "NZL").text(t)
	if err := s.Close(); err != nil { // who is refused now was refused without a read
		t.Fatal(err)
	}
	for name, caller := range map[string]catalog.Caller{
		"a British analyst":                  reader("GBR", "GBR.MOD"),
		"the owner":                          {Subject: "alpha.owner"},
		"a member of the stewardship board":  {Subject: "b", Groups: []string{catalog.BoardGroup}},
		"an auditor":                         {Subject: "c", Groups: []string{catalog.AuditGroup}},
		"an administrator through a service": {Subject: "root", Administrator: true, Via: &catalog.Caller{Subject: "portal"}},
	} {
		for _, sent := range [][]byte{text, []byte("x")} {
			impact, _, err := p.Vocabularies(caller).PutVocabulary(t.Context(), sent, catalog.WriteOptions{DryRun: true})
			if !errors.Is(err, catalog.ErrForbidden) || len(impact.Products) != 0 {
				t.Errorf("%s: got %v, %v, want it forbidden", name, impact.Products, err)
			}
		}
	}
}
