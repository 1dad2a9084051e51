package wire

import (
	"net/http"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Prefix is what every path of the API starts with.
const Prefix = "/api/v1/"

// Op is what a request asks of the service.
type Op string

// The operations.
const (
	OpGet        Op = "get"
	OpList       Op = "list"
	OpPut        Op = "put"
	OpDelete     Op = "delete"
	OpVersions   Op = "versions"   // of one schema
	OpReport     Op = "report"     // on one schema
	OpDerivation Op = "derivation" // of one product's marking
	OpValidate   Op = "validate"   // a proposal
	OpOpenAPI    Op = "openapi"    // the description of this API

	OpVocabulary    Op = "vocabulary"    // the one in force
	OpPutVocabulary Op = "putVocabulary" // to come into force
	OpVocabularies  Op = "vocabularies"  // when which came into force
	OpOldVocabulary Op = "oldVocabulary" // one that was in force
)

// Route is one row of the route table.
type Route struct {
	Op     Op
	Method string
	// Kind is the kind of object; "" for what is about no object.
	Kind catalog.Kind
	// Pattern is the path below [Prefix]; {domain} and {name} stand for names,
	// {version} for the version of a vocabulary.
	Pattern string
	// Query lists the query parameters that the operation takes.
	Query []string
}

// The query parameters.
const (
	paramText   = "q"
	paramDomain = "domain"
	paramStatus = "status"
	paramLimit  = "limit"
	paramCursor = "cursor"
	paramDryRun = "dry_run"
	paramUnder  = "vocabulary"
)

// Routes returns the route table. For an operation that two patterns offer,
// the one that a builder uses comes first.
func Routes() []Route { return slices.Clone(routes) }

var routes = table()

func table() []Route {
	var rows []Route
	for _, kind := range catalog.Kinds() {
		rows = append(rows, kindRoutes(kind)...)
	}
	return append(rows,
		Route{OpVersions, http.MethodGet, catalog.KindSchema, "domains/{domain}/schemas/{name}/versions", nil},
		Route{OpReport, http.MethodGet, catalog.KindSchema, "domains/{domain}/schemas/{name}/report", nil},
		Route{OpDerivation, http.MethodGet, catalog.KindProduct, "domains/{domain}/products/{name}/derivation", []string{paramUnder}},
		Route{OpValidate, http.MethodPost, "", "validate", nil},
		Route{OpOpenAPI, http.MethodGet, "", "openapi.json", nil},
		Route{OpVocabulary, http.MethodGet, "", "vocabulary", nil},
		Route{OpPutVocabulary, http.MethodPut, "", "vocabulary", []string{paramDryRun}},
		Route{OpVocabularies, http.MethodGet, "", "vocabularies", nil},
		Route{OpOldVocabulary, http.MethodGet, "", "vocabularies/{version}", nil},
	)
}

func kindRoutes(kind catalog.Kind) []Route {
	list := []string{paramText, paramStatus, paramLimit, paramCursor}
	all := append([]string{paramDomain}, list...)
	object := string(kind) + "/{name}"
	rows := []Route{{OpList, http.MethodGet, kind, string(kind), all}}
	switch {
	case kind == catalog.KindDomain:
		object = "domains/{domain}"
	case kind.Owned():
		below := "domains/{domain}/" + string(kind)
		object = below + "/{name}"
		rows = append(rows, Route{OpList, http.MethodGet, kind, below, list})
	}
	return append(rows,
		Route{OpGet, http.MethodGet, kind, object, nil},
		Route{OpPut, http.MethodPut, kind, object, []string{paramDryRun}},
		Route{OpDelete, http.MethodDelete, kind, object, []string{paramDryRun}},
	)
}

// names are what stands for {domain}, {name} and {version} in a path, unchecked.
type names struct{ domain, name, version string }

// find returns the row of a method and a path below Prefix. HEAD finds the row
// of GET.
func find(method, path string) (Route, names, error) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allow []string
	for _, r := range routes {
		got, ok := match(r.Pattern, path)
		if !ok {
			continue
		}
		if r.Method == method {
			return r, got, nil
		}
		allow = append(allow, r.Method)
	}
	if allow == nil {
		return Route{}, names{}, noSuchPath("No such path. The paths are listed in " + Prefix + "openapi.json.")
	}
	return Route{}, names{}, methodNotAllowed(allow)
}

// match holds a path against a pattern, segment by segment.
func match(pattern, path string) (found names, ok bool) {
	for {
		want, patternRest, more := strings.Cut(pattern, "/")
		got, pathRest, pathMore := strings.Cut(path, "/")
		switch {
		case more != pathMore:
			return names{}, false
		case want == "{domain}":
			found.domain = got
		case want == "{name}":
			found.name = got
		case want == "{version}":
			found.version = got
		case want != got:
			return names{}, false
		}
		if !more {
			return found, true
		}
		pattern, path = patternRest, pathRest
	}
}

// check refuses names that no object can have. For who reads or deletes there
// is no such object; who would create it is told which part of its name is
// wrong.
func (n names) check(r Route) error {
	field, err := n.wrong(r)
	switch {
	case err == nil:
		return nil
	case r.Op == OpPut:
		return Refuse(http.StatusUnprocessableEntity, "No object can have this address.",
			catalog.Problem{Field: field, Rule: catalog.RuleFormat, Detail: sentence("The path holds a name that is none", err), Fix: "Correct the name in the path."})
	default:
		return notFound(sentence("No object can have this address", err))
	}
}

// wrong is the first name of the pattern that no object can have, as the field
// of the object that it stands for. A pattern may have no names.
func (n names) wrong(r Route) (field string, err error) {
	if strings.Contains(r.Pattern, "{domain}") {
		field, err = "/domain", catalog.CheckName(n.domain)
		if r.Kind == catalog.KindDomain {
			field = "/name"
		}
	}
	if err == nil && strings.Contains(r.Pattern, "{name}") {
		field, err = "/name", catalog.CheckName(n.name)
	}
	if strings.Contains(r.Pattern, "{version}") {
		field, err = "/version", marking.CheckVersion(n.version)
	}
	return field, err
}

// fill puts the names of a request into the pattern.
func (r Route) fill(q Request) string {
	return strings.NewReplacer("{domain}", q.Ref.Domain(), "{name}", q.Ref.Name(), "{version}", q.Version).Replace(r.Pattern)
}
