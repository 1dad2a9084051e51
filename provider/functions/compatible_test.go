package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// record is an Avro schema with these fields.
func record(fields ...string) string {
	return `{"type":"record","name":"Track","fields":[` + strings.Join(fields, ",") + `]}`
}

const (
	id       = `{"name":"id","type":"string"}`
	speed    = `{"name":"speed","type":"double"}`
	optional = `{"name":"speed","type":"double","default":0}`
)

func wantVerdict(t *testing.T, want bool, args ...any) {
	t.Helper()
	got, err := call(t, newCompatible(), args...)
	if err != nil {
		t.Errorf("schema_compatible(%.100q): got error %q, want %t", args, err.Text, want)
		return
	}
	if !got.Equal(types.BoolValue(want)) {
		t.Errorf("schema_compatible(%.100q): got %s, want %t", args, got, want)
	}
}

func TestWhichVersionsCount(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mode      string
		older     []string
		candidate string
		want      bool
	}{
		{"BACKWARD", []string{record(id)}, record(id, speed), false},
		{"BACKWARD", []string{record(id)}, record(id, optional), true},
		{"FORWARD", []string{record(id)}, record(id, speed), true},
		{"FULL", []string{record(id)}, record(id, speed), false},
		{"NONE", []string{record(id)}, `"int"`, true},
		// The last of the list is the latest.
		{"BACKWARD", []string{record(id), record(id, speed)}, record(id, speed), true},
		{"BACKWARD", []string{record(id, speed), record(id)}, record(id, speed), false},
		// An older one decides alone, wherever it stands.
		{"BACKWARD_TRANSITIVE", []string{record(id), record(id, speed)}, record(id, speed), false},
		{"BACKWARD_TRANSITIVE", []string{record(id, speed), record(id)}, record(id, speed), false},
		{"FORWARD_TRANSITIVE", []string{record(id, speed), record(id)}, record(id), false},
		{"FULL_TRANSITIVE", []string{record(id), record(id, optional)}, record(id, optional), true},
	} {
		wantVerdict(t, test.want, "AVRO", test.mode, test.older, test.candidate)
	}
}

