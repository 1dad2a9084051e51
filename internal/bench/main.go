// Command bench measures, each beside a stated reference in the same run on the
// same machine: the marking algebra and schema parsing, one reader and one
// writer of the built server, its schema registry under load, its audit log, its
// decisions, its gateway, and what a plan
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
	"net/http"
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
	flag.BoolVar(&options.upstream, "upstream", false, "serve the object that the gateway is measured with; the benchmark starts itself so")
	flag.StringVar(&options.proxy, "proxy", "", "serve as the reference of the gateway, in front of this URL; the benchmark starts itself so")
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
	upstream       bool
	proxy          string
}

func run(ctx context.Context, o options) error {
	switch {
	case o.reference != "":
		return serveReference(ctx, o.reference)
	case o.upstream:
		return serveSelf(ctx, http.HandlerFunc(serveObject))
	case o.proxy != "":
		return serveProxy(ctx, o.proxy)
	case o.unrecorded != "":
		return serveUnrecorded(ctx, o.unrecorded)
	case o.runs < 1:
		return fmt.Errorf("-runs is %d: measure at least one plan", o.runs)
	}
	dir, err := os.MkdirTemp("", "datamesh-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover temporary folder is no failure of the benchmark
	source, err := startSelf(ctx, "-upstream")
	if err != nil {
		return err
	}
	defer func() { _ = source.stop() }() // it only serves
	server, err := startServer(ctx, o.bin, dir, "--gateway-source", source.endpoint+"/")
	if err != nil {
		return err
	}
	defer server.stop()
	return measureAll(ctx, o, server, source, dir)
}

// measureAll prints the tables one after another, in the order of what they
// stand on.
func measureAll(ctx context.Context, o options, server *server, source *reference, dir string) error {
	t := newTable(os.Stdout)
	for _, table := range []func() error{
		func() error { return algebra(t) },
		func() error { return service(ctx, server, dir, t) },
		func() error { return registry(ctx, server, dir, t) },
		func() error { return auditLog(ctx, dir, t) },
		func() error { return decisions(ctx, server, dir, t) },
		func() error { return gateway(ctx, server, source, t) },
		func() error { return plans(ctx, o, server, dir, t) },
		t.flush,
	} {
		if err := table(); err != nil {
			return err
		}
	}
	return nil
}
