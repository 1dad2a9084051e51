package platformd

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// clockStep is how far the clock may go back unnoticed: what a daemon that
// keeps time may correct.
const clockStep = 5 * time.Second

// clock notices that the machine's clock was set back, and records it. The
// order of the log does not come from times, so nothing in it moves; but who
// reads the times of the entries after it has to know. The cosignatures on the
// checkpoints, which have the time of others, tell what it really was.
type clock struct {
	log     store.Store
	node    string
	wall    func() time.Time     // as the entries have it
	elapsed func() time.Duration // since the server started, by a clock that nobody sets
	before  time.Time            // of the last entry before the server started, zero when there was none
	last    time.Time            // by wall
	at      time.Duration        // when that was
}

// openClock reads when the last entry was made. It is called before this server
// makes any: after one, the last entry would have the time that was set.
func openClock(ctx context.Context, log store.Store, node string) (*clock, error) {
	started := time.Now()
	c := &clock{log: log, node: node, wall: time.Now, elapsed: func() time.Duration { return time.Since(started) }}
	var err error
	if c.before, err = lastTime(ctx, log); err != nil {
		return nil, fmt.Errorf("read the time of the last audit entry: %w", err)
	}
	return c, nil
}

// lastTime is the time of the last entry, zero when there is none.
func lastTime(ctx context.Context, log store.Log) (time.Time, error) {
	head, err := log.Head(ctx)
	if err != nil || head.Size() == 0 {
		return time.Time{}, err
	}
	records, err := log.Audit(ctx, head.Size()-1, 1)
	if err != nil || len(records) == 0 {
		return time.Time{}, err
	}
	entry, err := audit.ParseEntry(records[0].Entry)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, entry.Time)
}

// trouble is none of readiness: the log is whole.
func (c *clock) trouble() error { return nil }

// run looks at the clock until ctx ends, at first at what the log says.
func (c *clock) run(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(signInterval)
	defer ticker.Stop()
	look := c.begin
	for {
		if err := look(ctx, log); err != nil && ctx.Err() == nil {
			log.Warn("whether the clock was set back is not recorded", "error", err)
		} else {
			look = c.look
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// begin compares the clock with the last entry before the start: it may have been
// set back while no server ran.
func (c *clock) begin(ctx context.Context, log *slog.Logger) error {
	c.last, c.at = c.wall(), c.elapsed()
	if c.before.IsZero() {
		return nil
	}
	return c.compare(ctx, log, c.before, c.last)
}

// look compares the clock with one that cannot be set.
func (c *clock) look(ctx context.Context, log *slog.Logger) error {
	now, at := c.wall(), c.elapsed()
	want := c.last.Round(0).Add(at - c.at)
	if err := c.compare(ctx, log, want, now); err != nil {
		return err
	}
	c.last, c.at = now, at
	return nil
}

// compare records that the clock shows less than it must.
func (c *clock) compare(ctx context.Context, log *slog.Logger, want, now time.Time) error {
	back := want.Round(0).Sub(now.Round(0))
	if back < clockStep {
		return nil
	}
	log.Error("the clock was set back", "by", back, "from", want.UTC(), "to", now.UTC())
	entry := audit.Entry{
		V: audit.Version, Time: now.UTC().Format(time.RFC3339Nano), Event: "clock", Action: "set_back", Object: "clock", Decision: audit.Permit,
		Consumer: audit.Consumer{Sub: "datamesh"}, ReasonCodes: []string{fmt.Sprintf("seconds:%d", int64(back.Seconds()))}, Node: c.node, Salt: rand.Text(),
	}
	return c.log.Append(ctx, entry)
}
