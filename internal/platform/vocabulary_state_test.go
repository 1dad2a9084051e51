package platform

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// TestAMarkingThatIsGoneClosesAllThatIsMadeFromIt, even where the rest of the
// marking would be lower, and comes back with its words.
func TestAMarkingThatIsGoneClosesAllThatIsMadeFromIt(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/low", "UNCLASSIFIED"), product("alpha/isaf", "SECRET//REL TO USA, ISAF", "alpha/low"),
		product("alpha/made", "", "alpha/low", "alpha/isaf"))
	stored := func() (texts []string) {
		for _, id := range []string{"alpha/isaf", "alpha/made"} {
			got, _, err := catalog.Get[*catalog.Product](ctx, p.As(admin), id)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, got.Marking+"|"+got.InheritedMarking+"|"+got.EffectiveMarking)
		}
		return texts
	}
	before := stored()
	enactNow(t, p, embedded(t, "2").drop("ISAF").text(t))
	lost := "SECRET//REL TO USA, ISAF"
	if diff := cmp.Diff([]string{lost + "|UNCLASSIFIED|" + lost, "|" + lost + "|" + lost}, stored()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	for _, id := range []string{"alpha/isaf", "alpha/made"} {
		if d := evaluate(t, p, admin, read("root", id)); d.Permit || d.Reason != "unknown_marking" {
			t.Errorf("%s: got %+v, want it closed to the administrator too", id, d)
		}
	}
	// A change further down does not open what is closed.
	mustPut(t, p.As(admin), product("alpha/low", "CONFIDENTIAL//NOFORN"), product("alpha/low", "UNCLASSIFIED"))
	impact := enactNow(t, p, marking.EmbeddedVocabulary())
	if diff := cmp.Diff(before, stored()); diff != "" {
		t.Errorf("after the words came back (-want +got):\n%s", diff)
	}
	var opened []string
	for _, one := range impact.Products {
		if one.Opened {
			opened = append(opened, one.Product)
		}
	}
	if diff := cmp.Diff([]string{"alpha/isaf", "alpha/made"}, opened); diff != "" || !impact.Widens() {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
}

// TestADecisionNeverMixesTwoVocabularies decides while vocabularies change. In
// one, New Zealand is of FVEY, in the other it is not: each decision is what its
// entry's version says.
func TestADecisionNeverMixesTwoVocabularies(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/five", "SECRET//REL TO USA, FVEY"))
	mark := int64(len(entries(t, s, 0)))
	texts := [][]byte{embedded(t, "without").leave("FVEY", "NZL").text(t), marking.EmbeddedVocabulary()}
	var deciders sync.WaitGroup
	var decided atomic.Int64
	done := make(chan struct{})
	const many = 4
	for range many {
		deciders.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := p.Decisions(analyst("kiwi", "S", "NZL")).Evaluate(ctx, read("kiwi", "alpha/five")); err != nil {
					t.Error(err)
					return
				}
				decided.Add(1)
			}
		})
	}
	for i := range 20 {
		enactNow(t, p, texts[i%2])
		for enough := decided.Load() + many + 1; decided.Load() < enough && !t.Failed(); { // one of them at least has begun since
			time.Sleep(time.Millisecond)
		}
	}
	close(done)
	deciders.Wait()
	seen := map[string]int{}
	inForce := "2026-01.1"
	for after := mark; ; {
		page := entries(t, s, after)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			if e.Action == actionEnact {
				inForce = strings.TrimPrefix(e.Object, vocabularyObject)
			}
			if e.Event != "decision" {
				continue
			}
			seen[e.VocabularyVersion+" "+e.Decision]++
			if (e.VocabularyVersion == "2026-01.1") != (e.Decision == audit.Permit) || e.VocabularyVersion != inForce {
				t.Fatalf("under %s, with %s in force: got %s %v", e.VocabularyVersion, inForce, e.Decision, e.ReasonCodes)
			}
		}
		after += int64(len(page))
	}
	if len(seen) != 2 {
		t.Errorf("got %v, want decisions by both", seen)
	}
}

// TestAnotherVocabularyInForceStopsTheStart: what the operator's file says is
// what decides, or nothing does.
func TestAnotherVocabularyInForceStopsTheStart(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	read := func(w words) *marking.Vocabulary {
		v, err := marking.ReadVocabulary(bytes.NewReader(w.text(t)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	mine := read(embedded(t, "mine"))
	for _, c := range []struct {
		name string
		v    *marking.Vocabulary
		ok   bool
	}{
		{"the first start", mine, true}, {"the same file", mine, true}, {"no file", nil, true}, {"another file", read(embedded(t, "other")), false},
		{"the same version with other bytes", read(embedded(t, "mine").leave("FVEY", "NZL")), false}, {"the embedded one", marking.Default(), false},
	} {
		p, err := New(Config{Store: s, Vocabulary: c.v, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(t.Context()); (err == nil) != c.ok || !c.ok && !errors.Is(err, ErrOtherVocabulary) {
			t.Errorf("%s: got %v, want it started %v", c.name, err, c.ok)
		}
		text, err := p.Vocabularies(admin).Vocabulary(t.Context(), "")
		if err != nil || !bytes.Equal(text.Text, mine.Canonical()) {
			t.Errorf("%s: got %.60s in force, %v, want the first one", c.name, text.Text, err)
		}
	}
}

// TestAStoredVocabularyThatChangedDecidesNothing: past its digest, nobody is
// let in by it.
func TestAStoredVocabularyThatChangedDecidesNothing(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	v := kept(marking.Default())
	v.Text = embedded(t, "2026-01.1").leave("FVEY", "NZL").text(t)
	if err := s.Update(t.Context(), func(w store.Writer) error { return w.Enact(t.Context(), v, store.Enactment{Revision: "r"}) }); err != nil {
		t.Fatal(err)
	}
	p := newPlatform(t, s)
	if err := p.Start(t.Context()); err == nil {
		t.Error("it started")
	}
	if _, err := p.As(admin).Get(t.Context(), domain("alpha").Ref()); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
}
