//go:build !linux

package platformtest

import "testing"

// reserve is any free port of the loopback: only Linux is known to keep one.
func reserve(testing.TB) string { return "127.0.0.1:0" }
