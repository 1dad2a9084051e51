package compat

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// maxDefaultSteps bounds the work of checking defaults. The default of a
// record takes the defaults of its fields, so a few dozen records that hold
// each other twice ask for 2^n steps.
const maxDefaultSteps = 1_000_000

type avroDefault struct {
	typ   *avroType
	value *strictjson.Value
	path  string
}

// checkDefaults judges every default once all types are known.
func (r *avroReader) checkDefaults() error {
	c := defaultChecker{}
	for _, d := range r.defaults {
		c.depth = 0
		if reason := c.check(d.typ, d.value); reason != "" {
			return refuse(d.value, d.path, "invalid default: %s", reason)
		}
	}
	return nil
}

type defaultChecker struct{ steps, depth int }

// check returns what is wrong with a default, "" when nothing is.
func (c *defaultChecker) check(t *avroType, v *strictjson.Value) string {
	if c.steps++; c.steps > maxDefaultSteps || c.depth > MaxDepth {
		return "the defaults of the records in it are too complex: write the value of each field instead"
	}
	c.depth++
	defer func() { c.depth-- }()
	switch t.kind {
	case "union":
		return c.check(t.branches[0], v)
	case "array":
		return c.array(t, v)
	case "map":
		return c.mapping(t, v)
	case "record":
		return c.record(t, v)
	}
	return checkScalar(t, v)
}

func (c *defaultChecker) array(t *avroType, v *strictjson.Value) string {
	if v.Kind != strictjson.Array {
		return "an array type needs a list"
	}
	for _, item := range v.Items {
		if reason := c.check(t.items, item); reason != "" {
			return reason
		}
	}
	return ""
}

func (c *defaultChecker) mapping(t *avroType, v *strictjson.Value) string {
	if v.Kind != strictjson.Object {
		return "a map type needs an object"
	}
	for _, m := range v.Members {
		if reason := c.check(t.items, m.Value); reason != "" {
			return reason
		}
	}
	return ""
}

func (c *defaultChecker) record(t *avroType, v *strictjson.Value) string {
	if v.Kind != strictjson.Object {
		return "a record type needs an object"
	}
	for _, f := range t.fields {
		value := v.Get(f.name)
		if value == nil {
			value = f.def
		}
		if value == nil {
			return "field " + strconv.Quote(f.name) + " of record " + t.name + " has no value and no default"
		}
		if reason := c.check(f.typ, value); reason != "" {
			return reason
		}
	}
	return ""
}

func checkScalar(t *avroType, v *strictjson.Value) string {
	ok, want := false, t.kind
	switch t.kind {
	case "null":
		ok, want = v.Kind == strictjson.Null, "null (the first branch of a union decides)"
	case "boolean":
		ok = v.Kind == strictjson.Bool
	case "int":
		ok = isWhole(v, 32)
	case "long":
		ok = isWhole(v, 64)
	case "float", "double":
		ok = v.Kind == strictjson.Number
	case "string":
		ok = v.Kind == strictjson.String
	case "bytes":
		ok, want = isBytes(v, -1), "a string of the characters U+0000 to U+00FF"
	case "fixed":
		ok, want = isBytes(v, t.size), "a string of "+strconv.Itoa(t.size)+" characters, U+0000 to U+00FF"
	case "enum":
		ok, want = v.Kind == strictjson.String && slices.Contains(t.symbols, v.Text), "a symbol of "+t.name
	}
	if ok {
		return ""
	}
	return "the type needs " + want
}

func isWhole(v *strictjson.Value, bits int) bool {
	if v.Kind != strictjson.Number {
		return false
	}
	_, err := strconv.ParseInt(strictjson.Decimal(v.Text), 10, bits)
	return err == nil
}

func isBytes(v *strictjson.Value, size int) bool {
	n := len([]rune(v.Text))
	high := strings.IndexFunc(v.Text, func(r rune) bool { return r > 0xff }) >= 0
	return v.Kind == strictjson.String && !high && (size < 0 || n == size)
}
