package registryapi_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// remote is the registry as a client of the API sees it.
type remote struct{ endpoint, token string }

var _ catalog.Registry = (*remote)(nil)

// refused is the error of an answer; each code stands for one rule.
func refused(status, code int, message string) error {
	known := map[int]string{
		40401: catalog.RuleSubjectNotFound, 40402: catalog.RuleVersionNotFound, 40403: catalog.RuleSchemaNotFound,
		40404: catalog.RuleSubjectDeleted, 40405: catalog.RuleNotYetDeleted, 40406: catalog.RuleVersionDeleted, 40407: catalog.RuleNotYetDeleted,
		409: catalog.RuleCompatibility, 42201: catalog.RuleSchemaText, 42202: catalog.RuleVersionNotFound, 42204: catalog.RuleUnknownValue,
		42203: catalog.RuleUnknownValue, 42205: catalog.RuleMode, 42206: catalog.RuleInUse, 42207: catalog.RuleIDTaken, 42208: catalog.RuleSubject,
		42209: catalog.RuleSchemaText, 40301: catalog.RuleForbidden,
	}
	codes := map[int]catalog.Code{401: catalog.CodeUnauthenticated, 403: catalog.CodeForbidden, 404: catalog.CodeNotFound, 409: catalog.CodeInvalid}
	e := &catalog.Error{Code: codes[status], Message: message}
	rule, ok := known[code]
	switch { // one code stands for several rules
	case code == 42201 && strings.Contains(message, "references."):
		rule = catalog.RuleLimit
	case code == 42201 && strings.Contains(message, "eference"):
		rule = catalog.RuleSchemaReference
	}
	if ok {
		e.Problems = []catalog.Problem{{Rule: rule, Detail: message}}
	}
	for i, one := range differences(message) {
		if i == 0 {
			e.Problems = nil
		}
		e.Problems = append(e.Problems, catalog.Problem{Field: "/definition", Rule: catalog.RuleCompatibility, Detail: one.New + one.Old, Fix: one.Fix})
	}
	return e
}

// differenceLine is one incompatibility among the messages of an answer.
var differenceLine = regexp.MustCompile(`\{errorType:'(\w+)', description:'At path '([^']*)': the old schema has (.*?), the new schema has (.*?) \((\w+)\)', additionalInfo:'(.*?)'\}|\{oldSchemaVersion: (\d+)\}`)

func differences(text string) (found []catalog.Incompatibility) {
	for _, m := range differenceLine.FindAllStringSubmatch(text, -1) {
		if m[7] == "" {
			found = append(found, catalog.Incompatibility{Kind: m[1], Path: m[2], Old: m[3], New: m[4], Direction: catalog.Compatibility(m[5]), Fix: m[6]})
			continue
		}
		for i := range found {
			if found[i].Version == 0 {
				found[i].Version, _ = strconv.Atoi(m[7])
			}
		}
	}
	return found
}

// call sends one request and decodes its answer.
func (r *remote) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, r.endpoint+path+"?"+query.Encode(), bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // read to its end below
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		var failure struct {
			Code    int `json:"error_code"`
			Message string
		}
		if err := json.Unmarshal(answer, &failure); err != nil {
			return fmt.Errorf("%d %s: %w", response.StatusCode, answer, err)
		}
		return refused(response.StatusCode, failure.Code, failure.Message)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// sentName is a subject in a path. In the default context, what would be read
// as another is qualified.
func sentName(s catalog.Subject) string {
	name := s.String()
	if s.Context == "" && (s.Name == "" || s.Name[0] == ':') {
		name = ":.:" + s.Name
	}
	return url.PathEscape(name)
}

func subjectPath(s catalog.Subject) string { return "/subjects/" + sentName(s) }

func versionPath(s catalog.Subject, version int) string {
	text := strconv.Itoa(version)
	if version == catalog.LatestVersion {
		text = "latest"
	}
	return subjectPath(s) + "/versions/" + text
}

