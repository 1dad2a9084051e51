package platform

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// join takes a nation into a group.
func (w words) join(group, nation string) words {
	g := w.group(group)
	g["members"] = append(g["members"].([]any), nation)
	return w
}

// system adds a control system.
func (w words) system(code string) words {
	w["systems"] = append(w["systems"].([]any), map[string]any{"code": code, "title": code, "levels": []any{"TS"}})
	return w
}

// TestAttackANewPartnerBehindAPolicy: a policy says who may have the data at
// most. Whom a new vocabulary takes into a group of the marking, or of those
// who are let in by their organisation, gets nothing that it does not allow.
func TestAttackANewPartnerBehindAPolicy(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	put := func(name, text string, policy *catalog.CaveatPolicy, inputs ...string) {
		one := product("alpha/"+name, text, inputs...)
		if policy != nil {
			policy.Domain, policy.Name = "alpha", name
			mustPut(t, p.As(admin), policy)
			one.CaveatPolicy = policy.Ref().ID
		}
		mustPut(t, p.As(admin), one)
	}
	mustPut(t, p.As(admin), domain("alpha"))
	put("open", "SECRET//REL TO USA, FVEY", nil)
	put("named", "SECRET//REL TO USA, FVEY", &catalog.CaveatPolicy{ReleasableTo: []string{"AUS", "CAN", "GBR", "NZL"}})
	put("derived", "", nil, "alpha/named")
	put("shown", "SECRET//DISPLAY ONLY FVEY", &catalog.CaveatPolicy{ReleasableTo: []string{"USA"}, DisplayOnlyTo: []string{"AUS", "CAN", "GBR", "NZL"}})
	put("excluding", "SECRET//REL TO USA, FVEY", &catalog.CaveatPolicy{ReleasableTo: []string{"FVEY"}, Excluded: []string{"JPN"}})
	enactNow(t, p, embedded(t, "2026-11.1").join("FVEY", "JPN").text(t))
	for _, c := range []struct {
		country, product, action, want string
	}{
		{"JPN", "open", "read", ""}, // the new partner is one
		{"JPN", "named", "read", marking.DenyNotReleasable},
		{"GBR", "named", "read", ""},
		{"FVEY", "named", "read", marking.DenyNotReleasable}, // may be of Japan
		{"JPN", "derived", "read", marking.DenyNotReleasable},
		{"JPN", "shown", "display", marking.DenyNotReleasable},
		{"GBR", "shown", "display", ""},
		{"JPN", "excluding", "read", "excluded"},
		{"FVEY", "excluding", "read", "excluded"}, // may be of Japan
		{"NZL", "excluding", "read", ""},
		{"USA", "excluding", "read", ""},
	} {
		d := decisionOn(ctx, t, p, c.country, "alpha/"+c.product, c.action)
		if d.Code != c.want {
			t.Errorf("%s of alpha/%s by %s: got %q, want %q", c.action, c.product, c.country, d.Code, c.want)
		}
	}
}

// TestAttackObligationsAlongTheWay: who may only look at a part, or through a
// service that may only look, is bound by that, wherever in the lineage or among
// the parties it comes from.
func TestAttackObligationsAlongTheWay(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	looking := product("alpha/looking", "SECRET//REL TO USA, FVEY")
	looking.CaveatPolicy = "alpha/looking"
	mustPut(t, p.As(admin), domain("alpha"),
		&catalog.CaveatPolicy{Domain: "alpha", Name: "looking", ReleasableTo: []string{"AUS", "CAN", "GBR", "NZL"}, DisplayOnlyTo: []string{"JPN"}},
		looking, product("alpha/derived", "", "alpha/looking"), product("alpha/twice", "", "alpha/derived"), product("alpha/shown", "SECRET//DISPLAY ONLY GBR"))
	enactNow(t, p, embedded(t, "2026-11.1").join("FVEY", "JPN").text(t))
	for _, id := range []string{"alpha/looking", "alpha/derived", "alpha/twice"} {
		if d := decisionOn(ctx, t, p, "JPN", id, "display"); !d.Permit || !slices.Equal(d.Obligations, []string{"no_copy", "no_export"}) {
			t.Errorf("%s shown to Japan: got %+v", id, d)
		}
		if d := decisionOn(ctx, t, p, "GBR", id, "display"); !d.Permit || len(d.Obligations) > 0 {
			t.Errorf("%s shown to Britain: got %+v", id, d)
		}
	}
	american, portal := analyst("ann", "S", "USA"), analyst("portal", "S", "GBR")
	american.Via = &portal
	shown := read("ann", "alpha/shown")
	shown.Action.Name = "display"
	if d, err := p.Decisions(american).Evaluate(ctx, shown); err != nil || !d.Permit || !slices.Equal(d.Obligations, []string{"no_copy", "no_export"}) {
		t.Errorf("through a service that may only look: got %+v, %v", d, err)
	}
}

