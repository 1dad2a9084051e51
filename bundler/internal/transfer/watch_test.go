package transfer

import (
	"testing"
	"time"
)

// TestServerThatDrips: bytes come in time, each before patience ends, and far too
// few of them.
func TestServerThatDrips(t *testing.T) {
	t.Parallel()
	const patience = time.Hour // so that the timer has no part in it
	ended := false
	w := watchFor(patience, func() { ended = true })
	for range 2*windows - 1 {
		w.begin()
		w.saw(1, patience/2)
	}
	if w.stalled() || ended {
		t.Error("it is ended before its window is over")
	}
	w.begin()
	w.saw(1, patience/2)
	w.begin()
	if w.saw(1, patience/2); !w.stalled() || !ended {
		t.Error("a server that drips holds the run")
	}
}

// TestServerThatIsSlowButMoves is waited for.
func TestServerThatIsSlowButMoves(t *testing.T) {
	t.Parallel()
	w := watchFor(time.Hour, func() {})
	for range 100 {
		w.begin()
		w.saw(minProgress, 3*time.Hour)
	}
	if w.stalled() {
		t.Error("a server that moves is ended")
	}
}
