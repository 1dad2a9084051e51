package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// maxQuery is the longest query string, in bytes.
const maxQuery = 8 << 10

// Request is what one HTTP request asks, its body aside.
type Request struct {
	Op    Op
	Ref   catalog.Ref   // OpGet, OpPut, OpDelete, OpVersions, OpReport, OpDerivation
	Query catalog.Query // OpList
	// Version names the vocabulary of OpOldVocabulary, and the one that
	// OpDerivation is to be made under, "" for the one in force.
	Version string
	// Write holds the conditions of OpPut, OpDelete and OpPutVocabulary. When If-Match lists
	// several tags, Write.IfMatch is the first of them.
	Write catalog.WriteOptions
	// Match lists the revisions of If-Match, "*" for any. On OpPut and
	// OpDelete it is filled only when there are several.
	Match []string
	// NoneMatch lists the revisions of If-None-Match on OpGet and OpVocabulary: those that the
	// caller already has.
	NoneMatch []string
}

// Parse reads the method, path, query and conditions of a request. An error is
// an *[Refusal]. It does not touch the body.
func Parse(r *http.Request) (Request, error) {
	below, ok := strings.CutPrefix(r.URL.EscapedPath(), Prefix)
	if !ok {
		return Request{}, noSuchPath("No such path. The API is below " + Prefix + ".")
	}
	route, found, err := find(r.Method, below)
	if err != nil {
		return Request{}, err
	}
	if err := found.check(route); err != nil {
		return Request{}, err
	}
	req := Request{Op: route.Op}
	values, err := parseQuery(route, r.URL.RawQuery)
	if err != nil {
		return Request{}, err
	}
	if err := req.setTarget(route, found, values); err != nil {
		return Request{}, err
	}
	if err := req.setEndorsement(r.Header); err != nil {
		return Request{}, err
	}
	return req, req.setConditions(r.Header, values)
}

// setTarget fills in what the request is about: an object or a list.
func (r *Request) setTarget(route Route, found names, values url.Values) (err error) {
	switch route.Op {
	case OpGet, OpPut, OpDelete, OpVersions, OpReport, OpDerivation:
		r.Ref = catalog.Ref{Kind: route.Kind, ID: found.domain + found.name} // what no domain owns has one of the two
		if route.Kind.Owned() {
			r.Ref.ID = found.domain + "/" + found.name
		}
		err = r.setVersion(values)
	case OpList:
		r.Query, err = listQuery(route.Kind, values)
		if found.domain != "" {
			r.Query.Domain = found.domain
		}
	case OpOldVocabulary:
		r.Version = found.version
	case OpValidate, OpOpenAPI, OpVocabulary, OpPutVocabulary, OpVocabularies:
	}
	return err
}

func (r *Request) setVersion(values url.Values) error {
	if !values.Has(paramUnder) {
		return nil
	}
	r.Version = values.Get(paramUnder)
	if err := marking.CheckVersion(r.Version); err != nil {
		return badQuery(paramUnder, catalog.RuleFormat, "The value is the version of no vocabulary.", "Write one that /api/v1/vocabularies lists.")
	}
	return nil
}

func listQuery(kind catalog.Kind, values url.Values) (catalog.Query, error) {
	query := catalog.Query{
		Kind:   kind,
		Domain: values.Get(paramDomain),
		Text:   values.Get(paramText),
		Status: catalog.Status(values.Get(paramStatus)),
		Cursor: values.Get(paramCursor),
	}
	if !values.Has(paramLimit) {
		return query, nil
	}
	limit, err := strconv.Atoi(values.Get(paramLimit))
	if err != nil || limit < 1 || limit > catalog.MaxLimit {
		return query, badQuery(paramLimit, catalog.RuleLimit, "The limit is not a whole number within its bounds.",
			fmt.Sprintf("Write a number from 1 to %d.", catalog.MaxLimit))
	}
	query.Limit = limit
	return query, nil
}

// parseQuery reads a query string that may hold the route's parameters only,
// each at most once.
func parseQuery(route Route, raw string) (url.Values, error) {
	if len(raw) > maxQuery {
		return nil, badRequest("The query string is longer than 8 KiB.")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("The query string is malformed: separate parameters with & and percent-encode their values.")
	}
	for name, list := range values {
		switch {
		case !slices.Contains(route.Query, name):
			return nil, badQuery(name, catalog.RuleUnknownField, "This operation has no such query parameter.", parametersOf(route))
		case len(list) > 1:
			return nil, badQuery(name, catalog.RuleFormat, "The query parameter is given more than once.", "Give it once.")
		case strings.ContainsFunc(list[0], func(c rune) bool { return c < ' ' || c == 0x7f || c == '\uFFFD' }):
			return nil, badQuery(name, catalog.RuleFormat, "The query parameter holds a control character or is not UTF-8.", "Write plain text.")
		}
	}
	return values, nil
}

func parametersOf(route Route) string {
	if len(route.Query) == 0 {
		return "Leave it out; the operation takes none."
	}
	return "The parameters are " + strings.Join(route.Query, ", ") + "."
}

