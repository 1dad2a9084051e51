package records_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/ocf"
	"github.com/klauspost/compress/zstd"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// emitters are records of the shape that a coalition exchanges.
const emitters = `{"type":"record","name":"Emitter","namespace":"elint","doc":"Parameters of one known emitter.","fields":[
	{"name":"emitter_id","type":"string"},
	{"name":"frequency_min_hz","type":"double"},
	{"name":"pulse_width_s","type":["null","double"],"default":null},
	{"name":"platform_confidence","type":"int","default":0},
	{"name":"collected_at","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"sightings","type":{"type":"array","items":{"type":"map","values":"float"}}},
	{"name":"marking","type":"string"}
]}`

func emitter(id, mark string) map[string]any {
	return map[string]any{
		"emitter_id": id, "frequency_min_hz": 9.4e9, "pulse_width_s": nil, "platform_confidence": 70, "collected_at": int64(1772366400000),
		"sightings": []map[string]float32{{"lon": 4.35}, {}}, "marking": mark,
	}
}

var marker = [16]byte{'m', 'a', 'r', 'k'}

// container writes a file with the library, blocks of so many records.
func container(t testing.TB, schema, codec string, block int, values []any) string {
	t.Helper()
	var b bytes.Buffer
	e, err := ocf.NewEncoder(schema, &b, ocf.WithCodec(ocf.CodecName(codec)), ocf.WithBlockLength(block), ocf.WithSyncBlock(marker),
		ocf.WithMetadataKeyVal("record.count", []byte{byte(len(values))}), ocf.WithEncoderSchemaCache(&avro.SchemaCache{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// avroFile is a header, and one block of emitters.
func avroFile(t testing.TB, codec, mark string) (head, block string) {
	t.Helper()
	var list []any
	for range 100 {
		list = append(list, emitter("e-1", mark))
	}
	head = container(t, emitters, codec, 100, nil)
	return head, container(t, emitters, codec, 100, list)[len(head):]
}

// decoded reads a container with the library.
func decoded(t testing.TB, text string) (list []any) {
	t.Helper()
	d, err := ocf.NewDecoder(bytes.NewReader([]byte(text)), ocf.WithDecoderSchemaCache(&avro.SchemaCache{}))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for d.HasNext() {
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		list = append(list, v)
	}
	if err := d.Error(); err != nil {
		t.Fatalf("%q: %v, after %d", text, err, len(list))
	}
	if count := d.Metadata()["record.count"]; count != nil {
		t.Errorf("metadata that counts records passes: %q", count)
	}
	return list
}

func ids(list []any) (all []string) {
	for _, v := range list {
		all = append(all, v.(map[string]any)["emitter_id"].(string))
	}
	return all
}

// TestAvroExactlyTheAdmittedPass in every codec and any blocks: the library
// finds the admitted ones in order, and a file without the others gives the
// same bytes.
func TestAvroExactlyTheAdmittedPass(t *testing.T) {
	t.Parallel()
	m := maker{rand.New(rand.NewPCG(2, 7))}
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard"} {
		for range 60 {
			var all, admitted []any
			for range m.IntN(40) {
				mark := m.one("(U)", "(S//REL TO USA, GBR)", "(TS)", "")
				v := emitter(m.text(), mark)
				all = append(all, v)
				if open(mark) {
					admitted = append(admitted, v)
				}
			}
			out, tally, err := filter(t, records.Avro, "marking", container(t, emitters, codec, 1+m.IntN(9), all))
			if err != nil || tally.Delivered != int64(len(admitted)) || tally.Withheld != int64(len(all)-len(admitted)) {
				t.Fatalf("%s: got %+v %v, want %d of %d", codec, tally, err, len(admitted), len(all))
			}
			if got := decoded(t, out); !slices.Equal(ids(got), ids(admitted)) {
				t.Fatalf("%s: got %q, want %q", codec, ids(got), ids(admitted))
			}
			if without, _, err := filter(t, records.Avro, "marking", container(t, emitters, codec, 1+m.IntN(9), admitted)); err != nil || without != out {
				t.Fatalf("%s: the withheld show in the bytes (%v)", codec, err)
			}
		}
	}
}

// number is Avro's way to write one.
func number(n int64) string { return string(binary.AppendVarint(nil, n)) }

func text(s string) string { return number(int64(len(s))) + s }

// header is written by hand, so that it may be wrong.
func header(meta ...string) string {
	var b strings.Builder
	b.WriteString("Obj\x01" + number(int64(len(meta)/2)))
	for _, m := range meta {
		b.WriteString(text(m))
	}
	return b.String() + "\x00" + string(marker[:])
}

func block(count int64, data string) string {
	return number(count) + text(data) + string(marker[:])
}

// written is a file that the filter changes nothing in but the marker: to one
// that follows from the header.
func written(file string) string {
	head, _, _ := strings.Cut(file, string(marker[:]))
	own := sha256.Sum256([]byte(head))
	return strings.ReplaceAll(file, string(marker[:]), string(own[:len(marker)]))
}

// noted has a mark and something else.
const noted = `{"type":"record","name":"R","fields":[{"name":"m","type":"string"},{"name":"x","type":%}]}`

func with(schema, x string) string { return strings.Replace(schema, "%", x, 1) }

// TestAvroMarks in the places where schemas put them.
func TestAvroMarks(t *testing.T) {
	t.Parallel()
	u, ts := text("(U)"), text("(TS)")
	for name, c := range map[string]struct {
		schema, property string
		seen, withheld   []string
	}{
		"text":               {`{"type":"record","name":"R","fields":[{"name":"m","type":"string"}]}`, "m", []string{u}, []string{ts, text("")}},
		"nullable":           {`{"type":"record","name":"R","fields":[{"name":"m","type":["null","string"]}]}`, "m", []string{number(1) + u}, []string{number(0), number(1) + ts}},
		"enum":               {`{"type":"record","name":"R","fields":[{"name":"m","type":{"type":"enum","name":"E","symbols":["U","TS"]}}]}`, "m", nil, []string{number(0), number(1)}},
		"path":               {`{"type":"record","name":"R","fields":[{"name":"a","type":["null",{"type":"record","name":"A","fields":[{"name":"m","type":"string"}]}]},{"name":"b","type":"A"}]}`, "a.m", []string{number(1) + u + ts}, []string{number(0) + u, number(1) + ts + u}},
		"by reference":       {`{"type":"record","name":"R","fields":[{"name":"b","type":{"type":"record","name":"A","fields":[{"name":"m","type":"string"}]}},{"name":"a","type":"A"}]}`, "a.m", []string{ts + u}, []string{u + ts}},
		"recursive":          {`{"type":"record","name":"R","fields":[{"name":"m","type":"string"},{"name":"next","type":["null","R"]}]}`, "m", []string{u + number(0), u + number(1) + ts + number(0)}, []string{ts + number(1) + u + number(0)}},
		"of the next":        {`{"type":"record","name":"R","fields":[{"name":"m","type":"string"},{"name":"next","type":["null","R"]}]}`, "next.m", []string{ts + number(1) + u + number(0)}, []string{u + number(0), u + number(1) + ts + number(0)}},
		"a union of records": {`[{"type":"record","name":"R","fields":[{"name":"m","type":"string"}]},{"type":"record","name":"S","fields":[{"name":"n","type":"string"}]}]`, "m", []string{number(0) + u}, []string{number(1) + u}},
		"bytes":              {`{"type":"record","name":"R","fields":[{"name":"m","type":"bytes"}]}`, "m", nil, []string{u}},
		"in an array":        {`{"type":"record","name":"R","fields":[{"name":"m","type":{"type":"array","items":"string"}}]}`, "m", nil, []string{number(1) + u + number(0)}},
		"no such field":      {`{"type":"record","name":"R","fields":[{"name":"n","type":"string"}]}`, "m", nil, []string{u}},
		"no record":          {`"string"`, "m", nil, []string{u}},
		"below a text":       {`{"type":"record","name":"R","fields":[{"name":"m","type":"string"}]}`, "m.m", nil, []string{u}},
		"a record":           {`{"type":"record","name":"R","fields":[{"name":"m","type":{"type":"record","name":"A","fields":[{"name":"m","type":"string"}]}}]}`, "m", nil, []string{u}},
	} {
		in := header("avro.schema", c.schema)
		for _, r := range append(slices.Clone(c.withheld), c.seen...) {
			in += block(1, r)
		}
		want := header("avro.schema", c.schema)
		if len(c.seen) > 0 {
			want += block(int64(len(c.seen)), strings.Join(c.seen, ""))
		}
		out, tally, err := filter(t, records.Avro, c.property, in)
		if want = written(want); err != nil || out != want || tally.Withheld != int64(len(c.withheld)) {
			t.Errorf("%s: got %q %+v %v, want %q", name, out, tally, err, want)
		}
	}
}

// TestAvroEnumMark: an enum may name what a portion mark cannot be spelled as
// in Avro, and the caller decides what it means.
func TestAvroEnumMark(t *testing.T) {
	t.Parallel()
	schema := `{"type":"record","name":"R","fields":[{"name":"m","type":{"type":"enum","name":"E","symbols":["U","TS"]}}]}`
	var out bytes.Buffer
	tally, err := records.Avro.Filter(t.Context(), &out, strings.NewReader(header("avro.schema", schema)+block(3, "\x00\x02\x00")),
		records.Rules{Property: "m", Admits: func(mark string) bool { return mark == "U" }})
	if err != nil || tally != (records.Tally{Delivered: 2, Withheld: 1}) || out.String() != written(header("avro.schema", schema)+block(2, "\x00\x00")) {
		t.Errorf("got %q %+v %v", out.String(), tally, err)
	}
}

// TestAvroTypes: a record with one of each, as the library writes it.
func TestAvroTypes(t *testing.T) {
	t.Parallel()
	schema := with(noted, `{"type":"record","name":"X","fields":[
		{"name":"a","type":"null"},{"name":"b","type":"boolean"},{"name":"c","type":"int"},{"name":"d","type":"long"},{"name":"e","type":"float"},
		{"name":"f","type":"double"},{"name":"g","type":"bytes"},{"name":"h","type":"string"},{"name":"i","type":{"type":"fixed","name":"F","size":3}},
		{"name":"j","type":{"type":"enum","name":"E","symbols":["P","Q"]}},{"name":"k","type":{"type":"array","items":"null"}},
		{"name":"l","type":{"type":"map","values":{"type":"array","items":"long"}}},{"name":"n","type":["null","E","F"]},
		{"name":"o","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},{"name":"p","type":{"type":"string","logicalType":"uuid"}}]}`)
	value := map[string]any{
		"a": nil, "b": true, "c": -7, "d": int64(1) << 62, "e": float32(1), "f": 2.0, "g": []byte("CANARY"), "h": "é", "i": [3]byte{1, 2, 3}, "j": "Q",
		"k": []any{nil, nil}, "l": map[string]any{"x": []any{int64(-1), int64(300)}, "": []any{}}, "n": map[string]any{"F": [3]byte{4, 5, 6}},
		"o": nil, "p": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
	}
	delete(value, "o")
	schema = strings.Replace(schema, `{"name":"o","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},`, "", 1)
	file := container(t, schema, "null", 1, []any{map[string]any{"m": "(U)", "x": value}, map[string]any{"m": "(TS)", "x": value}})
	out, tally, err := filter(t, records.Avro, "m", file)
	if err != nil || tally != (records.Tally{Delivered: 1, Withheld: 1}) || len(decoded(t, out)) != 1 {
		t.Errorf("got %q %+v %v", out, tally, err)
	}
}

// TestHostileContainers end with an error, soon.
func TestHostileContainers(t *testing.T) {
	t.Parallel()
	u := text("(U)")
	good := with(noted, `"string"`)
	of := func(x string, count int64, data string) string {
		return header("avro.schema", with(noted, x)) + block(count, data)
	}
	for name, in := range map[string]string{
		"nothing":                       "",
		"half a header":                 header("avro.schema", good)[:30],
		"another magic":                 "Obj\x02" + header("avro.schema", good)[4:],
		"no schema":                     header("avro.codec", "null"),
		"two schemas":                   header("avro.schema", `"null"`, "avro.schema", good),
		"a schema that is no JSON":      header("avro.schema", `{'type':'string'}`),
		"a schema that is none":         header("avro.schema", `{"type":"CANARY"}`),
		"a schema and more":             header("avro.schema", `"string" "string"`),
		"a deep schema":                 header("avro.schema", strings.Repeat(`{"type":"array","items":`, 200)+`"int"`+strings.Repeat("}", 200)),
		"an unknown codec":              header("avro.schema", good, "avro.codec", "bzip2"),
		"another marker":                header("avro.schema", good) + number(1) + text(u+text("")) + strings.Repeat("x", 16),
		"a block cut off":               header("avro.schema", good) + block(1, u+text(""))[:20],
		"no marker":                     header("avro.schema", good) + number(1) + text(u+text("")),
		"fewer records than claimed":    of(`"string"`, 2, u+text("")),
		"more records than claimed":     of(`"string"`, 1, u+text("")+text("CANARY")),
		"a count below nothing":         of(`"string"`, -1, u+text("")),
		"a size below nothing":          header("avro.schema", good) + number(1) + number(-1),
		"a size without end":            header("avro.schema", good) + number(1) + number(1<<62),
		"the largest size":              header("avro.schema", good) + number(1) + number(math.MaxInt64),
		"records of no bytes":           header("avro.schema", `"null"`) + block(1<<62, ""),
		"records of empty records":      header("avro.schema", `{"type":"record","name":"R","fields":[{"name":"m","type":"null"}]}`) + block(1<<62, ""),
		"a text that is too long":       of(`"string"`, 1, u+number(1<<62)),
		"a text below nothing":          of(`"string"`, 1, u+number(-5)),
		"a text beyond the block":       of(`"string"`, 1, u+number(5)+"CAN"),
		"a text that is no UTF-8":       of(`"string"`, 1, u+text("CANARY\xff")),
		"a mark that is no UTF-8":       of(`"string"`, 1, text("(U\xff)")+text("")),
		"a key that is no UTF-8":        of(`{"type":"map","values":"null"}`, 1, u+number(1)+text("CANARY\xff")+number(0)),
		"a boolean of two":              of(`"boolean"`, 1, u+"\x02"),
		"an int of 33 bits":             of(`"int"`, 1, u+number(1<<32)),
		"a long of 65 bits":             of(`"long"`, 1, u+strings.Repeat("\xff", 9)+"\x02"),
		"a long without end":            of(`"long"`, 1, u+strings.Repeat("\xff", 11)),
		"a number in a longer form":     of(`"long"`, 1, u+"\x80\x00"),
		"a branch that is none":         of(`["null","string"]`, 1, u+number(2)),
		"a branch below nothing":        of(`["null","string"]`, 1, u+number(-1)),
		"a symbol that is none":         of(`{"type":"enum","name":"E","symbols":["A"]}`, 1, u+number(1)),
		"an array that misstates":       of(`{"type":"array","items":"long"}`, 1, u+number(-1)+number(2)+number(1)+number(0)),
		"an array below nothing":        of(`{"type":"array","items":"long"}`, 1, u+number(-1)+number(-1)+number(1)+number(0)),
		"an array of the least":         of(`{"type":"array","items":"long"}`, 1, u+number(-1<<63)+number(1)),
		"an array without end":          of(`{"type":"array","items":"long"}`, 1, u+number(1<<62)+number(1)),
		"nested without end":            header("avro.schema", `{"type":"record","name":"R","fields":[{"name":"m","type":"string"},{"name":"n","type":["null","R"]}]}`) + block(1, strings.Repeat(u+number(1), 500)+u+number(0)),
		"a record that contains itself": header("avro.schema", `{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}`) + block(1, "x"),
		"no snappy":                     header("avro.schema", good, "avro.codec", "snappy") + block(1, "CANARY CANARY"),
		"no deflate":                    header("avro.schema", good, "avro.codec", "deflate") + block(1, "CANARY"),
		"no zstandard":                  header("avro.schema", good, "avro.codec", "zstandard") + block(1, "CANARY"),
		"deflate and more":              header("avro.schema", good, "avro.codec", "deflate") + block(1, deflated(u+text(""))+"CANARY"),
	} {
		out, _, err := filter(t, records.Avro, "m", in)
		if !errors.Is(err, records.ErrMalformed) || strings.Contains(err.Error(), "CANARY") || strings.Contains(out, "CANARY") {
			t.Errorf("%s: got %q, %v, want ErrMalformed", name, out, err)
		}
	}
}

func deflated(text string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

// TestDecompressionBombs end the stream before they are unpacked.
func TestDecompressionBombs(t *testing.T) {
	huge := strings.Repeat("\x00", records.MaxRecord+1)
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for codec, data := range map[string]string{
		"deflate":   deflated(huge),
		"zstandard": string(encoder.EncodeAll([]byte(huge), nil)),
		"snappy":    string(binary.AppendUvarint(nil, 1<<31)) + strings.Repeat("\xfe\x01\x00", 100),
	} {
		in := header("avro.schema", `"bytes"`, "avro.codec", codec) + block(1, data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := filterFrom(t, records.Avro, "m", strings.NewReader(in))
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, records.ErrMalformed) || !strings.Contains(err.Error(), "unpacks to more") || allocated > 5*records.MaxRecord {
			t.Errorf("%s: allocated %d bytes and gave %v", codec, allocated, err)
		}
	}
}

// TestArraysOfNothing cost nothing, however many items they claim; the doubling
// of empty records costs nothing either.
func TestArraysOfNothing(t *testing.T) {
	t.Parallel()
	schema := `[{"type":"record","name":"E0","fields":[]}`
	last := "E0"
	for i := range 60 {
		next := "E" + string(rune('A'+i/26)) + string(rune('a'+i%26))
		schema += `,{"type":"record","name":"` + next + `","fields":[{"name":"a","type":"` + last + `"},{"name":"b","type":"` + last + `"}]}`
		last = next
	}
	schema += `,{"type":"record","name":"R","fields":[{"name":"m","type":"string"},{"name":"x","type":{"type":"array","items":"` + last + `"}}]}]`
	record := number(61) + text("(U)") + number(1<<62) + number(0)
	in := header("avro.schema", schema) + block(1, record)
	if out, _, err := filter(t, records.Avro, "m", in); err != nil || out != written(in) {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestAvroReblocks: full blocks are written on the way, by what they hold.
func TestAvroReblocks(t *testing.T) {
	t.Parallel()
	record := text("(U)") + text(strings.Repeat("x", 1000))
	hiding := text("(TS)") + text(strings.Repeat("CANARY", 100))
	in, alone := header("avro.schema", with(noted, `"string"`)), header("avro.schema", with(noted, `"string"`))
	for range 300 {
		in += block(3, hiding+record+hiding)
		alone += block(1, record)
	}
	out, tally, err := filter(t, records.Avro, "m", in)
	without, _, _ := filter(t, records.Avro, "m", alone)
	if err != nil || out != without || tally != (records.Tally{Delivered: 300, Withheld: 600}) || strings.Contains(out, "CANARY") {
		t.Errorf("got %d bytes %+v %v, want the %d bytes without the withheld", len(out), tally, err, len(without))
	}
	if blocks := strings.Count(out, out[len(out)-len(marker):]) - 1; blocks != 5 {
		t.Errorf("got %d blocks, want 5 of about 64 KiB", blocks)
	}
}
