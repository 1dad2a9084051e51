package records_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// open admits what a reader of these tests may see.
func open(mark string) bool { return mark == "(U)" || mark == "(S//REL TO USA, GBR)" }

// filter runs one stream, in one piece and byte by byte: the two must agree.
func filter(t testing.TB, format records.Format, property, in string) (string, records.Tally, error) {
	t.Helper()
	out, tally, err := filterFrom(t, format, property, strings.NewReader(in))
	slow, slowTally, slowErr := filterFrom(t, format, property, iotest.OneByteReader(strings.NewReader(in)))
	if out != slow || tally != slowTally || (err == nil) != (slowErr == nil) {
		t.Errorf("read byte by byte, %.200q gave %q %+v %v, want %q %+v %v", in, slow, slowTally, slowErr, out, tally, err)
	}
	return out, tally, err
}

func filterFrom(t testing.TB, format records.Format, property string, in io.Reader) (string, records.Tally, error) {
	t.Helper()
	var out bytes.Buffer
	tally, err := format.Filter(t.Context(), &out, in, records.Rules{Property: property, Admits: open})
	return out.String(), tally, err
}

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]records.Format{
		"application/geo+json":                    records.GeoJSON,
		"Application/Geo+JSON; charset=UTF-8":     records.GeoJSON,
		"application/stix+json;version=2.1":       records.STIX,
		"application/jsonl":                       records.JSONLines,
		"application/x-ndjson; charset=utf-8":     records.JSONLines,
		"application/avro":                        records.Avro,
		"application/vnd.apache.avro":             records.Avro,
		"avro/binary":                             "", // a datum or a call, not a container
		"application/json":                        "",
		"application/geo+json; charset=utf-16":    "",
		"application/geo+json; charset=":          "",
		"application/geo+json-seq":                "",
		"application/geo+json, application/jsonl": "",
		"": "",
	} {
		if got, ok := records.FormatOf(contentType); got != want || ok != (want != "") {
			t.Errorf("%q: got %q %v, want %q", contentType, got, ok, want)
		}
	}
}

// stream is one of a table: what comes out and how many were withheld, or that
// it is malformed.
type stream struct {
	property, in, out string
	withheld          int64
	malformed         bool
}

func check(t *testing.T, format records.Format, table map[string]stream) {
	t.Helper()
	for name, c := range table {
		out, tally, err := filter(t, format, c.property, c.in)
		switch {
		case c.malformed:
			if !errors.Is(err, records.ErrMalformed) {
				t.Errorf("%s: got error %v, want ErrMalformed, after %q", name, err, out)
			}
		case err != nil || out != c.out || tally.Withheld != c.withheld:
			t.Errorf("%s: got %q, %d withheld, %v; want %q, %d", name, out, tally.Withheld, err, c.out, c.withheld)
		}
		if strings.Contains(out, "CANARY") {
			t.Errorf("%s: a withheld record shows: %q", name, out)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: the error shows a record: %v", name, err)
		}
	}
}

// what no JSON format takes, as a value inside a record.
var badValues = map[string]string{
	"NaN":                        `NaN`,
	"an infinity":                `-Infinity`,
	"a leading zero":             `01`,
	"a bare point":               `1.`,
	"a bare sign":                `-`,
	"an empty exponent":          `1e`,
	"a hexadecimal number":       `0x1`,
	"a comment":                  `1/*CANARY*/`,
	"single quotes":              `'CANARY'`,
	"a trailing comma":           `[1,]`,
	"a missing comma":            `[1 2]`,
	"brackets that do not match": `[1}`,
	"invalid UTF-8":              "\"CANARY\xff\"",
	"an overlong encoding":       "\"\xc0\xaf\"",
	"an encoded surrogate":       "\"\xed\xa0\x80\"",
	"a high half alone":          `"\ud800"`,
	"a high half and a letter":   `"\ud800\u0041"`,
	"a low half alone":           `"\udc00"`,
	"a control character":        "\"a\x01\"",
	"an unknown escape":          `"\x41"`,
	"a bad escape":               `"\u00g0"`,
	"a NUL byte":                 "\x00",
	"a name that is no text":     `{1:2}`,
	"a word":                     `nil`,
	"capitals":                   `True`,
	"too deep":                   strings.Repeat("[", 200) + strings.Repeat("]", 200),
}

