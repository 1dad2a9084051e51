package devissuer

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/go-jose/go-jose/v4"
)

// FileName is the name of the key file in a data directory.
const FileName = "dev-issuer.json"

// maxFile is far above the 230 bytes of a key, in bytes.
const maxFile = 64 << 10

// Open loads the issuer of a data directory, which must exist, and creates its
// key when there is none. Two processes that create it at once end up with the
// same key. Nothing is created when the directory does not exist.
func Open(dir string) (*Issuer, error) {
	issuer, err := Load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return issuer, err
	}
	if err := create(dir); err != nil {
		return nil, fmt.Errorf("create the dev issuer's key: %w", err)
	}
	return Load(dir)
}

// Load loads the issuer of a data directory and creates nothing. The error is
// fs.ErrNotExist when there is no key, and says what to do when the key file is
// damaged or others may read it.
func Load(dir string) (*Issuer, error) {
	path := filepath.Join(dir, FileName)
	raw, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("load the dev issuer's key: %w", err)
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(raw, &key); err != nil {
		// The cause could quote the private key, so it is not shown.
		return nil, fmt.Errorf("%s is not a JSON Web Key: delete it, and a new key will be made at the next start", path)
	}
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("%s: %w: delete it, and a new key will be made at the next start", path, err)
	}
	return newIssuer(key)
}

// readPrivate reads a small regular file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // in the data directory
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// Windows has no such bits: Go makes them up.
	if mode := info.Mode(); !mode.IsRegular() || runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is %v, but whoever reads it can be anybody: make it a plain file with mode 0600, or delete it", path, mode)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if len(raw) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes: it is not a key", path, maxFile)
	}
	return raw, err
}

// create writes a new key beside its place and links it there, so that the
// file is never seen half-written and a key that somebody else was quicker to
// create stays.
func create(dir string) error {
	key, err := generate()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(key)
	if err != nil {
		return errors.New("the new key cannot be written as JSON")
	}
	path := filepath.Join(dir, FileName)
	temporary := path + "." + rand.Text()
	defer func() { _ = os.Remove(temporary) }() // gone already, or left over by a failure reported below
	if err := writeSynced(temporary, append(raw, '\n')); err != nil {
		return err
	}
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func writeSynced(path string, raw []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in the data directory
	if err != nil {
		return err
	}
	_, err = file.Write(raw)
	return errors.Join(err, file.Sync(), file.Close())
}
