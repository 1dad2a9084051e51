package strictyaml

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// MaxEntries is the most entries of a list or of a mapping with free keys, and
// MaxText the longest text that [Decode] reads, in bytes.
const (
	MaxEntries = 4096
	MaxText    = 4096
)

// Checked is implemented by what knows more rules than its type says. Each
// mistake names its place by Path, relative to the value and "" for the value
// itself; Decode adds the rest.
type Checked interface {
	Check() []Error
}

// Decode reads a text into the struct that v points to: keys are the yaml tags
// of exported fields, a key that no field has is refused, and a field without a
// key keeps its value. Fields are string, bool, int, int64, time.Duration,
// structs, slices of these and maps with string keys. Whatever implements [Checked] is asked
// after its own fields are read; what it says of those that are wrong already
// is passed over. All mistakes are reported at once, as
// [Errors].
func Decode(text []byte, limits Limits, v any) error {
	top, err := Document(text, limits)
	if err != nil {
		return err
	}
	d := decoding{nodes: map[string]Node{}}
	d.value(top, reflect.ValueOf(v).Elem())
	if len(d.errs) == 0 {
		return nil
	}
	d.errs.Sort()
	return d.errs
}

// decoding is one reading of one file.
type decoding struct {
	nodes map[string]Node // by path
	errs  Errors
}

func (d *decoding) fail(n Node, reason, fix string) {
	d.errs = append(d.errs, &Error{Line: n.Line, Column: n.Column, Path: n.Path, Reason: reason, Fix: fix})
}

func (d *decoding) value(n Node, into reflect.Value) {
	d.nodes[n.Path] = n
	switch into.Kind() {
	case reflect.Struct:
		d.object(n, into)
	case reflect.Slice:
		d.list(n, into)
	case reflect.Map:
		d.mapping(n, into)
	case reflect.String:
		if text, mistake := Text(n, MaxText); mistake != nil {
			d.errs = append(d.errs, mistake)
		} else {
			into.SetString(text)
		}
	case reflect.Bool:
		d.boolean(n, into)
	case reflect.Int, reflect.Int64:
		if into.Type() == reflect.TypeFor[time.Duration]() {
			d.duration(n, into)
		} else {
			d.number(n, into)
		}
	default:
		panic("strictyaml: a field of type " + into.Type().String() + " cannot be read")
	}
	d.check(n, into)
}

// check asks the value itself, and finds the place of what it says.
func (d *decoding) check(n Node, of reflect.Value) {
	checked, ok := of.Addr().Interface().(Checked)
	if !ok {
		return
	}
	for _, mistake := range checked.Check() {
		path := Within(n.Path, mistake.Path)
		if mistake.Path != "" && d.broken(path) {
			continue // it could not be read, so it looks absent
		}
		place, present := d.nodes[path]
		if !present {
			place = n // an absent key
		}
		place.Path = path
		d.fail(place, mistake.Reason, mistake.Fix)
	}
}

// broken reports whether there is a mistake at a path or below it.
func (d *decoding) broken(path string) bool {
	return slices.ContainsFunc(d.errs, func(e *Error) bool {
		below, ok := strings.CutPrefix(e.Path, path)
		return ok && (below == "" || below[0] == '.' || below[0] == '[')
	})
}

// Within is the path of a part of the value at a path.
func Within(path, part string) string {
	if path == "" || part == "" || part[0] == '[' {
		return path + part
	}
	return path + "." + part
}

func (d *decoding) object(n Node, into reflect.Value) {
	fields := map[string]reflect.Value{}
	for i := range into.NumField() {
		fields[into.Type().Field(i).Tag.Get("yaml")] = into.Field(i)
	}
	known := strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
	if n.Kind != yaml.MappingNode {
		d.fail(n, "must be a mapping", "its fields are "+known)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := Node{n.Content[i], Join(n.Path, n.Content[i].Value)}
		if field, ok := fields[key.Value]; ok {
			d.value(Node{n.Content[i+1], key.Path}, field)
		} else {
			d.fail(key, "unknown key", "known here: "+cmp.Or(known, "none"))
		}
	}
}

func (d *decoding) list(n Node, into reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, "must be a list", "write each entry after a dash")
		return
	}
	if len(n.Content) > MaxEntries {
		d.fail(n, fmt.Sprintf("has %d entries", len(n.Content)), fmt.Sprintf("the limit is %d", MaxEntries))
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content)))
	for i, content := range n.Content {
		d.value(Node{content, n.Path + "[" + strconv.Itoa(i) + "]"}, into.Index(i))
	}
}

func (d *decoding) mapping(n Node, into reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "must be a mapping", "write a name and below it what it stands for")
		return
	}
	if len(n.Content)/2 > MaxEntries {
		d.fail(n, fmt.Sprintf("has %d entries", len(n.Content)/2), fmt.Sprintf("the limit is %d", MaxEntries))
		return
	}
	into.Set(reflect.MakeMap(into.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		entry := reflect.New(into.Type().Elem()).Elem()
		d.value(Node{n.Content[i+1], Join(n.Path, n.Content[i].Value)}, entry)
		into.SetMapIndex(reflect.ValueOf(n.Content[i].Value).Convert(into.Type().Key()), entry)
	}
}

func (d *decoding) boolean(n Node, into reflect.Value) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
		d.fail(n, "must be true or false", "write true or false")
		return
	}
	into.SetBool(n.Value == "true")
}

// duration reads what time.ParseDuration does, not below zero.
func (d *decoding) duration(n Node, into reflect.Value) {
	length, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || err != nil || length < 0 {
		d.fail(n, "must be a duration", "write a number and h, m, s or ms, such as 90s")
		return
	}
	into.SetInt(int64(length))
}

// number reads a whole decimal number that every reader takes for the same.
func (d *decoding) number(n Node, into reflect.Value) {
	number, err := strconv.ParseInt(n.Value, 10, 64)
	plain := n.Kind == yaml.ScalarNode && n.Tag == "!!int" && err == nil && strconv.FormatInt(number, 10) == n.Value
	if !plain || into.OverflowInt(number) || number > math.MaxInt64/2 {
		d.fail(n, "must be a whole number", "write it in decimal digits")
		return
	}
	into.SetInt(number)
}

// Text reads a text of 1 to limit bytes without control characters. A number, a
// date, a yes or a null is refused rather than read as text: 1.10 would
// silently be 1.1 to other readers.
func Text(n Node, limit int) (string, *Error) {
	fail := func(reason, fix string) (string, *Error) {
		return "", &Error{Line: n.Line, Column: n.Column, Path: n.Path, Reason: reason, Fix: fix}
	}
	switch {
	case n.Kind != yaml.ScalarNode:
		return fail("must be a text", "write one value here")
	case n.Tag != "!!str" || n.Style == 0 && otherReaders.MatchString(n.Value):
		return fail("must be a text, other readers take it for something else", "write it in quotes")
	case n.Value == "":
		return fail("is empty", "remove the key or write a value")
	case len(n.Value) > limit:
		return fail(fmt.Sprintf("is %d bytes long", len(n.Value)), fmt.Sprintf("the limit is %d", limit))
	case strings.ContainsFunc(n.Value, func(c rune) bool { return !unicode.IsPrint(c) }):
		return fail("holds characters that cannot be seen", "remove "+Printable(invisible(n.Value)))
	}
	return n.Value, nil
}

// otherReaders are the plain texts that YAML 1.1 takes for a truth value or for
// a number of base sixty.
var otherReaders = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|[0-9]+(:[0-5]?[0-9])+)$`)

func invisible(text string) string {
	i := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) })
	return string([]rune(text[i:])[:1])
}
