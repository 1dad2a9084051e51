package httpapi

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// mediaType is that of every body, save for refusals.
const mediaType = "application/json"

// serve reads the request and asks the service.
func serve(r *http.Request, service catalog.Service, vocabularies catalog.Vocabularies) (door.Answer, error) {
	request, err := wire.Parse(r)
	if err != nil {
		return door.Answer{}, err
	}
	if door.Accepted(r, mediaType) == "" {
		return door.Answer{}, wire.Refuse(http.StatusNotAcceptable, "The answer would be application/json, which Accept does not list.")
	}
	switch request.Op {
	case wire.OpGet:
		return get(r.Context(), service, request)
	case wire.OpList:
		return list(r.Context(), service, request.Query)
	case wire.OpPut:
		return put(r, service, request)
	case wire.OpDelete:
		return remove(r.Context(), service, request)
	case wire.OpVersions:
		versions, err := service.SchemaVersions(r.Context(), request.Ref.ID)
		if err != nil {
			return door.Answer{}, err
		}
		return encoded(wire.EncodeVersions(versions))
	case wire.OpReport:
		report, err := service.SchemaReport(r.Context(), request.Ref.ID)
		if err != nil {
			return door.Answer{}, err
		}
		return encoded(wire.EncodeReport(report))
	case wire.OpDerivation:
		return derivation(r.Context(), service, vocabularies, request)
	case wire.OpVocabulary, wire.OpPutVocabulary, wire.OpVocabularies, wire.OpOldVocabulary:
		return vocabulary(r, vocabularies, request)
	case wire.OpValidate:
		return validate(r, service)
	case wire.OpOpenAPI:
		return door.Answer{Status: http.StatusOK, Body: description}, nil
	}
	return door.Answer{}, fmt.Errorf("the route table has an operation that is not served: %q", request.Op)
}

// encoded is the answer with what the service returned. What cannot be encoded
// is the service's fault, never the caller's.
func encoded(body []byte, err error) (door.Answer, error) {
	if err != nil {
		return door.Answer{}, errors.New("the service returned what cannot be sent: " + err.Error())
	}
	return door.Answer{Status: http.StatusOK, Body: body}, nil
}

func get(ctx context.Context, service catalog.Service, request wire.Request) (door.Answer, error) {
	entry, err := service.Get(ctx, request.Ref)
	if err != nil {
		return door.Answer{}, err
	}
	if request.Match != nil && !matches(request.Match, entry.Revision) {
		return door.Answer{}, &catalog.Error{Code: catalog.CodePreconditionFailed, Message: "The object has another revision than If-Match names.",
			Problems: []catalog.Problem{{Rule: catalog.RulePreconditionUnknown, Detail: "The condition on the revision fails.", Fix: "Read the object again."}}}
	}
	a, err := object(http.StatusOK, entry)
	if err == nil && matches(request.NoneMatch, entry.Revision) {
		a.Status, a.Body = http.StatusNotModified, nil
	}
	return a, err
}

func matches(tags []string, revision string) bool {
	return slices.Contains(tags, "*") || slices.Contains(tags, revision)
}

// object is the answer with an object and its entity tag.
func object(status int, entry catalog.Entry) (door.Answer, error) {
	a, err := encoded(wire.EncodeObject(entry.Object))
	if err != nil {
		return door.Answer{}, err
	}
	tag, err := wire.FormatETag(entry.Revision)
	if err != nil {
		return door.Answer{}, fmt.Errorf("the service returned a revision that cannot be sent: %w", err)
	}
	a.Status, a.Header = status, http.Header{"Etag": {tag}}
	return a, nil
}

// list asks for fewer objects when a page is longer than clients read: schema
// texts of a megabyte each would make one of half a gigabyte.
func list(ctx context.Context, service catalog.Service, query catalog.Query) (door.Answer, error) {
	for {
		page, err := service.List(ctx, query)
		if err != nil {
			return door.Answer{}, err
		}
		body, err := wire.EncodePage(page)
		if err != nil || len(body) <= wire.PageTarget || len(page.Entries) <= 1 {
			return encoded(body, err)
		}
		query.Limit = len(page.Entries) / 2
	}
}

func put(r *http.Request, service catalog.Service, request wire.Request) (door.Answer, error) {
	body, err := door.ReadBody(r, wire.ObjectLimit, mediaType)
	if err != nil {
		return door.Answer{}, err
	}
	proposed, err := wire.DecodeObject(request.Ref, body)
	if err != nil {
		return door.Answer{}, err
	}
	status, err := prepare(r.Context(), service, &request)
	if err != nil {
		return door.Answer{}, err
	}
	entry, err := service.Put(r.Context(), proposed, request.Write)
	if err != nil {
		return door.Answer{}, err
	}
	if request.Write.DryRun {
		return encoded(wire.EncodeObject(entry.Object))
	}
	a, err := object(status, entry)
	if err == nil && status == http.StatusCreated {
		a.Header.Set("Location", r.URL.EscapedPath())
	}
	return a, err
}

// prepare tells the status of a successful put, 201 when it creates the object,
// and picks from several entity tags the one that the object has. It reads the
// object only when the conditions leave either open; the service judges the
// conditions again in the transaction of the change.
func prepare(ctx context.Context, service catalog.Service, request *wire.Request) (status int, err error) {
	switch {
	case request.Write.IfNoneMatch:
		return http.StatusCreated, nil
	case request.Match == nil && (request.Write.IfMatch != "" || request.Write.DryRun):
		return http.StatusOK, nil
	}
	current, err := service.Get(ctx, request.Ref)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return http.StatusCreated, nil
	case err != nil:
		return 0, err
	case slices.Contains(request.Match, current.Revision):
		request.Write.IfMatch = current.Revision
	}
	return http.StatusOK, nil
}

func remove(ctx context.Context, service catalog.Service, request wire.Request) (door.Answer, error) {
	if request.Match != nil {
		if _, err := prepare(ctx, service, &request); err != nil {
			return door.Answer{}, err
		}
	}
	return door.Answer{Status: http.StatusNoContent}, service.Delete(ctx, request.Ref, request.Write)
}

func validate(r *http.Request, service catalog.Service) (door.Answer, error) {
	body, err := door.ReadBody(r, wire.ProposalLimit, mediaType)
	if err != nil {
		return door.Answer{}, err
	}
	proposal, err := wire.DecodeProposal(body)
	if err != nil {
		return door.Answer{}, err
	}
	verdict, err := service.Validate(r.Context(), proposal)
	if err != nil {
		return door.Answer{}, err
	}
	return encoded(wire.EncodeVerdict(verdict))
}

//go:embed openapi.json
var description []byte
