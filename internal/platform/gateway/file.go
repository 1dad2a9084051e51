package gateway

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxFile is the longest file that the configuration may name, in bytes: anchors,
// a certificate, a key or a line. They are read for each connection.
const maxFile = 1 << 20

// readFile reads a file that the operator's configuration names. What is no
// regular file is not read: a pipe waits for a writer, a device may never end.
func readFile(name string) (text []byte, err error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // as above
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	text, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return text, err
}
