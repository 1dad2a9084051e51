package logbench

import (
	"testing"
	"time"
)

// TestBothSidesAreMeasured runs the benchmark for a moment. Its figures are the
// benchmark's to judge, on a machine that does nothing else.
func TestBothSidesAreMeasured(t *testing.T) {
	t.Parallel()
	r, err := Run(t.Context(), Options{Dir: t.TempDir(), Callers: 4, Round: 50 * time.Millisecond, Rounds: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]Figures{"file": r.File, "yielding file": r.YieldingFile, "log": r.Log} {
		if f.PerSecond <= 0 || f.P99 <= 0 {
			t.Errorf("%s: got %+v, want both above zero", name, f)
		}
	}
}
