package records

import "context"

// Memory is asked before a stream holds more.
type Memory interface {
	// Hold says how many bytes the stream holds from now on: [MinMemory] at
	// first, [MaxMemory] at most. For less than before it neither waits nor
	// fails. An error ends the stream.
	Hold(ctx context.Context, bytes int) error
}

// What a stream holds, in bytes: its window on the source, what it has unpacked
// and packed, and what it remembers. It is told to [Memory], and is garbage once
// it is no longer told.
const (
	// MinMemory is held from the start: both ends, and the marks that are kept.
	MinMemory = 512 << 10
	// MaxMemory is the most: an Avro block of [MaxRecord] bytes, unpacked, with
	// one record of that size that is packed again.
	MaxMemory = 72 << 20
)

// room is what one stream holds.
type room struct {
	ctx    context.Context //nolint:containedctx // it lives as long as one call of Filter
	memory Memory          // nil for one that always has some
	held   int
}

// take counts n bytes more, or less below 0. When it fails they are not counted.
func (r *room) take(n int) error {
	if r.held+n > MaxMemory {
		return malformed("a record takes more than %d bytes of memory", MaxMemory)
	}
	if r.memory != nil && n != 0 {
		if err := r.memory.Hold(r.ctx, r.held+n); err != nil {
			return err
		}
	}
	r.held += n
	return nil
}

// give counts n bytes less.
func (r *room) give(n int) { _ = r.take(-n) } // as Hold says

// buffer is memory that is counted in a room.
type buffer struct {
	*room
	b []byte
}

// spare is how much of a buffer stays between two uses, in bytes.
const spare = 256 << 10

// atLeast empties the buffer and makes it hold n bytes.
func (b *buffer) atLeast(n int) error {
	if cap(b.b) < n {
		b.drop()
		if err := b.take(n); err != nil {
			return err
		}
		b.b = make([]byte, 0, n)
	}
	b.b = b.b[:0]
	return nil
}

// widen makes the buffer hold n bytes, and keeps what is in it.
func (b *buffer) widen(n int) error {
	if err := b.take(n); err != nil {
		return err
	}
	was := cap(b.b)
	b.b = append(make([]byte, 0, n), b.b...)
	b.give(was)
	return nil
}

// put has what somebody else has made for the buffer, for which so many bytes
// were taken.
func (b *buffer) put(made []byte, taken int) error {
	b.b = made
	return b.take(cap(made) - taken)
}

// drop lets the buffer go.
func (b *buffer) drop() {
	b.give(cap(b.b))
	b.b = nil
}

// rest lets it go if it is large.
func (b *buffer) rest() {
	if cap(b.b) > spare {
		b.drop()
	}
}
