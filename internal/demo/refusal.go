package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

//go:embed refusals/*.tf
var refusals embed.FS

// refusal is a bad change, laid over the configuration, and where it must be
// refused.
type refusal struct {
	file      string // below refusals
	what      string
	address   string
	attribute string
	rule      string
}

// overrideName makes Terraform merge the file over the others.
const overrideName = "demo_override.tf"

// refuse is the step in which a plan with the bad change fails, for the reason
// meant and at the attribute meant, and changes nothing.
func refuse(r refusal) func(context.Context, *demo) (shown, error) {
	return func(ctx context.Context, d *demo) (shown, error) {
		before, _, err := d.server.catalogue(ctx)
		if err != nil {
			return shown{}, err
		}
		refused, err := d.planRefused(ctx, r)
		if err != nil {
			return shown{}, err
		}
		after, _, err := d.server.catalogue(ctx)
		if err != nil {
			return shown{}, err
		}
		if !reflect.DeepEqual(before, after) {
			return shown{}, errors.New("a refused plan changed the catalogue")
		}
		return shown{
			line:  fmt.Sprintf("refused at plan: %s", r.what),
			below: fmt.Sprintf("       %s.%s: %s\n", r.address, r.attribute, refused.first(r.attribute)),
		}, nil
	}
}

func (d *demo) planRefused(ctx context.Context, r refusal) (diagnostic, error) {
	override, err := refusals.ReadFile("refusals/" + r.file)
	if err != nil {
		return diagnostic{}, err
	}
	if err := d.workspace.Write(overrideName, string(override)); err != nil {
		return diagnostic{}, err
	}
	result, err := d.tf(ctx, []int{1}, "plan", "-json", "-input=false")
	if err != nil {
		return diagnostic{}, err
	}
	found, err := errorsOf(result.Stdout)
	if err != nil {
		return diagnostic{}, err
	}
	if len(found) != 1 || !r.matches(found[0]) {
		return diagnostic{}, fmt.Errorf("want one error, of rule %s at %s.%s, got %+v\n%s%s",
			r.rule, r.address, r.attribute, found, result.Stdout, result.Stderr)
	}
	return found[0], os.Remove(filepath.Join(d.workspace.Dir, overrideName))
}

func (r refusal) matches(d diagnostic) bool {
	return d.Address == r.address && d.names(r.attribute) && strings.Contains(d.Detail, "(rule "+r.rule+")")
}
