package sqlstore

import (
	"context"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// Append implements [store.Writer]. The number is the next one of this
// transaction's state; as no other write runs beside it and a number that is
// rolled back is taken again, there are no gaps.
func (s *session) Append(ctx context.Context, entry audit.Entry) error {
	text, err := entry.Canonical()
	if err != nil {
		return s.fail(fmt.Errorf("append to the audit log: %w", err))
	}
	_, err = s.exec(ctx, insertAudit, text)
	if err != nil {
		return fmt.Errorf("append to the audit log: %w", err)
	}
	return nil
}

// Audit implements [store.Store].
func (s *Store) Audit(ctx context.Context, after int64, limit int) ([]store.AuditRecord, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("read the audit log: the limit is %d, it must be above zero", limit)
	}
	var found []store.AuditRecord
	err := s.view(ctx, func(r *session) (err error) {
		found, err = collect(ctx, r, scanAudit,
			`SELECT seq, entry FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return found, nil
}

func scanAudit(row scanner) (store.AuditRecord, error) {
	var r store.AuditRecord
	err := row.Scan(&r.Sequence, &r.Entry)
	return r, err
}
