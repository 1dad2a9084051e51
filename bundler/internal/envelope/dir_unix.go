//go:build unix

package envelope

import (
	"errors"
	"os"
)

// syncDir makes a rename in the directory survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // G304: the directory of a file that the operator names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
