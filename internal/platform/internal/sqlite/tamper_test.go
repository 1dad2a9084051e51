package sqlite

import (
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
)

// TestAFullDiskForgesNoEntry: the disk is full while the log is written. The
// entry is of an act that was refused then, and no later transaction may take
// it along: the log would say that it happened.
func TestAFullDiskForgesNoEntry(t *testing.T) {
	t.Parallel()
	s, onWriter := newStore(t, dialect)
	record := func(object string) error { return s.Append(t.Context(), auditEntry(object, 1)) }
	if err := record("before"); err != nil {
		t.Fatal(err)
	}
	onWriter(`PRAGMA max_page_count = 1`) // as few as there are now
	huge := strings.Repeat("x", 60_000)
	if err := record("lost" + huge); err == nil {
		t.Fatal("an entry was recorded on a full disk")
	}
	onWriter(`PRAGMA max_page_count = 100000`)
	if err := record("after"); err != nil {
		t.Fatal(err)
	}
	wantNone(t, s, "lost")
	wantHashed(t, s, 2)
}

func wantNone(t *testing.T, s *sqlstore.Store, what string) {
	t.Helper()
	records, err := s.Audit(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if strings.Contains(string(r.Entry), what) {
			t.Errorf("entry %d is of a transaction that was lost: %.200s", r.Sequence, r.Entry)
		}
	}
}
