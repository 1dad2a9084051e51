package review

import (
	"archive/tar"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// TestAPlantedFileIsSeen: the review manifest names each entry of each volume as
// tar reads it. An entry that was planted in a volume has no row; a row that was
// planted in the manifest has no entry.
func TestAPlantedFileIsSeen(t *testing.T) {
	t.Parallel()
	m, s := example(t, 64<<10)
	dir := t.TempDir()
	if _, err := volume.Write(t.Context(), dir, m.Lock.Name, m.Layout, s, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	listed := map[string]int64{}
	for row := range m.Rows() {
		if row.Kind != KindStructure {
			listed[row.Volume+" "+row.Path] += row.Size
		}
	}
	for _, v := range m.Volumes() {
		text, err := os.ReadFile(filepath.Join(dir, v.Name))
		if err != nil {
			t.Fatal(err)
		}
		if missing := unlisted(t, v.Name, text, listed); len(missing) > 0 {
			t.Errorf("%s has no rows for %q", v.Name, missing)
		}
		if missing := unlisted(t, v.Name, plant(t, text), listed); !slices.Equal(missing, []string{"planted"}) {
			t.Errorf("%s: a planted file is not missed: %q", v.Name, missing)
		}
	}
}

// unlisted are the entries that tar reads and no row accounts for.
func unlisted(t *testing.T, name string, text []byte, listed map[string]int64) []string {
	t.Helper()
	var missing []string
	reader := tar.NewReader(bytes.NewReader(text))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return missing
		}
		if err != nil {
			t.Fatal(err)
		}
		if size, ok := listed[name+" "+header.Name]; !ok || size != header.Size {
			missing = append(missing, header.Name)
		}
	}
}

// plant adds a file at the end of a tar.
func plant(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	b.Write(text[:len(text)-1024])
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "planted", Size: 4, Mode: 0o444}); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("evil"))
	w.Close()
	return b.Bytes()
}

// TestARowThatWasEditedIsSeen: Check refuses whatever does not tile the volumes
// as the lock does.
func TestARowThatWasEditedIsSeen(t *testing.T) {
	t.Parallel()
	m, _ := example(t, 64<<10)
	text := written(t, m.WriteJSON)
	if err := m.Check(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text, "\n")
	first := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, `"rows": [`) }) + 1
	without := slices.Delete(slices.Clone(lines), first+3, first+4)
	twice := slices.Insert(slices.Clone(lines), first+3, lines[first+3])
	for name, edited := range map[string]string{
		"a row missing":      strings.Join(without, "\n"),
		"a row twice":        strings.Join(twice, "\n"),
		"a row behind":       strings.Replace(text, "\n  ]\n}", ",\n    "+strings.TrimSuffix(strings.TrimSpace(lines[first]), ",")+"\n  ]\n}", 1),
		"another path":       strings.Replace(text, "index.json", "indez.json", 1),
		"another item":       strings.Replace(text, `"items":["registry.example/team/app:1.0"`, `"items":["registry.example/team/apq:1.0"`, 1),
		"another why":        strings.Replace(text, "images[0]", "images[1]", 1),
		"another volume":     strings.Replace(text, `"volume":"ops.0002.tar"`, `"volume":"ops.0003.tar"`, 1),
		"another lock":       strings.Replace(text, m.LockDigest.Hex(), strings.Repeat("0", 64), 1),
		"another marking":    strings.Replace(text, `"marking": "SECRET//NOFORN"`, `"marking": "UNCLASSIFIED"`, 1),
		"an unknown key":     strings.Replace(text, `"offset":0`, `"offset":0,"extra":1`, 1),
		"a key of the head":  strings.Replace(text, `"stream"`, `"extra": 1, "stream"`, 1),
		"text behind":        text + "{}",
		"cut":                text[:len(text)/2],
		"no rows":            strings.Replace(text, `"rows"`, `"lines"`, 1),
		"not JSON":           "volume,offset\n",
		"nothing":            "",
		"endless whitespace": text[:10] + strings.Repeat(" ", 1<<20),
	} {
		if edited == text {
			t.Errorf("%s: nothing was edited", name)
		} else if err := m.Check(strings.NewReader(edited)); err == nil {
			t.Errorf("%s: is not seen", name)
		} else if name == "a row behind" && !strings.Contains(err.Error(), "not in the bundle") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hostile is a bundle whose every free text attacks its reader. Names cannot:
// their grammar is checked before.
func hostile(t *testing.T, text string) *Manifest {
	t.Helper()
	m, s := example(t, 0)
	m = manifest(t, m.Lock, s, 0)
	for i := range m.Lock.Items {
		item := &m.Lock.Items[i]
		item.Why, item.Verdict = text, lock.Verdict{Trusted: "a", Signers: []string{text}}
		m.Licences[item.Name] = []string{text}
	}
	for d := range m.Types {
		m.Types[d] = text
	}
	return m
}

// TestCSVInjection (CWE-1236): no cell starts a formula, in either separator.
func TestCSVInjection(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`=cmd|' /C calc'!A0`, "+1+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", `"=1`, "a;=cmd()", "a; @b", "＝1", "a\",=1", "\u200b=1",
	} {
		text := written(t, hostile(t, text).WriteCSV)
		for _, comma := range []rune{',', ';'} {
			r := csv.NewReader(strings.NewReader(text))
			r.Comma, r.FieldsPerRecord, r.LazyQuotes = comma, -1, true
			records, err := r.ReadAll()
			if err != nil || len(records) < 5 {
				t.Fatalf("%d records, %v", len(records), err)
			}
			for _, record := range records {
				for _, field := range record {
					if trimmed := strings.TrimLeft(field, " \t\r\n\"'"); trimmed != "" && strings.ContainsRune("=+-@", rune(trimmed[0])) && !strings.Contains(field[:len(field)-len(trimmed)], "'") {
						t.Errorf("separator %q: a cell starts %q", comma, field)
					}
				}
			}
		}
	}
}

