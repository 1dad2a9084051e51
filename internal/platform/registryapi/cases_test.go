package registryapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
)

// evolution is one case of the compatibility rules: what Confluent's registry
// says of a candidate after these versions, at each level.
type evolution struct {
	ID             string            `json:"id"`
	Type           sr.SchemaType     `json:"type"`
	RegisteredType *sr.SchemaType    `json:"registeredType"` // nil for Type
	Registered     []json.RawMessage `json:"registered"`
	Candidate      json.RawMessage   `json:"candidate"`
	Expect         map[string]bool   `json:"expect"`
}

func readEvolutions(t *testing.T) []evolution {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "compat", "testdata", "compatibility.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []evolution }
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 25 {
		t.Fatalf("read %d cases", len(file.Cases))
	}
	return file.Cases
}

// schema is a schema of the case file, where a Protobuf text is a JSON string.
func schema(t *testing.T, kind sr.SchemaType, raw json.RawMessage) sr.Schema {
	t.Helper()
	text := string(raw)
	if kind == sr.TypeProtobuf {
		if err := json.Unmarshal(raw, &text); err != nil {
			t.Fatal(err)
		}
	}
	return sr.Schema{Type: kind, Schema: text}
}

// TestCompatibilityCasesOverHTTP registers the older versions at level NONE and
// then the candidate at each level: both the check and the registration say
// what the case expects.
func TestCompatibilityCasesOverHTTP(t *testing.T) {
	t.Parallel()
	c := connect(t)
	for _, e := range readEvolutions(t) {
		for level, want := range e.Expect {
			c.evolve(t, e, level, want)
		}
	}
}

func (c client) evolve(t *testing.T, e evolution, level string, want bool) {
	t.Helper()
	subject := e.ID + "-" + level
	c.setLevel(t, subject, "NONE")
	registered := e.Type
	if e.RegisteredType != nil {
		registered = *e.RegisteredType
	}
	for _, raw := range e.Registered {
		if _, err := c.RegisterSchema(t.Context(), subject, schema(t, registered, raw), -1, -1); err != nil {
			t.Errorf("%s: an older version: %v", subject, err)
		}
	}
	c.setLevel(t, subject, level)
	candidate := schema(t, e.Type, e.Candidate)
	check, err := c.CheckCompatibility(t.Context(), subject, -2, candidate)
	if err != nil || check.Is != want {
		t.Errorf("%s: the check says %v, %v, want %v", subject, check.Is, err, want)
	}
	_, err = c.RegisterSchema(t.Context(), subject, candidate, -1, -1)
	response := (*sr.ResponseError)(nil)
	refused := errors.As(err, &response) && response.StatusCode == http.StatusConflict && response.ErrorCode == 409
	if want && err != nil || !want && !refused {
		t.Errorf("%s: the registration says %v, want it accepted: %v", subject, err, want)
	}
}

func (c client) setLevel(t *testing.T, subject, level string) {
	t.Helper()
	var compatibility sr.CompatibilityLevel
	if err := compatibility.UnmarshalText([]byte(level)); err != nil {
		t.Fatal(err)
	}
	if r := c.SetCompatibility(t.Context(), sr.SetCompatibility{Level: compatibility}, subject); r[0].Err != nil {
		t.Fatalf("%s at %s: %v", subject, level, r[0].Err)
	}
}
