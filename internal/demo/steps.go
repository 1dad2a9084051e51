package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// shown is what a step says: one line, and sometimes more below it, each
// line ended.
type shown struct{ line, below string }

// step shows one thing.
type step struct {
	name string
	do   func(context.Context, *demo) (shown, error)
}

// steps are the demo, in order. Each needs those before it.
var steps = []step{
	{"serve", serve},
	{"init", initialise},
	{"plan", planAll},
	{"apply", apply},
	{"catalogue", showCatalogue},
	{"replan", replan},
	{"drift", lowerMarking},
	{"restore", restore},
	{"refuse-under-marked", refuse(refusal{
		"under-marked.tf", "a derived product marked below its inputs",
		"datamesh_data_product.picture", "marking", "marking.under_marked",
	})},
	{"refuse-excluded-nation", refuse(refusal{
		"excluded-nation.tf", "a product released to a nation that its policy excludes",
		"datamesh_data_product.annotations", "marking", "caveat_policy.excluded",
	})},
	{"refuse-no-sla", refuse(refusal{
		"no-sla.tf", "an active product without an SLA",
		"datamesh_data_product.emitters", "sla", "product.active",
	})},
	{"refuse-schema-in-use", refuse(refusal{
		"schema-in-use.tf", "the deletion of a schema that a product serves",
		"datamesh_data_product.emitters", `output_ports["records"].schema`, "in_use",
	})},
	{"images", images},
	{"pipelines", namePipelines},
	{"bundle", pack},
	{"cross", cross},
	{"destroy", destroy},
	{"audit", audit},
	{"end", end},
}

// What examples/coalition holds.
const (
	objectCount      = 17
	schemaCount      = 4 // of the objects
	pictureID        = "fusion/operating-picture"
	effectiveMarking = "SECRET//REL TO USA, AUS, CAN, GBR"
	effectiveOutput  = "effective_marking_of_the_picture"
	loweredPath      = "domains/sigint/products/adversary-track-picture"
	loweredAddress   = "datamesh_data_product.tracks"
	loweredMarking   = "CONFIDENTIAL//REL TO USA, FVEY"
)

func serve(ctx context.Context, d *demo) (shown, error) {
	var err error
	d.server, err = startServer(ctx, filepath.Join(d.bin, "datamesh"), d.data(),
		filepath.Join(d.dir, "ready.json"), filepath.Join(d.report, "server.log"))
	if err != nil {
		return shown{}, err
	}
	var domains struct{ Items []object }
	if _, err := d.server.ask(ctx, http.MethodGet, "domains", "", nil, &domains); err != nil {
		return shown{}, err
	}
	line := fmt.Sprintf("the platform serves an empty catalogue at %s, process %d", d.server.ready.Endpoint, d.server.ready.PID)
	return shown{line: line}, nil
}

func (d *demo) data() string { return filepath.Join(d.dir, "data") }

func initialise(ctx context.Context, d *demo) (shown, error) {
	if err := d.openWorkspace(); err != nil {
		return shown{}, err
	}
	if _, err := d.tf(ctx, []int{0}, "init", "-no-color", "-input=false"); err != nil {
		return shown{}, err
	}
	result, err := d.tf(ctx, []int{0}, "version")
	name, _, _ := strings.Cut(result.Stdout, "\n")
	return shown{line: name + " takes the provider from a mirror on disk, without a network"}, err
}

func planAll(ctx context.Context, d *demo) (shown, error) {
	plan, err := d.plan(ctx, 2)
	if err != nil {
		return shown{}, err
	}
	created := 0
	for _, change := range plan.ResourceChanges {
		if change.Change.Actions.Create() {
			created++
		}
	}
	output := plan.OutputChanges[effectiveOutput]
	if created != objectCount || output == nil || output.After != effectiveMarking {
		return shown{}, fmt.Errorf("the plan creates %d objects, want %d, and its output is %+v, want %s", created, objectCount, output, effectiveMarking)
	}
	line := fmt.Sprintf("the plan creates %d objects and knows already that the fused picture will be %s", created, effectiveMarking)
	return shown{line: line}, nil
}

func apply(ctx context.Context, d *demo) (shown, error) {
	if _, err := d.tf(ctx, []int{0}, "apply", "-no-color", "-input=false", "demo.tfplan"); err != nil {
		return shown{}, err
	}
	_, count, err := d.server.catalogue(ctx)
	if err == nil && count != objectCount {
		err = fmt.Errorf("the catalogue has %d objects, want %d", count, objectCount)
	}
	return shown{line: fmt.Sprintf("apply: the platform has %d objects", count)}, err
}

func showCatalogue(ctx context.Context, d *demo) (shown, error) {
	all, _, err := d.server.catalogue(ctx)
	if err != nil {
		return shown{}, err
	}
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return shown{}, err
	}
	if err := d.keep("catalogue.json", raw); err != nil {
		return shown{}, err
	}
	var below strings.Builder
	for _, product := range all["products"] {
		_, _ = fmt.Fprintf(&below, "       %s\n", brief(product)) // cannot fail
		if product["id"] == pictureID && product["effective_marking"] != effectiveMarking {
			return shown{}, fmt.Errorf("the effective marking of %s is %v, want %s", pictureID, product["effective_marking"], effectiveMarking)
		}
	}
	return shown{line: "the catalogue as JSON, in full in catalogue.json; its products:", below: below.String()}, nil
}

