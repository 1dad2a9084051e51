package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// Append implements [store.Writer]. The number is the next one of this
// transaction's state; as no other write runs beside it and a number that is
// rolled back is taken again, there are no gaps.
func (s *session) Append(ctx context.Context, entry audit.Entry) error {
	text, err := entry.Canonical()
	if err == nil {
		err = s.append(ctx, text)
	}
	if err != nil {
		return s.fail(fmt.Errorf("append to the audit log: %w", err))
	}
	return nil
}

func (s *session) append(ctx context.Context, text []byte) error {
	if s.edge == nil {
		edge, err := s.head(ctx)
		if err != nil {
			return err
		}
		s.edge = &edge
	}
	leaf := audit.LeafHash(text)
	s.edge.Append(leaf)
	if _, err := s.exec(ctx, insertAudit, s.edge.Size(), text, leaf[:]); err != nil {
		return err
	}
	return s.seal(ctx)
}

// seal writes each tile that the last entry has filled.
func (s *session) seal(ctx context.Context) error {
	n := s.edge.Size()
	for level := 0; n%audit.TileWidth == 0; level++ {
		n /= audit.TileWidth
		hashes, err := s.partial(ctx, audit.Tile{Level: level, Index: n - 1, Width: audit.TileWidth})
		if err != nil {
			return err
		}
		root := audit.TileRoot(hashes)
		if _, err := s.exec(ctx, insertTile, level, n-1, root[:], audit.HashBytes(hashes)); err != nil {
			return err
		}
	}
	return nil
}

// writeHead ends a transaction that has appended.
func (s *session) writeHead(ctx context.Context) error {
	if s.edge == nil {
		return nil
	}
	n, err := s.exec(ctx, updateHead, s.edge.Size(), s.edge.Bytes())
	if err == nil && n != 1 {
		err = errors.New("it has no row")
	}
	if err != nil {
		return s.fail(fmt.Errorf("write the head of the audit log: %w", err))
	}
	return nil
}

func (s *session) head(ctx context.Context) (audit.Edge, error) {
	heads, err := collect(ctx, s, scanHead, selectHead)
	if err != nil {
		return audit.Edge{}, err
	}
	if len(heads) != 1 {
		return audit.Edge{}, errors.New("the audit log has no head")
	}
	return heads[0], nil
}

func scanHead(row scanner) (audit.Edge, error) {
	var size int64
	var raw []byte
	if err := row.Scan(&size, &raw); err != nil {
		return audit.Edge{}, err
	}
	return audit.ParseEdge(size, raw)
}

// partial reads the hashes of a tile from what lies below it: leaves, or the
// roots of full tiles. ErrNotFound.
func (s *session) partial(ctx context.Context, t audit.Tile) ([]audit.Hash, error) {
	from, to := t.Index*audit.TileWidth, t.Index*audit.TileWidth+int64(t.Width)
	var hashes []audit.Hash
	var err error
	if t.Level == 0 {
		hashes, err = collect(ctx, s, scanHash, selectLeaves, from, to)
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
	var found []store.AuditRecord
	err := s.view(ctx, func(r *session) (err error) {
		found, err = collect(ctx, r, scanAudit, selectAudit, after, limit)
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
