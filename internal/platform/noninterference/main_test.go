package noninterference_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain trades memory for time: what each of many thousands of calls leaves
// behind is small, and collected less often.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
