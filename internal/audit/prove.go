package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ProveInclusion makes the proof that entry number index, from 0, is in the log
// that a checkpoint fixes (RFC 6962 section 2.1.1), from the log's tiles of
// hashes. Tiles that do not belong to the checkpoint are ErrTampered.
func ProveInclusion(ctx context.Context, c Checkpoint, index int64, tile func(context.Context, Tile) ([]Hash, error)) ([]Hash, error) {
	if index < 0 || index >= c.Size {
		return nil, fmt.Errorf("prove an entry: number %d is outside a log of %d", index, c.Size)
	}
	tiles := &tiles{ctx: ctx, tile: tile}
	proof, err := tlog.ProveRecord(c.Size, index, tiles.of(c))
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", index, tiles.blame(err))
	}
	return proof, nil
}

// ProveConsistency makes the proof that the log that a checkpoint fixes begins
// with its first old entries (RFC 6962 section 2.1.2); none is needed from the
// empty log and from the whole one.
func ProveConsistency(ctx context.Context, old int64, c Checkpoint, tile func(context.Context, Tile) ([]Hash, error)) ([]Hash, error) {
	if old < 0 || old > c.Size {
		return nil, fmt.Errorf("prove consistency: a log of %d does not begin with %d entries", c.Size, old)
	}
	if old == 0 || old == c.Size {
		return nil, nil
	}
	tiles := &tiles{ctx: ctx, tile: tile}
	proof, err := tlog.ProveTree(c.Size, old, tiles.of(c))
	if err != nil {
		return nil, fmt.Errorf("prove consistency with %d entries: %w", old, tiles.blame(err))
	}
	return proof, nil
}

// of gives hashes of the tree, each checked against the checkpoint's root.
func (t *tiles) of(c Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, t)
}

// blame tells tiles that could not be read from such as do not belong to the
// checkpoint.
func (t *tiles) blame(err error) error {
	if t.failed != nil {
		return err
	}
	return fmt.Errorf("%w: its tiles are not those of the checkpoint: %w", ErrTampered, err)
}

// tileHeight is that of the tiles: they have 2^8 hashes.
const tileHeight = 8

// tiles is a [tlog.TileReader], whose interface passes no context on.
type tiles struct {
	ctx  context.Context //nolint:containedctx // of one call
	tile func(context.Context, Tile) ([]Hash, error)

	failed error // of a read
}

// Height implements [tlog.TileReader].
func (t *tiles) Height() int { return tileHeight }

// ReadTiles implements [tlog.TileReader].
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(wanted))
	for i, w := range wanted {
		hashes, err := t.tile(t.ctx, Tile{w.L, w.N, w.W})
		if err != nil {
			t.failed = err
			return nil, err
		}
		read[i] = HashBytes(hashes)
	}
	return read, nil
}

// SaveTiles implements [tlog.TileReader]: they are where they came from.
func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}
