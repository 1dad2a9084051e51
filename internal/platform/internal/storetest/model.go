package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const (
	modelRounds = 100 // of changes that are asked for together
	modelCrowd  = 24  // changes of a round, at most
	modelKeys   = 6   // objects that all changes work on
)

var modelCases = map[string]func(*testing.T, store.Store){
	"random changes do what a model does": func(t *testing.T, s store.Store) {
		newModel(t, s).run()
	},
}

// TestFaults makes random changes on a database that fails now and then. What was
// answered with an error must have left nothing, and all else must be there.
func TestFaults(t *testing.T, s store.Store) {
	t.Helper()
	m := newModel(t, s)
	m.faults = true
	m.run()
	if m.lost == 0 || m.edge.Size() == 0 {
		t.Errorf("%d changes were lost and the log has %d entries: the test proves little", m.lost, m.edge.Size())
	}
}

func newModel(t *testing.T, s store.Store) *model {
	t.Helper()
	seed := rand.Uint64() //nolint:gosec // a test's
	t.Logf("seed %d", seed)
	return &model{t: t, s: s, random: rand.New(rand.NewPCG(seed, 0)), objects: map[string]string{}} //nolint:gosec // a test's
}

func (m *model) run() {
	m.t.Helper()
	for range modelRounds {
		m.round()
		m.check()
		if m.t.Failed() {
			return
		}
	}
	m.widths()
	m.t.Logf("%d changes were made, %d lost to faults, the log has %d entries", m.made, m.lost, m.edge.Size())
}

// model is what a store must have become. Changes are made one after the other,
// so each brings the model up to date from within; how a change ends is known
// before, unless its caller gives up beside it.
type model struct {
	t       *testing.T
	s       store.Store
	random  *rand.Rand
	objects map[string]string // revisions by name, "" for one that is gone
	edge    audit.Edge        // of the entries that were compared
	open    []audit.Hash      // leaves of the tile that is not full
	last    []audit.Hash      // leaves of the one before
	made    int
	faults  bool // changes may fail that must not otherwise
	lost    int  // of those

	one  sync.Mutex // is held by the change that is being made
	runs []*modelChange
}

// modelChange is one call of Update.
type modelChange struct {
	name    string
	steps   []modelStep
	end     int
	entries [][]byte          // that it has appended
	after   map[string]string // objects that it has changed
	kept    bool
}

// modelStep is one statement of a change.
type modelStep struct {
	kind, n int
	key     string // of an object
}

// What a step does.
const (
	appendsOne = iota
	appendsMany
	appendsLong
	puts
	deletes
	reads
	stepKinds
)

// How a change ends.
const (
	keeps = iota
	refuses
	drops // an error of the store that nobody looks at
	panics
	gives  // up: its context ends before it does
	exits  // its goroutine
	giveUp // at any moment: its caller's context ends beside it
	modelEnds
)

// round asks for changes together and waits for all answers.
func (m *model) round() {
	changes := make([]*modelChange, 1+m.random.IntN(modelCrowd))
	for i := range changes {
		changes[i] = m.script(fmt.Sprintf("c%d", m.made+i))
	}
	m.made += len(changes)
	var all sync.WaitGroup
	begin := func(store.Writer) error {
		for _, c := range changes {
			all.Go(func() { m.ask(c) })
		}
		for range 200 { // most line up meanwhile
			runtime.Gosched()
		}
		return nil
	}
	if err := m.s.Update(m.t.Context(), begin); err != nil && !m.faults {
		m.t.Errorf("Update: %v", err)
	}
	all.Wait()
	for _, c := range changes {
		if m.faults && c.end == keeps && !c.kept {
			m.lost++
		}
	}
}

