package compat

import (
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// lean turns a schema into what encoding/json would decode, without what the
// library would only spend time on: most of a parse is its judgement of each
// subschema against the meta-schema. Titles, descriptions, comments and
// extensions with any text are valid. Of plain subschemas that say the same, the
// first in the text is judged for all. The others become true, since a reference
// may lead to them, or are left out where none can.
type lean struct {
	judged   map[string]bool
	pointers bool // some reference is a JSON pointer
	refers   bool // the schema refers to others, where jsonElsewhere stands
}

func (l lean) schema(v *strictjson.Value) any {
	if v.Kind != strictjson.Object {
		return v.Any()
	}
	if l.again(v) {
		return true
	}
	out := make(map[string]any, len(v.Members))
	for _, m := range v.Members {
		if !isProse(m) {
			out[m.Key] = l.keyword(m)
		}
	}
	return out
}

// again reports whether a plain schema like this one was judged before.
func (l lean) again(v *strictjson.Value) bool {
	text, plain := plainSchema(v)
	if plain && l.judged[text] {
		return true
	}
	if plain {
		l.judged[text] = true
	}
	return false
}

func (l lean) keyword(m strictjson.Member) any {
	switch {
	case m.Value.Kind == strictjson.Object && jsonMaps[m.Key]:
		return l.named(m.Value)
	case m.Value.Kind == strictjson.Array && jsonLists[m.Key]:
		out := make([]any, len(m.Value.Items))
		for i, item := range m.Value.Items {
			out[i] = l.schema(item)
		}
		return out
	case jsonSingle[m.Key]:
		return l.schema(m.Value)
	}
	return m.Value.Any()
}

// named is the subschemas under the names of one keyword.
func (l lean) named(v *strictjson.Value) map[string]any {
	out := make(map[string]any, len(v.Members))
	for _, sub := range v.Members {
		if schema := l.schema(sub.Value); l.pointers || schema != true || sub.Value.Kind != strictjson.Object {
			out[sub.Key] = schema
		}
	}
	return out
}

func isProse(m strictjson.Member) bool {
	if m.Value.Kind != strictjson.String {
		return false // the meta-schema judges it, or a reference may lead into it
	}
	switch m.Key {
	case "title", "description", "$comment":
		return true
	}
	return strings.HasPrefix(m.Key, "x-")
}

// leavesText reports whether a keyword is a reference to another text, as it is
// compiled.
func leavesText(m strictjson.Member) bool { return m.Key == "$ref" && m.Value.Text == jsonElsewhere }

// plainSchema is one text for all spellings of a schema whose keywords hold
// numbers, strings and lists of them: no reference can lead into it.
func plainSchema(v *strictjson.Value) (text string, plain bool) {
	var b strings.Builder
	for _, m := range v.Members {
		switch {
		case isProse(m):
			continue
		case strings.HasPrefix(m.Key, "$") && !leavesText(m), m.Value.Kind == strictjson.Object:
			return "", false
		}
		b.WriteString(strconv.Quote(m.Key))
		if !writeScalar(&b, m.Value) {
			return "", false
		}
		for _, item := range m.Value.Items {
			if item.Kind == strictjson.Object || item.Kind == strictjson.Array || !writeScalar(&b, item) {
				return "", false
			}
		}
	}
	return b.String(), true
}

// writeScalar writes what tells a value from others; false for what can be a
// schema.
func writeScalar(b *strings.Builder, v *strictjson.Value) bool {
	b.WriteByte("nbfsao"[v.Kind])
	b.WriteString(strconv.Quote(v.Text))
	return v.Kind != strictjson.Object && v.Kind != strictjson.Bool
}
