package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// checkText refuses what is not one JSON text in UTF-8 (RFC 8259). A surrogate
// without its other half is refused as well: decoding would turn it into
// U+FFFD, and two different texts into one.
func checkText(body []byte) error {
	if !utf8.Valid(body) {
		return badRequest("The body is not UTF-8.")
	}
	if !json.Valid(body) {
		var raw json.RawMessage
		if syntax := (*json.SyntaxError)(nil); errors.As(json.Unmarshal(body, &raw), &syntax) {
			return badRequest(fmt.Sprintf("The body is not JSON: %v, at byte %d.", syntax, syntax.Offset))
		}
		return badRequest("The body is not JSON.")
	}
	if i := loneSurrogate(body); i >= 0 {
		return badRequest(fmt.Sprintf("The body has half a surrogate pair at byte %d.", i))
	}
	return nil
}

// loneSurrogate is the offset of the first \u escape that is half of a pair
// without the other, -1 when there is none. The text is valid JSON.
func loneSurrogate(text []byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		switch surrogate(text[i:]) {
		case 1:
			if surrogate(text[i+6:]) != 2 {
				return i
			}
			i += 11
		case 2:
			return i
		default:
			i++ // the escaped character, which may be a backslash
		}
	}
	return -1
}

// surrogate is 1 when the text starts with the escape of a high surrogate, 2
// with that of a low one, 0 otherwise.
func surrogate(text []byte) int {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	code, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	switch {
	case err != nil || code < 0xD800 || code > 0xDFFF:
		return 0
	case code < 0xDC00:
		return 1
	}
	return 2
}

// invalidText finds the first string that is not UTF-8.
func invalidText(v reflect.Value, at []string) (field string, found bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return invalidText(v.Elem(), at)
		}
	case reflect.String:
		return catalog.PointerTo(at...), !utf8.ValidString(v.String())
	case reflect.Struct:
		for name, i := range fieldsOf(v.Type()) {
			if field, found = invalidText(v.Field(i), append(at, name)); found {
				return field, true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if field, found = invalidText(v.Index(i), append(at, strconv.Itoa(i))); found {
				return field, true
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if !utf8.ValidString(key.String()) {
				return catalog.PointerTo(at...), true
			}
			if field, found = invalidText(v.MapIndex(key), append(at, key.String())); found {
				return field, true
			}
		}
	default: // numbers and bools
	}
	return "", false
}
