package volume

import (
	"context"
	"sort"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
)

// tracker knows how much of one volume is written from its start on without a
// hole: that much can be hashed. What is reported to it is never written again.
type tracker struct {
	mu       sync.Mutex
	changed  sync.Cond
	segments []archive.Segment
	done     []int64 // bytes written of each segment, from its start on
	next     int     // first segment that is not whole
	closed   error   // why the run is over
}

// newTracker starts with all literals written.
func newTracker(v *archive.Volume) *tracker {
	t := &tracker{segments: v.Segments, done: make([]int64, len(v.Segments))}
	t.changed.L = &t.mu
	for i, s := range v.Segments {
		t.done[i] = int64(len(s.Literal))
	}
	t.advance()
	return t
}

func (t *tracker) advance() {
	for t.next < len(t.segments) && t.done[t.next] == t.segments[t.next].Size() {
		t.next++
	}
}

// wrote reports that a run of a blob is written. Runs of one segment come in
// order.
func (t *tracker) wrote(offset, length int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := sort.Search(len(t.segments), func(i int) bool { return t.segments[i].Offset > offset }) - 1
	t.done[i] = offset + length - t.segments[i].Offset
	if i == t.next {
		t.advance()
		t.changed.Broadcast()
	}
}

// frontier is how many bytes are written without a hole. Call it locked.
func (t *tracker) frontier() int64 {
	if t.next == len(t.segments) {
		last := t.segments[len(t.segments)-1]
		return last.Offset + last.Size()
	}
	return t.segments[t.next].Offset + t.done[t.next]
}

// available is the frontier, or the error that ended the run.
func (t *tracker) available() (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.frontier(), t.closed
}

// await waits until more than position is available.
func (t *tracker) await(position int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.closed == nil && t.frontier() <= position {
		t.changed.Wait()
	}
	return t.closed
}

// closeOn ends every await when the context ends. The caller calls what it
// returns when it waits no more.
func (t *tracker) closeOn(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.closed = context.Cause(ctx)
		t.changed.Broadcast()
	})
}
