package audit

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The samples of RFC 8785, sections 3.2.2 and 3.2.3, and what its rules say
// about the rest.
func TestCanonicalJSON(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ raw, want string }{
		"RFC 8785 3.2.2": {
			raw: `{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}`,
			want: `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		},
		"RFC 8785 3.2.3": {
			raw: `{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
"\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			want: `{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis",` +
				`"€":"Euro Sign","😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`,
		},
		"nested objects are sorted too": {`[{"b":{"d":1,"c":2},"a":[]}]`, `[{"a":[],"b":{"c":2,"d":1}}]`},
		"short escapes":                 {`"\u0008\u0009\u000a\u000c\u000d\u007f\u2028</"`, `"\b\t\n\f\r` + "\u007f\u2028" + `</"`},
		"minus zero":                    {`-0.0`, `0`},
		"the largest whole number":      {`9007199254740991`, `9007199254740991`},
		"a large number with exponent":  {`1e21`, `1e+21`},
		"underflow to zero":             {`1e-400`, `0`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := CanonicalJSON([]byte(tt.raw))
			if err != nil {
				t.Fatalf("CanonicalJSON: %v", err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("canonical form (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCanonicalJSONRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ raw, want string }{
		"empty":                       {``, "ends too early"},
		"two values":                  {`1 2`, "after the end"},
		"a key that repeats":          {`{"a":1,"\u0061":2}`, "stands here twice"},
		"a whole number beyond 2^53":  {`9007199254740993`, "2^53-1"},
		"beyond 2^53 with exponent":   {`1e20`, "2^53-1"},
		"beyond 2^53, negative":       {`[-9007199254740992]`, "2^53-1"},
		"a number beyond any double":  {`1e309`, "floating-point"},
		"a gigabyte in an exponent":   {`1e-999999999`, "exponent"},
		"half a surrogate pair":       {`"\ud800"`, "surrogate"},
		"the other half":              {`"x\udc00"`, "surrogate"},
		"invalid UTF-8":               {"\"\xff\"", "UTF-8"},
		"byte order mark":             {"\ufeff1", "byte order mark"},
		"deep nesting":                {strings.Repeat("[", 101) + strings.Repeat("]", 101), "deeper than 100"},
		"a megabyte of open brackets": {strings.Repeat("[", 1<<20), "deeper than 100"},
		"too long":                    {strings.Repeat(" ", MaxJSON) + "1", "limit"},
		"NaN":                         {`NaN`, "not JSON"},
		"trailing comma":              {`[1,]`, "not JSON"},
		"bare key":                    {`{a:1}`, "not JSON"},
		"leading zero":                {`01`, "after the end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := CanonicalJSON([]byte(tt.raw))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %.80q, error %v; want an error with %q", got, err, tt.want)
			}
		})
	}
}

func fullEntry() Entry {
	return Entry{
		V: Version, Time: "2026-03-01T12:00:00.5Z", Event: "catalogue",
		Consumer: Consumer{Sub: "ana <ana@example.org>", Issuer: "https://issuer", Org: "J2", Country: []string{"USA", "GBR"}, OnBehalfOf: "user/bob", Via: "spiffe://mesh/portal"},
		Action:   "replace", Object: "products/sigint/tracks", Decision: Permit,
		ReasonCodes: []string{"a", "b"}, Before: Digest([]byte("1")), After: Digest([]byte("2")),
		Revision: "r1", MarkingAccessed: "SECRET//REL TO USA, GBR", VocabularyVersion: "2026-01", RequestID: "q\u2028\n1", Salt: "AB2",
		SubjectAttributes: Digest([]byte("3")),
		Version:           "1.2.0", Port: "tracks", Purpose: "targeting", Resource: "2026/é \"1\".csv", Range: "bytes=0-99", PolicyVersion: "r0", Node: "spiffe://mesh/node-1",
		Delivery: &Delivery{Outcome: "ended", Bytes: MaxInteger, Records: 7, Withheld: 2},
	}
}

func TestEntryCanonical(t *testing.T) {
	t.Parallel()
	least := Entry{V: 1, Time: "2026-03-01T12:00:00Z", Event: "catalogue", Action: "create", Object: "domains/sigint", Decision: Deny}
	got, err := least.Canonical()
	want := `{"action":"create","consumer":{"sub":""},"decision":"deny","event":"catalogue","object":"domains/sigint","time":"2026-03-01T12:00:00Z","v":1}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	for _, e := range []Entry{least, fullEntry()} {
		canonical, err := e.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseEntry(canonical)
		if diff := cmp.Diff(e, back); err != nil || diff != "" {
			t.Errorf("ParseEntry: %v (-want +got):\n%s", err, diff)
		}
	}
}

// TestEntriesOfBefore: what was written without the newer members is read, and
// hashed, as it stands.
func TestEntriesOfBefore(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"action":"read","consumer":{"sub":"brit"},"decision":"deny","event":"query","object":"product/sigint/none","port":"p","purpose":"targeting","reason_codes":["unknown_resource"],"request_id":"q","salt":"A","time":"2026-03-01T12:00:00Z","v":1}`,
		`{"action":"close","consumer":{"sub":"brit"},"decision":"permit","delivery":{"bytes":10,"outcome":"complete"},"event":"query","object":"products/sigint/tracks","port":"p","salt":"A","time":"2026-03-01T12:00:00Z","v":1,"version":"1.0.0"}`,
	} {
		e, err := ParseEntry([]byte(text))
		if err != nil || e.Port != "p" || e.Resource != "" || e.Range != "" {
			t.Errorf("got %+v, %v", e, err)
		}
	}
}

func TestEntryCanonicalRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Entry){
		"no version":           func(e *Entry) { e.V = 0 },
		"a version to come":    func(e *Entry) { e.V = 2 },
		"no time":              func(e *Entry) { e.Time = "" },
		"local time":           func(e *Entry) { e.Time = "2026-03-01T12:00:00+01:00" },
		"no event":             func(e *Entry) { e.Event = "" },
		"no action":            func(e *Entry) { e.Action = "" },
		"no decision":          func(e *Entry) { e.Decision = "" },
		"an unknown decision":  func(e *Entry) { e.Decision = "maybe" },
		"a digest that is not": func(e *Entry) { e.Before = "sha256:ABC" },
		"attributes unhashed":  func(e *Entry) { e.SubjectAttributes = "TS" },
		"less than nothing":    func(e *Entry) { e.Delivery = &Delivery{Outcome: "complete", Bytes: -1} },
		"more than a double":   func(e *Entry) { e.Delivery = &Delivery{Outcome: "complete", Withheld: MaxInteger + 1} },
		"an endless delivery":  func(e *Entry) { e.Delivery = &Delivery{Bytes: 1} },
	} {
		e := fullEntry()
		change(&e)
		if got, err := e.Canonical(); err == nil {
			t.Errorf("%s: got %s, want an error", name, got)
		}
	}
}

// Bad bytes in any field must not be recorded as U+FFFD.
func TestEntryRefusesInvalidUTF8InEveryField(t *testing.T) {
	t.Parallel()
	base := fullEntry()
	places := 0
	eachString(reflect.ValueOf(&base).Elem(), func(s reflect.Value) {
		places++
		old := s.String()
		s.SetString(old + "\xff")
		if got, err := base.Canonical(); err == nil {
			t.Errorf("string %d (%q): got %s, want an error", places, old, got)
		}
		s.SetString(old)
	})
	if want := 30; places != want {
		t.Errorf("tried %d strings, want %d: extend fullEntry to every field", places, want)
	}
}

