package platform

import (
	"context"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// asks are questions that differ in nothing but what the asker writes.
func asks(n int) (asked []catalog.Evaluation) {
	for i := range n {
		e := read("brit", "alpha/five")
		e.Purpose = fmt.Sprint("purpose-", i)
		asked = append(asked, e)
	}
	return asked
}

// TestAttackAWalkForEveryWord: the way through a long lineage is gone once for
// all questions that have one answer, whatever words are in them. While it is
// gone, nobody else decides or writes.
func TestAttackAWalkForEveryWord(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/five", "SECRET//REL TO USA, FVEY"))
	brit := analyst("brit", "S", "GBR")
	brit.Purposes = []string{"purpose-7", "purpose-8"}
	err := s.View(ctx, func(r store.Reader) error {
		h, err := decisions{&session{Platform: p, caller: brit}}.inquiry(ctx, r)
		if err != nil {
			return err
		}
		for _, e := range asks(catalog.MaxEvaluations) {
			if d, _, err := h.answer(e); err != nil || !d.Permit {
				t.Errorf("for %s: got %+v, %v", e.Purpose, d, err)
			}
		}
		if len(h.cleared) != 3 { // one for each purpose that is given, and one for all others
			t.Errorf("%d ways are gone, want 3", len(h.cleared))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// leaving is a store whose caller goes away with the second entry of a change.
type leaving struct {
	store.Store
	leave    func()
	appended int
}

func (l *leaving) Update(ctx context.Context, f func(store.Writer) error) error {
	return l.Store.Update(ctx, func(w store.Writer) error { return f(&leavingWriter{w, l}) })
}

type leavingWriter struct {
	store.Writer
	of *leaving
}

func (w *leavingWriter) Append(ctx context.Context, e audit.Entry) error {
	if w.of.appended++; w.of.appended == 2 {
		w.of.leave()
	}
	return w.Writer.Append(context.WithoutCancel(ctx), e)
}

// TestAttackABatchThatOutlivesItsCaller: a batch stops where its time ends, and
// does not go on for an answer that nobody gets.
func TestAttackABatchThatOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	mustPut(t, started(t, s).As(admin), domain("alpha"), product("alpha/five", "SECRET//REL TO USA, FVEY"))
	mark := int64(len(entries(t, s, 0)))
	ctx, leave := context.WithCancel(t.Context())
	gone := &leaving{Store: s, leave: leave}
	answers, err := newPlatform(t, gone).Decisions(analyst("brit", "S", "GBR")).EvaluateMany(ctx, asks(64), catalog.ExecuteAll)
	if err != nil || len(answers) != 64 || answers[0].Permit {
		t.Errorf("got %d answers and %v, want 64 denials", len(answers), err)
	}
	if gone.appended != 2 || len(entries(t, s, mark)) != 0 {
		t.Errorf("after its caller left, the batch went on to question %d and left %d entries", gone.appended, len(entries(t, s, mark)))
	}
}
