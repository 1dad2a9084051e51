package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const (
	enactmentColumns = `e.seq, e.version, v.digest, e.revision, e.subject, e.issuer, e.time`
	fromEnactments   = ` FROM vocabulary_enactments e JOIN vocabularies v ON v.version = e.version`
)

// InForce implements [store.VocabularyReader].
func (s *session) InForce(ctx context.Context) (store.Enactment, error) {
	found, err := collect(ctx, s, scanEnactment, selectEnactments, 1)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Enactment{}, fmt.Errorf("the vocabulary in force: %w", err)
	}
	return found[0], nil
}

// Enactments implements [store.VocabularyReader].
func (s *session) Enactments(ctx context.Context, limit int) ([]store.Enactment, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("the vocabularies: the limit is %d, it must be above zero", limit)
	}
	found, err := collect(ctx, s, scanEnactment, selectEnactments, limit)
	if err != nil {
		return nil, fmt.Errorf("the vocabularies: %w", err)
	}
	return found, nil
}

func scanEnactment(row scanner) (store.Enactment, error) {
	var e store.Enactment
	err := row.Scan(&e.Sequence, &e.Version, &e.Digest, &e.Revision, &e.Subject, &e.Issuer, &e.Time)
	return e, err
}

// Vocabulary implements [store.VocabularyReader].
func (s *session) Vocabulary(ctx context.Context, version string) (store.Vocabulary, error) {
	found, err := collect(ctx, s, scanVocabulary, selectVocabulary, version)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Vocabulary{}, fmt.Errorf("vocabulary %q: %w", version, err)
	}
	return found[0], nil
}

func scanVocabulary(row scanner) (store.Vocabulary, error) {
	var v store.Vocabulary
	err := row.Scan(&v.Version, &v.Digest, &v.Text)
	return v, err
}

// Enact implements [store.VocabularyWriter].
func (s *session) Enact(ctx context.Context, v store.Vocabulary, e store.Enactment) error {
	kept, err := s.Vocabulary(ctx, v.Version)
	switch {
	case errors.Is(err, store.ErrNotFound):
		_, err = s.exec(ctx, insertVocabulary, v.Version, v.Digest, v.Text)
	case err == nil && kept.Digest != v.Digest:
		return fmt.Errorf("enact vocabulary %q: %w", v.Version, store.ErrTaken)
	}
	if err == nil {
		_, err = s.exec(ctx, insertEnactment, v.Version, e.Revision, e.Subject, e.Issuer, e.Time)
	}
	if err != nil {
		return fmt.Errorf("enact vocabulary %q: %w", v.Version, err)
	}
	return nil
}
