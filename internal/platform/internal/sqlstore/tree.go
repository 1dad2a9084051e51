package sqlstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// tree is the right end of the log's tree, as much as it needs to grow.
type tree struct {
	edge audit.Edge
	open []byte // the leaves after the last full tile
	head head
}

// head is the row that says what the tree is.
type head struct {
	size int64
	edge []byte
}

func (t *tree) clone() *tree { return &tree{t.edge.Clone(), slices.Clone(t.open), t.head} }

// grow adds leaves, at most those of a tile. It gives the root of the tile that
// they fill, if any.
func (t *tree) grow(leaves []byte) (tile audit.Hash, full bool) {
	for leaf := range slices.Chunk(leaves, tlog.HashSize) {
		if root, fills := t.edge.Append(audit.Hash(leaf)); fills {
			tile, full = root, true
		}
	}
	t.open = append(t.open, leaves...)
	return tile, full
}

// cut takes the leaves of a full tile away from the open ones.
func (t *tree) cut() []byte {
	const width = audit.TileWidth * tlog.HashSize
	tile := slices.Clone(t.open[:width])
	t.open = append(t.open[:0], t.open[width:]...)
	return tile
}

// tree is the right end of the tree with what this transaction has written.
func (s *session) tree(ctx context.Context) (*tree, error) {
	if s.tail.tree != nil {
		return s.tail.tree, nil
	}
	t, err := s.readTree(ctx)
	s.tail.tree = t
	return t, err
}

// errMoved is the error of a head that another has written.
var errMoved = fmt.Errorf("%w: its head is not what this server wrote last", audit.ErrTampered)

func (s *session) readTree(ctx context.Context) (*tree, error) {
	edge, err := s.head(ctx)
	if err != nil {
		return nil, err
	}
	found := head{edge.Size(), edge.Bytes()}
	if known := s.tail.known; known != nil && (known.size != found.size || !bytes.Equal(known.edge, found.edge)) {
		return nil, errMoved
	}
	width := edge.Size() % audit.TileWidth
	leaves, err := s.leavesOf(ctx, edge.Size()-width, edge.Size())
	if err != nil {
		return nil, err
	}
	if int64(len(leaves)) != width {
		return nil, fmt.Errorf("%w: %d of the last %d entries are there", audit.ErrTampered, len(leaves), width)
	}
	return &tree{edge, audit.HashBytes(leaves), found}, nil
}
