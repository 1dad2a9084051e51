package volume

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/reedsolomon"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// Parity is Reed-Solomon over GF(2^8), systematic, with the Vandermonde matrix
// of github.com/klauspost/reedsolomon. Byte o of parity file j is computed from
// byte o of every volume, where a volume that is shorter than the longest counts
// as followed by zeros. So every parity file is as long as the longest volume,
// and any K files of volumes and parity can be lost.

// parityMemory is the most bytes that all buffers of parity take together.
const parityMemory = 16 << 20

// maxStripe is the most bytes of a file that are worked on at once.
const maxStripe = 1 << 20

// stripe is how many bytes of each of so many files are worked on at once.
func stripe(shards int) int64 {
	size := int64(parityMemory/shards) &^ 4095
	return min(size, maxStripe)
}

// coder works on stripes of volumes and parity files.
type coder struct {
	reedsolomon.Encoder
	shards [][]byte
	length int64 // of the longest volume
}

func newCoder(volumes, parity int, length int64) (*coder, error) {
	encoder, err := reedsolomon.New(volumes, parity, reedsolomon.WithMaxGoroutines(2))
	if err != nil {
		return nil, fmt.Errorf("parity of %d volumes: %w", volumes, err)
	}
	c := &coder{Encoder: encoder, shards: make([][]byte, volumes+parity), length: length}
	size := min(stripe(len(c.shards)), length)
	for i := range c.shards {
		c.shards[i] = make([]byte, size)
	}
	return c, nil
}

// stripes calls do for each stripe, with its offset and the shards cut to its
// length.
func (c *coder) stripes(ctx context.Context, do func(offset int64, shards [][]byte) error) error {
	shards := make([][]byte, len(c.shards))
	size := int64(len(c.shards[0]))
	for offset := int64(0); offset < c.length; offset += size {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range shards {
			shards[i] = c.shards[i][:min(size, c.length-offset)]
		}
		if err := do(offset, shards); err != nil {
			return err
		}
	}
	return nil
}

// readPadded fills the buffer from an offset of a file of this size, with zeros
// behind its end.
func readPadded(file io.ReaderAt, size, offset int64, buffer []byte) error {
	n := max(0, min(int64(len(buffer)), size-offset))
	clear(buffer[n:])
	if n == 0 {
		return nil
	}
	_, err := file.ReadAt(buffer[:n], offset)
	return err
}

// output is a file that is hashed while it is written from its start on.
type output struct {
	name string
	file diskFile
	sum  hash.Hash
	size int64
}

func (w *output) write(piece []byte) error {
	w.sum.Write(piece)
	if _, err := w.file.WriteAt(piece, w.size); err != nil {
		return writeError(w.name, err)
	}
	w.size += int64(len(piece))
	return nil
}

func (w *output) result() envelope.File {
	return envelope.File{Name: w.name, Blob: artifact.Blob{Digest: artifact.DigestOf([32]byte(w.sum.Sum(nil))), Size: w.size}}
}

// writeParity computes the parity files of volumes in the same directory.
func writeParity(ctx context.Context, dir, name string, volumes []envelope.File, o WriteOptions) (_ []envelope.File, err error) {
	if o.Parity == 0 {
		return nil, nil
	}
	var closers []io.Closer
	defer func() { err = errors.Join(err, closeAll(closers)) }()
	inputs := make([]*os.File, len(volumes))
	for i, v := range volumes {
		if inputs[i], _, err = openRegular(filepath.Join(dir, v.Name)); err != nil {
			return nil, fmt.Errorf("read volume for parity: %w", err)
		}
		closers = append(closers, inputs[i])
	}
	outputs := make([]*output, o.Parity)
	for i := range outputs {
		if outputs[i], err = createOutput(dir, envelope.ParityName(name, i+1), o.open); err != nil {
			return nil, err
		}
		closers = append(closers, outputs[i].file)
	}
	return encodeParity(ctx, volumes, inputs, outputs, o.Progress)
}

func closeAll(list []io.Closer) error {
	var err error
	for _, c := range list {
		err = errors.Join(err, c.Close())
	}
	return err
}

// createOutput makes an empty file and opens it.
func createOutput(dir, name string, open func(string) (diskFile, error)) (*output, error) {
	path := filepath.Join(dir, name)
	created, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|noFollow|nonblock, 0o644) //nolint:gosec // G302, G304: the bundle is made to be copied by others
	if err == nil {
		err = created.Close()
	}
	if err != nil {
		return nil, writeError(path, err)
	}
	file, err := open(path)
	if err != nil {
		return nil, writeError(path, err)
	}
	return &output{name: name, file: file, sum: sha256.New()}, nil
}

func encodeParity(ctx context.Context, volumes []envelope.File, inputs []*os.File, outputs []*output, progress func(Event)) ([]envelope.File, error) {
	length := int64(0)
	for _, v := range volumes {
		length = max(length, v.Size)
	}
	c, err := newCoder(len(volumes), len(outputs), length)
	if err != nil {
		return nil, err
	}
	err = c.stripes(ctx, func(offset int64, shards [][]byte) error {
		for i, v := range volumes {
			if err := readPadded(inputs[i], v.Size, offset, shards[i]); err != nil {
				return fmt.Errorf("read %s for parity: %w", v.Name, err)
			}
		}
		if err := c.Encode(shards); err != nil {
			return fmt.Errorf("compute parity: %w", err)
		}
		for i, w := range outputs {
			if err := w.write(shards[len(volumes)+i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return flushParity(outputs, progress)
}

func flushParity(outputs []*output, progress func(Event)) ([]envelope.File, error) {
	files := make([]envelope.File, len(outputs))
	for i, w := range outputs {
		if err := w.file.Sync(); err != nil {
			return nil, writeError(w.name, err)
		}
		files[i] = w.result()
		progress(Event{Kind: Hashed, File: w.name, Bytes: w.size})
	}
	return files, nil
}
