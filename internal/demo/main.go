// Command demo shows the main job end to end, on this machine and without a
// network: a whole data mesh declared, planned, applied and read back by a
// real Terraform or OpenTofu, against the real platform in a process of its
// own; and the images that its products name carried over an air gap.
//
// Every step says in one plain line what it showed. The first that does not
// behave ends the demo with exit code 1 and prints what it saw. Whatever
// happens, nothing is left running; outputs of all commands stay in the report
// directory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// limit is how long the whole demo may take, so that it ends where something
// hangs. A machine that does much else beside it takes minutes.
const limit = 15 * time.Minute

func main() {
	if role(os.Args[1:]) {
		return
	}
	var o options
	flag.StringVar(&o.terraform, "terraform", "", "path of terraform or tofu (default: the one on PATH)")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the built binaries")
	flag.StringVar(&o.example, "example", filepath.Join("examples", "coalition"), "directory of the configuration")
	flag.StringVar(&o.report, "report", "", "directory for the outputs; those of an earlier demo are replaced (default: demo-report in -bin)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: %q is not understood\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	if err := show(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// show runs the steps and gives everything back that they took.
func show(o options, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	d, err := open(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	_, _ = fmt.Fprintf(out, "A data mesh declared, planned, applied and read back. Outputs: %s\n\n", d.report)
	if err := d.run(ctx, out, steps, watch()); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "\nAll %d steps behaved. What each command printed is in %s\n", len(steps), d.report)
	return nil
}

// watch reports whether a signal came. The demo then ends after the current
// command: Terraform, which had the signal of the terminal too, ends its
// provider with itself only when it is not killed.
func watch() *atomic.Bool {
	var interrupted atomic.Bool
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		interrupted.Store(true)
	}()
	return &interrupted
}

// run goes through the steps until one does not behave.
func (d *demo) run(ctx context.Context, out io.Writer, steps []step, interrupted *atomic.Bool) error {
	for i, s := range steps {
		start := time.Now()
		d.step, d.commands = fmt.Sprintf("%02d-%s", i+1, s.name), 0
		said, err := s.do(ctx, d)
		if err == nil && interrupted.Load() {
			err = errors.New("interrupted")
		}
		if err != nil {
			_, _ = fmt.Fprintf(out, "FAIL %2d/%d  %s\n\n", i+1, len(steps), s.name)
			return fmt.Errorf("step %s: %w\noutputs so far: %s", d.step, err, d.report)
		}
		_, _ = fmt.Fprintf(out, "ok   %2d/%d  %s (%.1fs)\n%s", i+1, len(steps), said.line, time.Since(start).Seconds(), said.below)
	}
	return nil
}
