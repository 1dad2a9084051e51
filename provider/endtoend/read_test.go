package endtoend

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/workspace"
)

// message is one diagnostic of `terraform plan -json`.
type message struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
	Snippet  struct {
		Code string `json:"code"`
	} `json:"snippet"`
}

// at is where the message points: address and the configuration's own words.
func (m message) at() string { return m.Address + ": " + strings.TrimSpace(m.Snippet.Code) }

func (m message) String() string {
	return fmt.Sprintf("%s at %s\n  %s\n  %s", m.Severity, m.at(), m.Summary, m.Detail)
}

// plan runs a plan and returns its messages, warnings about development
// overrides left out.
func (w terraform) plan(args ...string) (workspace.Result, []message) {
	w.t.Helper()
	return w.messages(append([]string{"plan", "-json"}, args...)...)
}

func (w terraform) messages(args ...string) (workspace.Result, []message) {
	w.t.Helper()
	result, err := w.Run(w.t.Context(), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []message
	lines := bufio.NewScanner(strings.NewReader(result.Stdout))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line struct {
			Diagnostic *message `json:"diagnostic"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			continue // a few warnings come before the JSON starts
		}
		if d := line.Diagnostic; d != nil && !strings.Contains(d.Summary, "development overrides") {
			out = append(out, *d)
		}
	}
	return result, out
}

// refused fails the test unless a plan is refused with errors at exactly these
// places, each named by a piece of the configuration's own words.
func (w terraform) refused(places ...string) []message {
	w.t.Helper()
	result, messages := w.plan()
	if result.Code == 0 {
		w.t.Fatalf("the plan was accepted:\n%s", result.Stdout)
	}
	errors := slices.DeleteFunc(slices.Clone(messages), func(m message) bool { return m.Severity != "error" })
	for _, place := range places {
		if !slices.ContainsFunc(errors, func(m message) bool { return strings.Contains(m.at(), place) }) {
			w.t.Errorf("no error at %q; got %v", place, errors)
		}
	}
	if len(errors) != len(places) {
		w.t.Errorf("got %d errors, want %d: %v", len(errors), len(places), errors)
	}
	return errors
}

// warnings runs a plan that has to succeed and returns what it warns of.
func (w terraform) warnings(args ...string) []message {
	w.t.Helper()
	result, messages := w.plan(args...)
	if result.Code != 0 && result.Code != 2 {
		w.t.Fatalf("the plan failed: %v\n%s", messages, result.Stderr)
	}
	return messages
}

// one is the only message whose summary contains the text.
func (w terraform) one(messages []message, summary string) message {
	w.t.Helper()
	var found []message
	for _, m := range messages {
		if strings.Contains(m.Summary, summary) {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("got %d messages about %q, want 1; all: %v", len(found), summary, messages)
	}
	return found[0]
}

// changes is a plan as JSON, as far as these tests read it.
type changes struct {
	Drift   []changed          `json:"resource_drift"`
	Changes []changed          `json:"resource_changes"`
	Outputs map[string]outcome `json:"output_changes"`
}

type changed struct {
	Address string  `json:"address"`
	Change  outcome `json:"change"`
}

type outcome struct {
	Actions      []string `json:"actions"`
	Before       any      `json:"before"`
	After        any      `json:"after"`
	AfterUnknown any      `json:"after_unknown"`
}

// planned makes a plan and reads it.
func (w terraform) planned(args ...string) changes {
	w.t.Helper()
	w.must(append([]string{"plan", "-no-color", "-out=plan.bin"}, args...)...)
	var out changes
	if err := json.Unmarshal([]byte(w.must("show", "-json", "plan.bin").Stdout), &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// actions are what the plan does to a resource, "update" or "delete, create".
func (c changes) actions(address string) string {
	for _, change := range c.Changes {
		if change.Address == address {
			return strings.Join(change.Change.Actions, ", ")
		}
	}
	return "nothing"
}

func (c changes) of(address string) outcome {
	for _, change := range c.Changes {
		if change.Address == address {
			return change.Change
		}
	}
	return outcome{}
}

// differing lists the attributes, nested ones with dots, that differ.
func (o outcome) differing() []string {
	before, after := map[string]any{}, map[string]any{}
	flatten(before, "", o.Before)
	flatten(after, "", o.After)
	all := maps.Clone(before)
	maps.Copy(all, after)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(before[name], after[name]) {
			out = append(out, name)
		}
	}
	return out
}

func flatten(into map[string]any, prefix string, value any) {
	fields, ok := value.(map[string]any)
	if !ok {
		into[prefix] = value
		return
	}
	for name, field := range fields {
		flatten(into, strings.TrimPrefix(prefix+"."+name, "."), field)
	}
}