// setConditions reads dry_run and the conditional headers.
func (r *Request) setConditions(h http.Header, values url.Values) (err error) {
	if values.Has(paramDryRun) {
		switch values.Get(paramDryRun) {
		case "true":
			r.Write.DryRun = true
		case "false":
		default:
			return badQuery(paramDryRun, catalog.RuleFormat, "The value is neither true nor false.", "Write dry_run=true or leave it out.")
		}
	}
	match, err := parseTags(h, "If-Match")
	if err != nil {
		return err
	}
	none, err := parseTags(h, "If-None-Match")
	if err != nil {
		return err
	}
	return r.apply(match, none)
}

func (r *Request) apply(match, none []string) error {
	switch r.Op {
	case OpGet, OpVocabulary:
		r.Match, r.NoneMatch = match, none
	case OpPut, OpDelete, OpPutVocabulary:
		if none != nil && !slices.Equal(none, []string{"*"}) {
			return badRequest("If-None-Match on a change takes * only: the object must not exist.")
		}
		r.Write.IfNoneMatch = none != nil
		if len(match) > 0 {
			r.Write.IfMatch = match[0]
		}
		if len(match) > 1 {
			r.Match = match
		}
	case OpList, OpVersions, OpReport, OpDerivation, OpValidate, OpOpenAPI, OpVocabularies, OpOldVocabulary: // have no revision to compare with
	}
	return nil
}

// New builds the HTTP request below an endpoint such as https://mesh.example,
// with the body of OpPut and OpValidate. It reads its own work back with
// [Parse] and fails, with what the platform would have answered, when that
// is not r.
func (r Request) New(ctx context.Context, endpoint *url.URL, body []byte) (*http.Request, error) {
	route, err := r.route()
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Path: Prefix + route.fill(r), RawQuery: r.values().Encode()}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	out, err := http.NewRequestWithContext(ctx, route.Method, u.String(), content)
	if err != nil {
		return nil, notFound("No object can have this address.")
	}
	out.Header.Set("Accept", "application/json")
	if body != nil {
		out.Header.Set("Content-Type", "application/json")
	}
	r.writeEndorsement(out.Header)
	if err := r.writeConditions(out.Header); err != nil {
		return nil, err
	}
	if err := r.verify(out); err != nil {
		return nil, err
	}
	out.URL.Path = strings.TrimSuffix(endpoint.Path, "/") + out.URL.Path
	return out, nil
}

func (r Request) route() (*Route, error) {
	i := slices.IndexFunc(routes, func(row Route) bool { return row.Op == r.Op && row.Kind == r.kind() })
	if i < 0 {
		return nil, noSuchPath(fmt.Sprintf("There is no operation %q on the kind %q.", r.Op, r.kind()))
	}
	if r.Ref != (catalog.Ref{}) {
		if err := r.Ref.Kind.CheckID(r.Ref.ID); err != nil {
			return nil, notFound(sentence("No object can have this id", err))
		}
	}
	return &routes[i], nil
}

func (r Request) kind() catalog.Kind {
	switch r.Op {
	case OpList:
		return r.Query.Kind
	case OpValidate, OpOpenAPI, OpVocabulary, OpPutVocabulary, OpVocabularies, OpOldVocabulary:
		return ""
	default:
		return r.Ref.Kind
	}
}

func (r Request) values() url.Values {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set(paramDomain, r.Query.Domain)
	set(paramText, r.Query.Text)
	set(paramStatus, string(r.Query.Status))
	set(paramCursor, r.Query.Cursor)
	if r.Query.Limit != 0 {
		set(paramLimit, strconv.Itoa(r.Query.Limit))
	}
	if r.Write.DryRun {
		set(paramDryRun, "true")
	}
	if r.Op == OpDerivation {
		set(paramUnder, r.Version)
	}
	return values
}

func (r Request) writeConditions(h http.Header) error {
	if r.Write.IfNoneMatch {
		h.Set("If-None-Match", "*")
	}
	switch r.Write.IfMatch {
	case "":
	case "*":
		h.Set("If-Match", "*")
	default:
		tag, err := FormatETag(r.Write.IfMatch)
		if err != nil {
			return &Refusal{Status: http.StatusPreconditionFailed, Err: &catalog.Error{
				Code: catalog.CodePreconditionFailed, Message: "No object has this revision.", Problems: []catalog.Problem{{
					Rule: catalog.RulePreconditionUnknown, Detail: sentence("The condition on the revision fails", err), Fix: "Read the object again."}}}}
		}
		h.Set("If-Match", tag)
	}
	return nil
}

// verify parses what was built.
func (r Request) verify(built *http.Request) error {
	parsed, err := Parse(built)
	if err != nil {
		return err
	}
	if parsed.Op != r.Op || parsed.Ref != r.Ref || parsed.Query != r.Query || parsed.Write != r.Write || parsed.Version != r.Version {
		return badRequest("The request cannot be written as an address without changing its meaning.")
	}
	return nil
}
