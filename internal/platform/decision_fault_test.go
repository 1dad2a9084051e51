package platform

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// fullDisk is a store that takes no audit entry: not when it is appended, or
// not when it is committed.
type fullDisk struct {
	store.Store
	atCommit bool
}

func (f fullDisk) Update(ctx context.Context, do func(store.Writer) error) error {
	if !f.atCommit {
		return f.Store.Update(ctx, func(w store.Writer) error { return do(fullLog{w}) })
	}
	return f.Store.Update(ctx, func(w store.Writer) error { return errors.Join(do(w), errDisk) })
}

func (f fullDisk) Append(ctx context.Context, e audit.Entry) error { return appendBy(ctx, f.Update, e) }

type fullLog struct{ store.Writer }

func (fullLog) Append(context.Context, audit.Entry) error { return errDisk }

// TestAttackAuditDiskFull: who fills the disk of the log is let in nowhere.
func TestAttackAuditDiskFull(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	mesh(t, s)
	for _, atCommit := range []bool{false, true} {
		p, err := New(Config{Store: fullDisk{s, atCommit}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		before := len(entries(t, s, 0))
		if d := evaluate(t, p, admin, read("root", "alpha/open")); d.Permit || d.Reason != "" {
			t.Errorf("at commit %v: got %+v, want a plain denial", atCommit, d)
		}
		if found, err := p.Decisions(admin).SearchResources(context.Background(), catalog.Search{Evaluation: read("root", "")}); err == nil || found.Items != nil {
			t.Errorf("at commit %v: a search found %+v", atCommit, found)
		}
		if n := len(entries(t, s, 0)) - before; n != 0 {
			t.Errorf("at commit %v: %d entries, want none", atCommit, n)
		}
	}
}