// brief is a product in one line of JSON, its telling fields in a fixed order.
func brief(product object) string {
	var fields []string
	for _, name := range []string{"id", "status", "inputs", "marking", "effective_marking"} {
		if value, ok := product[name]; ok {
			raw, _ := json.Marshal(value) // it was JSON
			fields = append(fields, fmt.Sprintf("%q: %s", name, raw))
		}
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

func replan(ctx context.Context, d *demo) (shown, error) {
	plan, err := d.plan(ctx, 0)
	if err == nil && len(plan.ResourceDrift) > 0 {
		err = fmt.Errorf("the re-plan sees drift: %q", drift(plan))
	}
	return shown{line: "the re-plan is empty"}, err
}

// lowerMarking changes a product past Terraform and has it noticed.
func lowerMarking(ctx context.Context, d *demo) (shown, error) {
	var product object
	etag, err := d.server.ask(ctx, http.MethodGet, loweredPath, "", nil, &product)
	if err != nil {
		return shown{}, err
	}
	was := product["marking"]
	product["marking"] = loweredMarking
	delete(product, "effective_marking") // computed
	if _, err := d.server.ask(ctx, http.MethodPut, loweredPath, etag, product, &product); err != nil {
		return shown{}, err
	}
	plan, err := d.plan(ctx, 2)
	if err != nil {
		return shown{}, err
	}
	got, want := drift(plan), []string{loweredAddress + " effective_marking", loweredAddress + " marking"}
	if !slices.Equal(got, want) {
		return shown{}, fmt.Errorf("drift: got %q, want %q", got, want)
	}
	return shown{
		line:  "a marking lowered through the API is seen as drift, and nothing else is",
		below: fmt.Sprintf("       %s.marking: %q became %q\n", loweredAddress, was, loweredMarking),
	}, nil
}

func restore(ctx context.Context, d *demo) (shown, error) {
	if _, err := d.tf(ctx, []int{0}, "apply", "-no-color", "-input=false", "demo.tfplan"); err != nil {
		return shown{}, err
	}
	if _, err := replan(ctx, d); err != nil {
		return shown{}, err
	}
	return shown{line: "apply restores the marking, and the re-plan is empty again"}, nil
}

func destroy(ctx context.Context, d *demo) (shown, error) {
	if _, err := d.tf(ctx, []int{0}, "destroy", "-no-color", "-input=false", "-auto-approve"); err != nil {
		return shown{}, err
	}
	all, count, err := d.server.catalogue(ctx)
	if err == nil && count != 0 {
		err = fmt.Errorf("%d objects are left: %v", count, all)
	}
	return shown{line: "destroy: the catalogue is empty"}, err
}

// audit reads the log beside the server: every change must be in it.
func audit(ctx context.Context, d *demo) (shown, error) {
	command := exec.CommandContext(ctx, filepath.Join(d.bin, "datamesh"), "audit", "export", "--data", d.data()) //nolint:gosec // the binary just built
	var stderr bytes.Buffer
	command.Stderr = &stderr
	raw, err := command.Output()
	if err != nil {
		return shown{}, fmt.Errorf("datamesh audit export: %w\n%s", err, stderr.String())
	}
	if err := d.keep("audit.jsonl", raw); err != nil {
		return shown{}, err
	}
	replacements := 2 + len(d.images) // a marking lowered and restored, images named
	actions := map[string]int{}
	for line := range bytes.Lines(raw) {
		var entry struct{ Event, Action, Decision string }
		if err := json.Unmarshal(line, &entry); err != nil {
			return shown{}, fmt.Errorf("audit entry %s: %w", line, err)
		}
		actions[entry.Event+" "+entry.Action+" "+entry.Decision]++
	}
	if actions["catalogue create permit"] != objectCount || actions["catalogue replace permit"] != replacements || actions["catalogue delete permit"] != objectCount ||
		actions["schema register permit"] != schemaCount || actions["schema delete permit"] != schemaCount {
		return shown{}, fmt.Errorf("the audit log has %v, want %d creations, %d replacements and %d deletions, and %d versions of schemas registered and deleted",
			actions, objectCount, replacements, objectCount, schemaCount)
	}
	return shown{line: fmt.Sprintf("the audit log, in audit.jsonl, has each change: %d created, %d replaced, %d deleted; %d versions of schemas registered and deleted",
		objectCount, replacements, objectCount, schemaCount)}, nil
}

func end(ctx context.Context, d *demo) (shown, error) {
	if err := d.server.stop(); err != nil {
		return shown{}, err
	}
	ending, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	left, err := awaitEnd(ending, d.dir)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("still running: %q", left)
	}
	return shown{line: "the server has ended and nothing is left running"}, errors.Join(err, d.server.remains(ctx))
}
