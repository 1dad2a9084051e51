package envelope

import (
	"fmt"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Position is how far one stream has come on this side.
type Position struct {
	Sequence int             `json:"sequence"` // of the last bundle that was loaded; 0 for none
	Digest   artifact.Digest `json:"digest,omitempty"`
	// Minimum is the lowest number that is ever accepted: set it when an older
	// bundle turns out to be bad before a newer one has arrived.
	Minimum int `json:"minimum,omitempty"`
}

// Clock skew between the two sides that does not make a bundle "not yet valid".
const maxSkew = 10 * time.Minute

// Conditions are what a bundle is admitted under.
type Conditions struct {
	Now    time.Time
	Stream string // the one that is expected; "" for any
	// MaximumAge is how long after its creation a bundle is still admitted; 0
	// for no limit.
	MaximumAge time.Duration
	// AcceptReplay admits the bundle that is held already, so that a load that
	// was interrupted can continue.
	AcceptReplay bool
	// AcceptGap admits a bundle although ones before it did not arrive: right
	// when all that it builds on is held.
	AcceptGap bool
	// AcceptRollback admits an older bundle. The caller has checked the second
	// signature that this takes ([Signers]).
	AcceptRollback bool
}

// Admit decides whether a bundle may follow what a stream holds: nil, or a
// *[Refusal] whose kind says which of the attacks on updates it would be
// (rollback, freeze, fast-forward and mix-and-match of the TUF specification,
// section 1.5.2). Nothing is changed: after the load, keep [After].
func (p Position) Admit(e *Envelope, c Conditions) error {
	if c.Stream != "" && e.Stream != c.Stream {
		return &Refusal{OtherStream, fmt.Sprintf("it is of stream %s, expected %s", e.Stream, c.Stream), "use the bundle of this stream"}
	}
	if err := c.checkTime(e); err != nil {
		return err
	}
	return p.checkOrder(e, c)
}

func (c Conditions) checkTime(e *Envelope) error {
	switch age := c.Now.Sub(e.Created); {
	case age < -maxSkew:
		return &Refusal{NotYetValid, fmt.Sprintf("it was created at %s, and here it is %s", stamp(e.Created), stamp(c.Now)), "check the clocks of both sides"}
	case !e.Expires.IsZero() && !c.Now.Before(e.Expires):
		return &Refusal{Expired, fmt.Sprintf("it expired at %s, and here it is %s", stamp(e.Expires), stamp(c.Now)), "ask for a newer bundle"}
	case c.MaximumAge > 0 && age > c.MaximumAge:
		return &Refusal{TooOld, fmt.Sprintf("it was created at %s, longer ago than the policy's %s", stamp(e.Created), c.MaximumAge), "ask for a newer bundle"}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (p Position) checkOrder(e *Envelope, c Conditions) error {
	digest, err := e.Digest()
	if err != nil {
		return &Refusal{Kind: Malformed, Reason: err.Error()}
	}
	switch {
	case e.Sequence < p.Minimum:
		return c.rollback(e, fmt.Sprintf("the lowest number that is accepted is %d", p.Minimum))
	case p.Sequence == 0:
		return nil
	case e.Sequence < p.Sequence:
		return c.rollback(e, fmt.Sprintf("number %d is held", p.Sequence))
	case e.Sequence == p.Sequence:
		return p.checkSame(e, digest, c)
	}
	return p.checkNext(e, c)
}

func (c Conditions) rollback(e *Envelope, held string) error {
	if c.AcceptRollback {
		return nil
	}
	return &Refusal{Rollback, fmt.Sprintf("it is number %d of stream %s, and %s", e.Sequence, e.Stream, held),
		"if going back is meant, let a second officer sign it"}
}

func (p Position) checkSame(e *Envelope, digest artifact.Digest, c Conditions) error {
	if digest != p.Digest {
		return &Refusal{Fork, fmt.Sprintf("another bundle is held as number %d of stream %s: %s, and this is %s", e.Sequence, e.Stream, p.Digest, digest),
			"ask the packer which of the two is right"}
	}
	if c.AcceptReplay {
		return nil
	}
	return &Refusal{Replay, fmt.Sprintf("number %d of stream %s is loaded already", e.Sequence, e.Stream), "there is nothing to do"}
}

func (p Position) checkNext(e *Envelope, c Conditions) error {
	switch {
	case e.Sequence > p.Sequence+1 && !c.AcceptGap:
		return &Refusal{Gap, fmt.Sprintf("it is number %d of stream %s, number %d is held: %d in between did not arrive", e.Sequence, e.Stream, p.Sequence, e.Sequence-p.Sequence-1),
			"load those first, or send a receipt and ask for a bundle that builds on it"}
	case e.Sequence == p.Sequence+1 && e.Previous != p.Digest:
		return &Refusal{Fork, fmt.Sprintf("it follows %s, and %s is held as number %d of stream %s", e.Previous, p.Digest, p.Sequence, e.Stream),
			"ask the packer which bundle came before it"}
	}
	return nil
}

// After is the position once the bundle has been loaded.
func (p Position) After(e *Envelope) (Position, error) {
	digest, err := e.Digest()
	if err != nil {
		return p, err
	}
	return Position{Sequence: e.Sequence, Digest: digest, Minimum: min(p.Minimum, e.Sequence)}, nil
}
