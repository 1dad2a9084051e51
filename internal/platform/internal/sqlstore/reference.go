package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// batch bounds the rows of one statement. SQLite takes 32,766 arguments and
// PostgreSQL 65,535; a page of a list has 500 rows.
const batch = 500

func scanRef(row scanner) (catalog.Ref, error) {
	var r catalog.Ref
	err := row.Scan(&r.Kind, &r.ID)
	return r, err
}

// byKind orders references by kind, in the order of catalog.Kinds, and id.
func byKind(a, b catalog.Ref) int {
	kinds := catalog.Kinds()
	return cmp.Or(
		cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
		cmp.Compare(a.ID, b.ID))
}

// Dependants implements [store.Reader].
func (s *session) Dependants(ctx context.Context, ref catalog.Ref) ([]catalog.Ref, error) {
	found, err := collect(ctx, s, scanRef, selectDependants, string(ref.Kind), ref.ID)
	if err != nil {
		return nil, fmt.Errorf("dependants of %s: %w", ref, err)
	}
	slices.SortFunc(found, byKind)
	return found, nil
}

// missingOf asks which of n objects are not there. It is no IN over pairs,
// for which SQLite reads the whole table.
func missingOf(n int) string {
	return `SELECT column1, column2 FROM (VALUES ` + tuples(n, 2) + `) AS wanted
		WHERE NOT EXISTS (SELECT 1 FROM objects WHERE kind = column1 AND id = column2)`
}

// change is the difference between the references that are kept and those of
// a new record. Most replacements have none.
type change struct{ removed, added []catalog.Ref }

// referenceChange compares and, before anything is written, refuses a new
// reference that names nothing. One to the record itself is always good.
func (s *session) referenceChange(ctx context.Context, r store.Record) (change, error) {
	kept, err := collect(ctx, s, scanRef, selectReferences, string(r.Ref.Kind), r.Ref.ID)
	if err != nil {
		return change{}, err
	}
	c := change{removed: without(kept, r.References), added: without(r.References, kept)}
	return c, s.checkExist(ctx, without(c.added, []catalog.Ref{r.Ref}))
}

// without returns the distinct elements of a that are not in b.
func without(a, b []catalog.Ref) []catalog.Ref {
	seen := make(map[catalog.Ref]bool, len(a)+len(b))
	for _, ref := range b {
		seen[ref] = true
	}
	var rest []catalog.Ref
	for _, ref := range a {
		if !seen[ref] {
			seen[ref] = true
			rest = append(rest, ref)
		}
	}
	return rest
}

func (s *session) checkExist(ctx context.Context, refs []catalog.Ref) error {
	for part := range slices.Chunk(refs, batch) {
		var args []any
		for _, ref := range part {
			args = append(args, string(ref.Kind), ref.ID)
		}
		missing, err := collect(ctx, s, scanRef, missingOf(len(part)), args...)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("%w: %s", store.ErrDangling, missing[0])
		}
	}
	return nil
}

func (s *session) applyReferences(ctx context.Context, from catalog.Ref, c change) error {
	for _, to := range c.removed {
		_, err := s.exec(ctx, `DELETE FROM refs WHERE from_kind = ? AND from_id = ? AND to_kind = ? AND to_id = ?`,
			string(from.Kind), from.ID, string(to.Kind), to.ID)
		if err != nil {
			return err
		}
	}
	for part := range slices.Chunk(c.added, batch) {
		var args []any
		for _, to := range part {
			args = append(args, string(from.Kind), from.ID, string(to.Kind), to.ID)
		}
		_, err := s.exec(ctx, `INSERT INTO refs (from_kind, from_id, to_kind, to_id) VALUES `+tuples(len(part), 4), args...)
		if err != nil {
			return err
		}
	}
	return nil
}