// decisionOn is the decision on a member of a government.
func decisionOn(ctx context.Context, t *testing.T, p *Platform, country, id, action string) (d marking.Decision) {
	t.Helper()
	subject := catalog.Caller{Subject: country, Attributes: marking.Subject{Clearance: "TS", CountryOfAffiliation: []string{country},
		FineAccessControls: []string{"NATO"}, DutyOrganization: country + ".GOV", EmploymentType: "gov"}}
	err := p.store.View(ctx, func(r store.Reader) error {
		h, err := decisions{&session{Platform: p, caller: admin}}.inquiry(ctx, r)
		if err != nil {
			return err
		}
		one, err := find[*catalog.Product](h.before, catalog.KindProduct, id)
		if err == nil {
			d, err = h.decide([]catalog.Caller{subject}, one, action, "")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestAnOldDecisionIsExplainedAfterTheSystemWasRaised: the marking that the
// system is accredited for today need not mean anything by the vocabulary of an
// old decision, which is explained all the same; three updates later.
func TestAnOldDecisionIsExplainedAfterTheSystemWasRaised(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/five", "SECRET//REL TO USA, FVEY"))
	for _, version := range []string{"2", "3", "4"} {
		enactNow(t, p, embedded(t, version).system("ZQ").text(t))
	}
	raised, err := New(Config{Store: s, SystemHigh: "TOP SECRET//SI/TK/ZQ//NOFORN", Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = raised.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"2026-01.1", "2", "3", "4"} {
		d, err := raised.Vocabularies(admin).DerivationUnder(ctx, "alpha/five", version)
		if err != nil || d.VocabularyVersion != version || len(d.Tokens) == 0 {
			t.Errorf("by %s: got %+v, %v", version, d, err)
		}
	}
	if _, _, err := raised.Vocabularies(admin).PutVocabulary(ctx, marking.EmbeddedVocabulary(), catalog.WriteOptions{IfMatch: inForceNow(t, raised)}); err == nil {
		t.Error("a vocabulary under which nothing is too high came into force")
	}
}

// TestAttackOpenBesideAnUpdate: whoever opens data again and again while a
// vocabulary comes into force that shuts it out is left with none of it, and
// neither is whom a policy shuts out by then; who stays in is not cut off.
func TestAttackOpenBesideAnUpdate(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	dataMesh(t, s)
	p := started(t, s)
	stays := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/out"))
	texts := [][]byte{embedded(t, "without").leave("FVEY", "NZL").text(t), embedded(t, "with").text(t)}
	var readers sync.WaitGroup
	var opened sync.Map
	opened.Store("first", mustOpen(t, p, analyst("kiri", "S", "NZL"), feed("alpha/out")))
	done := make(chan struct{})
	for i := range 4 {
		readers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if g, err := p.Data(analyst("kiri", "S", "NZL")).Open(ctx, feed("alpha/out")); err == nil {
					opened.Store([2]int{i, n}, g)
				}
			}
		})
	}
	for i := range 21 { // the last is without
		enactNow(t, p, texts[i%2])
	}
	close(done)
	readers.Wait()
	count, left := 0, 0
	opened.Range(func(_, g any) bool {
		if count++; !ended(g.(catalog.Grant)) {
			left++
		}
		return true
	})
	if left > 0 || ended(stays) {
		t.Errorf("%d of %d grants outlive what they rest on; the other is ended: %v", left, count, ended(stays))
	}
	if running := p.streams.count; running != 1 {
		t.Errorf("%d grants run, want 1", running)
	}
}

// TestAPreviewCountsTheMarkingsOfDomains: who is shut out of a domain loses what
// lies in it, what names something in it, and what is made from either.
func TestAPreviewCountsTheMarkingsOfDomains(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	five := domain("beta")
	five.Marking = "SECRET//REL TO USA, FVEY"
	naming := product("alpha/naming", "SECRET//REL TO USA, NZL")
	naming.CaveatPolicy = "beta/two"
	mustPut(t, p.As(admin), domain("alpha"), five, &catalog.CaveatPolicy{Domain: "beta", Name: "two", ReleasableTo: []string{"NZL"}}, naming,
		product("alpha/other", "SECRET//REL TO USA, NZL"), product("beta/inside", "SECRET//REL TO USA, NZL"), product("alpha/derived", "", "beta/inside"))
	text := embedded(t, "2026-11.1").leave("FVEY", "NZL").text(t)
	preview, _, err := p.Vocabularies(admin).PutVocabulary(ctx, text, catalog.WriteOptions{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	lose := map[string]bool{}
	for _, c := range preview.Products {
		lose[c.Product] = slices.Contains(c.Read.Lose, "NZL") && slices.Contains(c.Display.Lose, "NZL") && !c.Closed
	}
	enactNow(t, p, text)
	for _, id := range []string{"alpha/naming", "alpha/other", "beta/inside", "alpha/derived"} {
		if d := decisionOn(ctx, t, p, "NZL", id, "read"); d.Permit == lose[id] {
			t.Errorf("%s: the preview says that New Zealand loses it: %v, and then: %+v", id, lose[id], d)
		}
	}
	if len(lose) != 3 {
		t.Errorf("the preview has %v", lose)
	}
}
