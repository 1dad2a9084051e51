// Command bench measures, each beside a stated reference in the same run on the
// same machine: the marking algebra and schema parsing, one reader and one
// writer of the built server, its schema registry under load, its audit log, its
// decisions, and what a plan
// costs: 250 and 500 unchanged data products, read by the built provider, beside
// as many terraform_data (Terraform's own resource, which talks to nobody). It
// prints tables of ratios; only they can be compared between machines.
//
//	bench -bin DIR [-terraform PATH] [-runs N]
//
// CPU of a plan is user and system time of Terraform and of the provider, its child; the
// server is not in it. Each figure is the median of the runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	options := options{}
	flag.StringVar(&options.bin, "bin", "bin", "folder of terraform-provider-datamesh and datamesh")
	flag.StringVar(&options.terraform, "terraform", "", "the terraform or tofu to run; the one on PATH when empty")
	flag.IntVar(&options.runs, "runs", 3, "plans measured for each figure")
	flag.StringVar(&options.reference, "reference", "", "serve as the reference of the schema registry, with this folder; the benchmark starts itself so")
	flag.StringVar(&options.unrecorded, "unrecorded", "", "serve decisions that nobody records, with this folder; the benchmark starts itself so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, options)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	bin, terraform string
	runs           int
	reference      string
	unrecorded     string
}

func run(ctx context.Context, o options) error {
	if o.reference != "" {
		return serveReference(ctx, o.reference)
	}
	if o.unrecorded != "" {
		return serveUnrecorded(ctx, o.unrecorded)
	}
	if o.runs < 1 {
		return fmt.Errorf("-runs is %d: measure at least one plan", o.runs)
	}
	dir, err := os.MkdirTemp("", "datamesh-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover temporary folder is no failure of the benchmark
	server, err := startServer(ctx, o.bin, dir)
	if err != nil {
		return err
	}
	defer server.stop()
	table := newTable(os.Stdout)
	if err := algebra(table); err != nil {
		return err
	}
	if err := service(ctx, server, dir, table); err != nil {
		return err
	}
	if err := registry(ctx, server, dir, table); err != nil {
		return err
	}
	if err := auditLog(ctx, dir, table); err != nil {
		return err
	}
	if err := decisions(ctx, server, dir, table); err != nil {
		return err
	}
	table.head("plan of unchanged objects", "terraform_data CPU s", "data products CPU s", "ratio", "terraform_data wall s", "data products wall s", "ratio")
	for _, count := range []int{250, 500} {
		if err := measure(ctx, o, server, dir, count, table); err != nil {
			return err
		}
	}
	return table.flush()
}