// TestMalformedValuesEndTheStream in each JSON format: nothing after them can
// be trusted.
func TestMalformedValuesEndTheStream(t *testing.T) {
	t.Parallel()
	for name, value := range badValues {
		for format, text := range map[records.Format]string{
			records.GeoJSON:   `{"type":"FeatureCollection","features":[{"properties":{"m":"(U)"},"x":` + value + `}]}`,
			records.STIX:      `{"type":"bundle","objects":[{"m":"(U)","x":` + value + `}]}`,
			records.JSONLines: `{"m":"(U)","x":` + value + "}\n",
		} {
			check(t, format, map[string]stream{string(format) + ", " + name: {property: "m", in: text, malformed: true}})
		}
	}
}

// failing writes so many bytes.
type failing struct{ left int }

var errFull = errors.New("the reader is gone")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// endless repeats a text and counts what it gave.
type endless struct {
	text string
	at   int
	read int64
	stop int64 // 0 for never
}

func (e *endless) Read(p []byte) (int, error) {
	if e.stop > 0 && e.read >= e.stop {
		return 0, io.EOF
	}
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	e.read += int64(n)
	return n, nil
}

// TestWriterThatFailsStopsReading in each format.
func TestWriterThatFailsStopsReading(t *testing.T) {
	t.Parallel()
	for format, in := range endlessSources(t, "(U)") {
		_, err := format.Filter(t.Context(), &failing{left: 200_000}, in, records.Rules{Property: "marking", Admits: open})
		if source := in.(*prefixed).rest; !errors.Is(err, errFull) || source.read > 4<<20 {
			t.Errorf("%s: read %d bytes and gave %v, want errFull soon", format, source.read, err)
		}
	}
}

// TestContextEndsTheStream in each format, although nothing is written.
func TestContextEndsTheStream(t *testing.T) {
	t.Parallel()
	for format, in := range endlessSources(t, "(TS)") {
		ctx, cancel := context.WithCancel(t.Context())
		decided := 0
		_, err := format.Filter(ctx, io.Discard, in, records.Rules{Property: "marking", Admits: func(string) bool {
			if decided++; decided == 1000 {
				cancel()
			}
			return false
		}})
		if source := in.(*prefixed).rest; !errors.Is(err, context.Canceled) || source.read > 4<<20 {
			t.Errorf("%s: read %d bytes and gave %v, want the end of the context", format, source.read, err)
		}
	}
}

var errUpstream = errors.New("the upstream broke off")

// TestBrokenSourceIsNotMalformed: an upstream that breaks off is another
// matter than one that sends nonsense.
func TestBrokenSourceIsNotMalformed(t *testing.T) {
	t.Parallel()
	for format, in := range endlessSources(t, "(U)") {
		for _, cause := range []error{errUpstream, io.ErrUnexpectedEOF} {
			cut := io.MultiReader(io.LimitReader(in, 100_001), iotest.ErrReader(cause))
			_, err := format.Filter(t.Context(), io.Discard, cut, records.Rules{Property: "marking", Admits: open})
			if !errors.Is(err, cause) || errors.Is(err, records.ErrMalformed) {
				t.Errorf("%s: got %v, want %v", format, err, cause)
			}
			in = endlessSources(t, "(U)")[format]
		}
	}
}

// prefixed is a source whose beginning is not repeated.
type prefixed struct {
	io.Reader
	rest *endless
}

func endlessSources(t testing.TB, mark string) map[records.Format]io.Reader {
	t.Helper()
	feature := `{"type":"Feature","geometry":{"type":"Point","coordinates":[4.35,50.85]},"properties":{"marking":"` + mark + `"}},`
	object := `{"type":"relationship","id":"relationship--1","marking":"` + mark + `"},`
	head, block := avroFile(t, "null", mark)
	sources := map[records.Format]io.Reader{}
	for format, parts := range map[records.Format][2]string{
		records.GeoJSON:   {`{"type":"FeatureCollection","features":[`, feature},
		records.STIX:      {`{"type":"bundle","objects":[`, object},
		records.JSONLines: {"", `{"marking":"` + mark + `"}` + "\n"},
		records.Avro:      {head, block},
	} {
		rest := &endless{text: parts[1]}
		sources[format] = &prefixed{io.MultiReader(strings.NewReader(parts[0]), rest), rest}
	}
	return sources
}

