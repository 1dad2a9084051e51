package trust

import (
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// documentLimits hold for every JSON document that comes with an item. An SBOM
// of 4 MiB has about 150,000 values.
var documentLimits = strictjson.Limits{Bytes: artifact.MaxMetadata, Depth: 64, Values: 250_000}

// document reads a JSON object that may hold other keys than those named, but
// none that differs from one of them in case only: readers disagree about what
// these mean, and an attacker shows each what it wants to see.
func document(raw []byte, keys ...string) (*strictjson.Value, error) {
	v, err := strictjson.Parse(string(raw), documentLimits)
	if err != nil {
		return nil, malformedf("%s", printable(err.Error()))
	}
	return v, object(v, "the document", keys...)
}

// object checks that a value is an object with unambiguous keys.
func object(v *strictjson.Value, what string, keys ...string) error {
	if v == nil || v.Kind != strictjson.Object {
		return malformedf("%s is no JSON object", what)
	}
	for _, m := range v.Members {
		for _, key := range keys {
			if m.Key != key && strings.EqualFold(m.Key, key) {
				return malformedf("%s has the key %s, which some read as %s", what, printable(m.Key), key)
			}
		}
	}
	return nil
}

// text is the string under a key; "" when there is none. Another kind of value
// is an error.
func text(v *strictjson.Value, key string) (string, error) {
	m := v.Get(key)
	if m == nil {
		return "", nil
	}
	if m.Kind != strictjson.String {
		return "", malformedf("%s is not a string", key)
	}
	return m.Text, nil
}

// array is the array under a key, of at most the given length; nil when there
// is none.
func array(v *strictjson.Value, key string, most int) ([]*strictjson.Value, error) {
	m := v.Get(key)
	if m == nil || m.Kind == strictjson.Null {
		return nil, nil
	}
	if m.Kind != strictjson.Array {
		return nil, malformedf("%s is not an array", key)
	}
	if len(m.Items) > most {
		return nil, malformedf("%s has %d elements, at most %d are read", key, len(m.Items), most)
	}
	return m.Items, nil
}

// integer is the whole number under a key.
func integer(v *strictjson.Value, key string) (int64, error) {
	m := v.Get(key)
	if m == nil || m.Kind != strictjson.Number {
		return 0, malformedf("%s is not a number", key)
	}
	n, err := strconv.ParseInt(m.Text, 10, 64)
	if err != nil {
		return 0, malformedf("%s is not a whole number", key)
	}
	return n, nil
}
