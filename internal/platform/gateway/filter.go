package gateway

import (
	"fmt"
	"io"
	"net/http"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// whole is the question to an upstream whose records are filtered: without
// conditions, since whether something has changed may be known of what the
// caller sees only; and in the port's own type.
func whole(wanted resource, portType string) resource {
	wanted.asked = http.Header{"Accept": {portType}}
	return wanted
}

// formatOf is how to read the records of a port. Upstream and catalogue must
// agree on it, as far as both know: bytes that are read in another way than they
// were meant have no marks.
func formatOf(port, upstream string) (records.Format, error) {
	format, ok := records.FormatOf(port)
	if !ok {
		return "", fmt.Errorf("records of type %q cannot be told apart", port)
	}
	if found, ok := records.FormatOf(contentType(upstream, port)); !ok || found != format {
		return "", fmt.Errorf("the source answered with type %.80q, and the port has %q", upstream, port)
	}
	return format, nil
}

// filtered is what a caller gets of an answer: nothing that depends on what is
// withheld, and of its header nothing at all. Its type is the port's: in the
// parameters of a type a source may say anything.
func filtered(a *answer) *answer {
	return &answer{status: a.status, header: http.Header{"Accept-Ranges": {"none"}}, size: -1, body: a.body}
}

// deliverRecords asks for memory, then as deliver does: a source is not kept
// waiting for it.
func (d *delivery) deliverRecords(wanted resource) error {
	ctx := d.request.Context()
	held, err := d.Sources.memory.open(ctx, d.caller, d.door.Timeout/2)
	if err != nil {
		d.door.Log.WarnContext(ctx, "no memory for records", "request_id", door.RequestID(ctx), "error", err)
		return err
	}
	defer held.close()
	held.wait = d.door.Stall
	a, err := d.open(wanted)
	if err != nil {
		return err
	}
	defer func() { _ = a.body.Close() }() // as in deliver
	format, err := formatOf(d.grant.Port().ContentType, a.header.Get("Content-Type"))
	if err != nil {
		return d.explain(ctx, err)
	}
	return d.send(filtered(a), wanted.head, func(out io.Writer, a *answer) error { return d.filter(out, a, format, held) })
}

// filter sends the records that the caller may see, and counts.
func (d *delivery) filter(out io.Writer, a *answer, format records.Format, held records.Memory) error {
	buffer, _ := buffers.Get().(*[bufferSize]byte) // there is nothing else in it
	defer buffers.Put(buffer)
	passed := &passed{grant: d.grant, marks: map[string]struct{}{}}
	p := &pieces{out: out, piece: buffer[:0], stand: passed.stand}
	defer func() { d.done.Bytes = p.sent }() // after a panic too
	rules := records.Rules{Property: d.grant.Port().RecordMarking, Admits: passed.admits, Memory: held}
	tally, err := format.Filter(d.request.Context(), p, d.patient(steady(a.body)), rules)
	if err == nil {
		err = p.flush()
	}
	d.done.Records, d.done.Withheld = tally.Delivered, tally.Withheld
	return err
}

// maxPassed is how many different marks a stream may let through, and
// maxPassedText how long they may be together, in bytes.
const (
	maxPassed     = 256
	maxPassedText = 64 << 10
)

var errMarks = fmt.Errorf("the source has more than %d different marks on records that the caller may see, or they are longer than %d bytes", maxPassed, maxPassedText)

// passed are the marks of records that were let through. Some of the records
// wait in a piece that is not yet full, for as long as the source takes, while a
// policy or a vocabulary changes.
type passed struct {
	grant catalog.Grant
	marks map[string]struct{}
	text  int // of the marks, in bytes
	err   error
}

func (p *passed) admits(mark string) bool {
	if !p.grant.Admits(mark) {
		return false
	}
	if _, known := p.marks[mark]; known {
		return true
	}
	if len(p.marks) == maxPassed || p.text+len(mark) > maxPassedText {
		p.err = errMarks
		return false
	}
	p.marks[mark], p.text = struct{}{}, p.text+len(mark)
	return true
}

// stand is asked before each piece is sent. It fails when one of the marks would
// not be let through any more, whichever of their records have been sent.
func (p *passed) stand() error {
	for mark := range p.marks {
		if !p.grant.Admits(mark) {
			return errEnded
		}
	}
	return p.err
}

// pieces writes in pieces of one size, save for the last. It does not depend on
// what was read when: the sizes would tell how much of each part is withheld.
type pieces struct {
	out   io.Writer
	stand func() error // fails when what waits must not be sent
	piece []byte       // its capacity is the size
	sent  int64
}

func (p *pieces) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		taken := copy(p.piece[len(p.piece):cap(p.piece)], b)
		p.piece, b, n = p.piece[:len(p.piece)+taken], b[taken:], n+taken
		if len(p.piece) == cap(p.piece) {
			if err := p.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (p *pieces) flush() error {
	if err := p.stand(); err != nil {
		return err
	}
	n, err := p.out.Write(p.piece)
	p.piece, p.sent = p.piece[:0], p.sent+int64(n)
	return err
}