// script invents a change.
func (m *model) script(name string) *modelChange {
	c := &modelChange{name: name, after: map[string]string{}, end: max(0, m.random.IntN(2*modelEnds)-modelEnds)}
	for range m.random.IntN(5) {
		step := modelStep{kind: m.random.IntN(stepKinds), key: fmt.Sprintf("k%d", m.random.IntN(modelKeys))}
		if c.end == giveUp || m.faults {
			step.kind, step.key = [...]int{appendsOne, appendsMany, puts}[m.random.IntN(3)], "own-"+name
		}
		if rare := m.random.IntN(8) > 0; rare && (step.kind == appendsMany || step.kind == appendsLong) {
			step.kind = appendsOne
		}
		switch step.n = 1; step.kind {
		case appendsMany:
			step.n = audit.TileWidth - 3 + m.random.IntN(audit.TileWidth+6)
		case appendsLong:
			step.n = 1 + m.random.IntN(36)
		}
		c.steps = append(c.steps, step)
	}
	return c
}

// ask makes one call and compares its answer with the script.
func (m *model) ask(c *modelChange) {
	err, caught := errNever, any(nil)
	var called sync.WaitGroup
	called.Go(func() { // which may end
		caught = recovered(func() { err = m.call(c) })
	})
	called.Wait()
	switch {
	case m.faults || c.end == giveUp:
		c.kept = err == nil && caught == nil
		if c.kept && c.end != keeps && c.end != giveUp {
			m.t.Errorf("%s, which ends in way %d: it was kept", c.name, c.end)
		}
	case c.end == keeps:
		c.kept = true
		if err != nil || caught != nil {
			m.t.Errorf("%s: got %v, panic %v, want that it is kept", c.name, err, caught)
		}
	case c.end == panics:
		if _, ok := caught.(*store.Panic); !ok {
			m.t.Errorf("%s: got %v, panic %v, want its panic", c.name, err, caught)
		}
	default:
		if err == nil || (c.end == exits) != errors.Is(err, errNever) {
			m.t.Errorf("%s, which ends in way %d: got %v", c.name, c.end, err)
		}
	}
}

func (m *model) call(c *modelChange) error {
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	if c.end == giveUp {
		go cancel()
	}
	return m.s.Update(ctx, func(w store.Writer) error {
		if !m.one.TryLock() {
			m.t.Error("two changes are made at once")
			return errStop
		}
		defer m.one.Unlock()
		m.runs, c.entries = append(m.runs, c), nil
		for _, step := range c.steps {
			if err := m.step(ctx, w, c, step); err != nil {
				return err
			}
		}
		return m.finish(ctx, w, c, cancel)
	})
}

// step makes one statement.
func (m *model) step(ctx context.Context, w store.Writer, c *modelChange, step modelStep) error {
	was, changed := c.after[step.key]
	if !changed {
		was = m.objects[step.key]
	}
	switch step.kind {
	case puts:
		r := record(domain(step.key))
		r.Revision = fmt.Sprintf("%s-%d", c.name, len(c.after))
		c.after[step.key] = r.Revision
		return w.Put(ctx, r)
	case deletes:
		c.after[step.key] = ""
		if err := w.Delete(ctx, domain(step.key)); (was == "") != errors.Is(err, store.ErrNotFound) || was != "" && err != nil {
			m.t.Errorf("%s: Delete(%s): got %v, it was %q", c.name, step.key, err, was)
		}
		return nil
	case reads:
		m.compare(ctx, w, step.key, was)
		return nil
	}
	return m.append(ctx, w, c, step)
}

func (m *model) append(ctx context.Context, w store.Writer, c *modelChange, step modelStep) error {
	for range step.n {
		e := entry("create")
		e.Object = fmt.Sprintf("%s/%d", c.name, len(c.entries))
		if step.kind == appendsLong {
			e.Object += strings.Repeat("x", 60_000)
		}
		text, err := e.Canonical()
		if err == nil {
			err = w.Append(ctx, e)
		}
		if err != nil {
			return err
		}
		c.entries = append(c.entries, text)
	}
	return nil
}

