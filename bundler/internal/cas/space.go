package cas

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// ErrSpace is the error of a disk or a quota that is too small.
var ErrSpace = errors.New("not enough space")

// spare is what is left free on the disk, in bytes, for others and for the file
// system itself.
const spare = 16 << 20

// Missing are those of the blobs that the store does not have, in their order.
func (s *Store) Missing(ctx context.Context, blobs []artifact.Blob) ([]artifact.Blob, error) {
	var missing []artifact.Blob
	for _, b := range blobs {
		ok, err := s.Has(ctx, b)
		if err != nil {
			return nil, err
		}
		if !ok {
			missing = append(missing, b)
		}
	}
	return missing, nil
}

// Room reports whether the blobs would fit, before any of them is fetched. The
// error wraps [ErrSpace] and says how much is missing.
func (s *Store) Room(missing []artifact.Blob) error {
	var need int64
	for _, b := range missing {
		need += b.Size - s.partial(b)
	}
	if need == 0 {
		return nil
	}
	if free := freeSpace(s.dir); free >= 0 && free < need+spare {
		return fmt.Errorf("store %s: %w: %d bytes are needed and %d are free; make room or name another store", s.dir, ErrSpace, need+spare, free)
	}
	if s.options.Quota == 0 {
		return nil
	}
	used, err := s.used()
	if err == nil && used+need > s.options.Quota {
		err = fmt.Errorf("store %s: %w: %d bytes are needed besides %d, and the quota is %d; prune it or raise the quota", s.dir, ErrSpace, need, used, s.options.Quota)
	}
	return err
}

func (s *Store) partial(b artifact.Blob) int64 {
	info, err := s.parts.Lstat(b.Digest.Hex())
	if err != nil {
		return 0
	}
	return min(info.Size(), b.Size)
}

// used is what whole blobs take.
func (s *Store) used() (int64, error) {
	folder, err := s.blobs.Open(".")
	if err != nil {
		return 0, err
	}
	defer func() { _ = folder.Close() }() // only read
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return 0, err
	}
	var used int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		used += info.Size()
	}
	return used, nil
}
