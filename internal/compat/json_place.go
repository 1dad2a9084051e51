package compat

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// jsonPlace finds where in the text an error of the library belongs.
func jsonPlace(root *strictjson.Value, err error) error {
	var remote *jsonschema.LoadURLError
	if errors.As(err, &remote) {
		v, path := findText(root, "", func(key, text string) bool {
			return strings.HasSuffix(key, "ef") && strings.HasPrefix(key, "$") && !strings.HasPrefix(text, "#") && text != jsonElsewhere
		})
		return refuse(v, path, "refers to %q: %s", remote.URL, errRemote)
	}
	var invalid *jsonschema.SchemaValidationError
	var detail *jsonschema.ValidationError
	if errors.As(err, &invalid) && errors.As(invalid.Err, &detail) {
		return firstInvalid(root, detail)
	}
	var twice *jsonschema.DuplicateAnchorError
	if errors.As(err, &twice) {
		return anchorTwice(root, twice.Anchor, twice.Ptr1, twice.Ptr2)
	}
	v, path := findText(root, "", func(_, text string) bool {
		return strings.Contains(err.Error(), strconv.Quote(jsonURL+text)) || strings.HasSuffix(err.Error(), text+`"`)
	})
	return refuse(v, path, "%s", strings.ReplaceAll(err.Error(), jsonURL, ""))
}

// firstInvalid is the violation of the meta-schema that stands first in the
// text: the library reports them in the order of a map.
func firstInvalid(root *strictjson.Value, detail *jsonschema.ValidationError) error {
	var first *strictjson.Value
	var found *jsonschema.ValidationError
	var walk func(*jsonschema.ValidationError)
	walk = func(d *jsonschema.ValidationError) {
		for _, cause := range d.Causes {
			walk(cause)
		}
		at := jsonAt(root, pointer(d.InstanceLocation))
		if len(d.Causes) == 0 && (first == nil || at.Start < first.Start) {
			first, found = at, d
		}
	}
	walk(detail)
	return refuse(first, pointer(found.InstanceLocation), "%s", describeInvalid(found))
}

func anchorTwice(root *strictjson.Value, anchor, one, other string) error {
	if jsonAt(root, one).Start > jsonAt(root, other).Start {
		one, other = other, one
	}
	return refuse(jsonAt(root, other), other, "anchor %q is already defined at %s", anchor, one)
}

func describeInvalid(detail *jsonschema.ValidationError) string {
	switch k := detail.ErrorKind.(type) {
	case *kind.Type:
		return fmt.Sprintf("is a JSON %s where %s is wanted", k.Got, strings.Join(k.Want, " or "))
	case *kind.Format:
		return fmt.Sprintf("%v is no valid %s: %v", k.Got, k.Want, k.Err)
	}
	return detail.Error()
}

func pointer(parts []string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("/" + strictjson.Escape(part))
	}
	return b.String()
}

// jsonAt is the value at a JSON pointer, or the nearest one above it.
func jsonAt(root *strictjson.Value, path string) *strictjson.Value {
	v := root
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		next := child(v, unescape(part))
		if next == nil {
			return v
		}
		v = next
	}
	return v
}

var pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")

// unescape is the key that a part of a JSON pointer means.
func unescape(part string) string { return pointerUnescapes.Replace(part) }

func child(v *strictjson.Value, part string) *strictjson.Value {
	if v.Kind != strictjson.Array {
		return v.Get(part)
	}
	i, err := strconv.Atoi(part)
	if err != nil || i < 0 || i >= len(v.Items) {
		return nil
	}
	return v.Items[i]
}

// findText is the first string in the tree that matches, else the root.
func findText(v *strictjson.Value, path string, match func(key, text string) bool) (*strictjson.Value, string) {
	if found, at := searchText(v, path, match); found != nil {
		return found, at
	}
	return v, path
}

func searchText(v *strictjson.Value, path string, match func(key, text string) bool) (*strictjson.Value, string) {
	for i, item := range v.Items {
		if found, at := searchText(item, path+"/"+strconv.Itoa(i), match); found != nil {
			return found, at
		}
	}
	for _, m := range v.Members {
		at := path + "/" + strictjson.Escape(m.Key)
		if m.Value.Kind == strictjson.String && match(m.Key, m.Value.Text) {
			return m.Value, at
		}
		if found, at := searchText(m.Value, at, match); found != nil {
			return found, at
		}
	}
	return nil, ""
}

// pathOf is the JSON pointer of a value that stands in the tree.
func pathOf(root, v *strictjson.Value) string {
	var path strings.Builder
	for at := root; at != v; {
		next, part := at, ""
		for i, item := range at.Items {
			if item.Start <= v.Start {
				next, part = item, strconv.Itoa(i)
			}
		}
		for _, m := range at.Members {
			if m.Value.Start <= v.Start {
				next, part = m.Value, strictjson.Escape(m.Key)
			}
		}
		if next == at {
			break
		}
		at = next
		path.WriteString("/" + part)
	}
	return path.String()
}