// compare reads an object, "" for one that must be missing.
func (m *model) compare(ctx context.Context, r store.Reader, key, want string) {
	got, err := r.Get(ctx, domain(key))
	if errors.Is(err, store.ErrNotFound) {
		got, err = store.Record{}, nil
	}
	if err != nil || got.Revision != want {
		m.t.Errorf("%s: got revision %q, %v, want %q", key, got.Revision, err, want)
	}
}

// finish ends a change as its script says.
func (m *model) finish(ctx context.Context, w store.Writer, c *modelChange, cancel func()) error {
	switch c.end {
	case keeps:
		if !m.faults {
			maps.Copy(m.objects, c.after)
		}
	case refuses:
		return errStop
	case drops:
		spoiled := entry("create")
		spoiled.Object = "\xff"
		_ = w.Append(ctx, spoiled)
	case panics:
		panic("a fault of the change")
	case gives:
		cancel()
	case exits:
		runtime.Goexit()
	}
	return nil
}

// check compares the store with the model.
func (m *model) check() {
	m.t.Helper()
	var want [][]byte
	for _, c := range m.runs {
		if c.kept {
			want = append(want, c.entries...)
		}
		if c.kept && (m.faults || c.end == giveUp) {
			maps.Copy(m.objects, c.after)
		}
	}
	records, err := m.s.Audit(m.t.Context(), m.edge.Size(), len(want)+1)
	if err != nil || len(records) != len(want) {
		m.t.Fatalf("the log has %d entries more, %v, want %d", len(records), err, len(want))
	}
	for i, r := range records {
		if string(r.Entry) != string(want[i]) || r.Sequence != m.edge.Size()+1 {
			m.t.Fatalf("entry %d is %.120s, want number %d, %.120s", r.Sequence, r.Entry, m.edge.Size()+1, want[i])
		}
		m.grow(audit.LeafHash(r.Entry))
	}
	if got, err := m.s.Head(m.t.Context()); err != nil || got.Size() != m.edge.Size() || got.Root() != m.edge.Root() {
		m.t.Fatalf("the head is one of %d entries, %v, want %d and the root of the entries", got.Size(), err, m.edge.Size())
	}
	m.tile(m.open)
	view(m.t, m.s, func(r store.Reader) error {
		for key := range modelKeys {
			name := fmt.Sprintf("k%d", key)
			m.compare(m.t.Context(), r, name, m.objects[name])
		}
		for _, c := range m.runs {
			for key := range c.after {
				m.compare(m.t.Context(), r, key, m.objects[key])
			}
		}
		return nil
	})
	m.runs = nil
}

// grow adds an entry to the model's tree.
func (m *model) grow(leaf audit.Hash) {
	m.edge.Append(leaf)
	if m.open = append(m.open, leaf); len(m.open) == audit.TileWidth {
		m.tile(m.open)
		m.last, m.open = m.open, nil
	}
}

// widths compares the last whole tile with what it was while it grew.
func (m *model) widths() {
	m.t.Helper()
	for n := range m.last {
		tile := audit.Tile{Index: m.edge.Size()/audit.TileWidth - 1, Width: n + 1}
		got, err := m.s.Tile(m.t.Context(), tile)
		if err != nil || !slices.Equal(got, m.last[:n+1]) {
			m.t.Fatalf("%s: got %d hashes, %v, want those of the entries", tile.Path(), len(got), err)
		}
	}
}

// tile compares the last tile of leaves.
func (m *model) tile(want []audit.Hash) {
	m.t.Helper()
	if len(want) == 0 {
		return
	}
	tile := audit.Tile{Index: (m.edge.Size() - 1) / audit.TileWidth, Width: len(want)}
	got, err := m.s.Tile(m.t.Context(), tile)
	if err != nil || string(audit.HashBytes(got)) != string(audit.HashBytes(want)) {
		m.t.Fatalf("%s: got %d hashes, %v, want those of the entries", tile.Path(), len(got), err)
	}
}
