package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"time"
)

const blockSize = 512

// trailer ends an archive: two blocks of zeros (POSIX.1-1988, section 10.1.1).
const trailer = 2 * blockSize

// tarHeader is the header block of a regular file. A golden test pins its
// bytes, so that a new version of the standard library cannot change volumes.
func tarHeader(name string, size int64) ([]byte, error) {
	var block bytes.Buffer
	err := tar.NewWriter(&block).WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o444,
		ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	})
	if err != nil {
		return nil, fmt.Errorf("tar entry %q of %d bytes fits no USTAR header: %w", name, size, err)
	}
	return block.Bytes(), nil
}

// padding is how many zero bytes follow content of this size.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// blocks is the size rounded up to whole blocks.
func blocks(size int64) int64 { return size + padding(size) }
