package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

var limits = Limits{Bytes: 1 << 20, Depth: 100, Values: 10_000}

// The number vectors of RFC 8785, appendix B.
func TestES6(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bits uint64
		want string
	}{
		{0x0000000000000000, "0"},
		{0x8000000000000000, "0"},
		{0x0000000000000001, "5e-324"},
		{0x8000000000000001, "-5e-324"},
		{0x7fefffffffffffff, "1.7976931348623157e+308"},
		{0xffefffffffffffff, "-1.7976931348623157e+308"},
		{0x4340000000000000, "9007199254740992"},
		{0xc340000000000000, "-9007199254740992"},
		{0x4430000000000000, "295147905179352830000"},
		{0x44b52d02c7e14af5, "9.999999999999997e+22"},
		{0x44b52d02c7e14af6, "1e+23"},
		{0x44b52d02c7e14af7, "1.0000000000000001e+23"},
		{0x444b1ae4d6e2ef4e, "999999999999999700000"},
		{0x444b1ae4d6e2ef4f, "999999999999999900000"},
		{0x444b1ae4d6e2ef50, "1e+21"},
		{0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
		{0x3eb0c6f7a0b5ed8d, "0.000001"},
		{0x41b3de4355555553, "333333333.3333332"},
		{0x41b3de4355555554, "333333333.33333325"},
		{0x41b3de4355555555, "333333333.3333333"},
		{0x41b3de4355555556, "333333333.3333334"},
		{0x41b3de4355555557, "333333333.33333343"},
		{0xbecbf647612f3696, "-0.0000033333333333333333"},
		{0x43143ff3c1cb0959, "1424953923781206.2"},
	} {
		if got := ES6(math.Float64frombits(tt.bits)); got != tt.want {
			t.Errorf("ES6(%016x): got %s, want %s", tt.bits, got, tt.want)
		}
	}
}

func TestDecimalIsExact(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]string{
		"0": "0", "-0": "0", "0.000": "0", "0e7": "0",
		"1": "1", "1.0": "1", "1e0": "1", "10E-1": "1", "0.1e+1": "1",
		"9223372036854775807":    "9223372036854775807",
		"9223372036854775807.50": "9223372036854775807.5",
		"100000000000000000000":  "100000000000000000000",
		"1e21":                   "1e+21",
		"123e-8":                 "0.00000123",
		"123e-9":                 "1.23e-7",
		"-12.50":                 "-12.5",
	} {
		if got := Decimal(literal); got != want {
			t.Errorf("Decimal(%s): got %s, want %s", literal, got, want)
		}
	}
}

func TestParseKeepsOrderAndPlaces(t *testing.T) {
	t.Parallel()
	text := "{ \"b\" : [ 1,\n  {\"é\":true} ],\"a\":null}"
	v, err := Parse(text, limits)
	if err != nil {
		t.Fatal(err)
	}
	if v.Members[0].Key != "b" || v.Members[1].Key != "a" {
		t.Errorf("got keys in order %q, %q; want b, a", v.Members[0].Key, v.Members[1].Key)
	}
	inner := v.Get("b").Items[1].Get("é")
	if line, column := Locate(text, inner.Start); line != 2 || column != 8 {
		t.Errorf("got line %d, column %d; want 2, 8", line, column)
	}
	if got := text[v.Get("b").Items[0].Start]; got != '1' {
		t.Errorf("got the first item at %q, want at 1", got)
	}
}

func TestParseErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text   string
		path   string
		offset int
		reason string
	}{
		{`{"a/b":{"~":1,"~":2}}`, "/a~1b/~0", 14, "twice"},
		{`[0,"\ud800"]`, "/1", 4, "surrogate"},
		{`[0,1e-500]`, "/1", 3, "exponent"},
		{`{"a":tru}`, "/a", 5, "not JSON"},
		{`[1 2]`, "", 3, "not JSON"},
		{`[1`, "", 2, "ends too early"},
		{`1]`, "", 1, "after the end"},
		{"[\"\xff\"]", "", 2, "UTF-8"},
		{"[\x00]", "", 1, "NUL"},
	} {
		_, err := Parse(tt.text, limits)
		var at *Error
		if !errors.As(err, &at) {
			t.Errorf("%q: got error %v, want an *Error", tt.text, err)
			continue
		}
		if at.Path != tt.path || at.Offset != tt.offset || !strings.Contains(at.Reason, tt.reason) {
			t.Errorf("%q: got %q at %d: %s; want %q at %d: …%s…", tt.text, at.Path, at.Offset, at.Reason, tt.path, tt.offset, tt.reason)
		}
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	small := Limits{Bytes: 20, Depth: 2, Values: 3}
	for text, ok := range map[string]bool{
		`[[1]]`: true, `[[[]]]`: false,
		`[1,2]`: true, `[1,2,3]`: false,
		`"` + strings.Repeat("x", 18) + `"`: true, `"` + strings.Repeat("x", 19) + `"`: false,
	} {
		if _, err := Parse(text, small); (err == nil) != ok {
			t.Errorf("%s: got error %v, want accepted %v", text, err, ok)
		}
	}
	digits := strings.Repeat("1", MaxNumber)
	if _, err := Parse(digits, limits); err != nil {
		t.Errorf("a number of %d digits: %v", MaxNumber, err)
	}
	if _, err := Parse(digits+"1", limits); err == nil {
		t.Errorf("a number of %d digits: got no error", MaxNumber+1)
	}
}

// Parse accepts nothing that encoding/json refuses, and Print gives it back.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e3,"\u00e9\ud83d\ude00"],"b":{}}`, `[`, `{"a":1,"a":1}`, `"\udc00"`, "\ufeff1", `1e999`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text, limits)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Offset < 0 || at.Offset > len(text) {
				t.Fatalf("got error %#v, want an *Error inside the text", err)
			}
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("accepted %q, encoding/json does not", text)
		}
		again, err := Parse(v.Print(Decimal), limits)
		if err != nil {
			t.Fatalf("its own print is refused: %v", err)
		}
		if got, want := fmt.Sprint(again.Print(Decimal)), v.Print(Decimal); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// Decimal agrees with ES6 wherever a double is exact, and never changes value.
func FuzzDecimal(f *testing.F) {
	f.Add(1.5)
	f.Add(1e21)
	f.Add(5e-324)
	f.Fuzz(func(t *testing.T, x float64) {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return
		}
		literal := ES6(x)
		if got := Decimal(literal); got != literal {
			t.Fatalf("Decimal(%s): got %s", literal, got)
		}
		if back, err := strconv.ParseFloat(literal, 64); err != nil || back != x {
			t.Fatalf("ES6(%g): %s reads back as %g, %v", x, literal, back, err)
		}
	})
}
