// Package logbench measures how fast the audit log takes entries, beside the
// least that could make them durable: a file to which one goroutine appends
// whatever waits, and which it syncs before it answers. A second file gives way
// to its callers before it looks who waits, as the log does: its batches are
// larger, and it is the harder one to keep up with.
package logbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
)

// EntryBytes is how long a canonical entry is here.
const EntryBytes = 400

// Figures are those of one side.
type Figures struct {
	PerSecond float64
	P99       time.Duration
}

// Options say how to measure.
type Options struct {
	Dir     string        // an empty folder for the files of both
	Callers int           // each makes one entry after the other
	Round   time.Duration // one side's turn
	Rounds  int           // turns of each
}

// Result are the figures of all sides.
type Result struct{ File, YieldingFile, Log Figures }

// Run measures the sides in turns and gives the median rate of each, and the
// 99th percentile of all its calls.
func Run(ctx context.Context, o Options) (r Result, err error) {
	entry, err := paddedEntry()
	if err != nil {
		return r, err
	}
	text, err := entry.Canonical()
	if err != nil {
		return r, err
	}
	var sides [3]side
	for i, yields := range []bool{false, true} {
		f, failed := newFloor(filepath.Join(o.Dir, fmt.Sprintf("file-%d", i)), yields)
		if failed != nil {
			return r, failed
		}
		defer func() { err = errors.Join(err, f.close()) }() // both are open until the end
		sides[i].call = func() error { return f.append(text) }
	}
	s, err := sqlite.Open(ctx, filepath.Join(o.Dir, "log.db"))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sides[2].call = func() error { return s.Append(ctx, entry) }
	if err := takeTurns(sides[:], o); err != nil {
		return r, err
	}
	return Result{sides[0].figures(), sides[1].figures(), sides[2].figures()}, nil
}

func takeTurns(sides []side, o Options) error {
	for range o.Rounds {
		for i := range sides {
			if err := sides[i].turn(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// paddedEntry is an entry of EntryBytes.
func paddedEntry() (audit.Entry, error) {
	e := audit.Entry{
		V: audit.Version, Time: "2026-11-22T12:00:00.123456789Z", Event: "decision", Action: "read", Object: "products/sigint/tracks",
		Consumer: audit.Consumer{Sub: "a.stone", Issuer: "https://idp.example", Org: "GBR.MOD", Country: []string{"GBR"}}, Decision: audit.Permit,
	}
	text, err := e.Canonical()
	if err != nil {
		return e, err
	}
	e.RequestID = strings.Repeat("x", EntryBytes-len(text)-len(`,"request_id":""`))
	if text, err = e.Canonical(); err == nil && len(text) != EntryBytes {
		err = fmt.Errorf("the entry has %d bytes, want %d", len(text), EntryBytes)
	}
	return e, err
}

// side is what is measured, with what was.
type side struct {
	call  func() error
	rates []float64
	waits []time.Duration
}

func (s *side) turn(o Options) error {
	waits := make([][]time.Duration, o.Callers)
	start := time.Now()
	end := start.Add(o.Round)
	var all errgroup.Group
	for caller := range o.Callers {
		all.Go(func() error {
			for now := time.Now(); ; { // one call at least, however late a turn begins
				if err := s.call(); err != nil {
					return err
				}
				done := time.Now()
				waits[caller] = append(waits[caller], done.Sub(now))
				if now = done; !now.Before(end) {
					return nil
				}
			}
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	made := slices.Concat(waits...)
	s.rates = append(s.rates, float64(len(made))/time.Since(start).Seconds())
	s.waits = append(s.waits, made...)
	return nil
}

func (s *side) figures() Figures {
	slices.Sort(s.rates)
	slices.Sort(s.waits)
	return Figures{PerSecond: s.rates[len(s.rates)/2], P99: s.waits[len(s.waits)*99/100]}
}

// floor is the file with one writer.
type floor struct {
	file    *os.File
	yields  bool
	waiting chan waiter
	ended   chan struct{}
}

type waiter struct {
	text []byte
	done chan error
}

func newFloor(path string, yields bool) (*floor, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the benchmark's own folder
	if err != nil {
		return nil, err
	}
	f := &floor{file: file, yields: yields, waiting: make(chan waiter, 1024), ended: make(chan struct{})}
	go f.write()
	return f, nil
}

func (f *floor) append(text []byte) error {
	w := waiter{text, make(chan error, 1)}
	f.waiting <- w
	return <-w.done
}

// write appends whatever waits, syncs it and answers.
func (f *floor) write() {
	defer close(f.ended)
	for first := range f.waiting {
		if f.yields {
			runtime.Gosched()
		}
		batch := []waiter{first}
		raw := slices.Clone(first.text)
		for range len(f.waiting) {
			w := <-f.waiting
			batch, raw = append(batch, w), append(raw, w.text...)
		}
		_, err := f.file.Write(raw)
		err = errors.Join(err, sync(f.file))
		for _, w := range batch {
			w.done <- err
		}
	}
}

func (f *floor) close() error {
	close(f.waiting)
	<-f.ended
	return f.file.Close()
}
