package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// TestADivisionThatFailsLeavesNoChangeOutsideATransaction: the transaction of its
// own that a change gets after a full disk cannot be begun. Those before it are
// kept, and those behind it in the line are not made one statement at a time.
func TestADivisionThatFailsLeavesNoChangeOutsideATransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken, fail := errors.New("broken"), false
		breaking := dialect
		breaking.BeginWrite = func(ctx context.Context, conn *sql.Conn) error {
			if fail {
				return broken
			}
			return dialect.BeginWrite(ctx, conn)
		}
		s, onWriter := newStore(t, breaking)
		put := func(id string, size int) func(store.Writer) error {
			r := store.Record{Ref: catalog.Ref{Kind: catalog.KindDomain, ID: id}, Body: bytes.Repeat([]byte("x"), size)}
			return func(w store.Writer) error { return w.Put(t.Context(), r) }
		}
		onWriter(`PRAGMA max_page_count = 120`)
		if err := s.Update(t.Context(), put("huge", 1<<20)); err == nil {
			t.Fatal("the disk is not full: the test proves nothing")
		}
		divided, behind := make(chan error, 1), make(chan error, 1)
		before := s.Update(t.Context(), func(w store.Writer) error {
			go func() { divided <- s.Update(t.Context(), put("divided", 1)) }()
			synctest.Wait()
			go func() {
				behind <- s.Update(t.Context(), func(w store.Writer) error {
					return errors.Join(put("behind", 1)(w), errors.New("refused"))
				})
			}()
			synctest.Wait()
			fail = true
			return w.Append(t.Context(), auditEntry("before", 1))
		})
		if err := <-divided; before != nil || !errors.Is(err, broken) {
			t.Errorf("got %v and %v, want that the first is kept and the second is not", before, err)
		}
		if err := <-behind; err == nil {
			t.Error("a change that was refused is answered as kept")
		}
		fail = false
		for _, id := range []string{"huge", "divided", "behind"} {
			wantKept(t, s, id, false)
		}
		wantHashed(t, s, 1)
	})
}
