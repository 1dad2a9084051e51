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
	var hashes []audit.Hash
	rows, err := collect(ctx, s, scanLeaves, selectLeaves, after, last+audit.TileWidth, last)
	for _, row := range rows {
		skip := max(after-row.first+1, 0)
		keep := min(int64(len(row.leaves)), last-row.first+1)
		hashes = append(hashes, row.leaves[skip:keep]...)
	}
	return hashes, err
}

// leafRow is a row of the log without its entries.
type leafRow struct {
	first  int64
	leaves []audit.Hash
}

func scanLeaves(row scanner) (leafRow, error) {
	var first, last int64
	var raw []byte
	if err := row.Scan(&first, &last, &raw); err != nil {
		return leafRow{}, err
	}
	width, err := rowWidth(first, last)
	if err != nil {
		return leafRow{}, err
	}
	leaves, err := audit.ParseHashes(raw)
	if err != nil || len(leaves) != width {
		return leafRow{}, fmt.Errorf("%w: the hashes of the entries %d to %d are %d bytes", audit.ErrTampered, first, last, len(raw))
	}
	return leafRow{first, leaves}, nil
}

func scanHash(row scanner) (audit.Hash, error) {
	var raw []byte
	if err := row.Scan(&raw); err != nil {
		return audit.Hash{}, err
	}
	hashes, err := audit.ParseHashes(raw)
	if err != nil || len(hashes) != 1 {
		return audit.Hash{}, fmt.Errorf("%d bytes are no hash", len(raw))
	}
	return hashes[0], nil
}

// Audit implements [store.Log].
func (s *Store) Audit(ctx context.Context, after int64, limit int) ([]store.AuditRecord, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("read the audit log: the limit is %d, it must be above zero", limit)
	}
	after = min(max(after, 0), audit.MaxSize)
	last := after + min(int64(limit), audit.MaxSize)
	var rows [][]store.AuditRecord
	err := s.view(ctx, func(r *session) (err error) {
		rows, err = collect(ctx, r, scanAudit, selectAudit, after, last+audit.TileWidth, last)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	var found []store.AuditRecord
	for _, record := range slices.Concat(rows...) {
		if record.Sequence > after && record.Sequence <= last {
			found = append(found, record)
		}
	}
	return found, nil
}

// scanAudit reads the entries of one row.
func scanAudit(row scanner) ([]store.AuditRecord, error) {
	var first, last int64
	var raw []byte
	if err := row.Scan(&first, &last, &raw); err != nil {
		return nil, err
	}
	width, err := rowWidth(first, last)
	if err != nil {
		return nil, err
	}
	entries, err := audit.ParseBundle(raw, width)
	if err != nil {
		return nil, fmt.Errorf("%w: entries %d to %d: %w", audit.ErrTampered, first, last, err)
	}
	records := make([]store.AuditRecord, 0, width)
	for i, entry := range entries {
		records = append(records, store.AuditRecord{Sequence: first + int64(i), Entry: entry})
	}
	return records, nil
}

// rowWidth is how many entries a row holds that says to hold these.
func rowWidth(first, last int64) (int, error) {
	if n := last - first + 1; first > 0 && n > 0 && n <= audit.TileWidth {
		return int(n), nil
	}
	return 0, fmt.Errorf("%w: a row says that it holds the entries %d to %d", audit.ErrTampered, first, last)
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

func scanTile(row scanner) ([]audit.Hash, error) {
	var raw []byte
	if err := row.Scan(&raw); err != nil {
		return nil, err
	}
	return audit.ParseHashes(raw)
}
