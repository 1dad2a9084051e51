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

// codec packs the bytes of Avro blocks. Its methods append to a buffer.
type codec interface {
	// unpack gives at most MaxRecord bytes, whatever the block would give.
	unpack(to, data []byte) ([]byte, error)
	pack(to, data []byte) ([]byte, error)
	close()
}

// codecOf finds the codec of a name in a header; "" is null.
func codecOf(name string) (codec, error) {
	switch ocf.CodecName(name) {
	case "", ocf.Null:
		return null{}, nil
	case ocf.Deflate:
		return newDeflate()
	case ocf.Snappy:
		return &snappy{}, nil
	case ocf.ZStandard:
		return newZstandard()
	}
	return nil, malformed("its codec is none of null, deflate, snappy and zstandard")
}

func bomb() error { return malformed("a block unpacks to more than %d bytes", MaxRecord) }

type null struct{}

func (null) unpack(_, data []byte) ([]byte, error) { return data, nil }
func (null) pack(_, data []byte) ([]byte, error)   { return data, nil }
func (null) close()                                {}

type deflate struct {
	reader io.ReadCloser
	writer *flate.Writer
}

func newDeflate() (*deflate, error) {
	writer, err := flate.NewWriter(io.Discard, flate.DefaultCompression)
	return &deflate{reader: flate.NewReader(bytes.NewReader(nil)), writer: writer}, err
}

func (d *deflate) unpack(to, data []byte) ([]byte, error) {
	source := bytes.NewReader(data)
	if err := d.reader.(flate.Resetter).Reset(source, nil); err != nil { //nolint:forcetypeassert // documented
		return nil, err
	}
	plain := bytes.NewBuffer(to)
	n, err := io.Copy(plain, io.LimitReader(d.reader, MaxRecord+1))
	switch {
	case err != nil || n <= MaxRecord && source.Len() > 0:
		return nil, malformed("a block is no deflated data")
	case n > MaxRecord:
		return nil, bomb()
	}
	return plain.Bytes(), nil
}

func (d *deflate) pack(to, data []byte) ([]byte, error) {
	packed := bytes.NewBuffer(to)
	d.writer.Reset(packed)
	_, err := d.writer.Write(data)
	err = errors.Join(err, d.writer.Close())
	return packed.Bytes(), err
}

func (*deflate) close() {}

// snappy is the library's, with the checksum that Avro puts behind a block.
type snappy struct{ ocf.SnappyCodec }

// unpack looks first at the length that a block states: the library makes room
// for it.
func (s *snappy) unpack(_, data []byte) ([]byte, error) {
	length, n := binary.Uvarint(data)
	if n > 0 && length > MaxRecord {
		return nil, bomb()
	}
	plain, err := s.Decode(data)
	if err != nil {
		return nil, malformed("a block is no snappy data, or its checksum is wrong")
	}
	return plain, nil
}

func (s *snappy) pack(_, data []byte) ([]byte, error) { return s.Encode(data), nil }

func (*snappy) close() {}

type zstandard struct {
	decoder *zstd.Decoder
	encoder *zstd.Encoder
}

func newZstandard() (*zstandard, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxRecord), zstd.WithDecoderMaxWindow(MaxRecord))
	if err != nil {
		return nil, err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	return &zstandard{decoder: decoder, encoder: encoder}, err
}

func (z *zstandard) unpack(to, data []byte) ([]byte, error) {
	plain, err := z.decoder.DecodeAll(data, to)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, bomb()
	case err != nil:
		return nil, malformed("a block is no zstandard data")
	}
	return plain, nil
}

func (z *zstandard) pack(to, data []byte) ([]byte, error) { return z.encoder.EncodeAll(data, to), nil }

func (z *zstandard) close() {
	z.decoder.Close()
	_ = z.encoder.Close() // it has written nothing
}
