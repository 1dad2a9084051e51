package platformd

import (
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// TestTheClockSetBack is recorded, once, when it happens while the server runs
// and when it happened before it started; the log keeps its order.
func TestTheClockSetBack(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	record(t, s, 2)
	now, elapsed := time.Now(), time.Duration(0)
	c := openTestClock(t, s, func() time.Time { return now })
	c.elapsed = func() time.Duration { return elapsed }
	quiet := slog.New(slog.DiscardHandler)
	step := func(what string, wall, real time.Duration, look func() error, want ...string) {
		t.Helper()
		now, elapsed = now.Add(wall), elapsed+real
		if err := look(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var got []string
		for _, e := range search(t, s, s.Ready().Token, url.Values{"event": {"clock"}}).Entries {
			entry, err := audit.ParseEntry(e.Entry)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, entry.Action+" "+entry.ReasonCodes[0])
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	begin, look := func() error { return c.begin(t.Context(), quiet) }, func() error { return c.look(t.Context(), quiet) }
	step("as it was", time.Minute, 0, begin)
	step("a second", time.Second, time.Second, look)
	step("a pause", time.Second, time.Hour, look, "set_back seconds:3599") // slept: the wall did not move with it
	step("corrected a little", -2*time.Second, time.Second, look, "set_back seconds:3599")
	step("set on", 2*time.Hour, time.Second, look, "set_back seconds:3599")
	step("set back", -time.Hour, 0, look, "set_back seconds:3599", "set_back seconds:3600")
	step("a second more", time.Second, time.Second, look, "set_back seconds:3599", "set_back seconds:3600")
	before := time.Now().Add(-48 * time.Hour)
	if err := openTestClock(t, s, func() time.Time { return before }).begin(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	page := search(t, s, s.Ready().Token, url.Values{"event": {"clock"}})
	if len(page.Entries) != 3 {
		t.Errorf("set back before the start: got %d entries, want 3", len(page.Entries))
	}
	all := search(t, s, s.Ready().Token, url.Values{"limit": {"200"}})
	for i, e := range all.Entries {
		if e.Number != int64(i)+1 {
			t.Errorf("entry %d has number %d: the order is not that of the log", i+1, e.Number)
		}
	}
}

func openTestClock(t *testing.T, s running, wall func() time.Time) *clock {
	t.Helper()
	c, err := openClock(t.Context(), s.store, "n")
	if err != nil {
		t.Fatal(err)
	}
	c.wall = wall
	return c
}

// TestTheFirstEntriesDoNotHideThatTheClockWasSetBack: requests are answered while
// the clock is looked at, and their entries have the time that was set.
func TestTheFirstEntriesDoNotHideThatTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	record(t, s, 1)
	back := time.Now().Add(-48 * time.Hour)
	c := openTestClock(t, s, func() time.Time { return back })
	first := audit.Entry{V: audit.Version, Time: back.UTC().Format(time.RFC3339Nano), Event: "decision", Action: "read", Decision: audit.Deny}
	if err := errors.Join(s.store.Append(t.Context(), first), c.begin(t.Context(), slog.New(slog.DiscardHandler))); err != nil {
		t.Fatal(err)
	}
	if page := search(t, s, s.Ready().Token, url.Values{"event": {"clock"}}); len(page.Entries) != 1 {
		t.Errorf("got %d entries on the clock, want one", len(page.Entries))
	}
}
