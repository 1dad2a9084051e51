package archive

import (
	"bytes"
	"strings"
	"testing"
)

func FuzzParseHeader(f *testing.F) {
	f.Add(header(1, 3))
	f.Add([]byte(`{"format":"datamesh-bundle-volume/1","format":"x"}` + "\n"))
	f.Add([]byte(`{"FORMAT":"datamesh-bundle-volume/1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ParseHeader(text)
		if err != nil {
			return
		}
		if !bytes.Equal(h.Encode(), text) || h.Number < 1 || h.Number > h.Count {
			t.Errorf("accepted %q", text)
		}
	})
}

func TestParseHeaderRefusesASecondReading(t *testing.T) {
	t.Parallel()
	good := string(header(2, 3))
	if h, err := ParseHeader([]byte(good)); err != nil || h.Number != 2 || h.Count != 3 {
		t.Fatalf("header %+v, %v", h, err)
	}
	for _, bad := range []string{
		"", "{}\n", good + " ", strings.TrimSuffix(good, "\n"), strings.Replace(good, "{", `{"number":1,`, 1), strings.Replace(good, "number", "Number", 1),
		strings.Replace(good, `"number":2`, `"number":4`, 1), strings.Replace(good, `"number":2`, `"number":2.0`, 1),
		strings.Replace(good, `"ops"`, `"../ops"`, 1), strings.Replace(good, "sha256:", "sha512:", 1), good + strings.Repeat(" ", MaxHeader),
	} {
		if _, err := ParseHeader([]byte(bad)); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}
