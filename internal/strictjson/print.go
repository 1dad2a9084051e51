package strictjson

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Print writes the value in the layout of RFC 8785: no whitespace, keys sorted
// by UTF-16 code units, no escape that JSON does not demand. number turns the
// literal of a number into its canonical form: [Decimal], or one that calls
// [ES6].
func (v *Value) Print(number func(literal string) string) string {
	p := printer{number: number}
	p.value(v)
	return p.String()
}

// ES6 is the number as RFC 8785, section 3.2.2.3, prints it: the shortest
// decimal that reads back as the same double. f is finite.
func ES6(f float64) string {
	if f == 0 {
		return "0"
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	negative := strings.HasPrefix(text, "-")
	mantissa, exponent, _ := strings.Cut(strings.TrimPrefix(text, "-"), "e")
	n, _ := strconv.Atoi(exponent) // FormatFloat writes a whole number
	return layout(negative, strings.Replace(mantissa, ".", "", 1), n+1)
}

// Decimal is the one canonical literal of the number that a JSON literal
// means, without rounding: "1.0", "1e0" and "10E-1" are all "1". It has the
// layout of [ES6], and for a number that a double holds exactly the same text.
func Decimal(literal string) string {
	negative := strings.HasPrefix(literal, "-")
	mantissa, exponent := strings.TrimPrefix(literal, "-"), 0
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		exponent, _ = strconv.Atoi(mantissa[i+1:]) // Parse has bounded it
		mantissa = mantissa[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	point := exponent + len(digits) - len(fraction)
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return "0"
	}
	return layout(negative, digits, point)
}

// layout places the decimal point of 0.digits × 10^point as ECMAScript does.
func layout(negative bool, digits string, point int) string {
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	k := len(digits)
	switch {
	case k <= point && point <= 21:
		b.WriteString(digits + strings.Repeat("0", point-k))
	case 0 < point && point <= 21:
		b.WriteString(digits[:point] + "." + digits[point:])
	case -6 < point && point <= 0:
		b.WriteString("0." + strings.Repeat("0", -point) + digits)
	default:
		b.WriteString(digits[:1])
		if k > 1 {
			b.WriteString("." + digits[1:])
		}
		b.WriteByte('e')
		if point > 0 {
			b.WriteByte('+')
		}
		b.WriteString(strconv.Itoa(point - 1))
	}
	return b.String()
}

type printer struct {
	strings.Builder
	number func(string) string
}

func (p *printer) value(v *Value) {
	switch v.Kind {
	case Null:
		p.WriteString("null")
	case Bool:
		p.WriteString(v.Text)
	case Number:
		p.WriteString(p.number(v.Text))
	case String:
		p.quote(v.Text)
	case Array:
		p.list('[', ']', len(v.Items), func(i int) { p.value(v.Items[i]) })
	case Object:
		members := slices.Clone(v.Members)
		slices.SortFunc(members, func(a, b Member) int { return compareUTF16(a.Key, b.Key) })
		p.list('{', '}', len(members), func(i int) {
			p.quote(members[i].Key)
			p.WriteByte(':')
			p.value(members[i].Value)
		})
	}
}

func (p *printer) list(left, right byte, n int, element func(int)) {
	p.WriteByte(left)
	for i := range n {
		if i > 0 {
			p.WriteByte(',')
		}
		element(i)
	}
	p.WriteByte(right)
}

const shortEscapes = "\b\t\n\f\r\"\\"

// quote escapes the quote, the backslash and control characters only.
func (p *printer) quote(s string) {
	p.WriteByte('"')
	for _, r := range s {
		switch i := strings.IndexRune(shortEscapes, r); {
		case i >= 0:
			p.WriteByte('\\')
			p.WriteByte(`btnfr"\`[i])
		case r < 0x20:
			p.WriteString(`\u00`)
			p.WriteByte("0123456789abcdef"[r>>4])
			p.WriteByte("0123456789abcdef"[r&15])
		default:
			p.WriteRune(r)
		}
	}
	p.WriteByte('"')
}

// compareUTF16 orders strings by UTF-16 code units, which differs from the
// order of code points above U+FFFF.
func compareUTF16(a, b string) int {
	if isASCII(a) && isASCII(b) {
		return strings.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
