package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// held is a store that holds a reader back between its last look and its end.
type held struct {
	store.Store
	looked  chan struct{} // one for each view that has looked; has room for all
	release chan struct{} // closed when views may end
}

func (h *held) View(ctx context.Context, f func(store.Reader) error) error {
	err := h.Store.View(ctx, f)
	h.looked <- struct{}{}
	<-h.release
	return err
}

// counting is a store that counts views.
type counting struct {
	store.Store
	views int
}

func (c *counting) View(ctx context.Context, f func(store.Reader) error) error {
	c.views++
	return c.Store.View(ctx, f)
}

var avroText = catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"T","fields":[]}`}

func mustRegister(t testing.TB, r catalog.Registry, s catalog.Subject, text catalog.Registering) catalog.Registration {
	t.Helper()
	got, err := r.Register(context.Background(), s, text)
	if err != nil {
		t.Fatalf("Register %s: %v", s, err)
	}
	return got
}

func mustRemove(t testing.TB, r catalog.Registry, s catalog.Subject) {
	t.Helper()
	for _, permanent := range []bool{false, true} {
		if _, err := r.Remove(context.Background(), s, catalog.AllVersions, permanent); err != nil {
			t.Fatalf("Remove %s: %v", s, err)
		}
	}
}

// TestAReadThatIsOvertakenIsNotRemembered: a reader that looked before a removal
// and ends after it may answer what it saw, and nobody after it may get that
// from memory.
func TestAReadThatIsOvertakenIsNotRemembered(t *testing.T) {
	t.Parallel()
	s, x := openStore(t), catalog.Subject{Name: "x"}
	slow := &held{Store: s, looked: make(chan struct{}, 10), release: make(chan struct{})}
	p, err := New(Config{Store: slow, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	r := p.Registry(admin)
	text := mustRegister(t, newPlatform(t, s).Registry(admin), x, avroText).Schema
	questions := []func() error{
		func() error { _, err := r.SchemaByID(context.Background(), x, text.ID); return err },
		func() error { _, _, err := r.SchemaByGUID(context.Background(), text.GUID); return err },
		func() error { _, err := r.Registration(context.Background(), x, 1, false); return err },
	}
	answers := make(chan error, len(questions))
	for _, ask := range questions {
		go func() { answers <- ask() }()
		<-slow.looked
	}
	mustRemove(t, r, x)
	close(slow.release)
	for range questions {
		if err := <-answers; err != nil {
			t.Errorf("the reader that was overtaken: got %v, want what it saw", err)
		}
	}
	for i, ask := range questions {
		if err := ask(); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("question %d after the removal: got %v, want not found", i, err)
		}
	}
}

// TestReadersOfIdsDoNotWakeTheStore: the second answer comes from memory, until
// something is registered or removed through either door.
func TestReadersOfIdsDoNotWakeTheStore(t *testing.T) {
	t.Parallel()
	s, x := &counting{Store: openStore(t)}, catalog.Subject{Name: "alpha.x"}
	p := newPlatform(t, s)
	r := p.Registry(admin)
	mustPut(t, p.As(admin), domain("alpha"))
	text := mustRegister(t, r, x, avroText).Schema
	ask := func(want int) {
		t.Helper()
		s.views = 0
		for range 5 {
			_, byID := r.SchemaByID(context.Background(), x, text.ID)
			_, _, byGUID := r.SchemaByGUID(context.Background(), text.GUID)
			latest, one := r.Registration(context.Background(), x, catalog.LatestVersion, false)
			if err := errors.Join(byID, byGUID, one); err != nil || latest.Schema.ID == 0 {
				t.Fatal(err)
			}
		}
		if s.views != want {
			t.Errorf("got %d views, want %d", s.views, want)
		}
	}
	ask(3)
	ask(0)
	mustRegister(t, r, x, avroText) // nothing changes
	ask(0)
	mustPut(t, p.As(admin), &catalog.Schema{Domain: "alpha", Name: "x", Type: catalog.SchemaAvro, Compatibility: catalog.CompatibilityNone,
		Definition: `{"type":"record","name":"T","fields":[{"name":"a","type":"int"}]}`})
	ask(3)
}

func TestTheMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := newMemory(1000)
	kept := func(key string) bool {
		_, found, _ := m.recall(key)
		return found
	}
	m.remember("often", 1, 100, 0)
	for i := range 100 {
		m.remember(fmt.Sprint(i), 1, 100, 0)
		if !kept("often") {
			t.Fatalf("what is asked for often is gone after %d more", i)
		}
		if n := len(m.newer) + len(m.older); n > 11 {
			t.Fatalf("got %d answers of 100 bytes, want 1000 bytes at most and the one that did not fit", n)
		}
	}
	m.remember("large", 1, 501, 0)
	if kept("large") || kept("1") || !kept("99") {
		t.Errorf("got large %v, old %v, new %v, want only the new one", kept("large"), kept("1"), kept("99"))
	}
	m.forget()
	if kept("often") || kept("99") {
		t.Error("got answers after forgetting, want none")
	}
	m.remember("late", 1, 1, 0)
	if kept("late") {
		t.Error("got what was read before, want it dropped")
	}
}
