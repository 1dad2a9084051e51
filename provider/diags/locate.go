package diags

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Locate finds attributes of a schema of type t by pointers into the object.
// The object is needed because Terraform names an element of a set by its
// value, a pointer by its index. A pointer that leads past what the schema
// knows ends at the last attribute that it does know.
func Locate(t attr.Type, object catalog.Object) Locator {
	var document any // decoded once, and only if there is a problem to place
	return func(pointer string) path.Path {
		if document == nil {
			document = decode(object)
		}
		return walk(t, document, pointer)
	}
}

func decode(object catalog.Object) any {
	var document any = struct{}{}
	if body, err := json.Marshal(object); err == nil {
		_ = json.Unmarshal(body, &document) // just marshalled: cannot fail
	}
	return document
}

func walk(t attr.Type, value any, pointer string) path.Path {
	at := path.Empty()
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		var ok bool
		if at, t, ok = step(at, t, value, token); !ok {
			return at
		}
		value = child(value, token)
	}
	return at
}

func step(at path.Path, t attr.Type, value any, token string) (path.Path, attr.Type, bool) {
	switch t := t.(type) {
	case attr.TypeWithAttributeTypes:
		next, ok := t.AttributeTypes()[token]
		if !ok {
			return at, nil, false
		}
		return at.AtName(token), next, true
	case basetypes.MapTypable:
		return at.AtMapKey(token), elementType(t), true
	case basetypes.ListTypable:
		if i, err := strconv.Atoi(token); err == nil {
			return at.AtListIndex(i), elementType(t), true
		}
	case basetypes.SetTypable:
		if text, ok := child(value, token).(string); ok {
			return at.AtSetValue(types.StringValue(text)), elementType(t), true
		}
	}
	return at, nil, false
}

func elementType(t attr.Type) attr.Type {
	if t, ok := t.(attr.TypeWithElementType); ok {
		return t.ElementType()
	}
	return nil
}

func child(value any, token string) any {
	switch value := value.(type) {
	case map[string]any:
		return value[token]
	case []any:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(value) {
			return value[i]
		}
	}
	return nil
}
