package bundlertest

import "sync"

// syncMap is a map of counters; the zero value is ready.
type syncMap[K comparable, V any] struct {
	mu sync.Mutex
	m  map[K]V
}

func (s *syncMap[K, V]) get(key K) V {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key]
}

func (s *syncMap[K, V]) update(key K, f func(V) V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[K]V{}
	}
	s.m[key] = f(s.m[key])
}
