package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a node of the tree, or its root: SHA-256.
type Hash = tlog.Hash

// MaxSize is the most entries of a log: far above what any disk holds, and far
// below where numbers of entries and tiles overflow.
const MaxSize = 1 << 56

// LeafHash is the hash of an entry's canonical bytes in the tree (RFC 6962
// section 2.1). It differs from the hash of any inner node.
func LeafHash(entry []byte) Hash { return tlog.RecordHash(entry) }

// Edge is the right edge of a tree: as many hashes as a tree needs to grow and
// to have a root, at most 56. The zero Edge is that of the empty tree.
type Edge struct {
	size  int64
	roots []Hash // of the perfect subtrees from left to right, one for each bit of size
}

// ParseEdge reads what [Edge.Bytes] wrote of a tree with this many entries.
func ParseEdge(size int64, raw []byte) (Edge, error) {
	if size < 0 || size > MaxSize {
		return Edge{}, fmt.Errorf("tree edge: a size of %d is out of range", size)
	}
	roots, err := ParseHashes(raw)
	if err != nil || len(roots) != bits.OnesCount64(uint64(size)) {
		return Edge{}, fmt.Errorf("tree edge: %d bytes are not the edge of a tree of %d entries", len(raw), size)
	}
	return Edge{size, roots}, nil
}

// Size is the number of entries in the tree.
func (e *Edge) Size() int64 { return e.size }

// Bytes are the hashes of the edge, 32 bytes each.
func (e *Edge) Bytes() []byte { return HashBytes(e.roots) }

// Clone shares no memory with the edge.
func (e *Edge) Clone() Edge { return Edge{e.size, slices.Clone(e.roots)} }

// Append adds the hash of the next entry. When that fills a tile of leaves, it
// gives the tile's root, which [TileRoot] would compute again.
func (e *Edge) Append(leaf Hash) (tile Hash, full bool) {
	node := leaf
	for n, width := e.size, 1; n&1 == 1; n, width = n>>1, 2*width {
		last := len(e.roots) - 1
		node = tlog.NodeHash(e.roots[last], node)
		e.roots = e.roots[:last]
		if 2*width == TileWidth {
			tile, full = node, true
		}
	}
	e.roots = append(e.roots, node)
	e.size++
	return tile, full
}

// Root is the root of the tree; that of the empty tree is the hash of nothing.
func (e *Edge) Root() Hash {
	if len(e.roots) == 0 {
		return sha256.Sum256(nil)
	}
	root := e.roots[len(e.roots)-1]
	for i := len(e.roots) - 2; i >= 0; i-- {
		root = tlog.NodeHash(e.roots[i], root)
	}
	return root
}

// RootAt is the root of the first size entries of a log, from its tiles of
// hashes: at most one tile of each level. It believes the tiles, so it proves
// nothing of the entries; [Verify] reads those.
func RootAt(ctx context.Context, size int64, tile func(context.Context, Tile) ([]Hash, error)) (Hash, error) {
	var right []Hash // perfect subtrees from right to left
	for level, n := 0, size; n > 0; level, n = level+1, n/TileWidth {
		width := int(n % TileWidth)
		if width == 0 {
			continue
		}
		hashes, err := tile(ctx, Tile{level, n / TileWidth, width})
		if err != nil {
			return Hash{}, err
		}
		if len(hashes) != width {
			return Hash{}, fmt.Errorf("a tile of level %d has %d hashes, want %d", level, len(hashes), width)
		}
		for bit := 1; bit <= width; bit *= 2 {
			if width&bit != 0 {
				right = append(right, TileRoot(hashes[len(hashes)-bit:]))
				hashes = hashes[:len(hashes)-bit]
			}
		}
	}
	slices.Reverse(right)
	e := Edge{size, right}
	return e.Root(), nil
}
