package strictyaml

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type shop struct {
	Name   string           `yaml:"name"`
	Open   bool             `yaml:"open"`
	Desks  int              `yaml:"desks"`
	Bytes  int64            `yaml:"bytes"`
	Wait   time.Duration    `yaml:"wait"`
	Tags   []string         `yaml:"tags"`
	Shelf  map[string]shelf `yaml:"shelf"`
	Spare  []shelf          `yaml:"spare"`
	Unread struct{}         `yaml:"unread"`
}

type shelf struct {
	Size int `yaml:"size"`
}

func (s *shelf) Check() []Error {
	if s.Size < 1 {
		return []Error{{Path: "size", Reason: "is too small", Fix: "write 1 or more"}}
	}
	return nil
}

var limits = Limits{Bytes: 1 << 16, Depth: 8, First: "name: x"}

func TestDecode(t *testing.T) {
	t.Parallel()
	got := shop{Name: "default", Open: true}
	err := Decode([]byte("open: false\ndesks: 3\nbytes: -9007199254740993\nwait: 1m30s\ntags: [a, 'NO']\nshelf: {low: {size: 1}, high: {size: 2}}\nspare: [{size: 7}]\n"), limits, &got)
	if err != nil {
		t.Fatal(err)
	}
	want := shop{Name: "default", Desks: 3, Bytes: -9007199254740993, Wait: 90 * time.Second, Tags: []string{"a", "NO"}, Shelf: map[string]shelf{"low": {1}, "high": {2}}, Spare: []shelf{{7}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDecodeRefuses: each text is refused at its place, and what could not be
// read is not called absent as well.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"desks: 1.0\n":                      "line 1, column 8: desks: must be a whole number",
		"desks: 0x10\n":                     "line 1, column 8: desks: must be a whole number",
		"desks: 9223372036854775808\n":      "line 1, column 8: desks: must be a whole number",
		"wait: 90\n":                        "line 1, column 7: wait: must be a duration",
		"wait: -1s\n":                       "line 1, column 7: wait: must be a duration",
		"open: yes\n":                       "line 1, column 7: open: must be true or false",
		"name: null\n":                      "line 1, column 7: name: must be a text",
		"tags: a\n":                         "line 1, column 7: tags: must be a list",
		"tags: [[a]]\n":                     "line 1, column 8: tags[0]: must be a text",
		"shelf: [a]\n":                      "line 1, column 8: shelf: must be a mapping",
		"shelf:\n  low: {size: 0}\n":        "line 2, column 15: shelf.low.size: is too small",
		"shelf:\n  low: {}\n":               "line 2, column 8: shelf.low.size: is too small",
		"spare:\n  - size: x\n":             "line 2, column 11: spare[0].size: must be a whole number",
		"unread: {x: 1}\n":                  "line 1, column 10: unread.x: unknown key; known here: none",
		"spare: [{size: 1}, {siz: 1}]\n":    "line 1, column 21: spare[1].siz: unknown key; known here: size",
		"[a]\n":                             "must be a mapping",
		"":                                  "the file is empty; start it with name: x",
		"a: &x 1\n":                         "an anchor",
		strings.Repeat("[", 300):            "nested too deeply",
		strings.Repeat("#", limits.Bytes):   "the file is empty",
		strings.Repeat("#", 1+limits.Bytes): "bytes long",
	} {
		var into shop
		err := Decode([]byte(text), limits, &into)
		all := Errors(nil)
		if !errors.As(err, &all) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", text, err, want)
		} else if strings.HasPrefix(text, "spare:\n") && len(all) != 1 {
			t.Errorf("%.40q: got %v, want one mistake", text, err)
		}
	}
}
