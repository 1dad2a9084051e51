package connect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
)

// shownValue bounds how much of a value a difference shows, in bytes. A longer
// text is only counted: the start of a schema says nothing of its change.
const shownValue = 200

// changedSince refuses a change because the object is not what was reviewed,
// with one error for each field that differs.
func changedSince(summary string, reviewed, current catalog.Object, at diags.Locator) diag.Diagnostics {
	var out diag.Diagnostics
	for _, d := range differences(reviewed, current) {
		text := fmt.Sprintf("It changed after the plan was made: %s was %s when it was read, and is %s now. "+
			"Nothing was written. Plan again and review what changed.", d.field, d.before, d.after)
		if where := at(d.field); !where.Equal(path.Empty()) {
			out.AddAttributeError(where, summary, text)
		} else {
			out.AddError(summary, text)
		}
	}
	return out
}

type difference struct{ field, before, after string }

// differences compares two objects in normal form, field by field, sets as a whole.
func differences(a, b catalog.Object) []difference {
	before, after := make(map[string]string), make(map[string]string)
	flatten(before, "", document(a))
	flatten(after, "", document(b))
	fields := make(map[string]bool)
	for field := range before {
		fields[field] = true
	}
	for field := range after {
		fields[field] = true
	}
	var out []difference
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if before[field] != after[field] {
			out = append(out, difference{field, shown(before[field]), shown(after[field])})
		}
	}
	return out
}

func document(object catalog.Object) any {
	var out any
	if body, err := json.Marshal(object); err == nil {
		_ = json.Unmarshal(body, &out) // just marshalled: cannot fail
	}
	return out
}

func flatten(into map[string]string, pointer string, value any) {
	if fields, ok := value.(map[string]any); ok {
		for name, field := range fields {
			flatten(into, pointer+catalog.PointerTo(name), field)
		}
		return
	}
	if body, err := json.Marshal(value); err == nil {
		into[pointer] = string(body)
	}
}

func shown(value string) string {
	switch {
	case value == "":
		return "not set"
	case len(value) > shownValue && value[0] == '"':
		return fmt.Sprintf("a text of %d bytes", len(value))
	case len(value) > shownValue:
		return strings.ToValidUTF8(value[:shownValue], "") + "…"
	}
	return value
}
