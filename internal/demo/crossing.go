package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bundleMarking covers the images that cross: the join of their products'.
const bundleMarking = effectiveMarking

// images makes what crosses: keys, a registry, signed images in it.
func images(ctx context.Context, d *demo) (shown, error) {
	for _, key := range []string{"pipelines", "packer"} {
		if _, err := d.bundler(ctx, d.dir, "keygen", "--out", filepath.Join(d.dir, key), "--type", "ecdsa-p256"); err != nil {
			return shown{}, err
		}
	}
	store := filepath.Join(d.dir, "near-registry")
	var err error
	if d.registry, err = launchRegistry(context.WithoutCancel(ctx), store); err != nil {
		return shown{}, err
	}
	if d.images, err = d.pushImages(ctx, d.registry.host); err != nil {
		return shown{}, err
	}
	line := fmt.Sprintf("%d pipeline images, made of the platform's own binary and signed, are in a registry at %s", len(d.images), d.registry.host)
	return shown{line: line}, nil
}

// namePipelines lets the products name their images, through Terraform.
func namePipelines(ctx context.Context, d *demo) (shown, error) {
	var override, below strings.Builder
	for _, i := range d.images {
		_, _ = fmt.Fprintf(&override, "resource \"datamesh_data_product\" %q {\n  pipeline = { image = %q }\n}\n", i.resource, i.reference) // cannot fail
		_, _ = fmt.Fprintf(&below, "       datamesh_data_product.%s.pipeline.image: %s\n", i.resource, i.reference)                         // cannot fail
	}
	if err := d.workspace.Write("pipelines_override.tf", override.String()); err != nil {
		return shown{}, err
	}
	plan, err := d.plan(ctx, 2)
	if err != nil {
		return shown{}, err
	}
	changed := 0
	for _, change := range plan.ResourceChanges {
		if !change.Change.Actions.NoOp() {
			changed++
		}
	}
	if changed != len(d.images) {
		return shown{}, fmt.Errorf("the plan changes %d objects, want the %d products", changed, len(d.images))
	}
	if _, err := d.tf(ctx, []int{0}, "apply", "-no-color", "-input=false", "demo.tfplan"); err != nil {
		return shown{}, err
	}
	return shown{line: fmt.Sprintf("apply: %d products name the image of their pipeline by its digest", changed), below: below.String()}, nil
}

// The two files that people would write.
const (
	bundleYAML = `apiVersion: datamesh-bundler/v1
kind: Bundle
name: pipelines
marking: %q
volumes: {size: 8MiB, parity: 1}
mesh:
  - {endpoint: %q, products: ["sigint/*", "geoint/*", "fusion/*"], trust: pipelines}
`
	policyYAML = `apiVersion: datamesh-bundler/v1
kind: Policy
ceiling: %q
bundleSigners: {keys: [packer.pub]}
trust:
  pipelines: {cosign: {keys: [pipelines.pub]}}
sources:
  - {match: "**", signature: pipelines}
`
)

// pack bundles what the mesh names.
func pack(ctx context.Context, d *demo) (shown, error) {
	for file, text := range map[string]string{
		"bundle.yaml": fmt.Sprintf(bundleYAML, bundleMarking, d.server.ready.Endpoint),
		"policy.yaml": fmt.Sprintf(policyYAML, bundleMarking),
	} {
		if err := os.WriteFile(filepath.Join(d.dir, file), []byte(text), 0o600); err != nil {
			return shown{}, err
		}
	}
	said, err := d.bundler(ctx, d.dir, "create", "-f", "bundle.yaml", "--out", "bundle", "--key", "packer.key", "--quiet")
	if err != nil {
		return shown{}, err
	}
	review, err := os.ReadFile(filepath.Join(d.dir, "bundle", "pipelines.review.txt"))
	if err != nil {
		return shown{}, err
	}
	if err := d.keep("pipelines.review.txt", review); err != nil {
		return shown{}, err
	}
	for _, i := range d.images {
		if !bytes.Contains(review, []byte(i.reference)) {
			return shown{}, fmt.Errorf("the bundle does not hold %s:\n%s", i.reference, said)
		}
	}
	return shown{line: "exactly these images are bundled, by asking the mesh; what crosses is in pipelines.review.txt", below: indented(said)}, nil
}

// cross damages the bundle as a bad medium would, and has the far side prove,
// repair, load and pull it.
func cross(ctx context.Context, d *demo) (shown, error) {
	bundle := filepath.Join(d.dir, "bundle")
	if err := os.Remove(filepath.Join(bundle, "pipelines.0002.tar")); err != nil {
		return shown{}, fmt.Errorf("losing a volume: %w", err)
	}
	c := crossing{
		Bundler: filepath.Join(d.bin, "datamesh-bundler"), Bundle: bundle, Policy: filepath.Join(d.dir, "policy.yaml"),
		State: filepath.Join(d.dir, "state.json"), Store: filepath.Join(d.dir, "far-registry"),
	}
	for _, i := range d.images {
		_, below, _ := strings.Cut(i.reference, "/")
		c.Images = append(c.Images, below)
	}
	where := "without a network, in a namespace that has no route"
	c.Near = d.registry.host
	a, err := d.sendAcross(ctx, c, true)
	if errors.Is(err, errNotIsolated) {
		where = "on this machine's network, which could not be cut here"
		c.Near = ""
		a, err = d.sendAcross(ctx, c, false)
	}
	if err == nil && a.Pulled != len(d.images) {
		err = fmt.Errorf("pulled %d images, want %d", a.Pulled, len(d.images))
	}
	if err != nil {
		return shown{}, err
	}
	return shown{
		line:  "far side, " + where + ": a lost volume is rebuilt, all is verified, loaded into a registry and pulled by digest",
		below: indented(a.Verified + "\n" + a.Loaded),
	}, d.closeRegistry()
}

// errNotIsolated says that the system gives no network namespace.
var errNotIsolated = errors.New("the network cannot be cut here")

// sendAcross runs the far side as a process of its own.
func (d *demo) sendAcross(ctx context.Context, c crossing, cut bool) (a arrival, err error) {
	program, err := os.Executable()
	if err != nil {
		return a, err
	}
	given, err := json.Marshal(c)
	if err != nil {
		return a, err
	}
	command := exec.CommandContext(ctx, program, string(given)) //nolint:gosec // this program
	command.Env = append(os.Environ(), roleVariable+"="+roleFarSide)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if cut && !isolate(command) {
		return a, errNotIsolated
	}
	if err := command.Start(); err != nil {
		if cut {
			return a, errors.Join(errNotIsolated, err)
		}
		return a, err
	}
	if err := command.Wait(); err != nil {
		return a, fmt.Errorf("far side: %w\n%s", err, stderr.String())
	}
	return a, json.Unmarshal(stdout.Bytes(), &a)
}

// bundler runs the bundler in a directory and returns what it printed.
func (d *demo) bundler(ctx context.Context, dir string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, filepath.Join(d.bin, "datamesh-bundler"), args...) //nolint:gosec // the binary just built
	command.Dir = dir
	command.Env = append(os.Environ(), "DATAMESH_TOKEN="+d.server.ready.Token)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("datamesh-bundler %s: %w\n%s%s", args[0], err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// closeRegistry ends the near registry; again it does nothing.
func (d *demo) closeRegistry() error {
	if d.registry == nil {
		return nil
	}
	r := d.registry
	d.registry = nil
	return r.stop()
}

// indented is text below the line of a step.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		b.WriteString("       " + strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
