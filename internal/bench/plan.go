package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/workspace"
)

// cost is the median cost of one plan.
type cost struct{ cpu, wall time.Duration }

func plans(ctx context.Context, o options, s *server, dir string, t *table) error {
	t.head("plan of unchanged objects", "terraform_data CPU s", "data products CPU s", "ratio", "terraform_data wall s", "data products wall s", "ratio")
	for _, count := range []int{250, 500} {
		if err := measure(ctx, o, s, dir, count, t); err != nil {
			return err
		}
	}
	return nil
}

// measure adds a line to the table: count products beside count terraform_data.
func measure(ctx context.Context, o options, s *server, dir string, count int, t *table) error {
	builtin, err := plan(ctx, o, s, filepath.Join(dir, fmt.Sprintf("builtin-%d", count)), builtinConfig(count))
	if err != nil {
		return err
	}
	products, err := plan(ctx, o, s, filepath.Join(dir, fmt.Sprintf("products-%d", count)), productConfig(count))
	if err != nil {
		return err
	}
	t.line(count, builtin, products)
	return nil
}

// plan applies the configuration once, then plans it unchanged.
func plan(ctx context.Context, o options, s *server, dir, config string) (cost, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return cost{}, err
	}
	w, err := workspace.New(dir, workspace.Options{
		Terraform: o.terraform,
		Provider:  filepath.Join(o.bin, "terraform-provider-datamesh"),
		Env:       []string{"DATAMESH_ENDPOINT=" + s.Endpoint, "DATAMESH_TOKEN=" + s.Token},
	})
	if err != nil {
		return cost{}, err
	}
	if err := w.Write("main.tf", config); err != nil {
		return cost{}, err
	}
	if _, err := w.Must(ctx, "apply", "-auto-approve", "-no-color"); err != nil {
		return cost{}, err
	}
	var cpu, wall []time.Duration
	for range o.runs {
		result, err := w.Must(ctx, "plan", "-detailed-exitcode", "-no-color")
		if err != nil {
			return cost{}, fmt.Errorf("a plan of what was just applied: %w", err)
		}
		cpu, wall = append(cpu, result.CPU), append(wall, result.Wall)
	}
	return cost{median(cpu), median(wall)}, nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
