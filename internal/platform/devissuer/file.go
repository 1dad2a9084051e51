package devissuer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/keyfile"
)

// FileName is the name of the key file in a data directory.
const FileName = "dev-issuer.json"

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
	raw, err := keyfile.Read(path)
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

// create makes a new key unless somebody else was quicker.
func create(dir string) error {
	key, err := generate()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(key)
	if err != nil {
		return errors.New("the new key cannot be written as JSON")
	}
	return keyfile.Create(filepath.Join(dir, FileName), append(raw, '\n'))
}
