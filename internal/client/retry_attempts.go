package client

import (
	"context"
	"sync/atomic"
)

// Attempts counts how often the requests made under one context were sent.
type Attempts struct{ sent atomic.Int64 }

// Count is the number of requests sent so far, repeats included. After one
// operation, a count above one means that an earlier attempt may have been
// carried out although its answer never arrived.
func (a *Attempts) Count() int { return int(a.sent.Load()) }

type attemptsKey struct{}

// CountAttempts returns a context whose requests are counted.
func CountAttempts(ctx context.Context) (context.Context, *Attempts) {
	a := new(Attempts)
	return context.WithValue(ctx, attemptsKey{}, a), a
}

func countAttempt(ctx context.Context) {
	if a, ok := ctx.Value(attemptsKey{}).(*Attempts); ok {
		a.sent.Add(1)
	}
}
