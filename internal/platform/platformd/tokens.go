package platformd

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// maxTokens is how many verified tokens are remembered. A caller's claims are
// at most as long as a token, so all of them take a few megabytes.
const maxTokens = 1024

// verification says who bears a token on a connection of a peer, nil for none,
// and from when on that does not hold any more.
type verification func(token string, peer *x509.Certificate) (catalog.Caller, time.Time, error)

// tokens remembers who bears a token that was verified, until the token
// expires: verifying a signature takes a third of the time of a small request.
// A token is found together with the certificate of its connection, by their
// SHA-256, which says nothing of it, and is not kept.
// Only verified tokens get in, so nobody without one can push others out; who
// holds many pushes out the oldest. Safe for concurrent use.
type tokens struct {
	verify verification
	now    func() time.Time
	// generation is another number whenever what was verified before counts
	// no more.
	generation func() uint64

	mu    sync.RWMutex // guards what follows
	known map[digest]bearer
	order []digest // as they came, from next on; at most as long as the limit
	next  int      // place of the oldest once order is full
}

type digest = [sha256.Size]byte

// bearer is who bears a token, and from when on nobody does.
type bearer struct {
	caller     catalog.Caller
	expires    time.Time
	generation uint64 // before it was verified
}

func newTokens(limit int, verify verification) *tokens {
	return &tokens{
		verify: verify, now: time.Now, generation: func() uint64 { return 0 },
		known: make(map[digest]bearer, limit), order: make([]digest, 0, limit),
	}
}

// caller says who bears the token, "" for none, on a connection of this peer,
// nil for one without a client certificate. The answer is the caller's own to
// change.
func (t *tokens) caller(token string, peer *x509.Certificate) (catalog.Caller, error) {
	key, generation := keyOf(token, peer), t.generation()
	t.mu.RLock()
	b, ok := t.known[key]
	t.mu.RUnlock()
	if ok && b.generation == generation && t.now().Before(b.expires) {
		return clone(b.caller), nil
	}
	caller, expires, err := t.verify(token, peer)
	if err != nil {
		if ok {
			t.forget(key)
		}
		return catalog.Caller{}, err
	}
	t.remember(key, bearer{caller, expires, generation})
	return clone(caller), nil
}

// keyOf keeps a token apart from the same one beside a certificate. Both parts
// have one length, so that neither can reach into the other.
func keyOf(token string, peer *x509.Certificate) digest {
	both := sha256.Sum256([]byte(token))
	if peer == nil {
		return both
	}
	certificate := sha256.Sum256(peer.Raw)
	return sha256.Sum256(append(both[:], certificate[:]...))
}

// forget gives up what is kept; its place in the order is taken when its turn
// comes.
func (t *tokens) forget(key digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, key)
}

func (t *tokens) remember(key digest, b bearer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.known[key]; ok {
		t.known[key] = b
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
func clone(c catalog.Caller) catalog.Caller {
	c.Groups, c.Purposes = slices.Clone(c.Groups), slices.Clone(c.Purposes)
	if c.Via != nil {
		via := clone(*c.Via)
		c.Via = &via
	}
	c.Attributes.CountryOfAffiliation = slices.Clone(c.Attributes.CountryOfAffiliation)
	c.Attributes.FineAccessControls = slices.Clone(c.Attributes.FineAccessControls)
	return c
}
