package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/durable"
)

// Repair rebuilds volumes and parity files that are lost or damaged, as whole
// files, into the directory to, which may be that of the bundle. A rebuilt file
// counts when its hash is the signed one; then it is moved to its name, and the
// set reads it from there. It returns the names of the rebuilt files.
//
// When more files are wrong than there are parity files, nothing is written and
// the error is a *[Damage] that names all of them. So it is, after the repair,
// when something is wrong that parity does not cover.
func (s *Set) Repair(ctx context.Context, to string, progress func(Event)) ([]string, error) {
	if !s.checked {
		if _, err := s.Verify(ctx, progress); err != nil && !errors.As(err, new(*Damage)) {
			return nil, err
		}
	}
	lost := append(broken(s.volumes), shifted(broken(s.parity), len(s.volumes))...)
	if len(lost) > len(s.parity) {
		return nil, s.damage()
	}
	var names []string
	if len(lost) > 0 {
		var err error
		if names, err = s.rebuild(ctx, to, lost); err != nil {
			return nil, fmt.Errorf("repair bundle %s: %w", s.env.Name, err)
		}
	}
	for _, name := range names {
		if progress != nil {
			progress(Event{Kind: Repaired, File: name})
		}
	}
	if len(s.problems()) > 0 {
		return names, s.damage()
	}
	return names, nil
}

func shifted(list []int, by int) []int {
	for i := range list {
		list[i] += by
	}
	return list
}

// rebuild works on shards: volumes first, then parity files.
func (s *Set) rebuild(ctx context.Context, to string, lost []int) (_ []string, err error) {
	files := slices.Concat(s.volumes, s.parity)
	outputs := make([]*output, len(files))
	defer func() {
		for _, w := range outputs {
			if w != nil && err != nil {
				err = errors.Join(err, discardOutput(w, to))
			}
		}
	}()
	if err := checkSpace(to, files, lost); err != nil {
		return nil, err
	}
	for _, i := range lost {
		if outputs[i], err = createOutput(to, repairName(files[i].Name), openForWriting); err != nil {
			return nil, err
		}
	}
	if err := s.reconstruct(ctx, files, outputs); err != nil {
		return nil, err
	}
	return s.adopt(to, files, outputs)
}

func checkSpace(to string, files []*setFile, lost []int) error {
	need := int64(0)
	for _, i := range lost {
		need += files[i].Size
	}
	if have := freeSpace(to); have >= 0 && have < need {
		return fmt.Errorf("%w: %d bytes are needed in %s, %d are free: free some, or name another directory", ErrSpace, need, to, have)
	}
	return nil
}

// repairName is that of an unfinished file; it does not carry the bundle's name
// in front, so a leftover is not taken for a part of the bundle.
func repairName(name string) string { return "." + name + ".repair" }

func discardOutput(w *output, dir string) error {
	_ = w.file.Close() // it may be closed already
	err := os.Remove(filepath.Join(dir, w.name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (s *Set) reconstruct(ctx context.Context, files []*setFile, outputs []*output) error {
	c, err := newCoder(len(s.volumes), len(s.parity), s.layout.MaxVolume())
	if err != nil {
		return err
	}
	return c.stripes(ctx, func(offset int64, shards [][]byte) error {
		for i, f := range files {
			if outputs[i] != nil {
				shards[i] = shards[i][:0] // to be reconstructed
				continue
			}
			if err := readPadded(f.file, f.Size, offset, shards[i]); err != nil {
				return fmt.Errorf("read %s: %w", f.path, err)
			}
		}
		if err := c.Reconstruct(shards); err != nil {
			return fmt.Errorf("reconstruct: %w", err)
		}
		return writeShards(files, outputs, shards)
	})
}

// writeShards writes what was rebuilt, without the zeros behind a short volume.
func writeShards(files []*setFile, outputs []*output, shards [][]byte) error {
	for i, w := range outputs {
		if w == nil {
			continue
		}
		n := max(0, min(int64(len(shards[i])), files[i].Size-w.size))
		if err := w.write(shards[i][:n]); err != nil {
			return err
		}
	}
	return nil
}

// adopt moves rebuilt files to their names when all of them are what was
// signed, and reads them from there on.
func (s *Set) adopt(to string, files []*setFile, outputs []*output) ([]string, error) {
	for i, w := range outputs {
		if w == nil {
			continue
		}
		if w.result().Blob != files[i].Blob {
			return nil, fmt.Errorf("rebuilt %s has not the signed SHA-256: a file changed while it was read; run verify again", files[i].Name)
		}
		if err := w.file.Sync(); err != nil {
			return nil, writeError(w.name, err)
		}
	}
	var names []string
	for i, w := range outputs {
		if w == nil {
			continue
		}
		if err := files[i].replace(to, w); err != nil {
			return nil, err
		}
		outputs[i] = nil
		names = append(names, files[i].Name)
	}
	return names, durable.SyncDir(to)
}

// replace moves a rebuilt file to the name of this one and keeps the handle
// that it was written and hashed through.
func (f *setFile) replace(dir string, w *output) error {
	path := filepath.Join(dir, f.Name)
	if err := os.Rename(filepath.Join(dir, w.name), path); err != nil {
		return fmt.Errorf("move rebuilt file: %w", err)
	}
	if f.file != nil {
		_ = f.file.Close() // only read
	}
	f.path, f.file, f.size, f.problem = path, w.file, f.Size, nil
	return nil
}
