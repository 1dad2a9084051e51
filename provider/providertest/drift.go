package providertest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// ExpectDrift checks that a plan found exactly these attributes of one resource
// changed outside Terraform, and nothing else anywhere. A nested attribute is
// written with dots, such as "freshness.max_age" or "team.a.stone.role"; a set
// counts as a whole. None asks for no drift at all.
func ExpectDrift(address string, attributes ...string) plancheck.PlanCheck {
	want := make([]string, 0, len(attributes))
	for _, attribute := range attributes {
		want = append(want, address+" "+attribute)
	}
	slices.Sort(want)
	return driftCheck(want)
}

// ExpectNoDrift checks that a plan found nothing changed outside Terraform.
func ExpectNoDrift() plancheck.PlanCheck { return driftCheck(nil) }

type driftCheck []string

// CheckPlan implements [plancheck.PlanCheck].
func (want driftCheck) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	var got []string
	for _, drift := range req.Plan.ResourceDrift {
		got = append(got, drifted(drift)...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		resp.Error = fmt.Errorf("drift: got [%s], want [%s]", strings.Join(got, ", "), strings.Join(want, ", "))
	}
}

func drifted(drift *tfjson.ResourceChange) []string {
	if drift.Change.Actions.Delete() {
		return []string{drift.Address + " deleted"}
	}
	var out []string
	for _, attribute := range changed("", drift.Change.Before, drift.Change.After) {
		out = append(out, drift.Address+" "+attribute)
	}
	return out
}

// changed lists the attributes that differ, nested ones by their path.
func changed(at string, before, after any) []string {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	first, okFirst := before.(map[string]any)
	second, okSecond := after.(map[string]any)
	if !okFirst || !okSecond {
		return []string{strings.TrimPrefix(at, ".")}
	}
	names := maps.Clone(first)
	maps.Copy(names, second)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out = append(out, changed(at+"."+name, first[name], second[name])...)
	}
	return out
}
