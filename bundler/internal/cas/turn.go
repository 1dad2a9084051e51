package cas

import (
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// turn lets one caller at a time work on a blob; the others find it done.
type turn struct {
	sync.Mutex
	waiting int
}

func (s *Store) take(d artifact.Digest) (release func()) {
	t := s.join(d, true)
	t.Lock()
	return func() { s.leave(d, t) }
}

// tryTake is take, or false when somebody works on the blob.
func (s *Store) tryTake(d artifact.Digest) (release func(), ok bool) {
	t := s.join(d, false)
	if t == nil {
		return nil, false
	}
	t.Lock()
	return func() { s.leave(d, t) }, true
}

// join queues for the turn of a blob; nil when there is a queue and the caller
// does not want to wait.
func (s *Store) join(d artifact.Digest, wait bool) *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.busy[d]
	if ok && !wait {
		return nil
	}
	if !ok {
		t = &turn{}
		s.busy[d] = t
	}
	t.waiting++
	return t
}

func (s *Store) leave(d artifact.Digest, t *turn) {
	t.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.waiting--; t.waiting == 0 {
		delete(s.busy, d)
	}
}
