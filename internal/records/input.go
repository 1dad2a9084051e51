package records

import (
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
	*room    // in which the window is counted
	src      io.Reader
	buf      []byte
	pos, end int   // buf[pos:end] is read and not yet taken
	dropped  int64 // bytes before buf
	limit    int   // of the window, in bytes
	err      error // of src, for when the window is used up
}

func newInput(r *room, src io.Reader, limit int) *input {
	return &input{room: r, src: src, buf: make([]byte, firstWindow), limit: limit}
}

// window is what is read and not yet taken.
func (in *input) window() []byte { return in.buf[in.pos:in.end] }

// pull takes the first n bytes of the window.
func (in *input) pull(n int) []byte {
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

// makeRoom moves the window to the front. It widens it if that gains little, and
// narrows it when next to nothing is in it: a long record is followed by short
// ones, for hours perhaps.
func (in *input) makeRoom() error {
	kept := in.end - in.pos
	if kept >= in.limit {
		return malformed("a record is longer than %d bytes", MaxRecord)
	}
	size := len(in.buf)
	switch {
	case kept > size/2:
		size = min(2*size, in.limit)
	case kept < firstWindow/2 && size > spare:
		size = firstWindow
	}
	return in.resize(size)
}

// resize makes a window of another size, and moves what is kept to its front.
func (in *input) resize(size int) error {
	to, was := in.buf, len(in.buf)
	if size > was {
		if err := in.take(size); err != nil {
			return err
		}
	}
	if size != was {
		to = make([]byte, size)
	}
	in.dropped += int64(in.pos)
	in.end = copy(to, in.window())
	in.buf, in.pos = to, 0
	switch {
	case size > was:
		in.give(was)
	case size < was:
		in.give(was - size)
	}
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
			return in.pull(n), nil
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
