package identity

import (
	"fmt"
	"sync"
	"time"
)

// clock is a clock that does not go back.
type clock struct {
	wall func() time.Time

	mu     sync.Mutex // guards what follows
	read   time.Time  // when that was answered, with a monotonic reading
	latest time.Time  // the last answer
}

func newClock(wall func() time.Time) *clock {
	if wall == nil {
		wall = time.Now
	}
	return &clock{wall: wall, read: time.Now(), latest: wall().Round(0)}
}

// now is the wall clock's time, or the last answer and what has passed since by
// the monotonic clock, whichever is later.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	read := time.Now()
	c.latest = c.latest.Add(read.Sub(c.read)) // whatever was done to the wall clock
	c.read = read
	if wall := c.wall().Round(0); wall.After(c.latest) {
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
