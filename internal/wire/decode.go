package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Bounds of a body, beside its size.
const (
	// MaxDepth is how deep a body may nest.
	MaxDepth = 32
	// maxMember is the longest member name, in bytes. Every pointer holds
	// names, so without it a report could be a hundred times the request.
	maxMember = 512
	// maxProblems is the most problems that one report lists.
	maxProblems = 100
)

// mode says what becomes of members that the target does not know.
type mode bool

const (
	strict  mode = false // refused: a request
	lenient mode = true  // skipped: an answer, perhaps of a newer platform
)

// errStop ends the reading of a body whose report is full or whose depth is
// exceeded. The report has the problems.
var errStop = errors.New("wire: no further reading")

// decoder reads one JSON text into Go values. The encoding/json package alone
// would match names in any case, keep the last of two members and stop at the
// first fault without saying where.
type decoder struct {
	tokens   *json.Decoder
	mode     mode
	at       []string // the pointer of the value being read
	problems []catalog.Problem
}

// decodeBody reads the body into target, a pointer to a struct whose fields
// are strings, bools, ints, floats, structs, slices, maps with string keys,
// pointers to these or json.RawMessage. The error is a *Refusal: 400 for what
// is not JSON, 422 with every problem otherwise.
func decodeBody(body []byte, target any, m mode) error {
	if err := checkText(body); err != nil {
		return err
	}
	return decodeAt(body, target, m)
}

// decodeAt is decodeBody for a part of a body that was checked as a whole; at
// is where in the body it is.
func decodeAt(body []byte, target any, m mode, at ...string) error {
	d := &decoder{tokens: json.NewDecoder(bytes.NewReader(body)), mode: m, at: at}
	d.tokens.UseNumber()
	if err := d.value(reflect.ValueOf(target).Elem(), false); err != nil && !errors.Is(err, errStop) {
		return badRequest("The body is not JSON.")
	}
	if d.problems != nil {
		return Refuse(http.StatusUnprocessableEntity, "The body does not have the form that it should have.", d.problems...)
	}
	return nil
}

// value reads the next value into v; an invalid v skips it. A null leaves v as
// it is where it may stand for an absent value, and is of the wrong type
// elsewhere.
func (d *decoder) value(v reflect.Value, nullable bool) error {
	if v.IsValid() && v.Type() == rawMessage {
		return d.tokens.Decode(v.Addr().Interface())
	}
	token, err := d.tokens.Token()
	if err != nil {
		return err
	}
	if token == nil && nullable {
		return nil
	}
	for v.IsValid() && v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch token {
	case json.Delim('{'):
		return d.object(v)
	case json.Delim('['):
		return d.array(v)
	}
	if v.IsValid() && !setScalar(v, token) {
		return d.wrongType(describe(token), v.Type())
	}
	return nil
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

// object reads the members of an object whose brace was read.
func (d *decoder) object(v reflect.Value) error {
	fields, v, err := d.open(v, reflect.Struct, reflect.Map)
	if err != nil {
		return err
	}
	if v.IsValid() && v.Kind() == reflect.Map {
		v.Set(reflect.MakeMap(v.Type()))
	}
	seen := map[string]bool{}
	for d.tokens.More() {
		if err := d.member(v, fields, seen); err != nil {
			return err
		}
	}
	_, err = d.tokens.Token()
	return err
}

// open checks that a composite value may stand here. The value that it
// returns is invalid when the type is wrong, so that the rest is skipped.
func (d *decoder) open(v reflect.Value, kinds ...reflect.Kind) (map[string]int, reflect.Value, error) {
	if len(d.at) >= MaxDepth {
		d.problems = append(d.problems, catalog.Problem{Rule: catalog.RuleLimit,
			Detail: fmt.Sprintf("The body nests deeper than %d levels.", MaxDepth), Fix: "No object of the catalogue is this deep."})
		return nil, v, errStop
	}
	if !v.IsValid() {
		return nil, v, nil
	}
	for _, kind := range kinds {
		if v.Kind() == kind {
			return fieldsOf(v.Type()), v, nil
		}
	}
	found := "an object"
	if kinds[0] == reflect.Slice {
		found = "an array"
	}
	return nil, reflect.Value{}, d.wrongType(found, v.Type())
}

// member reads one name and its value.
func (d *decoder) member(v reflect.Value, fields map[string]int, seen map[string]bool) error {
	token, err := d.tokens.Token()
	if err != nil {
		return err
	}
	name, _ := token.(string) // the only token that can stand here
	if len(name) > maxMember {
		_ = d.report(catalog.RuleLimit, fmt.Sprintf("A member name is longer than %d bytes.", maxMember), "Shorten it.")
		return errStop // at once: no pointer may hold such a name
	}
	d.at = append(d.at, name)
	defer func() { d.at = d.at[:len(d.at)-1] }()
	if seen[name] {
		err = d.report(catalog.RuleFormat, "The member is given more than once.", "Give it once.")
		v = reflect.Value{}
	}
	seen[name] = true
	if err != nil {
		return err
	}
	return d.memberValue(v, fields, name)
}

func (d *decoder) memberValue(v reflect.Value, fields map[string]int, name string) error {
	switch {
	case !v.IsValid():
		return d.value(v, true)
	case v.Kind() == reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(element, false); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), element)
		return nil
	}
	field, known := fields[name]
	if !known {
		if d.mode == strict {
			if err := d.report(catalog.RuleUnknownField, "There is no such field.", "Remove it. "+listFields(v.Type())); err != nil {
				return err
			}
		}
		return d.value(reflect.Value{}, true)
	}
	return d.value(v.Field(field), true)
}

