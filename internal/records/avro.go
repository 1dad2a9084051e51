package records

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// The layout of an object container file (Avro 1.12, "Object Container Files"):
// magic, a map of metadata, a sync marker; then blocks, each of a count, a size,
// so many bytes and the marker again.
const (
	avroMagic = "Obj\x01"
	syncSize  = 16
	// maxHeader is how long the header may be, the schema included, in bytes.
	maxHeader = 256 << 10
	// maxValues is how many JSON values its schema may have.
	maxValues = 1 << 16
	// parsing and perShape are what the reading of a schema takes at most, as was
	// measured: so many bytes for each of its own, and for each shape.
	parsing  = 128
	perShape = 128
	// framing is what surrounds the bytes of a block, at most.
	framing = 2*binary.MaxVarintLen64 + syncSize
	// fullBlock is from how many bytes on a block is written.
	fullBlock = 64 << 10
)

// container filters an object container file. The delivered records are put
// into blocks of their own, under the schema and codec of the source. Other
// metadata does not pass: it may count. Nor does the marker, which writers choose
// anew each time that they write the file, a withheld record or another.
type container struct {
	*stream
	codec  codec
	sync   [syncSize]byte // of the source
	own    [syncSize]byte // marker of what is written
	record *shape

	plain  buffer // a block of the source, unpacked
	kept   []byte // delivered records not yet written
	count  int64  // of them
	packed buffer // a block to write
}

func (s *stream) avro(path []string) error {
	s.in.limit = MaxRecord + framing
	c := &container{stream: s, plain: buffer{room: s.room}, packed: buffer{room: s.room}}
	if err := c.begin(path); err != nil {
		return err
	}
	defer c.codec.close()
	for {
		more, err := s.in.more()
		if err != nil {
			return err
		}
		if !more {
			return c.flush()
		}
		if err := c.block(); err != nil {
			return err
		}
	}
}

// begin reads the header and writes its own.
func (c *container) begin(path []string) error {
	var meta metadata
	head, err := c.in.scan(meta.read)
	if err != nil {
		return err
	}
	copy(c.sync[:], head[len(head)-syncSize:])
	if err := c.shape(meta.schema, path); err != nil {
		return err
	}
	if c.codec, err = codecOf(c.room, string(meta.codec)); err != nil {
		return err
	}
	header := meta.header()
	sum := sha256.Sum256(header)
	copy(c.own[:], sum[:])
	if err := c.take(2 * fullBlock); err != nil {
		return err
	}
	c.kept = make([]byte, 0, 2*fullBlock)
	return writeAll(c.out, header, c.own[:])
}

// shape reads the schema. What stays of it is its shapes, and the symbols of its
// enums.
func (c *container) shape(text []byte, path []string) error {
	if err := c.take(parsing * len(text)); err != nil {
		return err
	}
	schema, err := parseSchema(text)
	if err != nil {
		return err
	}
	shape, made, err := shapeOf(schema, path)
	if err != nil {
		return err
	}
	c.record = shape
	return c.take(perShape*made - (parsing-8)*len(text))
}

// parseSchema reads a schema with names of its own: the library's cache is
// shared by all streams.
func parseSchema(text []byte) (avro.Schema, error) {
	tree, err := strictjson.Parse(string(text), strictjson.Limits{Bytes: maxHeader, Depth: maxDepth, Values: maxValues})
	if err != nil {
		return nil, malformed("the schema is no JSON, or too large")
	}
	withoutDefaults(tree)
	schema, err := avro.ParseWithCache(tree.Print(strictjson.Decimal), "", &avro.SchemaCache{})
	if err != nil {
		return nil, malformed("the schema is none that Avro knows")
	}
	return schema, nil
}

// withoutDefaults takes the defaults out of a schema. They say nothing of the
// bytes, and the library works them out when it reads: of a fixed it makes room
// for the whole size, which may be any, of records within records it goes through
// every way, and of a record within itself through none.
func withoutDefaults(v *strictjson.Value) {
	v.Members = slices.DeleteFunc(v.Members, func(m strictjson.Member) bool {
		return strings.EqualFold(m.Key, "default") // as the library compares
	})
	for _, m := range v.Members {
		withoutDefaults(m.Value)
	}
	for _, item := range v.Items {
		withoutDefaults(item)
	}
}

// block filters one block of the source.
func (c *container) block() error {
	var count int64
	var data []byte
	_, err := c.in.scan(func(b []byte) (n int, err error) {
		count, data, n, err = readBlock(b, c.sync)
		return n, err
	})
	if err != nil {
		return err
	}
	defer c.plain.rest()
	plain, err := c.codec.unpack(&c.plain, data)
	if err != nil {
		return err
	}
	w := walk{b: plain}
	for ; count > 0; count-- {
		if err := c.one(&w); err != nil {
			return err
		}
	}
	if w.i != len(w.b) {
		return malformed("a block is longer than its records")
	}
	return nil
}

