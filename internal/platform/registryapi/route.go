package registryapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// operation serves a call and returns the body of its answer, nil for none.
type operation func(*call) ([]byte, error)

// route is one row of the route table.
type route struct {
	method string
	// segments are those of the path below Prefix. {subject} is a subject,
	// {scope} a subject or a context.
	segments []string
	serve    operation
}

// routes is the whole API.
var routes = table()

func table() (rows []route) {
	add := func(method, pattern string, serve operation) {
		rows = append(rows, route{method, strings.Split(pattern, "/"), serve})
	}
	add(http.MethodGet, "", (*call).root)
	add(http.MethodGet, "contexts", (*call).contexts)
	add(http.MethodDelete, "contexts/{context}", (*call).deleteContext)
	add(http.MethodGet, "subjects", (*call).subjects)
	add(http.MethodPost, "subjects/{subject}", (*call).lookUp)
	add(http.MethodDelete, "subjects/{subject}", (*call).deleteSubject)
	add(http.MethodGet, "subjects/{subject}/versions", (*call).versions)
	add(http.MethodPost, "subjects/{subject}/versions", (*call).register)
	add(http.MethodGet, "subjects/{subject}/versions/{version}", (*call).registration)
	add(http.MethodDelete, "subjects/{subject}/versions/{version}", (*call).deleteVersion)
	add(http.MethodGet, "subjects/{subject}/versions/{version}/schema", (*call).registrationText)
	add(http.MethodGet, "subjects/{subject}/versions/{version}/referencedby", (*call).referencedBy)
	add(http.MethodGet, "schemas", (*call).schemas)
	add(http.MethodGet, "schemas/types", (*call).schemaTypes)
	add(http.MethodGet, "schemas/ids/{key}", (*call).schemaByID)
	add(http.MethodGet, "schemas/ids/{key}/schema", (*call).schemaText)
	add(http.MethodGet, "schemas/ids/{key}/subjects", (*call).subjectsOfID)
	add(http.MethodGet, "schemas/ids/{key}/versions", (*call).versionsOfID)
	add(http.MethodGet, "schemas/guids/{key}", (*call).schemaByGUID)
	add(http.MethodGet, "schemas/guids/{key}/ids", (*call).idsOfGUID)
	add(http.MethodPost, "compatibility/subjects/{subject}/versions", (*call).compatibleWithAll)
	add(http.MethodPost, "compatibility/subjects/{subject}/versions/{version}", (*call).compatibleWithVersion)
	for _, scope := range []string{"", "/{scope}"} {
		add(http.MethodGet, "config"+scope, (*call).config)
		add(http.MethodPut, "config"+scope, (*call).setConfig)
		add(http.MethodDelete, "config"+scope, (*call).deleteConfig)
		add(http.MethodGet, "mode"+scope, (*call).mode)
		add(http.MethodPut, "mode"+scope, (*call).setMode)
		add(http.MethodDelete, "mode"+scope, (*call).deleteMode)
	}
	add(http.MethodGet, "v1/metadata/id", (*call).metadataID)
	add(http.MethodGet, "v1/metadata/version", (*call).metadataVersion)
	return rows
}

// Routes lists the API as method and path pattern, such as
// "GET /schema-registry/subjects/{subject}".
func Routes() []string {
	var list []string
	for _, r := range routes {
		list = append(list, r.method+" "+Prefix+"/"+strings.Join(r.segments, "/"))
	}
	return list
}

// Serves reports whether the path of the request lies below [Prefix].
func Serves(r *http.Request) bool {
	_, ok := below(r.URL.EscapedPath())
	return ok
}

// below is the path below Prefix.
func below(escaped string) (string, bool) {
	rest, ok := strings.CutPrefix(escaped, Prefix)
	return strings.TrimPrefix(rest, "/"), ok && (rest == "" || rest[0] == '/')
}

// find returns the operation of a method and an escaped path, and fills in the
// names of the path. HEAD finds that of GET.
func (c *call) find(method, escaped string) (operation, error) {
	path, ok := below(escaped)
	if !ok {
		return nil, noSuchPath
	}
	segments := strings.Split(path, "/")
	if len(segments) > 2 && segments[0] == "contexts" {
		context, err := parseContext(segments[1])
		if err != nil {
			return nil, err
		}
		c.subject.Context, c.within, segments = context, true, segments[2:]
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return c.match(method, segments)
}

func (c *call) match(method string, segments []string) (operation, error) {
	var allow []string
	for _, r := range routes {
		if !r.fits(segments) {
			continue
		}
		if r.method == method {
			return r.serve, c.read(r.segments, segments)
		}
		allow = append(allow, r.method)
	}
	if allow == nil {
		return nil, noSuchPath
	}
	return nil, methodNotAllowed(allow)
}

// fits reports whether the segments of a path are those of the pattern. A name
// is never empty.
func (r route) fits(segments []string) bool {
	if len(r.segments) != len(segments) {
		return false
	}
	for i, want := range r.segments {
		if want != segments[i] && (want == "" || want[0] != '{' || segments[i] == "") {
			return false
		}
	}
	return true
}

// read fills in the names of the path.
func (c *call) read(pattern, segments []string) (err error) {
	for i, name := range pattern {
		switch name {
		case "{subject}":
			c.subject, err = c.pathSubject(segments[i])
		case "{scope}":
			c.subject, err = c.pathScope(segments[i])
		case "{context}":
			c.subject.Context, err = parseContext(segments[i])
		case "{version}":
			c.version, err = parseVersion(segments[i])
		case "{key}":
			c.key = segments[i]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pathSubject reads a subject in a path, which is of the context of the path
// when it names none.
func (c *call) pathSubject(escaped string) (catalog.Subject, error) {
	s, err := c.pathScope(escaped)
	if err == nil && s.Name == "" {
		err = refuse(codeInvalidSubject, "The name of a subject is missing.")
	}
	return s, err
}

// pathScope reads what settings belong to.
func (c *call) pathScope(escaped string) (catalog.Subject, error) {
	text, err := url.PathUnescape(escaped)
	if err != nil {
		return catalog.Subject{}, noSuchPath
	}
	return parseScope(text, c.subject.Context)
}

// parseVersion reads a version: a number, or "latest", for which -1 stands too.
func parseVersion(escaped string) (int, error) {
	if strings.EqualFold(escaped, "latest") || escaped == "-1" {
		return catalog.LatestVersion, nil
	}
	n, ok := parseNumber(escaped)
	if !ok {
		return 0, refuse(codeInvalidVersion, `The version is not valid: write a number from 1 to 2147483647, or "latest".`)
	}
	return n, nil
}

// parseNumber reads a number from 1 to 2147483647, written in one way only.
func parseNumber(text string) (int, bool) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err == nil && n > 0 && strconv.FormatInt(n, 10) == text
}

// noSuchPath is a 404 that is about no subject.
var noSuchPath = wire.Refuse(http.StatusNotFound, "No such path. The API is that of the Confluent Schema Registry, below "+Prefix+".")

func methodNotAllowed(allow []string) error {
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	slices.Sort(allow)
	r := wire.Refuse(http.StatusMethodNotAllowed, "This path takes "+strings.Join(allow, ", ")+" only.")
	r.Allow = allow
	return r
}
