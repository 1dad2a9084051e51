//go:build !unix

package assemble

import "os"

// syncFolder: these systems cannot flush a folder.
func syncFolder(*os.Root) error { return nil }
