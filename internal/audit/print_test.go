package audit

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// wantCanonical compares what is printed with what RFC 8785 makes of the JSON.
func wantCanonical(t *testing.T, e Entry) {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	want, err := CanonicalJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.print(); string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnEntryIsPrintedCanonically(t *testing.T) {
	t.Parallel()
	wantCanonical(t, fullEntry()) // which has every field, see TestEntryRefusesInvalidUTF8InEveryField
	wantCanonical(t, Entry{})
	every := ""
	for c := range rune(0x180) {
		every += string(c)
	}
	wantCanonical(t, Entry{V: 7, Action: every, Consumer: Consumer{Country: []string{every, ""}}, ReasonCodes: []string{"", "\u2028<&>😀\x7f"}})
}

func FuzzPrint(f *testing.F) {
	f.Add("a", "b\n", "c\u2029", 1)
	f.Fuzz(func(t *testing.T, a, b, c string, n int) {
		if utf8.ValidString(a) && utf8.ValidString(b) && utf8.ValidString(c) && n > -MaxInteger && n < MaxInteger && len(a)+len(b)+len(c) < 1<<16 {
			wantCanonical(t, Entry{V: n, Action: a, Object: b, Salt: c, ReasonCodes: []string{a, c}, Consumer: Consumer{Sub: b, Country: []string{c}}})
		}
	})
}
