//go:build !unix

package envelope

// syncDir does nothing: renames are durable by themselves, or cannot be made so.
func syncDir(string) error { return nil }
