package marking

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func readText(t *testing.T, text string) *Vocabulary {
	t.Helper()
	v, err := ReadVocabulary(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCanonicalVocabulary: spaces and fields stated empty mean nothing, any
// other word does, and what is written is read back.
func TestCanonicalVocabulary(t *testing.T) {
	t.Parallel()
	file := string(EmbeddedVocabulary())
	want := readText(t, file).Canonical()
	if again := readText(t, string(want)).Canonical(); !bytes.Equal(want, again) {
		t.Errorf("read back: got %.80s, want %.80s", again, want)
	}
	spaced := strings.NewReplacer(`"version": "2026-01.1"`, `"version"  :  "2026-01.1"`, `"title": "Five Eyes"`, `"valid_to": "", "title": "Five Eyes"`).Replace(file)
	if spaced == file || !bytes.Equal(want, readText(t, spaced).Canonical()) {
		t.Error("a file that says the same has another canonical form")
	}
	for _, other := range []string{strings.Replace(file, `"GBR", "NZL"`, `"GBR"`, 1), strings.Replace(file, "Five Eyes", "Four Eyes", 1)} {
		if other == file || bytes.Equal(want, readText(t, other).Canonical()) {
			t.Error("a file that says something else has the same canonical form")
		}
	}
}

func TestDifferencesOfVocabularies(t *testing.T) {
	t.Parallel()
	file := string(EmbeddedVocabulary())
	v := readText(t, file)
	if got := v.Differences(readText(t, strings.Replace(file, "GENC Edition 3", "GENC Edition 4", 1))); len(got) != 0 {
		t.Errorf("another source: got %v, want nothing", got)
	}
	next := readText(t, strings.NewReplacer(`"AUS", "CAN", "GBR", "NZL", "USA"`, `"AUS", "CAN", "GBR", "USA"`, `"code": "TS", "title": "TOP SECRET"`, `"code": "TS", "title": "MOST SECRET"`).Replace(file))
	var got []string
	for _, d := range v.Differences(next) {
		got = append(got, fmt.Sprint(d.Subject, " ", d.Code, " ", d.Change, ": ", d.Detail))
	}
	if want := "level TS changed: TOP SECRET -> MOST SECRET\ngroup FVEY changed: AUS CAN GBR NZL USA -> AUS CAN GBR USA"; strings.Join(got, "\n") != want {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
	}
}

// TestVersionsThatNothingCanCarry could leave their place in a path or a line.
func TestVersionsThatNothingCanCarry(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "../2", "a/b", "a b", "a\nb", ".hidden", "-x", "é", strings.Repeat("x", MaxVersion+1)} {
		if err := CheckVersion(version); err == nil {
			t.Errorf("%q: got no error, want one", version)
		}
	}
	for _, version := range []string{"1", "2026-01.1", "enclave_7", strings.Repeat("x", MaxVersion)} {
		if err := CheckVersion(version); err != nil {
			t.Errorf("%q: %v", version, err)
		}
	}
}