func flags(on map[string]bool) url.Values {
	values := url.Values{}
	for name, value := range on {
		values.Set(name, strconv.FormatBool(value))
	}
	return values
}

// registrationJSON is what a registration looks like on the wire.
type registrationJSON struct {
	Subject    string          `json:"subject"`
	Version    int             `json:"version"`
	ID         int             `json:"id"`
	GUID       string          `json:"guid"`
	SchemaType string          `json:"schemaType"`
	Schema     string          `json:"schema"`
	References []referenceJSON `json:"references"`
	TS         int64           `json:"ts"`
	Deleted    bool            `json:"deleted"`
}

type referenceJSON struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

func (j registrationJSON) read() (catalog.Registration, error) {
	s, err := catalog.ParseSubject(j.Subject)
	if err != nil {
		return catalog.Registration{}, err
	}
	text, err := j.text(s.Context)
	return catalog.Registration{Subject: s, Version: j.Version, Schema: text, Deleted: j.Deleted, Created: time.UnixMilli(j.TS).UTC().Format(time.RFC3339)}, err
}

func (j registrationJSON) text(context string) (catalog.RegisteredSchema, error) {
	s := catalog.RegisteredSchema{ID: j.ID, GUID: j.GUID, Type: catalog.SchemaType(j.SchemaType), Definition: j.Schema}
	for _, reference := range j.References {
		target, err := catalog.ParseSubject(reference.Subject)
		if err != nil {
			return s, err
		}
		if !strings.HasPrefix(reference.Subject, ":.") {
			target.Context = context
		}
		s.References = append(s.References, catalog.SubjectReference{Name: reference.Name, Subject: target, Version: reference.Version})
	}
	return s, nil
}

func (r *remote) one(ctx context.Context, method, path string, query url.Values, body any) (catalog.Registration, error) {
	var answer registrationJSON
	if err := r.call(ctx, method, path, query, body, &answer); err != nil {
		return catalog.Registration{}, err
	}
	return answer.read()
}

func (r *remote) Contexts(ctx context.Context) ([]string, error) {
	var names []string
	err := r.call(ctx, http.MethodGet, "/contexts", nil, nil, &names)
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], ".")
	}
	return names, err
}

// Registrations asks for all and cuts here what the API has no parameter for.
func (r *remote) Registrations(ctx context.Context, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	if q.Limit < 0 { // none in the API
		return nil, &catalog.Error{Problems: []catalog.Problem{{Rule: catalog.RuleLimit, Detail: "A limit is not negative."}}}
	}
	prefix := ":." + q.Context + ":" + q.Prefix
	if q.Context == "*" {
		prefix = ":*:" + q.Prefix
	}
	if q.Subject != (catalog.Subject{}) {
		prefix = ":." + q.Subject.Context + ":" + q.Subject.Name
	}
	values := flags(map[string]bool{"deleted": q.Deleted || q.OnlyDeleted, "latestOnly": q.LatestOnly})
	values.Set("subjectPrefix", prefix)
	var answer []registrationJSON
	if err := r.call(ctx, http.MethodGet, "/schemas", values, nil, &answer); err != nil {
		return nil, err
	}
	var found []catalog.Registration
	for _, item := range answer {
		one, err := item.read()
		if err != nil {
			return nil, err
		}
		if q.ID != 0 && q.ID != one.Schema.ID || q.OnlyDeleted && !one.Deleted || q.Subject != (catalog.Subject{}) && q.Subject != one.Subject {
			continue
		}
		if q.WithoutText {
			one.Schema.Definition = ""
		}
		found = append(found, one)
	}
	found = found[min(q.Offset, len(found)):]
	if q.Limit > 0 {
		found = found[:min(q.Limit, len(found))]
	}
	return found, nil
}

