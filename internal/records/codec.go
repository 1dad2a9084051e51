package records

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"

	"github.com/hamba/avro/v2/ocf"
	"github.com/klauspost/compress/zstd"
)

// codec packs the bytes of Avro blocks. What it returns is in the buffer, or is
// the data itself.
type codec interface {
	// unpack gives at most MaxRecord bytes, whatever the block would give.
	unpack(to *buffer, data []byte) ([]byte, error)
	pack(to *buffer, data []byte) ([]byte, error)
	close()
}

// codecOf finds the codec of a name in a header; "" is null.
func codecOf(r *room, name string) (codec, error) {
	switch ocf.CodecName(name) {
	case "", ocf.Null:
		return null{}, nil
	case ocf.Deflate:
		return newDeflate(r)
	case ocf.Snappy:
		return &snappy{}, nil
	case ocf.ZStandard:
		return newZstandard(r)
	}
	return nil, malformed("its codec is none of null, deflate, snappy and zstandard")
}

func bomb() error { return malformed("a block unpacks to more than %d bytes", MaxRecord) }

// guess is how much room an unpacked block gets at first, in bytes.
func guess(data []byte) int { return min(max(4*len(data), firstWindow), MaxRecord+1) }

// packedSize is the most that n bytes take when they cannot be packed.
func packedSize(n int) int { return n + n/64 + 1024 }

type null struct{}

func (null) unpack(_ *buffer, data []byte) ([]byte, error) { return data, nil }
func (null) pack(_ *buffer, data []byte) ([]byte, error)   { return data, nil }
func (null) close()                                        {}

type deflate struct {
	reader io.ReadCloser
	writer *flate.Writer
}

// deflateSize is what reader and writer take, in bytes.
const deflateSize = 1 << 20

func newDeflate(r *room) (*deflate, error) {
	if err := r.take(deflateSize); err != nil {
		return nil, err
	}
	writer, err := flate.NewWriter(io.Discard, flate.DefaultCompression)
	return &deflate{reader: flate.NewReader(bytes.NewReader(nil)), writer: writer}, err
}

func (d *deflate) unpack(to *buffer, data []byte) ([]byte, error) {
	source := bytes.NewReader(data)
	if err := d.reader.(flate.Resetter).Reset(source, nil); err != nil { //nolint:forcetypeassert // documented
		return nil, err
	}
	if err := to.atLeast(guess(data)); err != nil {
		return nil, err
	}
	if err := d.read(to); err != nil {
		return nil, err
	}
	if source.Len() > 0 {
		return nil, malformed("a block is no deflated data")
	}
	return to.b, nil
}

// read reads all there is, and widens the buffer as it goes.
func (d *deflate) read(to *buffer) error {
	for {
		n, err := d.reader.Read(to.b[len(to.b):cap(to.b)])
		to.b = to.b[:len(to.b)+n]
		switch {
		case len(to.b) > MaxRecord:
			return bomb()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return malformed("a block is no deflated data")
		case len(to.b) < cap(to.b):
			continue
		}
		if err := to.widen(min(2*cap(to.b), MaxRecord+1)); err != nil {
			return err
		}
	}
}

func (d *deflate) pack(to *buffer, data []byte) ([]byte, error) {
	if err := to.atLeast(packedSize(len(data))); err != nil {
		return nil, err
	}
	packed := bytes.NewBuffer(to.b)
	d.writer.Reset(packed)
	_, err := d.writer.Write(data)
	err = errors.Join(err, d.writer.Close(), to.put(packed.Bytes(), cap(to.b)))
	return to.b, err
}

func (*deflate) close() {}

// snappy is the library's, with the checksum that Avro puts behind a block.
type snappy struct{ ocf.SnappyCodec }

// unpack looks first at the length that a block states: the library makes room
// for it.
func (s *snappy) unpack(to *buffer, data []byte) ([]byte, error) {
	length, n := binary.Uvarint(data)
	if n > 0 && length > MaxRecord {
		return nil, bomb()
	}
	size := int(min(length, MaxRecord))
	to.drop()
	if err := to.take(size); err != nil {
		return nil, err
	}
	plain, err := s.Decode(data)
	if err != nil {
		return nil, malformed("a block is no snappy data, or its checksum is wrong")
	}
	return plain, to.put(plain, size)
}

// pack takes the room that the library makes: 32 + n + n/6 bytes, as Snappy says.
func (s *snappy) pack(to *buffer, data []byte) ([]byte, error) {
	size := 32 + len(data) + len(data)/6 + 4
	to.drop()
	if err := to.take(size); err != nil {
		return nil, err
	}
	packed := s.Encode(data)
	return packed, to.put(packed, size)
}

func (*snappy) close() {}

type zstandard struct {
	decoder *zstd.Decoder
	encoder *zstd.Encoder
}

// What encoder and decoder take, in bytes, with a window for the encoder that
// is no larger than most of what is packed.
const (
	zstandardSize   = 4 << 20
	zstandardWindow = 256 << 10
)

// newZstandard makes a decoder that does not go beyond the buffer that it gets.
func newZstandard(r *room) (*zstandard, error) {
	if err := r.take(zstandardSize); err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(MaxRecord), zstd.WithDecoderMaxWindow(MaxRecord))
	if err != nil {
		return nil, err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(zstandardWindow))
	return &zstandard{decoder: decoder, encoder: encoder}, err
}

// unpack tries with more room until it is enough: what frames state of their
// sizes need not be true.
func (z *zstandard) unpack(to *buffer, data []byte) ([]byte, error) {
	for size := guess(data); ; size = min(2*size, MaxRecord+1) {
		if err := to.atLeast(size); err != nil {
			return nil, err
		}
		plain, err := z.decoder.DecodeAll(data, to.b)
		switch {
		case err == nil:
			return plain, to.put(plain, cap(to.b))
		case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded) && size > MaxRecord:
			return nil, bomb()
		case !errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return nil, malformed("a block is no zstandard data")
		}
	}
}

func (z *zstandard) pack(to *buffer, data []byte) ([]byte, error) {
	if err := to.atLeast(packedSize(len(data))); err != nil {
		return nil, err
	}
	packed := z.encoder.EncodeAll(data, to.b)
	return packed, to.put(packed, cap(to.b))
}

func (z *zstandard) close() {
	z.decoder.Close()
	_ = z.encoder.Close() // it has written nothing
}
