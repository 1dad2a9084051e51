package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// Error is one mistake in a file.
type Error = strictyaml.Error

// Errors are all mistakes of a file.
type Errors = strictyaml.Errors

// node is a YAML node and its path in the file.
type node = strictyaml.Node

// document reads the text into its one value.
func document(text []byte) (node, error) {
	return strictyaml.Document(text, strictyaml.Limits{Bytes: MaxBytes, Depth: MaxDepth, First: "apiVersion: " + APIVersion})
}

// reader turns nodes into values and collects every mistake on its way.
type reader struct {
	vocabulary *marking.Vocabulary
	errs       Errors
}

func (r *reader) fail(n node, reason, fix string) {
	r.errs = append(r.errs, &Error{Line: n.Line, Column: n.Column, Path: n.Path, Reason: reason, Fix: fix})
}

// failed adds what is wrong by an error of another package.
func (r *reader) failed(n node, err error, fix string) { r.fail(n, err.Error(), fix) }

// result is nil or all mistakes in the order of the text.
func (r *reader) result() error {
	if len(r.errs) == 0 {
		return nil
	}
	r.errs.Sort()
	return r.errs
}

// field is one key of a mapping and what reads its value.
type field struct {
	key      string
	required bool
	read     func(node)
}

func required(key string, read func(node)) field { return field{key, true, read} }
func optional(key string, read func(node)) field { return field{key, false, read} }

// object reads a mapping: its fields in the order given, whatever their order
// in the text, so that a later field can rely on an earlier one.
func (r *reader) object(n node, fields ...field) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "must be a mapping", "its fields are "+keys(fields))
		return
	}
	values := map[string]node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		values[key] = node{Node: n.Content[i+1], Path: strictyaml.Join(n.Path, key)}
		if !slices.ContainsFunc(fields, func(f field) bool { return f.key == key }) {
			r.fail(node{Node: n.Content[i], Path: strictyaml.Join(n.Path, key)}, "unknown key", "known here: "+keys(fields))
		}
	}
	for _, f := range fields {
		value, present := values[f.key]
		switch {
		case present:
			f.read(value)
		case f.required:
			r.fail(n, "lacks "+f.key, "add "+f.key+":")
		}
	}
}

func keys(fields []field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.key
	}
	return strings.Join(names, ", ")
}

// has reports which of the keys a mapping has, in the order given.
func has(n node, wanted ...string) []string {
	var present []string
	for _, key := range wanted {
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if n.Content[i].Value == key {
				present = append(present, key)
			}
		}
	}
	return present
}

// exactlyOne wants one of the keys and reports whether it is there alone.
func (r *reader) exactlyOne(n node, wanted ...string) bool {
	if n.Kind != yaml.MappingNode {
		return false // object has said so
	}
	switch present := has(n, wanted...); len(present) {
	case 1:
		return true
	case 0:
		r.fail(n, "has none of "+strings.Join(wanted, ", "), "write one of them")
	default:
		r.fail(n, "has "+strings.Join(present, " and "), "keep one of them")
	}
	return false
}

// list reads the items of a sequence that has at least one.
func (r *reader) list(n node, item func(node)) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "must be a list", "write each entry after a dash")
		return
	}
	if len(n.Content) == 0 {
		r.fail(n, "an empty list", "remove the key or add an entry")
	}
	if len(n.Content) > MaxEntries {
		r.fail(n, fmt.Sprintf("has %d entries", len(n.Content)), fmt.Sprintf("the limit is %d", MaxEntries))
		return
	}
	for i, content := range n.Content {
		item(node{Node: content, Path: n.Path + "[" + strconv.Itoa(i) + "]"})
	}
}

// texts reads a list of texts, no two alike.
func (r *reader) texts(n node, limit int, item func(node, string)) {
	seen := map[string]int{}
	r.list(n, func(n node) {
		text, ok := r.text(n, limit)
		if !ok {
			return
		}
		if line, twice := seen[text]; twice {
			r.fail(n, fmt.Sprintf("stands here twice, first on line %d", line), "keep one of them")
			return
		}
		seen[text] = n.Line
		item(n, text)
	})
}

// text reads a text of 1 to limit bytes without control characters.
func (r *reader) text(n node, limit int) (string, bool) {
	text, mistake := strictyaml.Text(n, limit)
	if mistake != nil {
		r.errs = append(r.errs, mistake)
	}
	return text, mistake == nil
}

// number reads a whole decimal number within bounds.
func (r *reader) number(n node, low, high int) int {
	value, err := strconv.Atoi(n.Value)
	plain := n.Kind == yaml.ScalarNode && n.Tag == "!!int" && err == nil && strconv.Itoa(value) == n.Value
	if !plain || value < low || value > high {
		r.fail(n, "must be a whole number", fmt.Sprintf("write one from %d to %d", low, high))
		return low
	}
	return value
}

// boolean reads true or false.
func (r *reader) boolean(n node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
		r.fail(n, "must be true or false", "write true or remove the key")
		return false
	}
	return n.Value == "true"
}

// constant wants exactly this text.
func (r *reader) constant(n node, want string) {
	if n.Kind != yaml.ScalarNode || n.Value != want {
		r.fail(n, "must be "+want, "write "+want)
	}
}

// oneOf wants one of the texts.
func (r *reader) oneOf(n node, allowed ...string) string {
	if n.Kind != yaml.ScalarNode || !slices.Contains(allowed, n.Value) {
		r.fail(n, "must be one of "+strings.Join(allowed, ", "), "write one of them")
		return ""
	}
	return n.Value
}

// marking reads a banner line under the vocabulary.
func (r *reader) marking(n node) marking.Marking {
	text, ok := r.text(n, maxMarking)
	if !ok {
		return marking.Marking{}
	}
	m, err := r.vocabulary.Parse(text)
	if err != nil {
		r.fail(n, oneLine(err.Error()), "write a valid banner line")
	}
	return m
}

const maxMarking = 1024

func oneLine(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}