// TestMemoryStaysFlat however long the stream is.
func TestMemoryStaysFlat(t *testing.T) {
	for format, in := range endlessSources(t, "(U)") {
		in.(*prefixed).rest.stop = 64 << 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tally, err := format.Filter(t.Context(), io.Discard, in, records.Rules{Property: "marking", Admits: open})
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 || tally.Delivered < 100_000 {
			t.Errorf("%s: allocated %d bytes for %d records (%v), want less than 4 MiB", format, grown, tally.Delivered, err)
		}
	}
}

// TestRecordLimit: the longest record passes, one byte more ends the stream,
// and so does a source that never ends its first value.
func TestRecordLimit(t *testing.T) {
	t.Parallel()
	line := func(n int) string {
		head, tail := `{"m":"(U)","x":"`, "\"}\n"
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	if out, _, err := filterFrom(t, records.JSONLines, "m", strings.NewReader(line(records.MaxRecord))); err != nil || len(out) != records.MaxRecord {
		t.Errorf("the longest line: got %d bytes, %v", len(out), err)
	}
	for name, c := range map[string]struct {
		format records.Format
		in     io.Reader
	}{
		"a line":      {records.JSONLines, strings.NewReader(line(records.MaxRecord + 1))},
		"no line end": {records.JSONLines, &endless{text: " "}},
		"a feature":   {records.GeoJSON, io.MultiReader(strings.NewReader(`{"features":[{"x":"`), &endless{text: "x"})},
		"members":     {records.GeoJSON, io.MultiReader(strings.NewReader(`{`), &endless{text: `"a":1,`})},
		"an object":   {records.STIX, io.MultiReader(strings.NewReader(`{"objects":[{`), &endless{text: `"a":1,`})},
		"a header":    {records.Avro, io.MultiReader(strings.NewReader("Obj\x01"), &endless{text: "\x02\x02a\x02b"})},
	} {
		if out, _, err := filterFrom(t, c.format, "m", c.in); !errors.Is(err, records.ErrMalformed) || len(out) > 100 {
			t.Errorf("%s without end: got %d bytes and %v, want ErrMalformed", name, len(out), err)
		}
	}
}

// TestMembersWithoutNumber: one member that passes, written again and again, is
// not kept as often.
func TestMembersWithoutNumber(t *testing.T) {
	t.Parallel()
	for _, head := range []string{`{`, `{"type":"FeatureCollection","features":[],`} {
		rest := &endless{text: `"crs":null,`}
		_, _, err := filterFrom(t, records.GeoJSON, "m", io.MultiReader(strings.NewReader(head), rest))
		if !errors.Is(err, records.ErrMalformed) || rest.read > 1<<20 {
			t.Errorf("behind %s: read %d bytes and gave %v, want ErrMalformed soon", head, rest.read, err)
		}
	}
}

// TestMarkLimit: a mark too long to be one is not asked about.
func TestMarkLimit(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int64{records.MaxMark: 1, records.MaxMark + 1: 0} {
		tally, err := records.JSONLines.Filter(t.Context(), io.Discard, strings.NewReader(`{"m":"`+strings.Repeat("x", n)+`"}`),
			records.Rules{Property: "m", Admits: func(mark string) bool { return len(mark) == n }})
		if err != nil || tally.Delivered != want {
			t.Errorf("a mark of %d bytes: got %+v %v, want %d delivered", n, tally, err, want)
		}
	}
}

// TestFilterRefuses what its caller has wrong, before it reads or writes.
func TestFilterRefuses(t *testing.T) {
	t.Parallel()
	for _, property := range []string{"", ".", "a.", ".a", "a..b"} {
		if _, err := records.JSONLines.Filter(t.Context(), nil, nil, records.Rules{Property: property, Admits: open}); err == nil || errors.Is(err, records.ErrMalformed) {
			t.Errorf("property %q: got %v", property, err)
		}
	}
	if _, err := records.Format("xml").Filter(t.Context(), io.Discard, strings.NewReader(""), records.Rules{Property: "m", Admits: open}); err == nil {
		t.Error("an unknown format passes")
	}
}