// TestTerminalInjection: none of the forms holds anything but printable ASCII.
func TestTerminalInjection(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\x1b[2J\x1b]0;owned\a", "a\rb", "a\x7fb", "\u009b2J", "a\u202eb", "a\u2066b", "p\u0430ypal", "e\u0301", "\xff", "\U0001F600", "a\u2028b"} {
		m := hostile(t, text)
		for form, write := range map[string]func(io.Writer) error{"JSON": m.WriteJSON, "CSV": m.WriteCSV, "text": m.WriteText} {
			for _, r := range written(t, write) {
				if r != '\n' && (r != '\r' || form != "CSV") && (r > unicode.MaxASCII || !unicode.IsPrint(r)) {
					t.Errorf("%q reaches the reader of the %s form as %q", text, form, r)
					break
				}
			}
		}
	}
}

// TestNoTwoTextsLookAlike: an escape cannot be forged.
func TestNoTwoTextsLookAlike(t *testing.T) {
	t.Parallel()
	for a, b := range map[string]string{"\u0430": `\u{430}`, "\n": `\n`, `\`: `\\`, "a\x00": `a\u{0}`} {
		if plain(a) == plain(b) {
			t.Errorf("%q and %q are both written %s", a, b, plain(a))
		}
	}
}

func TestSuspect(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"vendor-a: sha256:00 (release)": "", "a\x1b": "control", "\xff": "control non-ASCII", "a\u202eb": "bidi non-ASCII", "a\u200bb": "invisible non-ASCII",
		"p\u0430ypal": "look-alike non-ASCII", "Привет": "non-ASCII", "é": "non-ASCII", "ａ": "look-alike non-ASCII", "": "",
	} {
		if got := strings.Join(Suspect(text), " "); got != want {
			t.Errorf("%q is flagged %q, want %q", text, got, want)
		}
	}
	m := hostile(t, "p\u0430ypal")
	for row := range m.Rows() {
		if row.Kind == KindContent && !slices.Contains(row.Flags, "look-alike") {
			t.Fatalf("%s is not flagged: %q", row.Path, row.Flags)
		}
	}
}
