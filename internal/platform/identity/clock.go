package identity

import (
	"fmt"
	"sync"
	"time"
)

// clock is a clock that does not go back.
type clock struct {
	wall func() time.Time

	mu      sync.Mutex // guards what follows
	reading time.Time  // the last one of wall, with its monotonic part
	latest  time.Time  // the last answer
}

func newClock(wall func() time.Time) *clock {
	if wall == nil {
		wall = time.Now
	}
	now := wall()
	return &clock{wall: wall, reading: now, latest: now.Round(0)}
}

// now is the wall clock's time, or the last answer and what has passed since by
// the monotonic clock, whichever is later.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	reading := c.wall()
	c.latest = c.latest.Add(max(0, reading.Sub(c.reading)))
	c.reading = reading
	if wall := reading.Round(0); wall.After(c.latest) {
		c.latest = wall
	}
	return c.latest
}

func (c *clock) trouble() error {
	if behind := c.now().Sub(c.wall().Round(0)); behind > Leeway {
		return fmt.Errorf("the clock was set back by %v: restart the server once it is right", behind.Round(time.Second))
	}
	return nil
}
