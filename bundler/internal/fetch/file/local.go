package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// openRegular opens a file below the folder. Links are refused in every place of
// the path, those that stay inside too: what a link means can change between the
// hash and the copy.
func (f *Files) openRegular(name string) (*os.File, os.FileInfo, error) {
	local := filepath.FromSlash(name)
	if err := f.checkPath(local); err != nil {
		return nil, nil, err
	}
	before, err := f.root.Lstat(local)
	if err != nil {
		return nil, nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file", name)
	}
	file, err := f.root.Open(local)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(before, info) {
		err = fmt.Errorf("%s changed while it was opened", name)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// checkPath looks for links in the folders on the way.
func (f *Files) checkPath(local string) error {
	for dir := filepath.Dir(local); dir != "."; dir = filepath.Dir(dir) {
		info, err := f.root.Lstat(dir)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder; links are not followed", filepath.ToSlash(dir))
		}
	}
	return nil
}

func (f *Files) hashLocal(ctx context.Context, name string) (artifact.Blob, error) {
	file, _, err := f.openRegular(name)
	if err != nil {
		return artifact.Blob{}, err
	}
	defer func() { _ = file.Close() }() // only read
	sum := sha256.New()
	n, err := io.Copy(sum, &cancellable{ctx, file})
	return artifact.Blob{Digest: artifact.DigestOf([32]byte(sum.Sum(nil))), Size: n}, err
}

type cancellable struct {
	ctx context.Context //nolint:containedctx // that of the one call it is read in
	in  io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.in.Read(p)
}

func (f *Files) openLocal(name string, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	file, info, err := f.openRegular(name)
	if err != nil {
		return nil, err
	}
	if info.Size() != b.Size || offset < 0 || offset > b.Size {
		return nil, errors.Join(fmt.Errorf("%s has %d bytes and had %d when it was locked; lock again", name, info.Size(), b.Size), file.Close())
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func section(raw []byte, offset int64) (io.ReadCloser, error) {
	if offset < 0 || offset > int64(len(raw)) {
		return nil, fmt.Errorf("%d bytes have no offset %d", len(raw), offset)
	}
	return io.NopCloser(bytes.NewReader(raw[offset:])), nil
}
