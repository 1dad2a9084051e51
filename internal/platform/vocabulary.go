package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// edition is one vocabulary as decisions are made by it. Everything that is
// judged in one transaction is judged by one edition: the one that the
// transaction's own state has in force.
type edition struct {
	vocabulary *marking.Vocabulary
	system     access.System
	unfit      error // why nothing may be decided by it, nil when it may
}

// newEdition fails when the marking that the system is accredited for means
// nothing under the vocabulary: without it nothing would be too high.
func newEdition(v *marking.Vocabulary, high string) (*edition, error) {
	e := &edition{vocabulary: v, system: access.System{Vocabulary: v}}
	if high == "" {
		return e, nil
	}
	var err error
	if e.system.High, err = v.Parse(high); err != nil {
		return nil, fmt.Errorf("the marking that the system is accredited for: %w", err)
	}
	return e, nil
}

// maxEditions bounds the vocabularies that are kept read. All but one are for
// whoever explains old decisions.
const maxEditions = 16

// editions are vocabularies that were read, by digest. That which decided last
// stays, however many old ones somebody asks for: it would have to be read again
// while everybody waits for the next decision. Safe for concurrent use.
type editions struct {
	mu       sync.Mutex
	read     map[string]*edition
	deciding string // digest
}

func (e *editions) get(digest string) *edition {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.read[digest]
}

func (e *editions) keep(digest string, one *edition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.read == nil || len(e.read) >= maxEditions {
		stays := e.read[e.deciding]
		e.read = map[string]*edition{}
		if stays != nil {
			e.read[e.deciding] = stays
		}
	}
	e.read[digest] = one
}

// decide says by which one decisions are made.
func (e *editions) decide(digest string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deciding = digest
}

// kept is a vocabulary as the store keeps it.
func kept(v *marking.Vocabulary) store.Vocabulary {
	text := v.Canonical()
	return store.Vocabulary{Version: v.Version(), Digest: audit.Digest(text), Text: text}
}

// edition reads a vocabulary of this state, to decide by it.
func (p *Platform) edition(ctx context.Context, r store.Reader, version, digest string) (*edition, error) {
	one, err := p.pastEdition(ctx, r, version, digest)
	if err != nil {
		return nil, err
	}
	if one.unfit != nil {
		return nil, one.unfit
	}
	p.editions.decide(digest)
	return one, nil
}

// pastEdition reads a vocabulary of this state, to explain by it: the marking
// that the system is accredited for may be younger. What the store gives is held
// against its digest: a vocabulary that changed by itself says nothing.
func (p *Platform) pastEdition(ctx context.Context, r store.Reader, version, digest string) (*edition, error) {
	if known := p.editions.get(digest); known != nil {
		return known, nil
	}
	text, err := r.Vocabulary(ctx, version)
	if err != nil {
		return nil, err
	}
	if audit.Digest(text.Text) != digest {
		return nil, fmt.Errorf("vocabulary %q as it is stored has another digest than %s", version, digest)
	}
	v, err := marking.ReadVocabulary(bytes.NewReader(text.Text))
	if err != nil {
		return nil, fmt.Errorf("vocabulary %q as it is stored: %w", version, err)
	}
	one, unfit := newEdition(v, p.systemHigh)
	if unfit != nil {
		one = &edition{vocabulary: v, system: access.System{Vocabulary: v}, unfit: unfit}
	}
	p.editions.keep(digest, one)
	return one, nil
}

// inForce is what is in force in this state. On a store in which nothing was
// put in force yet, it is what [Platform.Start] puts there.
func (p *Platform) inForce(ctx context.Context, r store.Reader) (*edition, store.Enactment, error) {
	e, err := r.InForce(ctx)
	if errors.Is(err, store.ErrNotFound) {
		first, err := newEdition(p.first, p.systemHigh)
		return first, store.Enactment{Version: p.first.Version(), Digest: kept(p.first).Digest}, err
	}
	if err != nil {
		return nil, store.Enactment{}, err
	}
	one, err := p.edition(ctx, r, e.Version, e.Digest)
	return one, e, err
}

// InForce is the vocabulary that is in force now. It may be another by the next
// decision, which is made by its own.
func (p *Platform) InForce(ctx context.Context) (*marking.Vocabulary, error) {
	var found *edition
	err := p.store.View(ctx, func(r store.Reader) (err error) {
		found, _, err = p.inForce(ctx, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("platform: %w", err)
	}
	return found.vocabulary, nil
}

// bound is the session within one transaction, under the vocabulary that its
// state has in force. Only a bound session judges and records.
func (s *session) bound(ctx context.Context, r store.Reader) (*session, error) {
	one, _, err := s.inForce(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.under(one), nil
}

func (s *session) under(e *edition) *session {
	at := *s
	at.vocabulary, at.system = e.vocabulary, e.system
	return &at
}

// ErrOtherVocabulary is returned by Start when the vocabulary in force is
// another than the one configured.
var ErrOtherVocabulary = errors.New("another vocabulary is in force")

// Start puts a vocabulary in force on a fresh store: the configured one, or the
// embedded one without. On any other it refuses a configured one that is not in
// force ([ErrOtherVocabulary]): what decides is changed by a recorded update
// only, which shows first who loses and who gains what. A server calls it
// before it serves.
func (p *Platform) Start(ctx context.Context) error {
	err := p.store.View(ctx, func(r store.Reader) error { return p.check(ctx, r) })
	if errors.Is(err, store.ErrNotFound) {
		err = p.store.Update(ctx, func(w store.Writer) error { return p.enactFirst(ctx, w) })
	}
	if err != nil {
		return fmt.Errorf("platform: %w", err)
	}
	return nil
}

func (p *Platform) enactFirst(ctx context.Context, w store.Writer) error {
	if _, err := newEdition(p.first, p.systemHigh); err != nil {
		return err
	}
	return w.Enact(ctx, kept(p.first), store.Enactment{Revision: p.newRevision(), Time: p.now().UTC().Format(time.RFC3339Nano)})
}

// check holds what is in force against the configuration.
func (p *Platform) check(ctx context.Context, r store.Reader) error {
	e, err := r.InForce(ctx)
	if err != nil {
		return err
	}
	if _, err := p.edition(ctx, r, e.Version, e.Digest); err != nil {
		return err
	}
	if !p.configured || kept(p.first).Digest == e.Digest {
		return nil
	}
	return fmt.Errorf("%w: %s (%s) since %s, and the configuration names %s (%s). Start without a vocabulary file, "+
		"and then apply this one with \"datamesh vocabulary apply\", which shows first who loses and who gains what",
		ErrOtherVocabulary, e.Version, e.Digest, e.Time, p.first.Version(), kept(p.first).Digest)
}
