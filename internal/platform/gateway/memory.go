package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// The memory of filtered streams, in bytes. A stream that is not filtered has
// [bufferSize] and what its connections take.
const (
	// defaultMemory is for all of them, when the configuration says nothing.
	defaultMemory = 512 << 20
	// beside is what a stream holds beside what package records says: a piece,
	// the buffers of its connections, and the marks that are asked about again.
	beside = 512 << 10
	// claim is the most that one stream may hold.
	claim = beside + records.MaxMemory
	// shares is how many callers share all of it, at least.
	shares = 4
)

// maxMemoryMiB is where a number is no longer one of MiB.
const maxMemoryMiB = 1 << 20

// memory is shared by all filtered streams. Safe for concurrent use.
//
// A stream keeps what it holds while it waits for more, so that streams could wait
// for each other. None does for ever: beside what all but the largest hold there
// is always room for a whole claim, of everybody's memory and of each caller's
// share. So the largest stream never waits. When it lets go, the next in size is
// the largest.
type memory struct {
	most  int // of all streams
	share int // of the streams of one caller

	mu     sync.Mutex // guards what follows
	leases map[*lease]struct{}
	freed  chan struct{} // closed when something is given back
}

// newMemory reads the configuration; 0 is the default.
func newMemory(mib int) (*memory, error) {
	most := mib << 20
	switch {
	case mib == 0:
		most = defaultMemory
	case mib < 0 || mib > maxMemoryMiB || most < claim:
		return nil, fmt.Errorf("gateway: filter_memory_mib: %d is not between %d, what one stream may take, and %d", mib, claim>>20+1, maxMemoryMiB)
	}
	return &memory{most: most, share: max(most/shares, claim), leases: map[*lease]struct{}{}, freed: make(chan struct{})}, nil
}

// lease is what one stream holds. It implements [records.Memory].
type lease struct {
	memory *memory
	who    reader
	wait   time.Duration // for more, at most
	held   int           // guarded by memory
}

// reader is a caller; a subject is unique within its issuer only.
type reader struct{ issuer, subject string }

// errMemory ends a stream for which there is no memory. Before its first byte the
// caller is told; after that it is broken off.
var errMemory = errors.Join(errors.New("no memory for records"),
	&catalog.Error{Code: catalog.CodeUnavailable, Message: "The platform filters as many streams as it has memory for. Try again later."})

// open waits for what a stream holds from its start, which close gives back.
func (m *memory) open(ctx context.Context, caller catalog.Caller, wait time.Duration) (*lease, error) {
	l := &lease{memory: m, who: reader{caller.Issuer, caller.Subject}, wait: wait}
	if err := l.Hold(ctx, records.MinMemory); err != nil {
		return nil, err
	}
	return l, nil
}

// Hold implements [records.Memory].
func (l *lease) Hold(ctx context.Context, bytes int) error {
	freed, held := l.try(beside + bytes)
	if held {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.wait, errMemory)
	defer cancel()
	for !held {
		select {
		case <-freed:
			freed, held = l.try(beside + bytes)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// try holds so many bytes if it may, or returns what to wait for.
func (l *lease) try(bytes int) (freed <-chan struct{}, held bool) {
	m := l.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if bytes > l.held && !m.fits(l, bytes) {
		return m.freed, false
	}
	less := bytes < l.held
	l.held = bytes
	m.leases[l] = struct{}{}
	if less {
		m.wake()
	}
	return nil, true
}

// fits reports whether a stream may hold so many bytes.
func (m *memory) fits(l *lease, bytes int) bool {
	all, own := use{largest: bytes}, use{largest: bytes}
	for other := range m.leases {
		if other == l {
			continue
		}
		all.add(other.held)
		if other.who == l.who {
			own.add(other.held)
		}
	}
	return all.leaves(claim, m.most) && own.leaves(claim, m.share)
}

// use is what some streams hold.
type use struct{ largest, others int }

func (u *use) add(held int) {
	u.others += min(held, u.largest)
	u.largest = max(held, u.largest)
}

// leaves reports whether the largest may grow to a claim.
func (u *use) leaves(claim, most int) bool { return u.others <= most-claim && u.largest <= claim }

// close gives everything back.
func (l *lease) close() {
	l.memory.mu.Lock()
	defer l.memory.mu.Unlock()
	delete(l.memory.leases, l)
	l.memory.wake()
}

// wake has everybody who waits try again.
func (m *memory) wake() {
	close(m.freed)
	m.freed = make(chan struct{})
}
