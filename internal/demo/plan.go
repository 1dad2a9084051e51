package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// plan makes a plan that ends with one of the exit codes of
// -detailed-exitcode, and reads it.
func (d *demo) plan(ctx context.Context, code int) (*tfjson.Plan, error) {
	if _, err := d.tf(ctx, []int{code}, "plan", "-no-color", "-input=false", "-detailed-exitcode", "-out=demo.tfplan"); err != nil {
		return nil, err
	}
	shown, err := d.tf(ctx, []int{0}, "show", "-json", "demo.tfplan")
	if err != nil {
		return nil, err
	}
	var plan tfjson.Plan
	if err := json.Unmarshal([]byte(shown.Stdout), &plan); err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return &plan, nil
}

// drift lists what changed outside Terraform, as "address attribute".
func drift(plan *tfjson.Plan) []string {
	var found []string
	for _, change := range plan.ResourceDrift {
		before, _ := change.Change.Before.(map[string]any) // absent when it was created
		after, _ := change.Change.After.(map[string]any)   // absent when it is gone
		names := map[string]bool{}
		for name := range before {
			names[name] = true
		}
		for name := range after {
			names[name] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if !reflect.DeepEqual(before[name], after[name]) {
				found = append(found, change.Address+" "+name)
			}
		}
	}
	slices.Sort(found)
	return found
}

// diagnostic is one of the messages of plan -json.
type diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
	Snippet  *struct {
		Code string `json:"code"`
	} `json:"snippet"`
}

// names reports whether the diagnostic points at the attribute: its line in
// the configuration, or its path in the text.
func (d diagnostic) names(attribute string) bool {
	if d.Snippet != nil && strings.HasPrefix(strings.TrimSpace(d.Snippet.Code), attribute+" ") {
		return true
	}
	return strings.Contains(d.Detail, attribute)
}

// first is the first paragraph of the detail, without the attribute's path.
func (d diagnostic) first(attribute string) string {
	paragraph, _, _ := strings.Cut(d.Detail, "\n")
	return strings.TrimPrefix(paragraph, "At "+attribute+": ")
}

// errorsOf lists the errors in the output of plan -json.
func errorsOf(output string) ([]diagnostic, error) {
	var found []diagnostic
	lines := bufio.NewScanner(strings.NewReader(output))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var message struct {
			Type       string     `json:"type"`
			Diagnostic diagnostic `json:"diagnostic"`
		}
		if err := json.Unmarshal(lines.Bytes(), &message); err != nil {
			return nil, fmt.Errorf("read the output of plan -json: %w: %s", err, lines.Text())
		}
		if message.Type == "diagnostic" && message.Diagnostic.Severity == "error" {
			found = append(found, message.Diagnostic)
		}
	}
	return found, lines.Err()
}
