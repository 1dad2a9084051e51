package store

import "context"

// Vocabulary is a marking vocabulary as it is kept: for ever, because
// decisions were made by it.
type Vocabulary struct {
	Version string
	Digest  string // of Text, as audit entries state digests
	Text    []byte // its canonical form
}

// Enactment is one time that a vocabulary came into force.
type Enactment struct {
	Sequence int64  // 1, 2, 3, … without gaps
	Version  string // of the vocabulary
	Digest   string // of the vocabulary
	Revision string // of this enactment; unique
	Subject  string // who did it; "" for the program at its first start
	Issuer   string
	Time     string // RFC 3339, UTC
}

// VocabularyReader reads the vocabularies in one consistent state.
type VocabularyReader interface {
	// InForce returns the last enactment. ErrNotFound when there was none.
	InForce(context.Context) (Enactment, error)
	// Vocabulary returns one that was ever in force. ErrNotFound.
	Vocabulary(ctx context.Context, version string) (Vocabulary, error)
	// Enactments returns the last ones, newest first, at most limit.
	Enactments(ctx context.Context, limit int) ([]Enactment, error)
}

// VocabularyWriter puts vocabularies in force.
type VocabularyWriter interface {
	// Enact puts a vocabulary in force, and keeps it when it is new. Of the
	// Enactment it takes revision, subject, issuer and time. ErrTaken when
	// another vocabulary has the version.
	Enact(context.Context, Vocabulary, Enactment) error
}