func (r *remote) Registration(ctx context.Context, s catalog.Subject, version int, deleted bool) (catalog.Registration, error) {
	return r.one(ctx, http.MethodGet, versionPath(s, version), flags(map[string]bool{"deleted": deleted}), nil)
}

func (r *remote) ReferencedBy(ctx context.Context, s catalog.Subject, version int) ([]catalog.Registration, error) {
	var ids []int
	if err := r.call(ctx, http.MethodGet, versionPath(s, version)+"/referencedby", nil, nil, &ids); err != nil {
		return nil, err
	}
	all, err := r.Registrations(ctx, catalog.RegistryQuery{Context: "*"})
	return slices.DeleteFunc(all, func(one catalog.Registration) bool {
		return !slices.Contains(ids, one.Schema.ID) || !slices.ContainsFunc(one.Schema.References, func(u catalog.SubjectReference) bool { return u.Subject == s })
	}), err
}

func (r *remote) SchemaByID(ctx context.Context, in catalog.Subject, id int) (catalog.RegisteredSchema, error) {
	values := url.Values{}
	if in != (catalog.Subject{}) {
		values.Set("subject", in.String())
	}
	var answer registrationJSON
	if err := r.call(ctx, http.MethodGet, "/schemas/ids/"+strconv.Itoa(id), values, nil, &answer); err != nil {
		return catalog.RegisteredSchema{}, err
	}
	answer.ID = id
	return answer.text(in.Context)
}

func (r *remote) SchemaByGUID(ctx context.Context, guid string) (catalog.RegisteredSchema, map[string]int, error) {
	var answer registrationJSON
	var ids []struct {
		Context string
		ID      int
	}
	path := "/schemas/guids/" + url.PathEscape(guid)
	if err := errors.Join(r.call(ctx, http.MethodGet, path, nil, nil, &answer), r.call(ctx, http.MethodGet, path+"/ids", nil, nil, &ids)); err != nil {
		return catalog.RegisteredSchema{}, nil, err
	}
	found := map[string]int{}
	for _, one := range ids {
		found[strings.TrimPrefix(one.Context, ".")] = one.ID
	}
	answer.ID = ids[0].ID
	text, err := answer.text("")
	return text, found, err
}

// sentBody is the body of a schema that is sent for a subject. No type is AVRO
// in the API, and -1 is no number: what is none stands as something else.
func sentBody(s catalog.Subject, g catalog.Registering) map[string]any {
	body := map[string]any{"schema": g.Definition, "schemaType": cmp.Or(g.Type, "none"), "id": g.ID, "version": g.Version}
	for _, number := range []string{"id", "version"} {
		if body[number] == -1 {
			body[number] = -2
		}
	}
	references := []referenceJSON{}
	for _, u := range g.References {
		name := ":." + u.Subject.Context + ":" + u.Subject.Name
		if u.Subject.Context == s.Context {
			name = u.Subject.Name
		}
		version := u.Version
		if version <= 0 { // -1 is the latest
			version--
		}
		references = append(references, referenceJSON{u.Name, name, version})
	}
	body["references"] = references
	return body
}

func (r *remote) Register(ctx context.Context, s catalog.Subject, g catalog.Registering) (catalog.Registration, error) {
	done, err := r.one(ctx, http.MethodPost, subjectPath(s)+"/versions", flags(map[string]bool{"normalize": g.Normalize}), sentBody(s, g))
	if e := (*catalog.Error)(nil); errors.As(err, &e) && len(e.Problems) == 1 && e.Problems[0].Rule == catalog.RuleVersionNotFound {
		e.Problems[0].Rule = catalog.RuleIDTaken // here the number is one to be given
	}
	return done, err
}

func (r *remote) Find(ctx context.Context, s catalog.Subject, g catalog.Registering, deleted bool) (catalog.Registration, error) {
	return r.one(ctx, http.MethodPost, subjectPath(s), flags(map[string]bool{"normalize": g.Normalize, "deleted": deleted}), sentBody(s, g))
}

