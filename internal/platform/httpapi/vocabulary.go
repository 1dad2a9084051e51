package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// noVocabularies is what a server says that has none.
func noVocabularies() error {
	return &catalog.Error{Code: catalog.CodeNotFound, Message: "This server has no vocabularies."}
}

func derivation(ctx context.Context, service catalog.Service, vocabularies catalog.Vocabularies, request wire.Request) (door.Answer, error) {
	var found catalog.Derivation
	var err error
	switch {
	case request.Version == "":
		found, err = service.Derivation(ctx, request.Ref.ID)
	case vocabularies == nil:
		err = noVocabularies()
	default:
		found, err = vocabularies.DerivationUnder(ctx, request.Ref.ID, request.Version)
	}
	if err != nil {
		return door.Answer{}, err
	}
	return encoded(wire.EncodeDerivation(found))
}

// vocabulary serves what is about vocabularies.
func vocabulary(r *http.Request, vocabularies catalog.Vocabularies, request wire.Request) (door.Answer, error) {
	switch {
	case vocabularies == nil:
		return door.Answer{}, noVocabularies()
	case request.Op == wire.OpPutVocabulary:
		return putVocabulary(r, vocabularies, request)
	case request.Op == wire.OpVocabularies:
		history, err := vocabularies.VocabularyHistory(r.Context())
		if err != nil {
			return door.Answer{}, err
		}
		return encoded(wire.EncodeHistory(history))
	}
	found, err := vocabularies.Vocabulary(r.Context(), request.Version)
	if err != nil {
		return door.Answer{}, err
	}
	a := door.Answer{Status: http.StatusOK, Body: found.Text}
	if found.Revision == "" {
		return a, nil
	}
	if request.Match != nil && !matches(request.Match, found.Revision) {
		return door.Answer{}, &catalog.Error{Code: catalog.CodePreconditionFailed, Message: "Another vocabulary is in force than If-Match names."}
	}
	if matches(request.NoneMatch, found.Revision) {
		a.Status, a.Body = http.StatusNotModified, nil
	}
	return tagged(a, found.Revision)
}

func putVocabulary(r *http.Request, vocabularies catalog.Vocabularies, request wire.Request) (door.Answer, error) {
	body, err := door.ReadBody(r, wire.VocabularyLimit, mediaType)
	if err != nil {
		return door.Answer{}, err
	}
	ctx, cancel := unhurried(r.Context(), request.Write.DryRun)
	defer cancel()
	impact, revision, err := vocabularies.PutVocabulary(ctx, body, request.Write)
	if err != nil {
		return door.Answer{}, err
	}
	a, err := encoded(wire.EncodeImpact(impact))
	if err != nil || request.Write.DryRun {
		return a, err
	}
	return tagged(a, revision)
}

// updateTimeout bounds an update, which judges every product again: below the
// time that a server gives to a whole answer. A hundred thousand products take
// ten seconds of a processor.
const updateTimeout = 100 * time.Second

// unhurried gives an update more time than other requests have. Only an
// administrator gets as far as using it; a preview has no more than others.
func unhurried(ctx context.Context, dry bool) (context.Context, context.CancelFunc) {
	if dry {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), updateTimeout)
}

func tagged(a door.Answer, revision string) (door.Answer, error) {
	tag, err := wire.FormatETag(revision)
	if err != nil {
		return encoded(nil, err)
	}
	a.Header = http.Header{"Etag": {tag}}
	return a, nil
}
