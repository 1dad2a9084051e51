package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/swaggest/openapi-go/openapi31"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

const intro = `The catalogue of the data mesh: domains, reference schemas, schemas, caveat policies, SLAs and data products.

What GET returns can be changed and PUT back. Fields that the platform computes are ignored when unchanged and refused when changed. Request bodies are read strictly: unknown and repeated fields are refused. Every error is a problem document (RFC 9457) with one entry for each field that is wrong.`

// document is the whole description. root is the root of the module.
func document(root string) ([]byte, error) {
	source, err := readComments(root)
	if err != nil {
		return nil, err
	}
	definitions := schemas{comments: source}
	if err := definitions.define(); err != nil {
		return nil, err
	}
	spec := openapi31.Spec{Openapi: "3.1.1"}
	spec.Info.WithTitle("Data mesh catalogue").WithVersion("1").WithDescription(intro)
	spec.WithComponents(openapi31.Components{
		Schemas: definitions.all,
		SecuritySchemes: map[string]openapi31.SecuritySchemeOrReference{
			"token": {SecurityScheme: &openapi31.SecurityScheme{HTTPBearer: (&openapi31.SecuritySchemeHTTPBearer{}).WithScheme("bearer").WithBearerFormat("JWT")}},
		},
	})
	spec.WithSecurity(map[string][]string{"token": {}})
	for _, route := range wire.Routes() {
		if err := addRoute(&spec, route); err != nil {
			return nil, err
		}
	}
	return encode(spec)
}

func encode(spec openapi31.Spec) ([]byte, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		return nil, fmt.Errorf("indent: %w", err)
	}
	return append(pretty.Bytes(), '\n'), nil
}

func addRoute(spec *openapi31.Spec, route wire.Route) error {
	operation := &openapi31.Operation{}
	operation.WithID(operationID(route)).WithSummary(summary(route)).WithTags(tag(route))
	operation.WithParameters(parameters(route)...)
	if body := requestBody(route); body != nil {
		operation.WithRequestBody(openapi31.RequestBodyOrReference{RequestBody: body})
	}
	operation.WithResponses(responses(route))
	paths := spec.PathsEns().MapOfPathItemValues
	if paths == nil {
		paths = map[string]openapi31.PathItem{}
	}
	path := wire.Prefix + route.Pattern
	item := paths[path]
	if err := item.SetOperation(route.Method, operation); err != nil {
		return fmt.Errorf("%s %s: %w", route.Method, path, err)
	}
	paths[path] = item
	spec.Paths.MapOfPathItemValues = paths
	return nil
}

