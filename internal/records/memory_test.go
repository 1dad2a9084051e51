package records_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// account is what a stream says that it holds. It refuses more than most, and
// counts who asks for more after that.
type account struct {
	held, peak, most int
	refused, again   int
}

var errNoMemory = errors.New("no memory")

func (a *account) Hold(_ context.Context, bytes int) error {
	if a.refused > 0 && bytes > a.held {
		a.again++
	}
	if a.most > 0 && bytes > a.most {
		a.refused++
		return errNoMemory
	}
	a.held, a.peak = bytes, max(a.peak, bytes)
	return nil
}

// watching is a writer that sees what is held when a long piece is written.
type watching struct {
	*account
	written, longest int
	then             int // what was held with the longest piece
}

func (w *watching) Write(p []byte) (int, error) {
	w.written += len(p)
	if len(p) > w.longest {
		w.longest, w.then = len(p), w.held
	}
	return len(p), nil
}

// long are streams of one record of so many bytes that nothing can pack, and many
// short ones behind it.
func long(t *testing.T, size int) map[string]stream {
	t.Helper()
	random := make([]byte, size/4*3)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random) // never fails
	noise := base64.StdEncoding.EncodeToString(random)
	feature := func(x string) string { return `{"type":"Feature","x":"` + x + `","properties":{"marking":"(U)"}}` }
	object := func(x string) string { return `{"x":"` + x + `","marking":"(U)"}` }
	features, objects, short := []string{feature(noise)}, []string{object(noise)}, []any(nil)
	for range 4000 {
		features, objects, short = append(features, feature("short")), append(objects, object("short")), append(short, emitter("short", "(U)"))
	}
	streams := map[string]stream{
		"geojson":   {property: "marking", in: collectionOf(features...)},
		"stix":      {property: "marking", in: bundleOf(objects...)},
		"jsonlines": {property: "marking", in: strings.Join(objects, "\n")},
	}
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard"} {
		streams["avro/"+codec] = stream{property: "marking", in: container(t, emitters, codec, 1, append([]any{emitter(noise, "(U)")}, short...))}
	}
	return streams
}

func filterWithin(t *testing.T, name string, c stream, a *account) (*watching, error) {
	t.Helper()
	format, _, _ := strings.Cut(name, "/")
	out := &watching{account: a}
	_, err := records.Format(format).Filter(t.Context(), out, strings.NewReader(c.in), records.Rules{Property: c.property, Admits: open, Memory: a})
	return out, err
}

// TestStreamSaysWhatItHolds while one of the longest records is written, and lets
// it go. What is within the limits on records is within that on memory.
func TestStreamSaysWhatItHolds(t *testing.T) {
	t.Parallel()
	const size = records.MaxRecord - 64<<10
	least := map[string]int{ // the window, and blocks unpacked and packed
		"geojson": size, "stix": size, "jsonlines": size, "avro/null": size,
		"avro/deflate": size*3/4 + size + size*3/4, "avro/snappy": 3 * size, "avro/zstandard": size*3/4 + size + size*3/4,
	}
	for name, c := range long(t, size) {
		a := &account{}
		out, err := filterWithin(t, name, c, a)
		if err != nil || out.written < size*3/4 {
			t.Fatalf("%s: wrote %d bytes, %v", name, out.written, err)
		}
		if out.then < least[name]+records.MinMemory || a.peak > records.MaxMemory {
			t.Errorf("%s: with the long record %d bytes are held, want %d at least; and at most %d, want no more than %d", name, out.then, least[name]+records.MinMemory, a.peak, records.MaxMemory)
		}
		if a.held > 8<<20 {
			t.Errorf("%s: at the end %d bytes are held", name, a.held)
		}
	}
}

// TestStreamWithoutMemory: a record for which there is none is not delivered, nor
// is any behind it, and more is not asked for on the way out.
func TestStreamWithoutMemory(t *testing.T) {
	t.Parallel()
	streams := long(t, 1<<20)
	for _, codec := range []string{"deflate", "zstandard"} { // unpacked in steps
		streams["avro/"+codec+"/packed"] = stream{property: "marking", in: container(t, emitters, codec, 1, []any{emitter(strings.Repeat("x", 8<<20), "(U)")})}
	}
	for name, c := range streams {
		for _, most := range []int{1, records.MinMemory, 1 << 20, 3 << 20, 6 << 20} {
			a := &account{most: most}
			out, err := filterWithin(t, name, c, a)
			if a.refused == 0 && most > 1<<20 {
				continue // it was enough
			}
			if !errors.Is(err, errNoMemory) || errors.Is(err, records.ErrMalformed) || out.written > 8<<10 || a.again > 0 {
				t.Errorf("%s, %d bytes: wrote %d bytes, asked for more %d times, and gave %v", name, most, out.written, a.again, err)
			}
		}
	}
}

// TestLongTextsAreNotDecoded: a name or a mark that nothing is looked for in, for
// its length, takes no room beside the window that it is in.
func TestLongTextsAreNotDecoded(t *testing.T) {
	const size, windows = 12 << 20, 32 << 20 // which grow to 16 MiB and double each time
	escaped := strings.Repeat("x", size) + `\n`
	for name, line := range map[string]string{"a name": `{"` + escaped + `":1,"marking":"(U)"}`, "a mark": `{"marking":"` + escaped + `"}`} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := records.JSONLines.Filter(t.Context(), io.Discard, strings.NewReader(line), records.Rules{Property: "marking", Admits: open})
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; err != nil || grown > windows+size {
			t.Errorf("%s: allocated %d bytes, want no more than windows take, %v", name, grown, err)
		}
	}
}