// readBlock reads a block off the front of b.
func readBlock(b []byte, sync [syncSize]byte) (count int64, data []byte, n int, err error) {
	w := walk{b: b}
	if count, err = w.long(); err != nil {
		return 0, nil, 0, err
	}
	size, err := w.long()
	switch {
	case err != nil:
		return 0, nil, 0, err
	case count < 0 || size < 0:
		return 0, nil, 0, malformed("a block has less than nothing")
	case size > MaxRecord:
		return 0, nil, 0, malformed("a block is longer than %d bytes", MaxRecord)
	}
	end := w.i + int(size)
	if len(b) < end+syncSize {
		return 0, nil, 0, errShort
	}
	if !bytes.Equal(b[end:end+syncSize], sync[:]) {
		return 0, nil, 0, malformed("a block does not end in the marker of the file")
	}
	return count, b[w.i:end], end + syncSize, nil
}

// one filters one record. One of no bytes has no mark, and a block may claim
// any number of them.
func (c *container) one(w *walk) error {
	start := w.i
	w.mark, w.marks = nil, 0
	if err := w.value(c.record, 0); err != nil {
		return closed(err)
	}
	if w.i == start {
		return malformed("a record has no bytes")
	}
	delivered := w.marks == 1 && c.admitted(w.mark)
	c.stream.count(delivered)
	if !delivered {
		return nil
	}
	return c.keep(w.b[start:w.i])
}

// keep puts a record among those that are written. One that fills a block is not
// copied.
func (c *container) keep(record []byte) error {
	if len(record) >= fullBlock {
		if err := c.flush(); err != nil {
			return err
		}
		return c.write(1, record)
	}
	c.kept, c.count = append(c.kept, record...), c.count+1
	if len(c.kept) >= fullBlock {
		return c.flush()
	}
	return nil
}

// flush writes the records kept so far as one block.
func (c *container) flush() error {
	if c.count == 0 {
		return nil
	}
	err := c.write(c.count, c.kept)
	c.kept, c.count = c.kept[:0], 0
	return err
}

// write writes a block of so many records.
func (c *container) write(count int64, records []byte) error {
	defer c.packed.rest()
	packed, err := c.codec.pack(&c.packed, records)
	if err != nil {
		return err
	}
	head := binary.AppendVarint(make([]byte, 0, framing), count)
	head = binary.AppendVarint(head, int64(len(packed)))
	return writeAll(c.out, head, packed, c.own[:])
}

// writeAll writes the pieces in turn.
func writeAll(w io.Writer, pieces ...[]byte) error {
	for _, piece := range pieces {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// metadata is what counts of a header.
type metadata struct{ schema, codec []byte }

// read reads a header off the front of b.
func (m *metadata) read(b []byte) (int, error) {
	*m = metadata{}
	if n := min(len(b), len(avroMagic)); string(b[:n]) != avroMagic[:n] {
		return 0, malformed("it is no Avro object container file")
	}
	w := walk{b: b, i: len(avroMagic)}
	err := errShort
	if len(b) > len(avroMagic) {
		err = w.items(func() error { return m.entry(&w) })
	}
	if err == nil {
		_, err = w.bytes(syncSize)
	}
	if len(b) > maxHeader && (err != nil || w.i > maxHeader) {
		return 0, malformed("the header is longer than %d bytes", maxHeader)
	}
	if err == nil && m.schema == nil {
		err = malformed("the header has no schema")
	}
	return w.i, err
}

// entry reads one entry of the map.
func (m *metadata) entry(w *walk) error {
	name, err := w.counted()
	if err != nil {
		return err
	}
	value, err := w.counted()
	if err != nil {
		return err
	}
	switch string(name) {
	case "avro.schema":
		return set(&m.schema, value)
	case "avro.codec":
		return set(&m.codec, value)
	}
	return nil
}

func set(to *[]byte, value []byte) error {
	if *to != nil {
		return malformed("the header names a schema or codec twice")
	}
	*to = value
	return nil
}

// header is a header with nothing else in it, up to the marker.
func (m *metadata) header() []byte {
	entries := [][]byte{[]byte("avro.schema"), m.schema}
	if m.codec != nil {
		entries = append(entries, []byte("avro.codec"), m.codec)
	}
	b := binary.AppendVarint([]byte(avroMagic), int64(len(entries)/2))
	for _, e := range entries {
		b = append(binary.AppendVarint(b, int64(len(e))), e...)
	}
	return append(b, 0)
}
