package client

import (
	"context"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Vocabulary implements [catalog.Vocabularies].
func (s *Service) Vocabulary(ctx context.Context, version string) (catalog.VocabularyText, error) {
	request := wire.Request{Op: wire.OpVocabulary}
	if version != "" {
		request = wire.Request{Op: wire.OpOldVocabulary, Version: version}
	}
	answer, err := s.ask(ctx, request, nil)
	if err != nil {
		return catalog.VocabularyText{}, err
	}
	text, err := wire.DecodeVocabulary(version, answer.body)
	if err != nil {
		return catalog.VocabularyText{}, answer.broken(err)
	}
	found := catalog.VocabularyText{Text: text}
	if tag := answer.header.Get("ETag"); tag != "" || version == "" {
		if found.Revision, err = wire.ParseETag(tag); err != nil {
			return catalog.VocabularyText{}, answer.broken(err)
		}
	}
	return found, nil
}

// VocabularyHistory implements [catalog.Vocabularies].
func (s *Service) VocabularyHistory(ctx context.Context) ([]catalog.VocabularyChange, error) {
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpVocabularies}, nil)
	if err != nil {
		return nil, err
	}
	history, err := wire.DecodeHistory(answer.body)
	if err != nil {
		return nil, answer.broken(err)
	}
	return history, nil
}

// PutVocabulary implements [catalog.Vocabularies].
func (s *Service) PutVocabulary(ctx context.Context, text []byte, options catalog.WriteOptions) (catalog.VocabularyImpact, string, error) {
	if len(text) > wire.VocabularyLimit {
		return catalog.VocabularyImpact{}, "", tooLarge(wire.VocabularyLimit)
	}
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpPutVocabulary, Write: options}, text)
	if err != nil {
		return catalog.VocabularyImpact{}, "", err
	}
	impact, err := wire.DecodeImpact(answer.body)
	revision := ""
	if err == nil && !options.DryRun {
		revision, err = wire.ParseETag(answer.header.Get("ETag"))
	}
	if err != nil {
		return catalog.VocabularyImpact{}, "", answer.broken(err)
	}
	return impact, revision, nil
}