// array reads the elements of an array whose bracket was read.
func (d *decoder) array(v reflect.Value) error {
	_, v, err := d.open(v, reflect.Slice)
	if err != nil {
		return err
	}
	list := v
	if v.IsValid() {
		list = reflect.MakeSlice(v.Type(), 0, 0)
	}
	for i := 0; d.tokens.More(); i++ {
		var element reflect.Value
		if v.IsValid() {
			element = reflect.New(v.Type().Elem()).Elem()
		}
		d.at = append(d.at, strconv.Itoa(i))
		err := d.value(element, false)
		d.at = d.at[:len(d.at)-1]
		if err != nil {
			return err
		}
		if v.IsValid() {
			list = reflect.Append(list, element)
		}
	}
	if v.IsValid() {
		v.Set(list)
	}
	_, err = d.tokens.Token()
	return err
}

// setScalar stores a string, number or bool and reports whether v can hold it.
// A number for an integer field has neither fraction nor exponent.
func setScalar(v reflect.Value, token json.Token) bool {
	switch t := token.(type) {
	case string:
		if v.Kind() != reflect.String {
			return false
		}
		v.SetString(t)
	case bool:
		if v.Kind() != reflect.Bool {
			return false
		}
		v.SetBool(t)
	case json.Number:
		return setNumber(v, t)
	default: // null inside an array or a map
		return false
	}
	return true
}

func setNumber(v reflect.Value, number json.Number) bool {
	switch v.Kind() {
	case reflect.Int:
		n, err := strconv.ParseInt(number.String(), 10, 64)
		if err != nil {
			return false
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := number.Float64()
		if err != nil {
			return false
		}
		v.SetFloat(f)
	default:
		return false
	}
	return true
}

func (d *decoder) wrongType(found string, want reflect.Type) error {
	return d.report(catalog.RuleFormat, fmt.Sprintf("Found %s where %s belongs.", found, nameType(want)), "Write "+nameType(want)+".")
}

// report notes a problem at the current place.
func (d *decoder) report(rule, detail, fix string) error {
	d.problems = append(d.problems, catalog.Problem{Field: catalog.PointerTo(d.at...), Rule: rule, Detail: detail, Fix: fix})
	if len(d.problems) >= maxProblems {
		return errStop
	}
	return nil
}

func describe(token json.Token) string {
	switch token.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	}
	return "null"
}

func nameType(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}

// fieldsOf maps the member names of a struct to its fields; nil for a map.
func fieldsOf(t reflect.Type) map[string]int {
	if t.Kind() != reflect.Struct {
		return nil
	}
	known, _ := fieldCache.Load(t)
	if fields, ok := known.(map[string]int); ok {
		return fields
	}
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	fieldCache.Store(t, fields)
	return fields
}

// fieldCache holds the result of fieldsOf for the dozen types of the wire.
var fieldCache sync.Map

func listFields(t reflect.Type) string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return "The fields are " + strings.Join(names, ", ") + "."
}
