package platformd

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// maxTokens is how many verified tokens are remembered. A caller's claims are
// at most as long as a token, so all of them take a few megabytes.
const maxTokens = 1024

// tokens remembers who bears a token that was verified, until the token
// expires: verifying a signature takes a third of the time of a small request.
// A token is found by its SHA-256, which says nothing of it, and is not kept.
// Only verified tokens get in, so nobody without one can push others out; who
// holds many pushes out the oldest. Safe for concurrent use.
type tokens struct {
	verify func(token string) (catalog.Caller, time.Time, error)

	mu    sync.RWMutex // guards what follows
	known map[digest]bearer
	order []digest // as they came, from next on; at most as long as the limit
	next  int      // place of the oldest once order is full
}

type digest = [sha256.Size]byte

// bearer is who bears a token, and from when on nobody does.
type bearer struct {
	caller  catalog.Caller
	expires time.Time
}

func newTokens(limit int, verify func(string) (catalog.Caller, time.Time, error)) *tokens {
	return &tokens{verify: verify, known: make(map[digest]bearer, limit), order: make([]digest, 0, limit)}
}

// caller says who bears the token. The answer is the caller's own to change.
func (t *tokens) caller(token string) (catalog.Caller, error) {
	key := sha256.Sum256([]byte(token))
	t.mu.RLock()
	b, ok := t.known[key]
	t.mu.RUnlock()
	switch {
	case ok && time.Now().Before(b.expires):
		return b.clone(), nil
	case ok:
		t.forget(key)
	}
	caller, expires, err := t.verify(token)
	if err != nil {
		return catalog.Caller{}, err
	}
	b = bearer{caller, expires}
	t.remember(key, b)
	return b.clone(), nil
}

func (t *tokens) forget(key digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, key)
}

func (t *tokens) remember(key digest, b bearer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.known[key]; ok {
		return
	}
	if len(t.order) < cap(t.order) {
		t.order = append(t.order, key)
	} else {
		delete(t.known, t.order[t.next])
		t.order[t.next] = key
		t.next = (t.next + 1) % len(t.order)
	}
	t.known[key] = b
}

// clone shares no list with what is remembered.
func (b bearer) clone() catalog.Caller {
	c := b.caller
	c.Groups = slices.Clone(c.Groups)
	c.Attributes.CountryOfAffiliation = slices.Clone(c.Attributes.CountryOfAffiliation)
	c.Attributes.FineAccessControls = slices.Clone(c.Attributes.FineAccessControls)
	return c
}
