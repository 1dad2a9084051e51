package httpapi

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// answer is one response, complete before its first byte is sent.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send writes the answer. A HEAD gets the header of the GET.
func (s *server) send(w http.ResponseWriter, r *http.Request, a answer) {
	e := exchangeOf(r.Context())
	e.status, e.bytes = a.status, len(a.body)
	h := w.Header()
	maps.Copy(h, a.header)
	if a.body != nil {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json")
		}
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // fails when the caller has gone: nobody is left to tell
	}
}

// serve reads the request and asks the service.
func (s *server) serve(r *http.Request, service catalog.Service) (answer, error) {
	request, err := wire.Parse(r)
	if err != nil {
		return answer{}, err
	}
	if !acceptsJSON(r.Header.Values("Accept")) {
		return answer{}, wire.Refuse(http.StatusNotAcceptable, "The answer would be application/json, which Accept does not list.")
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
			return answer{}, err
		}
		return encoded(wire.EncodeVersions(versions))
	case wire.OpReport:
		report, err := service.SchemaReport(r.Context(), request.Ref.ID)
		if err != nil {
			return answer{}, err
		}
		return encoded(wire.EncodeReport(report))
	case wire.OpValidate:
		return validate(r, service)
	case wire.OpOpenAPI:
		return answer{status: http.StatusOK, body: description}, nil
	}
	return answer{}, fmt.Errorf("the route table has an operation that is not served: %q", request.Op)
}

// encoded is the answer with what the service returned. What cannot be encoded
// is the service's fault, never the caller's.
func encoded(body []byte, err error) (answer, error) {
	if err != nil {
		return answer{}, errors.New("the service returned what cannot be sent: " + err.Error())
	}
	return answer{status: http.StatusOK, body: body}, nil
}

func get(ctx context.Context, service catalog.Service, request wire.Request) (answer, error) {
	entry, err := service.Get(ctx, request.Ref)
	if err != nil {
		return answer{}, err
	}
	if request.Match != nil && !matches(request.Match, entry.Revision) {
		return answer{}, &catalog.Error{Code: catalog.CodePreconditionFailed, Message: "The object has another revision than If-Match names.",
			Problems: []catalog.Problem{{Rule: catalog.RulePreconditionUnknown, Detail: "The condition on the revision fails.", Fix: "Read the object again."}}}
	}
	a, err := object(http.StatusOK, entry)
	if err == nil && matches(request.NoneMatch, entry.Revision) {
		a.status, a.body = http.StatusNotModified, nil
	}
	return a, err
}

func matches(tags []string, revision string) bool {
	return slices.Contains(tags, "*") || slices.Contains(tags, revision)
}

// object is the answer with an object and its entity tag.
func object(status int, entry catalog.Entry) (answer, error) {
	a, err := encoded(wire.EncodeObject(entry.Object))
	if err != nil {
		return answer{}, err
	}
	tag, err := wire.FormatETag(entry.Revision)
	if err != nil {
		return answer{}, fmt.Errorf("the service returned a revision that cannot be sent: %w", err)
	}
	a.status, a.header = status, http.Header{"Etag": {tag}}
	return a, nil
}

// list asks for fewer objects when a page is longer than clients read: schema
// texts of a megabyte each would make one of half a gigabyte.
func list(ctx context.Context, service catalog.Service, query catalog.Query) (answer, error) {
	for {
		page, err := service.List(ctx, query)
		if err != nil {
			return answer{}, err
		}
		body, err := wire.EncodePage(page)
		if err != nil || len(body) <= wire.PageTarget || len(page.Entries) <= 1 {
			return encoded(body, err)
		}
		query.Limit = len(page.Entries) / 2
	}
}

func put(r *http.Request, service catalog.Service, request wire.Request) (answer, error) {
	body, err := readBody(r, wire.ObjectLimit)
	if err != nil {
		return answer{}, err
	}
	proposed, err := wire.DecodeObject(request.Ref, body)
	if err != nil {
		return answer{}, err
	}
	status, err := prepare(r.Context(), service, &request)
	if err != nil {
		return answer{}, err
	}
	entry, err := service.Put(r.Context(), proposed, request.Write)
	if err != nil {
		return answer{}, err
	}
	if request.Write.DryRun {
		return encoded(wire.EncodeObject(entry.Object))
	}
	a, err := object(status, entry)
	if err == nil && status == http.StatusCreated {
		a.header.Set("Location", r.URL.EscapedPath())
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

func remove(ctx context.Context, service catalog.Service, request wire.Request) (answer, error) {
	if request.Match != nil {
		if _, err := prepare(ctx, service, &request); err != nil {
			return answer{}, err
		}
	}
	return answer{status: http.StatusNoContent}, service.Delete(ctx, request.Ref, request.Write)
}

func validate(r *http.Request, service catalog.Service) (answer, error) {
	body, err := readBody(r, wire.ProposalLimit)
	if err != nil {
		return answer{}, err
	}
	proposal, err := wire.DecodeProposal(body)
	if err != nil {
		return answer{}, err
	}
	verdict, err := service.Validate(r.Context(), proposal)
	if err != nil {
		return answer{}, err
	}
	return encoded(wire.EncodeVerdict(verdict))
}

// readBody reads a JSON body of at most limit bytes.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, wire.Refuse(http.StatusUnsupportedMediaType, "The body is compressed: send it plain.")
	}
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || !utf8Charset(parameters["charset"]) {
		return nil, wire.Refuse(http.StatusUnsupportedMediaType, "The Content-Type is not application/json.")
	}
	tooLarge := &catalog.Error{Code: catalog.CodeTooLarge, Message: fmt.Sprintf("The body is longer than %d bytes.", limit)}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if longer := (*http.MaxBytesError)(nil); errors.As(err, &longer) {
		return nil, tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, wire.Refuse(http.StatusRequestTimeout, "The body did not arrive in time.")
	}
	if err != nil {
		return nil, wire.Refuse(http.StatusBadRequest, "The body did not arrive whole.")
	}
	return body, nil
}

func utf8Charset(charset string) bool { return charset == "" || strings.EqualFold(charset, "utf-8") }

// acceptsJSON reports whether the Accept header leaves room for JSON
// (RFC 9110 section 12.5.1). A range with q=0 is none.
func acceptsJSON(accept []string) bool {
	list := strings.Join(accept, ",")
	if strings.TrimSpace(list) == "" {
		return true
	}
	for media := range strings.SplitSeq(list, ",") {
		name, parameters, err := mime.ParseMediaType(media)
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(parameters["q"], 64)
		if err == nil && q == 0 {
			continue
		}
		if name == "*/*" || name == "application/*" || name == "application/json" {
			return true
		}
	}
	return false
}

//go:embed openapi.json
var description []byte
