package records

import (
	"context"
	"errors"
	"io"
)

// firstWindow is how much is read at once, in bytes, until a record is larger.
const firstWindow = 64 << 10

// errShort says that a value goes on after the bytes at hand.
var errShort = errors.New("the value goes on")

// input is a window over what is read. It holds one value at a time: what it
// hands out is valid until it reads on.
type input struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one call of Filter
	src      io.Reader
	buf      []byte
	pos, end int   // buf[pos:end] is read and not yet taken
	dropped  int64 // bytes before buf
	limit    int   // of the window, in bytes
	err      error // of src, for when the window is used up
}

func newInput(ctx context.Context, src io.Reader, limit int) *input {
	return &input{ctx: ctx, src: src, buf: make([]byte, firstWindow), limit: limit}
}

// window is what is read and not yet taken.
func (in *input) window() []byte { return in.buf[in.pos:in.end] }

// take takes the first n bytes of the window.
func (in *input) take(n int) []byte {
	taken := in.buf[in.pos : in.pos+n]
	in.pos += n
	return taken
}

// offset is where in the source the window begins.
func (in *input) offset() int64 { return in.dropped + int64(in.pos) }

// fill reads until the window is full or the source ends. It adds at least one
// byte or returns an error: io.EOF at the end. A window that is full already
// grows by half its size at least, so that a value is looked at a bounded
// number of times, however small the pieces are that the source gives.
func (in *input) fill() error {
	if err := in.makeRoom(); err != nil {
		return err
	}
	before := in.end
	for in.end < len(in.buf) && in.err == nil {
		in.err = in.ctx.Err()
		if in.err == nil {
			var n int
			n, in.err = in.src.Read(in.buf[in.end:])
			in.end += n
		}
	}
	if in.end == before {
		return in.err
	}
	return nil
}

// makeRoom moves the window to the front, and widens it if that gains little.
func (in *input) makeRoom() error {
	kept := in.end - in.pos
	if kept >= in.limit {
		return malformed("a record is longer than %d bytes", MaxRecord)
	}
	to := in.buf
	if kept > len(in.buf)/2 && len(in.buf) < in.limit {
		to = make([]byte, min(2*len(in.buf), in.limit))
	}
	copy(to, in.window())
	in.dropped += int64(in.pos)
	in.buf, in.pos, in.end = to, 0, kept
	return nil
}

// more reports whether anything follows.
func (in *input) more() (bool, error) {
	if in.pos < in.end {
		return true, nil
	}
	switch err := in.fill(); {
	case errors.Is(err, io.EOF):
		return false, nil
	default:
		return err == nil, err
	}
}

// scan shows f the window, wider each time that f returns errShort, and takes
// the n bytes that f found to be one value.
func (in *input) scan(f func(window []byte) (n int, err error)) ([]byte, error) {
	for {
		n, err := f(in.window())
		if err == nil {
			return in.take(n), nil
		}
		if !errors.Is(err, errShort) {
			return nil, err
		}
		if err := in.fill(); errors.Is(err, io.EOF) {
			return nil, malformed("the input ends too early")
		} else if err != nil {
			return nil, err
		}
	}
}
