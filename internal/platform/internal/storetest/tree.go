package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var treeCases = map[string]func(*testing.T, store.Store){
	"an empty log is an empty tree": func(t *testing.T, s store.Store) {
		wantTree(t, s)
		for _, tile := range []audit.Tile{{Level: 0, Index: 0, Width: 1}, {Level: 0, Index: 0, Width: 256}, {Level: 1, Index: 0, Width: 1}} {
			wantNoTile(t, s, tile)
		}
	},
	"the tree grows with the log": func(t *testing.T, s store.Store) {
		for _, n := range []int{1, 1, 1, 252, 1, 1, 300, 211} { // to 3, 255, 256, 257, 557, 768
			appendEntries(t, s, n)
			wantTree(t, s)
		}
		for _, tile := range []audit.Tile{
			{Level: 0, Index: 2, Width: 256}, {Level: 0, Index: 0, Width: 17}, {Level: 1, Index: 0, Width: 2}, {Level: 1, Index: 0, Width: 3},
		} {
			wantTile(t, s, tile)
		}
		for _, tile := range []audit.Tile{{Level: 0, Index: 3, Width: 1}, {Level: 1, Index: 0, Width: 4}, {Level: 1, Index: 0, Width: 256}, {Level: 2, Index: 0, Width: 1}} {
			wantNoTile(t, s, tile)
		}
	},
	"a transaction rolled back leaves the tree as it was": func(t *testing.T, s store.Store) {
		appendEntries(t, s, 255)
		within(t, s, func(ctx context.Context, w store.Writer) {
			for range 3 {
				if err := w.Append(ctx, entry("lost")); err != nil {
					t.Errorf("Append: %v", err)
				}
			}
		})
		wantTree(t, s)
		wantNoTile(t, s, audit.Tile{Level: 0, Index: 0, Width: 256})
		appendEntries(t, s, 2)
		wantTree(t, s)
		wantTile(t, s, audit.Tile{Level: 0, Index: 0, Width: 256})
	},
	"the head is that of what is committed": func(t *testing.T, s store.Store) {
		appendEntries(t, s, 1)
		update(t, s, func(w store.Writer) error {
			if err := w.Append(t.Context(), entry("create")); err != nil {
				return err
			}
			edge, err := s.Head(t.Context())
			if edge.Size() != 1 {
				t.Errorf("before the commit: got a tree of %d entries, want 1", edge.Size())
			}
			return err
		})
		wantTree(t, s)
	},
	"what is no tile of hashes is refused": func(t *testing.T, s store.Store) {
		for _, tile := range []audit.Tile{{Level: audit.EntryLevel, Width: 1}, {Index: -1, Width: 1}, {Width: 0}, {Width: 257}, {Index: 1 << 60, Width: 1}} {
			if got, err := s.Tile(t.Context(), tile); err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%+v: got %d hashes, %v, want an error of its own", tile, len(got), err)
			}
		}
	},
}

// leavesOf hashes the entries that the store gives.
func leavesOf(t *testing.T, s store.Store) []audit.Hash {
	t.Helper()
	records, err := s.Audit(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatalf("Audit: %v", err)
	}
	var leaves []audit.Hash
	for _, r := range records {
		leaves = append(leaves, audit.LeafHash(r.Entry))
	}
	return leaves
}

// wantTree compares the head with the tree that the entries make.
func wantTree(t *testing.T, s store.Store) {
	t.Helper()
	var want audit.Edge
	for _, leaf := range leavesOf(t, s) {
		want.Append(leaf)
	}
	got, err := s.Head(t.Context())
	if err != nil || got.Size() != want.Size() || got.Root() != want.Root() {
		t.Errorf("Head: got %d entries with root %v, %v, want %d with %v", got.Size(), got.Root(), err, want.Size(), want.Root())
	}
}

// wantTile compares a tile of level 0 or 1 with what the entries make.
func wantTile(t *testing.T, s store.Store, tile audit.Tile) {
	t.Helper()
	below := leavesOf(t, s)
	if tile.Level == 1 {
		var roots []audit.Hash
		for full := range slices.Chunk(below[:len(below)/audit.TileWidth*audit.TileWidth], audit.TileWidth) {
			roots = append(roots, audit.TileRoot(full))
		}
		below = roots
	}
	from := int(tile.Index) * audit.TileWidth
	got, err := s.Tile(t.Context(), tile)
	if err != nil || !slices.Equal(got, below[from:from+tile.Width]) {
		t.Errorf("Tile(%s): got %d hashes, %v, want those of the entries", tile.Path(), len(got), err)
	}
}

func wantNoTile(t *testing.T, s store.Store, tile audit.Tile) {
	t.Helper()
	if got, err := s.Tile(t.Context(), tile); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Tile(%s): got %d hashes, %v, want ErrNotFound", tile.Path(), len(got), err)
	}
}
