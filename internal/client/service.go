package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Service is a [catalog.Service] over HTTP. All methods are safe for concurrent
// use.
type Service struct {
	endpoint   *url.URL
	http       *http.Client
	vocabulary *marking.Vocabulary // of what is refused before it is sent, see Under
}

var (
	_ catalog.Service      = (*Service)(nil)
	_ catalog.Vocabularies = (*Service)(nil)
)

// endpointPath is what may stand behind the host of an endpoint: plain
// segments, as a reverse proxy may ask for.
var endpointPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$`)

// New returns the service at an endpoint such as "https://mesh.example" or
// "https://proxy.example/mesh". It refuses endpoints with a user, a query or a
// fragment. hc authenticates and retries, see [NewHTTPClient]; it is copied,
// and the copy follows no redirects.
func New(endpoint string, hc *http.Client) (*Service, error) {
	u, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	if hc == nil {
		return nil, errors.New("client: the HTTP client is missing")
	}
	own := *hc
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Service{endpoint: u, http: &own}, nil
}

// parseEndpoint never repeats the text in its errors: it may hold a password.
func parseEndpoint(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, errors.New("not a URL: write it as https://host[:port]")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the scheme is not https or http: write it as https://host[:port]")
	case u.Hostname() == "":
		return nil, errors.New("the host is missing: write it as https://host[:port]")
	case u.User != nil:
		return nil, errors.New("a user or password does not belong into the endpoint: use the token or a client certificate")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("a query or fragment does not belong into the endpoint: remove it")
	case !endpointPath.MatchString(u.EscapedPath()):
		return nil, errors.New("the path has empty, dotted or encoded segments: write it as https://host[:port]/path")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}, nil
}

// Get implements [catalog.Reader].
func (s *Service) Get(ctx context.Context, ref catalog.Ref) (catalog.Entry, error) {
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpGet, Ref: ref}, nil)
	if err != nil {
		return catalog.Entry{}, err
	}
	return answer.entry(ref)
}

// List implements [catalog.Reader].
func (s *Service) List(ctx context.Context, query catalog.Query) (catalog.Page, error) {
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpList, Query: query}, nil)
	if err != nil {
		return catalog.Page{}, err
	}
	page, err := wire.DecodePage(query, answer.body)
	if err == nil && page.Next != "" && page.Next == query.Cursor {
		err = errors.New("the cursor of the next page is that of this page")
	}
	if err != nil {
		return catalog.Page{}, answer.broken(err)
	}
	return page, nil
}

// SchemaVersions implements [catalog.Reader].
func (s *Service) SchemaVersions(ctx context.Context, id string) ([]catalog.SchemaVersion, error) {
	ref := catalog.Ref{Kind: catalog.KindSchema, ID: id}
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpVersions, Ref: ref}, nil)
	if err != nil {
		return nil, err
	}
	versions, err := wire.DecodeVersions(answer.body)
	if err != nil {
		return nil, answer.broken(err)
	}
	return versions, nil
}

// SchemaReport implements [catalog.Reader].
func (s *Service) SchemaReport(ctx context.Context, id string) (catalog.SchemaReport, error) {
	ref := catalog.Ref{Kind: catalog.KindSchema, ID: id}
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpReport, Ref: ref}, nil)
	if err != nil {
		return catalog.SchemaReport{}, err
	}
	report, err := wire.DecodeReport(id, answer.body)
	if err != nil {
		return catalog.SchemaReport{}, answer.broken(err)
	}
	return report, nil
}

// Derivation implements [catalog.Reader].
func (s *Service) Derivation(ctx context.Context, id string) (catalog.Derivation, error) {
	return s.DerivationUnder(ctx, id, "")
}

// DerivationUnder implements [catalog.Vocabularies].
func (s *Service) DerivationUnder(ctx context.Context, id, version string) (catalog.Derivation, error) {
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: id}
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpDerivation, Ref: ref, Version: version}, nil)
	if err != nil {
		return catalog.Derivation{}, err
	}
	derivation, err := wire.DecodeDerivation(id, answer.body)
	if err != nil {
		return catalog.Derivation{}, answer.broken(err)
	}
	return derivation, nil
}

// Under is the service for a caller who judges markings by a vocabulary of its
// own. It says what is wrong with an object that cannot be sent; what is sent is
// judged by the platform's. Without it, the built-in one is taken.
func (s *Service) Under(v *marking.Vocabulary) *Service {
	under := *s
	under.vocabulary = v
	return &under
}

// Put implements [catalog.Writer]. An object that has no address, or that JSON
// cannot hold, is refused before it is sent.
func (s *Service) Put(ctx context.Context, object catalog.Object, options catalog.WriteOptions) (catalog.Entry, error) {
	if object == nil {
		return catalog.Entry{}, &catalog.Error{Code: catalog.CodeInvalid, Message: "There is no object to put."}
	}
	ref := object.Ref()
	body, err := wire.EncodeObject(object)
	if err == nil {
		err = ref.Kind.CheckID(ref.ID)
	}
	if err != nil {
		return catalog.Entry{}, s.unsendable(object, err)
	}
	if len(body) > wire.ObjectLimit {
		return catalog.Entry{}, tooLarge(wire.ObjectLimit)
	}
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpPut, Ref: ref, Write: options}, body)
	if err != nil {
		return catalog.Entry{}, err
	}
	return answer.entry(ref)
}

// Delete implements [catalog.Writer].
func (s *Service) Delete(ctx context.Context, ref catalog.Ref, options catalog.WriteOptions) error {
	_, err := s.ask(ctx, wire.Request{Op: wire.OpDelete, Ref: ref, Write: options}, nil)
	return err
}

// Validate implements [catalog.Service].
func (s *Service) Validate(ctx context.Context, proposal catalog.Proposal) (catalog.Verdict, error) {
	body, err := wire.EncodeProposal(proposal)
	if err != nil {
		return catalog.Verdict{}, known(err)
	}
	if len(body) > wire.ProposalLimit {
		return catalog.Verdict{}, tooLarge(wire.ProposalLimit)
	}
	answer, err := s.ask(ctx, wire.Request{Op: wire.OpValidate}, body)
	if err != nil {
		return catalog.Verdict{}, err
	}
	verdict, err := wire.DecodeVerdict(answer.body)
	if err != nil {
		return catalog.Verdict{}, answer.broken(err)
	}
	return verdict, nil
}

// answer is a successful response, read whole.
type answer struct {
	request wire.Request
	path    string // below the host
	status  int
	header  http.Header
	body    []byte
}

// ask sends one request and reads its answer. Every error is, or wraps, a
// *catalog.Error.
func (s *Service) ask(ctx context.Context, request wire.Request, body []byte) (answer, error) {
	r, err := request.New(ctx, s.endpoint, body)
	if err != nil {
		return answer{}, known(err)
	}
	response, err := s.http.Do(r)
	if err != nil {
		return answer{}, s.unreachable(err)
	}
	defer func() { _ = response.Body.Close() }() // was read; nothing hangs on it
	content, err := io.ReadAll(io.LimitReader(response.Body, wire.AnswerLimit+1))
	if err != nil {
		return answer{}, s.unreachable(err)
	}
	a := answer{request, r.URL.Path, response.StatusCode, response.Header, content}
	if from := response.Request; from != nil && (from.URL.Host != s.endpoint.Host || from.URL.Scheme != s.endpoint.Scheme) {
		return answer{}, a.broken(errors.New("the request was redirected to another host"))
	}
	return a, a.check()
}

// expected are the statuses of success.
func (a answer) expected() bool {
	switch a.request.Op {
	case wire.OpDelete:
		return a.status == http.StatusNoContent
	case wire.OpPut:
		return a.status == http.StatusOK || a.status == http.StatusCreated
	default:
		return a.status == http.StatusOK
	}
}

// check turns an answer that is none into an error.
func (a answer) check() error {
	switch {
	case len(a.body) > wire.AnswerLimit:
		return a.broken(fmt.Errorf("it is longer than %d bytes", wire.AnswerLimit))
	case a.expected():
		return nil
	case a.status >= 300 && a.status < 400:
		return a.broken(errors.New("redirects are not followed, as the token would follow too: set the endpoint to the platform itself"))
	}
	failure, err := wire.DecodeProblem(a.status, a.body)
	if err != nil {
		return a.foreign()
	}
	return failure
}

// entry reads the object that the answer must be about.
func (a answer) entry(ref catalog.Ref) (catalog.Entry, error) {
	object, err := wire.DecodeAnswer(ref, a.body)
	if err != nil {
		return catalog.Entry{}, a.broken(err)
	}
	if a.request.Write.DryRun {
		return catalog.Entry{Object: object}, nil
	}
	revision, err := wire.ParseETag(a.header.Get("ETag"))
	if err != nil {
		return catalog.Entry{}, a.broken(err)
	}
	return catalog.Entry{Object: object, Revision: revision}, nil
}