// operationID is unique: the two ways to list a kind differ in InDomain.
func operationID(route wire.Route) string {
	id := string(route.Op)
	for word := range strings.SplitSeq(string(route.Kind), "-") {
		if word != "" {
			id += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	if route.Op == wire.OpList && strings.Contains(route.Pattern, "{domain}") {
		id += "InDomain"
	}
	return id
}

func tag(route wire.Route) string {
	if route.Kind == "" {
		return string(route.Op)
	}
	return string(route.Kind)
}

func summary(route wire.Route) string {
	one := route.Kind.Noun()
	switch route.Op {
	case wire.OpGet:
		return "Read one " + one
	case wire.OpPut:
		return "Create or replace one " + one
	case wire.OpDelete:
		return "Delete one " + one
	case wire.OpVersions:
		return "List every version of a schema, oldest first"
	case wire.OpReport:
		return "Report what the documentation of a schema leaves out"
	case wire.OpDerivation:
		return "Explain which inputs and rules force each token of a product's effective marking"
	case wire.OpValidate:
		return "Judge a proposal as if all of it were carried out at once, and change nothing"
	case wire.OpOpenAPI:
		return "Read this description"
	case wire.OpVocabulary:
		return "Read the marking vocabulary in force"
	case wire.OpPutVocabulary:
		return "Put a marking vocabulary in force, or preview who loses and gains what by it; for administrators only"
	case wire.OpVocabularies:
		return "List when which marking vocabulary came into force, newest first"
	case wire.OpOldVocabulary:
		return "Read a marking vocabulary that was in force"
	}
	where := ""
	if strings.Contains(route.Pattern, "{domain}") {
		where = " of one domain"
	}
	return fmt.Sprintf("List %s%s that the caller may see, in the order of their ids", strings.ReplaceAll(string(route.Kind), "-", " "), where)
}

// queryParameters describe the parameters that routes name.
var queryParameters = map[string]struct {
	text   string
	schema schema
}{
	"q":          {"Words that must all occur in id, title, display name or description, in any case.", schema{"type": "string"}},
	"domain":     {"Only objects of this domain.", schema{"type": "string"}},
	"status":     {"Only products of this status.", schema{"type": "string"}},
	"limit":      {"The most objects of one page. A page may hold fewer.", schema{"type": "integer", "minimum": 1, "maximum": catalog.MaxLimit, "default": catalog.DefaultLimit}},
	"cursor":     {"next_cursor of the page before, with the same query.", schema{"type": "string"}},
	"vocabulary": {"The version of a vocabulary that was in force, to read today's markings by.", schema{"type": "string"}},
	"dry_run":    {"Run every rule and change nothing.", schema{"type": "boolean", "default": false}},
}

func parameters(route wire.Route) (list []openapi31.ParameterOrReference) {
	add := func(in openapi31.ParameterIn, name, text string, s schema) {
		p := openapi31.Parameter{Name: name, In: in, Schema: s}
		p.WithDescription(text).WithRequired(in == openapi31.ParameterInPath)
		list = append(list, p.ToParameterOrRef())
	}
	for _, name := range []string{"domain", "name"} {
		if strings.Contains(route.Pattern, "{"+name+"}") {
			add(openapi31.ParameterInPath, name, "Lower-case letters, digits and single hyphens.",
				schema{"type": "string", "maxLength": catalog.MaxName, "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"})
		}
	}
	if strings.Contains(route.Pattern, "{version}") {
		add(openapi31.ParameterInPath, "version", "The version of a vocabulary.",
			schema{"type": "string", "maxLength": marking.MaxVersion, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"})
	}
	for _, name := range route.Query {
		if name == "status" && route.Kind != catalog.KindProduct || name == "domain" && route.Kind == catalog.KindReferenceSchema {
			continue // taken: the service refuses a status, and no domain has a reference schema
		}
		add(openapi31.ParameterInQuery, name, queryParameters[name].text, queryParameters[name].schema)
	}
	text := schema{"type": "string"}
	switch route.Op {
	case wire.OpPut, wire.OpDelete:
		add(openapi31.ParameterInHeader, "If-Match", "Entity tags, one of which the object must have, or * when it must exist.", text)
		add(openapi31.ParameterInHeader, "If-None-Match", "* when the object must not exist.", text)
	case wire.OpPutVocabulary:
		add(openapi31.ParameterInHeader, "If-Match", "The entity tag of the vocabulary in force; needed without dry_run.", text)
		add(openapi31.ParameterInHeader, "Datamesh-Signature", "The signed note of a vocabulary authority, in base64; needed without dry_run where the platform trusts authorities.", text)
	case wire.OpGet, wire.OpVocabulary:
		add(openapi31.ParameterInHeader, "If-None-Match", "Entity tags that the caller has; the answer is 304 when the object has one of them.", text)
	default:
	}
	return list
}

func content(media string, s schema) map[string]openapi31.MediaType {
	return map[string]openapi31.MediaType{media: {Schema: s}}
}

func requestBody(route wire.Route) *openapi31.RequestBody {
	var s schema
	switch route.Op {
	case wire.OpPut:
		s = reference(typeOf(route.Kind))
	case wire.OpValidate:
		s = reference(reflect.TypeFor[wire.Proposal]())
	case wire.OpPutVocabulary:
		s = vocabularyFile
	default:
		return nil
	}
	body := openapi31.RequestBody{Content: content("application/json", s)}
	return body.WithRequired(true)
}

func responses(route wire.Route) openapi31.Responses {
	answers := map[string]openapi31.ResponseOrReference{}
	add := func(status int, text string, r openapi31.Response) {
		r.Description = text
		answers[strconv.Itoa(status)] = openapi31.ResponseOrReference{Response: &r}
	}
	object := openapi31.Response{}
	if route.Kind != "" {
		object = openapi31.Response{Content: content("application/json", reference(typeOf(route.Kind))), Headers: etag()}
	}
	switch route.Op {
	case wire.OpGet:
		add(http.StatusOK, "The object.", object)
		add(http.StatusNotModified, "The caller has this revision.", openapi31.Response{Headers: etag()})
	case wire.OpPut:
		add(http.StatusOK, "The object was replaced or is unchanged; with dry_run, the object as it would be stored, without ETag.", object)
		add(http.StatusCreated, "The object was created.", object)
	case wire.OpDelete:
		add(http.StatusNoContent, "The object was deleted; with dry_run, it could be.", openapi31.Response{})
	case wire.OpList:
		add(http.StatusOK, "One page.", openapi31.Response{Content: content("application/json", list(route.Kind))})
	case wire.OpVersions:
		add(http.StatusOK, "Every version.", openapi31.Response{Content: content("application/json", versions())})
	case wire.OpReport:
		add(http.StatusOK, "The report.", openapi31.Response{Content: content("application/json", reference(reflect.TypeFor[catalog.SchemaReport]()))})
	case wire.OpDerivation:
		add(http.StatusOK, "The derivation.", openapi31.Response{Content: content("application/json", reference(reflect.TypeFor[catalog.Derivation]()))})
	case wire.OpValidate:
		add(http.StatusOK, "The verdict.", openapi31.Response{Content: content("application/json", reference(reflect.TypeFor[wire.Verdict]()))})
	case wire.OpVocabulary:
		add(http.StatusOK, "The vocabulary, in its canonical form.", openapi31.Response{Content: content("application/json", vocabularyFile), Headers: etag()})
		add(http.StatusNotModified, "The caller has this revision.", openapi31.Response{Headers: etag()})
	case wire.OpOldVocabulary:
		add(http.StatusOK, "The vocabulary, in its canonical form.", openapi31.Response{Content: content("application/json", vocabularyFile)})
	case wire.OpVocabularies:
		add(http.StatusOK, "At most 500 changes.", openapi31.Response{Content: content("application/json", items(reflect.TypeFor[catalog.VocabularyChange]()))})
	case wire.OpPutVocabulary:
		add(http.StatusOK, "What the vocabulary changes; with dry_run, what it would, without ETag.",
			openapi31.Response{Content: content("application/json", reference(reflect.TypeFor[catalog.VocabularyImpact]())), Headers: etag()})
	case wire.OpOpenAPI:
		add(http.StatusOK, "An OpenAPI 3.1 document.", openapi31.Response{Content: content("application/json", schema{"type": "object"})})
	}
	problem := openapi31.Response{Description: "A refusal or failure.", Content: content(wire.ProblemType, reference(reflect.TypeFor[wire.Problem]()))}
	return openapi31.Responses{MapOfResponseOrReferenceValues: answers, Default: &openapi31.ResponseOrReference{Response: &problem}}
}

// vocabularyFile is the format of "datamesh marking vocabulary".
var vocabularyFile = schema{"type": "object", "description": "A marking vocabulary in the format marking-vocabulary/1."}

// etag is the header of answers with an object.
func etag() map[string]openapi31.HeaderOrReference {
	header := openapi31.Header{Schema: schema{"type": "string"}}
	header.WithDescription("The revision of the object, as a strong entity tag.")
	return map[string]openapi31.HeaderOrReference{"ETag": {Header: &header}}
}