func (r *remote) Compatible(ctx context.Context, s catalog.Subject, version int, g catalog.Registering) ([]catalog.Incompatibility, error) {
	path := "/compatibility" + subjectPath(s) + "/versions"
	if version != catalog.AllVersions {
		path = "/compatibility" + versionPath(s, version)
	}
	var plain struct {
		Is bool `json:"is_compatible"`
	}
	if err := r.call(ctx, http.MethodPost, path, nil, sentBody(s, g), &plain); err != nil {
		return nil, err
	}
	var verbose struct{ Messages []string }
	err := r.call(ctx, http.MethodPost, path, flags(map[string]bool{"verbose": true}), sentBody(s, g), &verbose)
	found := differences(strings.Join(verbose.Messages, "\n"))
	if plain.Is != (len(found) == 0) {
		err = errors.Join(err, fmt.Errorf("compatible: %v, and yet %q", plain.Is, verbose.Messages))
	}
	return found, err
}

func (r *remote) Remove(ctx context.Context, s catalog.Subject, version int, permanent bool) (gone []int, err error) {
	query := flags(map[string]bool{"permanent": permanent})
	if version == catalog.AllVersions {
		err = r.call(ctx, http.MethodDelete, subjectPath(s), query, nil, &gone)
		return gone, err
	}
	var one int
	if err := r.call(ctx, http.MethodDelete, versionPath(s, version), query, nil, &one); err != nil {
		return nil, err
	}
	return []int{one}, nil
}

func scopePath(what string, s catalog.Scope) string {
	if s == (catalog.Scope{}) {
		return "/" + what
	}
	return "/" + what + "/" + sentName(s)
}

// settings are those at a scope; what is not set is a 404.
func (r *remote) settings(ctx context.Context, s catalog.Scope, query url.Values) (catalog.SubjectSettings, error) {
	var answer struct {
		Level     catalog.Compatibility `json:"compatibilityLevel"`
		Normalize *bool                 `json:"normalize"`
		Mode      catalog.RegistryMode  `json:"mode"`
	}
	for what, absent := range map[string]string{"config": "compatibility configured", "mode": "mode configured"} {
		if err := r.call(ctx, http.MethodGet, scopePath(what, s), query, nil, &answer); err != nil && !strings.HasSuffix(err.Error(), absent) {
			return catalog.SubjectSettings{}, err
		}
	}
	return catalog.SubjectSettings{Compatibility: answer.Level, Normalize: answer.Normalize, Mode: answer.Mode}, nil
}

func (r *remote) Settings(ctx context.Context, s catalog.Scope) (catalog.SubjectSettings, error) {
	return r.settings(ctx, s, nil)
}

func (r *remote) Effective(ctx context.Context, s catalog.Scope) (catalog.SubjectSettings, error) {
	return r.settings(ctx, s, flags(map[string]bool{"defaultToGlobal": true}))
}

// Configure clears before it sets.
func (r *remote) Configure(ctx context.Context, s catalog.Scope, change catalog.SettingsChange) error {
	type request struct {
		wanted       bool
		method, what string
		query        map[string]bool
		body         any
	}
	levels := map[string]any{"compatibility": change.Set.Compatibility, "normalize": change.Set.Normalize}
	for _, q := range []request{
		{change.ClearCompatibility, http.MethodDelete, "config", nil, nil},
		{change.ClearMode, http.MethodDelete, "mode", map[string]bool{"recursive": change.Recursive}, nil},
		{change.Set.Compatibility != "" || change.Set.Normalize != nil, http.MethodPut, "config", nil, levels},
		{change.Set.Mode != "", http.MethodPut, "mode", map[string]bool{"force": change.Force}, map[string]any{"mode": change.Set.Mode}},
	} {
		if !q.wanted {
			continue
		}
		if err := r.call(ctx, q.method, scopePath(q.what, s), flags(q.query), q.body, nil); err != nil {
			return err
		}
	}
	return nil
}
