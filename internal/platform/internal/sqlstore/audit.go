package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func (s *session) head(ctx context.Context) (audit.Edge, error) {
	heads, err := collect(ctx, s, scanHead, selectHead)
	if err != nil {
		return audit.Edge{}, err
	}
	if len(heads) != 1 {
		return audit.Edge{}, fmt.Errorf("%w: it has no head", audit.ErrTampered)
	}
	return heads[0], nil
}

func scanHead(row scanner) (audit.Edge, error) {
	var size any
	var raw []byte
	if err := row.Scan(&size, &raw); err != nil {
		return audit.Edge{}, err
	}
	n, ok := size.(int64)
	if !ok {
		return audit.Edge{}, fmt.Errorf("%w: the size in its head is no number", audit.ErrTampered)
	}
	edge, err := audit.ParseEdge(n, raw)
	if err != nil {
		err = fmt.Errorf("%w: %w", audit.ErrTampered, err)
	}
	return edge, err
}

// partial reads the hashes of a tile from what lies below it: leaves, or the
// roots of full tiles. ErrNotFound.
func (s *session) partial(ctx context.Context, t audit.Tile) ([]audit.Hash, error) {
	from, to := t.Index*audit.TileWidth, t.Index*audit.TileWidth+int64(t.Width)
	var hashes []audit.Hash
	var err error
	if t.Level == 0 {
		hashes, err = s.leavesOf(ctx, from, to)
	} else {
		hashes, err = collect(ctx, s, scanHash, selectTileTop, t.Level-1, from, to)
	}
	if err != nil {
		return nil, err
	}
	if len(hashes) != t.Width {
		return nil, fmt.Errorf("%s: %w", t.Path(), store.ErrNotFound)
	}
	return hashes, nil
}

// leavesOf reads the hashes of the entries after one number, up to another.
func (s *session) leavesOf(ctx context.Context, after, last int64) ([]audit.Hash, error) {
	span := span{after: after, last: last}
	rows, err := collect(ctx, s, span.leaves, selectLeaves, after, last+audit.TileWidth, last)
	return slices.Concat(rows...), err
}

func scanHash(row scanner) (audit.Hash, error) {
	hashes, err := scanHashes(row, 1)
	if err != nil {
		return audit.Hash{}, err
	}
	return hashes[0], nil
}

func scanTile(row scanner) ([]audit.Hash, error) { return scanHashes(row, audit.TileWidth) }

func scanHashes(row scanner, n int) ([]audit.Hash, error) {
	var raw []byte
	if err := row.Scan(&raw); err != nil {
		return nil, err
	}
	hashes, err := audit.ParseHashes(raw)
	if err != nil || len(hashes) != n {
		return nil, fmt.Errorf("%w: a tile has %d bytes where %d hashes must be", audit.ErrTampered, len(raw), n)
	}
	return hashes, nil
}

// Audit implements [store.Log].
func (s *Store) Audit(ctx context.Context, after int64, limit int) ([]store.AuditRecord, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("read the audit log: the limit is %d, it must be above zero", limit)
	}
	after = min(max(after, 0), audit.MaxSize)
	var found []store.AuditRecord
	err := s.view(ctx, func(r *session) (err error) {
		found, err = r.entries(ctx, after, after+min(int64(limit), audit.MaxSize))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return found, nil
}

// entries reads the entries after one number, up to another. They are as many
// as the head says, so that nobody takes the rows that are left for all of them.
func (s *session) entries(ctx context.Context, after, last int64) ([]store.AuditRecord, error) {
	head, err := s.head(ctx)
	if err != nil {
		return nil, err
	}
	span := span{after: after, last: last}
	rows, err := collect(ctx, s, span.entries, selectAudit, longestRow, after, last+audit.TileWidth, last)
	if err != nil {
		return nil, err
	}
	found := slices.Concat(rows...)
	if want := max(min(last, head.Size())-after, 0); int64(len(found)) != want {
		return nil, fmt.Errorf("%w: %d of the %d entries after number %d are there", audit.ErrTampered, len(found), want, after)
	}
	return found, nil
}

// Head implements [store.Log].
func (s *Store) Head(ctx context.Context) (edge audit.Edge, err error) {
	err = s.view(ctx, func(r *session) error {
		edge, err = r.head(ctx)
		return err
	})
	if err != nil {
		return audit.Edge{}, fmt.Errorf("read the head of the audit log: %w", err)
	}
	return edge, nil
}

// Tile implements [store.Log]. A full tile is one row; the others are put
// together from at most 255.
func (s *Store) Tile(ctx context.Context, t audit.Tile) (hashes []audit.Hash, err error) {
	if t.Level < 0 || t.Index < 0 || t.Index > audit.MaxSize/audit.TileWidth || t.Width < 1 || t.Width > audit.TileWidth {
		return nil, fmt.Errorf("read the audit log: %+v names no tile of hashes", t)
	}
	err = s.view(ctx, func(r *session) error {
		if t.Width < audit.TileWidth {
			hashes, err = r.partial(ctx, t)
			return err
		}
		hashes, err = r.tile(ctx, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return hashes, nil
}

func (s *session) tile(ctx context.Context, t audit.Tile) ([]audit.Hash, error) {
	found, err := collect(ctx, s, scanTile, selectTile, t.Level, t.Index)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: %w", t.Path(), store.ErrNotFound)
	}
	return found[0], nil
}