// TestCompatibilityCases holds the function to the published cases that the
// rules themselves are held to, in every mode.
func TestCompatibilityCases(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "internal", "compat", "testdata", "compatibility.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			ID             string            `json:"id"`
			Type           string            `json:"type"`
			RegisteredType string            `json:"registeredType"`
			Registered     []json.RawMessage `json:"registered"`
			Candidate      json.RawMessage   `json:"candidate"`
			Expect         map[string]bool   `json:"expect"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, c := range file.Cases {
		if c.RegisteredType != "" {
			continue // the function takes one type for all texts
		}
		older := []string{}
		for _, raw := range c.Registered {
			older = append(older, schemaText(t, raw))
		}
		for mode, want := range c.Expect {
			held++
			t.Run(c.ID+" "+mode, func(t *testing.T) {
				wantVerdict(t, want, c.Type, mode, older, schemaText(t, c.Candidate))
			})
		}
	}
	if held < 27*7 {
		t.Errorf("held to %d expectations, want at least %d", held, 27*7)
	}
}

// schemaText is the text of a schema in the case file: a JSON string holds a
// Protobuf text, anything else is the schema itself.
func schemaText(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	if raw[0] != '"' {
		return string(raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "syntax") {
		return string(raw) // an Avro schema that is a name
	}
	return text
}

func TestNothingIsOlderThanAFirstVersion(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"} {
		wantVerdict(t, true, "AVRO", mode, []string{}, record(id))
		wantVerdict(t, true, "JSON", mode, []string{}, `{"type":"object"}`)
		wantVerdict(t, true, "PROTOBUF", mode, []string{}, `syntax = "proto3"; message Track { string id = 1; }`)
	}
}

// TestAsManyAsTheLimits: at each limit there is a verdict.
func TestAsManyAsTheLimits(t *testing.T) {
	t.Parallel()
	wantVerdict(t, true, "AVRO", "FULL_TRANSITIVE", slices.Repeat([]string{`"int"`}, MaxOlder), `"int"`)
	wantVerdict(t, true, "AVRO", "NONE", slices.Repeat([]string{padded(compat.MaxBytes)}, MaxOlderBytes/compat.MaxBytes), padded(compat.MaxBytes))
}

// padded is an Avro schema of that many bytes.
func padded(size int) string { return `"int"` + strings.Repeat(" ", size-len(`"int"`)) }

// alternatives is a union of records that no union of another name can read.
func alternatives(n int, name string) string {
	branches := make([]string, n)
	for i := range branches {
		branches[i] = fmt.Sprintf(`{"type":"record","name":"%s%d","fields":[%s]}`, name, i, id)
	}
	return "[" + strings.Join(branches, ",") + "]"
}

func TestWhatCannotBeComparedIsNamed(t *testing.T) {
	t.Parallel()
	broken := "{\n  \"type\": \"record\",\n  \"name\": \"Track\"\n}"
	null, _ := types.ListValue(types.StringType, []attr.Value{types.StringValue(record(id)), types.StringNull()})
	for name, test := range map[string]struct {
		language, mode string
		older          any
		candidate      string
		argument       int64
		want           []string
	}{
		"unknown type":        {"avro", "FULL", []string{}, `"int"`, typeArgument, []string{"AVRO, JSON or PROTOBUF"}},
		"unknown mode":        {"AVRO", "full", []string{}, `"int"`, modeArgument, []string{"FORWARD_TRANSITIVE or FULL_TRANSITIVE"}},
		"both, first wins":    {"", "", []string{}, `"int"`, typeArgument, []string{"The type is", "The mode is"}},
		"null element":        {"AVRO", "FULL", null, record(id), olderArgument, []string{"Element 1: The schema is null."}},
		"too many":            {"AVRO", "FULL", make([]string, MaxOlder+1), `"int"`, olderArgument, []string{"At most 1000 older schemas", "not 1001"}},
		"too many bytes":      {"AVRO", "NONE", slices.Repeat([]string{padded(compat.MaxBytes)}, MaxOlderBytes/compat.MaxBytes+1), `"int"`, olderArgument, []string{"Element 16: ", "17825792 bytes", "16777216"}},
		"one too long":        {"AVRO", "NONE", []string{padded(compat.MaxBytes + 1)}, `"int"`, olderArgument, []string{"Element 0: A schema has at most 1048576 bytes", "1048577"}},
		"candidate too long":  {"AVRO", "NONE", []string{}, padded(compat.MaxBytes + 1), candidateArgument, []string{"A schema has at most 1048576 bytes", "1048577"}},
		"no older schema":     {"AVRO", "FULL", []string{record(id), broken}, record(id), olderArgument, []string{"Element 1: Line 1, column 1 ", `"fields"`, "type is AVRO"}},
		"no candidate":        {"AVRO", "FULL", []string{record(id)}, "{\n \"type\": 7}", candidateArgument, []string{"Line 2, column 10 of the schema: ", "Correct the text"}},
		"with a path":         {"AVRO", "FULL", []string{}, record(`{"name":"id","type":"text"}`), candidateArgument, []string{"(at /fields/0/type)", `"text"`}},
		"empty text":          {"JSON", "FULL", []string{""}, "{}", olderArgument, []string{"Element 0: Line 1, column 1 ", "ends too early"}},
		"another language":    {"PROTOBUF", "FULL", []string{}, record(id), candidateArgument, []string{"Line 1, column 1 ", "type is PROTOBUF"}},
		"in mode NONE":        {"AVRO", "NONE", []string{broken}, record(id), olderArgument, []string{"Element 0: Line 1, column 1 "}},
		"of no weight":        {"AVRO", "BACKWARD", []string{broken, record(id)}, record(id), olderArgument, []string{"Element 0: Line 1, column 1 "}},
		"after a verdict":     {"AVRO", "BACKWARD_TRANSITIVE", []string{record(id), broken}, record(id, speed), olderArgument, []string{"Element 1: Line 1, column 1 "}},
		"too complex":         {"AVRO", "FULL", []string{record(id), alternatives(1500, "A")}, alternatives(1500, "B"), olderArgument, []string{"Element 1: This schema and the candidate could not be compared: too complex", "1000000 steps"}},
		"too complex for all": {"AVRO", "FULL_TRANSITIVE", []string{alternatives(1500, "A"), record(id)}, alternatives(1500, "B"), olderArgument, []string{"Element 0: This schema", "1000000 steps"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := call(t, newCompatible(), test.language, test.mode, test.older, test.candidate)
			if err == nil {
				t.Fatal("got no error, want one")
			}
			if err.FunctionArgument == nil || *err.FunctionArgument != test.argument {
				t.Errorf("got argument %s, want %d", argumentOf(err), test.argument)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Text, part) {
					t.Errorf("got %.2000q, want it to contain %q", err.Text, part)
				}
			}
		})
	}
}

// TestErrorsDoNotRepeatTheText is the attack of a schema that makes its reader
// print what it likes: a name of a megabyte, or one that steers the terminal.
func TestErrorsDoNotRepeatTheText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 900_000)
	for name, test := range map[string]struct{ language, text, advice string }{
		"long name":            {"AVRO", `"` + long + `"`, "define the named type before this place."},
		"long way":             {"JSON", `{"properties":{"` + long + `":{"type":7}}}`, "Correct the text"},
		"long dialect":         {"JSON", `{"$schema":"` + long + `"}`, "http://json-schema.org/draft-07/schema#."},
		"long import":          {"PROTOBUF", `syntax = "proto3"; import "` + long + `";`, "only google/protobuf/*.proto can be imported."},
		"steers the terminal":  {"JSON", `{"properties":{"\u001b]0;owned\u0007\u202e":{"type":7}}}`, "Correct the text"},
		"steers it elsewhere":  {"AVRO", `{"type":"\u001b[2J"}`, "Correct the text"},
		"a schema as the type": {record(id), record(id), "Write AVRO, JSON or PROTOBUF."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := call(t, newCompatible(), test.language, "FULL", []string{}, test.text)
			if err == nil {
				t.Fatal("got no error, want one")
			}
			if len(err.Text) > 2_000 || strings.ContainsAny(err.Text, "\x1b\a\u202e") || strings.Contains(err.Text, test.text) {
				t.Errorf("got %d bytes: %.2000q", len(err.Text), err.Text)
			}
			if !strings.Contains(err.Text, test.advice) {
				t.Errorf("got %.2000q, want the advice %q", err.Text, test.advice)
			}
		})
	}
}

// TestManyCostlyVersionsEnd is the attack of a list of schemas that are each
// just simple enough to be compared.
func TestManyCostlyVersionsEnd(t *testing.T) {
	t.Parallel()
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	for name, test := range map[string]struct {
		ctx   context.Context
		limit time.Duration
		want  string
	}{
		"out of time": {t.Context(), 0, "it took longer than 2m0s; leave out versions"},
		"interrupted": {interrupted, MaxTime, "context canceled"},
	} {
		older, _ := types.ListValue(types.StringType, []attr.Value{types.StringValue(record(id))})
		args := []attr.Value{types.StringValue("AVRO"), types.StringValue("FULL"), older, types.StringValue(record(id))}
		resp := function.RunResponse{Result: function.NewResultData(types.BoolUnknown())}
		compatible{test.limit}.Run(test.ctx, function.RunRequest{Arguments: function.NewArgumentsData(args)}, &resp)
		if resp.Error == nil || !strings.Contains(resp.Error.Text, "Element 0: The comparison was stopped before this schema: "+test.want) {
			t.Errorf("%s: got %v, want the comparison stopped: %s", name, resp.Error, test.want)
		}
	}
}
