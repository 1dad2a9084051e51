//go:build unix

package assemble

import "os"

// syncFolder makes a new name outlast a crash of the machine.
func syncFolder(root *os.Root) error {
	folder, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // only read
	return folder.Sync()
}
