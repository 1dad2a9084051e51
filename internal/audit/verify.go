package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrTampered is the error of a log that is not what its checkpoint, or an
// earlier one, says. It is never the error of a failure to read.
var ErrTampered = errors.New("the log was tampered with, or is damaged")

// Source gives the parts of a log. A part that the log does not have is an
// error that is ErrTampered.
type Source interface {
	// Bundle is the bundle of entries that this tile names.
	Bundle(context.Context, Tile) ([]byte, error)
	// Hashes is a tile of hashes.
	Hashes(context.Context, Tile) ([]byte, error)
}

// Verify reads the whole log that a checkpoint fixes and checks that its
// entries, in their order, are those that were signed; that each is in
// canonical form; that the tiles of level 0 hold their hashes; and that every
// earlier checkpoint of the log is that of its first entries. The checkpoints'
// signatures were checked by [PublicKey.Open]. It keeps one bundle in memory.
func Verify(ctx context.Context, log Source, now Checkpoint, earlier ...Checkpoint) error {
	earlier = slices.Clone(earlier)
	slices.SortFunc(earlier, func(a, b Checkpoint) int { return int(min(max(a.Size-b.Size, -1), 1)) })
	for _, e := range earlier {
		if e.Origin != now.Origin {
			return fmt.Errorf("the earlier checkpoint is of the log %q, not of %q", e.Origin, now.Origin)
		}
		if e.Size > now.Size {
			return fmt.Errorf("%w: it has %d entries and had %d: entries were removed", ErrTampered, now.Size, e.Size)
		}
	}
	v := verification{log: log, marks: append(earlier, now)}
	if err := v.pass(); err != nil { // checkpoints of the empty log
		return err
	}
	for v.edge.Size() < now.Size {
		if err := v.next(ctx, now.Size); err != nil {
			return err
		}
	}
	return nil
}

type verification struct {
	log   Source
	edge  Edge
	marks []Checkpoint // not yet passed, by size
}

// next checks the next bundle of a log of this size.
func (v *verification) next(ctx context.Context, size int64) error {
	index := v.edge.Size() / TileWidth
	width := int(min(TileWidth, size-index*TileWidth))
	bundle, err := v.log.Bundle(ctx, Tile{EntryLevel, index, width})
	if err != nil {
		return fmt.Errorf("entries from number %d: %w", index*TileWidth+1, err)
	}
	entries, err := ParseBundle(bundle, width)
	if err != nil {
		return fmt.Errorf("%w: entries from number %d: %w", ErrTampered, index*TileWidth+1, err)
	}
	leaves := make([]Hash, 0, width)
	for _, entry := range entries {
		if _, err := ParseEntry(entry); err != nil {
			return fmt.Errorf("%w: entry number %d: %w", ErrTampered, v.edge.Size()+1, err)
		}
		leaves = append(leaves, LeafHash(entry))
		v.edge.Append(leaves[len(leaves)-1])
		if err := v.pass(); err != nil {
			return err
		}
	}
	return v.sameHashes(ctx, Tile{0, index, width}, leaves)
}

// pass checks the checkpoints of the size that was reached.
func (v *verification) pass() error {
	for len(v.marks) > 0 && v.marks[0].Size == v.edge.Size() {
		if got := v.edge.Root(); got != v.marks[0].Root {
			return fmt.Errorf("%w: the first %d entries have the root %s, but the checkpoint of that size says %s", ErrTampered, v.edge.Size(), got, v.marks[0].Root)
		}
		v.marks = v.marks[1:]
	}
	return nil
}

// sameHashes compares the log's own hashes with those of its entries: proofs of
// inclusion are made of them.
func (v *verification) sameHashes(ctx context.Context, t Tile, leaves []Hash) error {
	raw, err := v.log.Hashes(ctx, t)
	if err != nil {
		return fmt.Errorf("tile %s: %w", t.Path(), err)
	}
	if !slices.Equal(raw, HashBytes(leaves)) {
		return fmt.Errorf("%w: tile %s does not hold the hashes of its entries", ErrTampered, t.Path())
	}
	return nil
}

// CheckInclusion checks a proof that the entry is number index, from 0, of the
// log that a checkpoint fixes. The proof is that of RFC 6962 section 2.1.1.
func CheckInclusion(c Checkpoint, index int64, entry []byte, proof []Hash) error {
	if index < 0 || index >= c.Size {
		return fmt.Errorf("%w: entry %d is outside a log of %d", ErrTampered, index, c.Size)
	}
	if err := tlog.CheckRecord(proof, c.Size, c.Root, index, LeafHash(entry)); err != nil {
		return fmt.Errorf("%w: the entry is not number %d of the log: %w", ErrTampered, index, err)
	}
	return nil
}

// CheckConsistency checks a proof that the later checkpoint's log begins with
// the whole log of the earlier one (RFC 6962 section 2.1.2). Two checkpoints of
// one size need no proof and must have one root.
func CheckConsistency(earlier, later Checkpoint, proof []Hash) error {
	switch {
	case earlier.Origin != later.Origin:
		return fmt.Errorf("the checkpoints are of two logs, %q and %q", earlier.Origin, later.Origin)
	case earlier.Size > later.Size:
		return fmt.Errorf("%w: it has %d entries and had %d", ErrTampered, later.Size, earlier.Size)
	case earlier.Size == later.Size && earlier.Root != later.Root:
		return fmt.Errorf("%w: two checkpoints of %d entries have two roots", ErrTampered, later.Size)
	case earlier.Size == later.Size:
		return nil
	case earlier.Size == 0:
		if empty := (&Edge{}); earlier.Root != empty.Root() {
			return fmt.Errorf("%w: the checkpoint of an empty log has another root", ErrTampered)
		}
		return nil
	}
	if err := tlog.CheckTree(proof, later.Size, later.Root, earlier.Size, earlier.Root); err != nil {
		return fmt.Errorf("%w: the later log does not begin with the earlier one: %w", ErrTampered, err)
	}
	return nil
}
