package platform

import (
	"maps"
	"slices"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// The limits of what is kept in memory, in bytes of text.
const (
	maxMemory     = 64 << 20 // answers of the registry
	maxUnderstood = 8 << 20  // texts as they were understood, each some ten times its size
)

// memory holds answers of the registry that do not change until something is
// registered, deleted or configured: serializers ask for the same few ids all
// day. It never serves what a committed change has removed: forget runs after
// the commit and before the answer, and what was read from a state before it is
// not kept. Safe for concurrent use.
//
// It keeps two halves and drops the older when the newer is full, so what is
// asked for often stays.
type memory struct {
	half int // bytes

	mu         sync.Mutex
	generation uint64
	size       int // bytes in newer
	newer      map[any]remembered
	older      map[any]remembered
}

type remembered struct {
	value any
	size  int // bytes
}

func newMemory(limit int) *memory {
	return &memory{half: limit / 2, newer: map[any]remembered{}, older: map[any]remembered{}}
}

// recall returns what is kept under a key, and in any case the generation that
// a read from the store which begins now belongs to.
func (m *memory) recall(key any) (value any, found bool, generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one, found := m.newer[key]
	if !found {
		if one, found = m.older[key]; found {
			m.keep(key, one)
		}
	}
	return one.value, found, m.generation
}

// remember keeps a value that was read from the store, unless something has
// changed since the read began.
func (m *memory) remember(key, value any, size int, generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if generation == m.generation && size <= m.half {
		m.keep(key, remembered{value, size})
	}
}

// keep puts a value in the newer half; the caller holds mu.
func (m *memory) keep(key any, one remembered) {
	if _, kept := m.newer[key]; kept {
		return
	}
	if m.size+one.size > m.half {
		m.older, m.newer, m.size = m.newer, map[any]remembered{}, 0
	}
	m.newer[key] = one
	m.size += one.size
}

// forget drops everything, and all that is being read now.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generation++
	m.newer, m.older, m.size = map[any]remembered{}, map[any]remembered{}, 0
}

// sizeOf is about what a schema takes in memory, in bytes.
func sizeOf(s catalog.RegisteredSchema) int {
	return 512 + len(s.Definition) + 256*len(s.References)
}

// copied keeps what the memory holds apart from what callers may change.
func copied(r catalog.Registration) catalog.Registration {
	r.Schema = copiedSchema(r.Schema)
	return r
}

func copiedSchema(s catalog.RegisteredSchema) catalog.RegisteredSchema {
	s.References = slices.Clone(s.References)
	return s
}

func (e everywhere) answer() (catalog.RegisteredSchema, map[string]int, error) {
	return copiedSchema(e.schema), maps.Clone(e.ids), nil
}
