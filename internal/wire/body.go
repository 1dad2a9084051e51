package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Bounds of bodies, in bytes.
const (
	// ObjectLimit is the longest body of a PUT.
	ObjectLimit = 2 << 20
	// ProposalLimit is the longest body of a validate call.
	ProposalLimit = 32 << 20
	// PageTarget is the length of a list page above which the platform
	// answers with fewer objects.
	PageTarget = 16 << 20
	// AnswerLimit is the longest answer that a client reads. A schema's text
	// can be six times as long in JSON, and a page may hold one object more
	// than fits PageTarget.
	AnswerLimit = 64 << 20
)

// EncodeObject is the body of an object. It fails for what JSON cannot hold:
// text that is not UTF-8 or a number that is not finite.
func EncodeObject(object catalog.Object) ([]byte, error) {
	if field, bad := invalidText(reflect.ValueOf(object), nil); bad {
		return nil, Refuse(http.StatusUnprocessableEntity, "The object cannot be written as JSON.", catalog.Problem{
			Field: field, Rule: catalog.RuleFormat, Detail: "The text is not UTF-8.", Fix: "Write it in UTF-8."})
	}
	body, err := encode(object)
	if err != nil {
		return nil, Refuse(http.StatusUnprocessableEntity, "The object cannot be written as JSON.", catalog.Problem{
			Rule: catalog.RuleFormat, Detail: "A number is not finite.", Fix: "Write a finite number."})
	}
	return body, nil
}

// encode is compact JSON that leaves <, > and & as they are.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// DecodeObject reads the body of a PUT to the address ref. Domain and name may
// be absent from it; when they or the id are there, they equal the address.
// The error is a *[Refusal] with every problem.
func DecodeObject(ref catalog.Ref, body []byte) (catalog.Object, error) {
	return decodeObject(ref, body, strict)
}

// DecodeAnswer reads an object from an answer about ref. Members that it does
// not know are ignored. Domain and name must be there: any JSON object would be
// taken for an object whose every field is empty otherwise.
func DecodeAnswer(ref catalog.Ref, body []byte) (catalog.Object, error) {
	return decodeObject(ref, body, lenient)
}

func decodeObject(ref catalog.Ref, body []byte, m mode) (catalog.Object, error) {
	object := ref.Kind.New()
	if object == nil {
		return nil, notFound(fmt.Sprintf("No kind is called %q.", ref.Kind))
	}
	problems, err := problemsIn(decodeBody(body, object, m))
	if err != nil {
		return nil, err
	}
	problems = append(problems, address(object, ref, m)...)
	if problems != nil {
		return nil, Refuse(http.StatusUnprocessableEntity, "The body is not a valid "+ref.Kind.Noun()+".", problems...)
	}
	return object, nil
}

// problemsIn separates a report, to which more may be added, from a failure.
func problemsIn(err error) ([]catalog.Problem, error) {
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) && refusal.Err.Problems != nil {
		return refusal.Err.Problems, nil
	}
	return nil, err
}

// address fills in domain and name of a request from ref, and reports them when
// they, or the id, say something else or an answer leaves them out.
func address(object catalog.Object, ref catalog.Ref, m mode) (problems []catalog.Problem) {
	v := reflect.ValueOf(object).Elem()
	parts := []struct{ field, member, want, rule string }{
		{"ID", "/id", ref.ID, catalog.RuleReadOnly},
		{"Name", "/name", ref.Name(), catalog.RuleImmutable},
		{"Domain", "/domain", ref.Domain(), catalog.RuleImmutable},
	}
	for _, part := range parts {
		field := v.FieldByName(part.field)
		switch {
		case !field.IsValid() || field.String() == part.want || part.field == "ID" && field.String() == "":
		case field.String() != "" || m == lenient:
			problems = append(problems, catalog.Problem{Field: part.member, Rule: part.rule,
				Detail: fmt.Sprintf("The body says another value than the address, which says %q.", part.want),
				Fix:    "Leave it out, or write the value of the address. An object is never renamed."})
		default:
			field.SetString(part.want)
		}
	}
	return problems
}

// page is a list of one kind on the wire, and of the versions of a schema.
type page[T any] struct {
	Items []T `json:"items"`
	// Revisions maps the id of each object to its revision.
	Revisions map[string]string `json:"revisions,omitempty"`
	// NextCursor asks for the next page; absent on the last.
	NextCursor string `json:"next_cursor,omitempty"`
}

// EncodePage is the body of a list.
func EncodePage(entries catalog.Page) ([]byte, error) {
	list := page[catalog.Object]{Items: []catalog.Object{}, Revisions: map[string]string{}, NextCursor: entries.Next}
	for _, entry := range entries.Entries {
		list.Items = append(list.Items, entry.Object)
		list.Revisions[entry.Object.Ref().ID] = entry.Revision
	}
	return encode(list)
}

