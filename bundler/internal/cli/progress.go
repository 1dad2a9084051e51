package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// How often progress is shown.
const (
	everyOnTerminal = 200 * time.Millisecond
	everyInLog      = 5 * time.Second
)

// reporting tells of progress: a line that is rewritten on a terminal, lines
// every few seconds elsewhere, or an event a line for programs.
type reporting struct {
	json, quiet bool

	mu       sync.Mutex
	out      io.Writer
	terminal bool
	started  time.Time
	shown    time.Time
	phase    string
	total    int64
	done     int64
	fresh    int64 // of done, what moved in this run
}

func (r *reporting) add(c *cobra.Command) {
	c.Flags().BoolVar(&r.json, "json", false, "write events and results as JSON, one a line")
	c.Flags().BoolVarP(&r.quiet, "quiet", "q", false, "show no progress")
	r.out = os.Stderr
	c.PreRun = func(c *cobra.Command, _ []string) { r.begin(c.ErrOrStderr(), c.OutOrStdout()) }
}

// begin chooses where progress goes: events to the output that programs read,
// lines to the one that people see.
func (r *reporting) begin(people, programs io.Writer) {
	r.out = people
	if r.json {
		r.out = programs
	}
	file, ok := r.out.(*os.File)
	if !ok {
		return
	}
	info, err := file.Stat()
	r.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// assembly takes the events of the near side.
func (r *reporting) assembly(e assemble.Event) {
	if r.event(e) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case assemble.Started:
		r.start(string(e.Phase), e.Bytes)
	case assemble.Kept:
		r.advance(e.Bytes, 0)
	case assemble.Moved:
		r.advance(e.Bytes, e.Bytes)
	case assemble.File:
		r.line(fmt.Sprintf("%s: wrote %s, %s", e.Phase, e.File, inUnits(e.Bytes)))
	case assemble.Resuming:
		r.line(fmt.Sprintf("continuing a run that did not end: %d items, %s", e.Count, inUnits(e.Bytes)))
	case assemble.Restart:
		r.line("what an earlier run left is of another bundle and was removed")
	case assemble.Item, assemble.Whole:
	}
}

// verifying takes the events of a verification of so many bytes.
func (r *reporting) verifying(total int64) func(volume.Event) {
	r.mu.Lock()
	r.start("verify", total)
	r.mu.Unlock()
	return func(e volume.Event) {
		if r.event(map[string]any{"phase": "verify", "kind": e.Kind, "file": e.File, "bytes": e.Bytes}) {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		switch e.Kind {
		case volume.Checked:
			r.advance(e.Bytes, e.Bytes)
		case volume.Repaired:
			r.line("repaired " + e.File + " from parity")
		default:
		}
	}
}

// loaded takes the outcome of an item.
func (r *reporting) loaded(o load.Outcome) {
	failure := ""
	if o.Err != nil {
		failure = o.Err.Error()
	}
	if r.event(map[string]any{"phase": "load", "kind": "item", "item": o.Item, "place": o.Place, "blobs": o.Moved.Blobs, "bytes": o.Moved.Bytes, "skipped": o.Skipped, "error": failure}) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case o.Err != nil:
		first, _, _ := strings.Cut(o.Err.Error(), "\n") // the end of the run has all of it
		r.line(fmt.Sprintf("FAILED  %s: %s", o.Item, first))
	case o.Skipped != "":
		r.line(fmt.Sprintf("skipped %s: %s", o.Item, o.Skipped))
	case o.Moved.Blobs == 0:
		r.line(fmt.Sprintf("present %s at %s", o.Item, o.Place))
	default:
		r.line(fmt.Sprintf("loaded  %s at %s: %d blobs, %s", o.Item, o.Place, o.Moved.Blobs, inUnits(o.Moved.Bytes)))
	}
}

// note tells people something that is no step.
func (r *reporting) note(text string) {
	if r.json || r.quiet {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line(text)
}

// event writes an event for programs; false when people are told instead.
func (r *reporting) event(e any) bool {
	if !r.json {
		return r.quiet
	}
	text, err := json.Marshal(e)
	if err != nil {
		return true // holds strings and numbers: cannot fail
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.out, "%s\n", text) // nowhere left to complain
	return true
}

func (r *reporting) start(phase string, total int64) {
	r.end()
	r.phase, r.total, r.done, r.fresh = phase, total, 0, 0
	r.started, r.shown = time.Now(), time.Time{}
}

func (r *reporting) advance(bytes, fresh int64) {
	r.done += bytes
	r.fresh += fresh
	every := everyInLog
	if r.terminal {
		every = everyOnTerminal
	}
	if r.done < r.total && time.Since(r.shown) < every {
		return
	}
	r.shown = time.Now()
	if r.terminal {
		_, _ = fmt.Fprintf(r.out, "\r\033[K%s", r.state()) // nowhere left to complain
		return
	}
	_, _ = fmt.Fprintln(r.out, r.state()) // nowhere left to complain
}

// state is bytes, rate and time left on one line.
func (r *reporting) state() string {
	line := fmt.Sprintf("%s: %s of %s", r.phase, inUnits(r.done), inUnits(r.total))
	elapsed := time.Since(r.started).Seconds()
	if elapsed < 0.5 || r.fresh == 0 {
		return line
	}
	rate := float64(r.fresh) / elapsed
	left := time.Duration(float64(r.total-r.done) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s, %s/s, %s left", line, inUnits(int64(rate)), left)
}

// line prints a line that stays.
func (r *reporting) line(text string) {
	r.end()
	_, _ = fmt.Fprintln(r.out, text) // nowhere left to complain
}

// end leaves the line that is being rewritten.
func (r *reporting) end() {
	if r.terminal && !r.shown.IsZero() {
		_, _ = fmt.Fprint(r.out, "\r\033[K") // nowhere left to complain
		r.shown = time.Time{}
	}
}

// inUnits is a size for people.
func inUnits(bytes int64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	value, names := float64(bytes)/unit, []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for value >= unit && i < len(names)-1 {
		value /= unit
		i++
	}
	return fmt.Sprintf("%.1f %s", value, names[i])
}
