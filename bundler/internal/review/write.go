package review

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// heading is what stands before the rows in the JSON form.
type heading struct {
	Format  string          `json:"format"`
	Bundle  string          `json:"bundle"`
	Stream  string          `json:"stream"`
	Marking string          `json:"marking"`
	Lock    artifact.Digest `json:"lock"`
	Volumes []Volume        `json:"volumes"`
}

func (m *Manifest) heading() heading {
	return heading{Format, m.Lock.Name, m.Lock.Stream, m.Lock.Marking, m.LockDigest, m.Volumes()}
}

// WriteJSON writes the manifest as one JSON object: format, bundle, stream,
// marking, lock, volumes, rows. Texts are as in the lock, escaped to ASCII.
func (m *Manifest) WriteJSON(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	head, err := json.MarshalIndent(m.heading(), "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s,\n  \"rows\": [", ascii(head[:len(head)-2])) // without the closing brace
	between := "\n    "
	for row := range m.Rows() {
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%s%s", between, ascii(text))
		between = ",\n    "
	}
	fmt.Fprint(b, "\n  ]\n}\n")
	return b.Flush() // the first error of all writes
}

// ascii escapes what is not ASCII in a JSON text; DEL is ASCII and acts on
// terminals.
func ascii(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		case r > '~':
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// columns are those of the CSV and text forms.
var columns = []string{
	"volume", "offset", "size", "path", "kind", "digest", "blob size", "blob offset", "declared", "sniffed",
	"items", "markings", "signers", "licences", "why", "flags",
}

func (r *Row) cells() []string {
	list := func(texts []string) string { return strings.Join(texts, " | ") }
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		r.Volume, number(r.Offset), number(r.Size), r.Path, string(r.Kind), string(r.Digest), number(r.BlobSize), number(r.BlobOffset),
		r.Declared, r.Sniffed, list(r.Items), list(r.Markings), list(r.Signers), list(r.Licences), list(r.Why), list(r.Flags),
	}
}

// WriteCSV writes a heading and a record for each row (RFC 4180, lines end with
// CR LF). Lists are joined by " | ".
func (m *Manifest) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	if err := c.Write(columns); err != nil {
		return err
	}
	for row := range m.Rows() {
		cells := row.cells()
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// WriteText writes a heading, aligned columns, and a sum for each volume.
func (m *Manifest) WriteText(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	banner := plain(m.Lock.Marking)
	fmt.Fprintf(b, "%s\n\nReview of bundle %s, stream %s\nlock %s\n", banner, plain(m.Lock.Name), plain(m.Lock.Stream), m.LockDigest)
	widths := m.widths()
	line := func(cells []string) {
		for i, c := range cells[:len(cells)-1] {
			fmt.Fprintf(b, "%-*s  ", widths[i], c)
		}
		fmt.Fprintln(b, cells[len(cells)-1])
	}
	fmt.Fprintln(b)
	line(textColumns)
	for row := range m.Rows() {
		line(row.textCells())
	}
	fmt.Fprintln(b)
	for _, v := range m.Volumes() {
		fmt.Fprintf(b, "%s: %d bytes in %d rows\n", plain(v.Name), v.Size, v.Rows)
	}
	fmt.Fprintf(b, "\n%s\n", banner)
	return b.Flush() // the first error of all writes
}

// textColumns are the columns of the text form: long ones last, so that the rest
// stays aligned.
var textColumns = []string{
	"VOLUME", "OFFSET", "SIZE", "KIND", "FLAGS", "DECLARED", "SNIFFED", "PATH", "DIGEST", "ITEMS", "MARKINGS", "SIGNERS", "LICENCES", "WHY",
}

func (r *Row) textCells() []string {
	c := r.cells()
	cells := []string{c[0], c[1], c[2], c[4], c[15], c[8], c[9], c[3], c[5], c[10], c[11], c[12], c[13], c[14]}
	for i := range cells {
		if cells[i] = plain(cells[i]); cells[i] == "" {
			cells[i] = "-"
		}
	}
	return cells
}

// maxWidth is the widest a column is aligned to, in characters.
const maxWidth = 100

func (m *Manifest) widths() []int {
	widths := make([]int, len(textColumns))
	widen := func(cells []string) {
		for i, c := range cells {
			widths[i] = min(max(widths[i], len(c)), maxWidth)
		}
	}
	widen(textColumns)
	for row := range m.Rows() {
		widen(row.textCells())
	}
	return widths
}