// DecodePage reads the answer to a query. Whatever a platform sends, the
// entries are of the kind, in ascending order of their ids, each with a
// revision, and at most as many as were asked for.
func DecodePage(query catalog.Query, body []byte) (catalog.Page, error) {
	var list page[json.RawMessage]
	if err := decodeBody(body, &list, lenient); err != nil {
		return catalog.Page{}, err
	}
	if len(list.Items) > pageSize(query) {
		return catalog.Page{}, fmt.Errorf("the page has %d objects, %d were asked for", len(list.Items), pageSize(query))
	}
	answer := catalog.Page{Next: list.NextCursor}
	last := ""
	for i, item := range list.Items {
		object := query.Kind.New()
		if err := decodeAt(item, object, lenient, "items", strconv.Itoa(i)); err != nil {
			return catalog.Page{}, err
		}
		id := object.Ref().ID
		if err := query.Kind.CheckID(id); err != nil {
			return catalog.Page{}, fmt.Errorf("item %d: %w", i, err)
		}
		if id <= last {
			return catalog.Page{}, fmt.Errorf("item %d: the objects are not in the order of their ids", i)
		}
		revision := list.Revisions[id]
		if _, err := FormatETag(revision); err != nil {
			return catalog.Page{}, fmt.Errorf("item %d: %w", i, err)
		}
		answer.Entries = append(answer.Entries, catalog.Entry{Object: object, Revision: revision})
		last = id
	}
	return answer, nil
}

func pageSize(query catalog.Query) int {
	if query.Limit == 0 {
		return catalog.DefaultLimit
	}
	return query.Limit
}

// EncodeReport is the body of the report on a schema.
func EncodeReport(report catalog.SchemaReport) ([]byte, error) {
	for _, list := range []*[]catalog.FieldGap{&report.Undescribed, &report.WithoutUnit, &report.Unmarked, &report.Nonconforming} {
		if *list == nil {
			*list = []catalog.FieldGap{}
		}
	}
	return encode(report)
}

// DecodeReport reads the report on the schema with this id. Whatever a platform
// sends, the report is on that schema, in a version that can be, and every gap
// says where it is and what is missing.
func DecodeReport(id string, body []byte) (catalog.SchemaReport, error) {
	var report catalog.SchemaReport
	if err := decodeBody(body, &report, lenient); err != nil {
		return catalog.SchemaReport{}, err
	}
	if report.Schema != id || report.Version < 1 || report.Fields < 0 {
		return catalog.SchemaReport{}, fmt.Errorf("the report is on version %d of %.80q with %d fields", report.Version, report.Schema, report.Fields)
	}
	for _, list := range [][]catalog.FieldGap{report.Undescribed, report.WithoutUnit, report.Unmarked, report.Nonconforming} {
		if i := slices.IndexFunc(list, func(g catalog.FieldGap) bool { return g.Path == "" || g.Reason == "" }); i >= 0 {
			return catalog.SchemaReport{}, fmt.Errorf("gap %d of a list has no path or no reason", i)
		}
	}
	return report, nil
}

// EncodeDerivation is the body of where a product's marking comes from.
func EncodeDerivation(d catalog.Derivation) ([]byte, error) {
	d.Tokens = append([]catalog.TokenOrigin{}, d.Tokens...)
	for i := range d.Tokens {
		if d.Tokens[i].Inputs == nil {
			d.Tokens[i].Inputs = []string{}
		}
	}
	return encode(d)
}

// DecodeDerivation reads where the marking of the product with this id comes
// from. Whatever a platform sends, it is about that product, every token says
// what it is and by which rule it is there, and inputs are ids of products.
func DecodeDerivation(id string, body []byte) (catalog.Derivation, error) {
	var d catalog.Derivation
	if err := decodeBody(body, &d, lenient); err != nil {
		return catalog.Derivation{}, err
	}
	if d.Product != id {
		return catalog.Derivation{}, fmt.Errorf("the derivation is of %.80q", d.Product)
	}
	for i, o := range d.Tokens {
		if o.Attribute == "" || o.Token == "" || o.Rule == "" {
			return catalog.Derivation{}, fmt.Errorf("token %d has no attribute, text or rule", i)
		}
		for _, input := range o.Inputs {
			if err := catalog.KindProduct.CheckID(input); err != nil {
				return catalog.Derivation{}, fmt.Errorf("token %d: %w", i, err)
			}
		}
	}
	return d, nil
}

// EncodeVersions is the body of the versions of a schema.
func EncodeVersions(versions []catalog.SchemaVersion) ([]byte, error) {
	if versions == nil {
		versions = []catalog.SchemaVersion{}
	}
	return encode(page[catalog.SchemaVersion]{Items: versions})
}

// DecodeVersions reads the versions of a schema. Whatever a platform sends,
// their numbers ascend from one, and no id in the registry is negative.
func DecodeVersions(body []byte) ([]catalog.SchemaVersion, error) {
	var list page[catalog.SchemaVersion]
	if err := decodeBody(body, &list, lenient); err != nil {
		return nil, err
	}
	last := 0
	for i, v := range list.Items {
		if v.Version <= last || v.ID < 0 {
			return nil, fmt.Errorf("item %d: version %d with id %d follows version %d", i, v.Version, v.ID, last)
		}
		last = v.Version
	}
	return list.Items, nil
}