func eachString(v reflect.Value, do func(reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		do(v)
	case reflect.Pointer:
		if !v.IsNil() {
			eachString(v.Elem(), do)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachString(v.Field(i), do)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), do)
		}
	}
}

func TestEntryLengthLimit(t *testing.T) {
	t.Parallel()
	e := fullEntry()
	e.RequestID = ""
	bare, err := e.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	room := MaxEntry - len(bare) - len(`"request_id":"",`)
	e.RequestID = strings.Repeat("<", room)
	if got, err := e.Canonical(); err != nil || len(got) != MaxEntry {
		t.Errorf("at the limit: got %d bytes, %v; want %d", len(got), err, MaxEntry)
	}
	for _, more := range []int{1, 1 << 20} {
		e.RequestID = strings.Repeat("<", room+more)
		if got, err := e.Canonical(); !errors.Is(err, ErrTooLong) {
			t.Errorf("%d bytes above the limit: got %d bytes, %v; want ErrTooLong", more, len(got), err)
		}
	}
}

func TestParseEntryRefuses(t *testing.T) {
	t.Parallel()
	canonical, err := fullEntry().Canonical()
	if err != nil {
		t.Fatal(err)
	}
	text := string(canonical)
	for name, changed := range map[string]string{
		"empty":              "",
		"null":               "null",
		"white space":        text + "\n",
		"an unknown field":   strings.Replace(text, `{"action"`, `{"a":1,"action"`, 1),
		"a field twice":      strings.Replace(text, `{"action"`, `{"action":"x","action"`, 1),
		"another case":       strings.Replace(text, `"action"`, `"Action"`, 1),
		"another order":      `{"v":1,` + strings.TrimSuffix(text[1:], `,"v":1}`) + "}",
		"another escape":     strings.Replace(text, "<", `\u003c`, 1),
		"another version":    strings.Replace(text, `"v":1`, `"v":2`, 1),
		"an empty list":      strings.Replace(text, `["a","b"]`, `[]`, 1),
		"invalid UTF-8":      strings.Replace(text, "ana", "an\xff", 1),
		"longer than a tile": text[:len(text)-1] + `,"w":"` + strconv.Itoa(1) + strings.Repeat(" ", MaxEntry) + `"}`,
	} {
		if changed == text {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if e, err := ParseEntry([]byte(changed)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, e)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	// The SHA-256 of the empty message, FIPS 180-4 example.
	want := "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := Digest(nil); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What CanonicalJSON accepts is a fixed point and means the same.
func FuzzCanonicalJSON(f *testing.F) {
	for _, seed := range []string{`{"b":[1,2.50,-0],"a":"\ud83d\ude00"}`, `1e20`, `{"a":1,"a":2}`, `"\ud800"`, `[[[`, `1E400`, `{"\u20ac":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		once, err := CanonicalJSON(raw)
		if err != nil {
			return
		}
		twice, err := CanonicalJSON(once)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("got %q, then %q, %v", once, twice, err)
		}
		var before, after any
		if err := errors.Join(json.Unmarshal(raw, &before), json.Unmarshal(once, &after)); err != nil {
			t.Fatalf("encoding/json disagrees: %v", err)
		}
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("the meaning changed: %q became %q", raw, once)
		}
	})
}

// What ParseEntry accepts prints as the same bytes.
func FuzzParseEntry(f *testing.F) {
	canonical, err := fullEntry().Canonical()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canonical)
	f.Add([]byte(`{"action":"create","consumer":{"sub":""},"decision":"deny","event":"catalogue","object":"","time":"2026-03-01T12:00:00Z","v":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseEntry(raw)
		if err != nil {
			return
		}
		if again, err := e.Canonical(); err != nil || string(again) != string(raw) {
			t.Fatalf("got %q, %v; want %q", again, err, raw)
		}
	})
}

func BenchmarkEntryCanonical(b *testing.B) {
	e := fullEntry()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Canonical(); err != nil {
			b.Fatal(err)
		}
	}
}
