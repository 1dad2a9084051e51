package review

import (
	"strconv"
	"strings"
	"unicode"
)

// Suspect says what is unusual about a text from elsewhere: "control" for
// characters that a terminal acts on, "bidi" for those that turn the direction of
// reading (Unicode TR 36, section 3.2), "invisible" for others that are not seen,
// "look-alike" for a word of several scripts (TR 39, section 5.2), "non-ASCII"
// for everything else that is not ASCII. None for plain text.
func Suspect(text string) []string {
	var flags []string
	add := func(flag string, found bool) {
		if found {
			flags = append(flags, flag)
		}
	}
	add("bidi", strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }))
	add("control", strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }))
	add("invisible", strings.ContainsFunc(text, invisible))
	add("look-alike", mixedScripts(text))
	add("non-ASCII", strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }))
	return flags
}

func invisible(r rune) bool {
	return !unicode.IsPrint(r) && !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r)
}

// mixedScripts reports whether Latin letters stand together with letters of
// scripts that look like them, or whether there are Latin letters of another
// width.
func mixedScripts(text string) bool {
	latin, other := false, false
	for _, r := range text {
		switch {
		case r <= unicode.MaxASCII:
			latin = latin || unicode.IsLetter(r)
		case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu):
			other = true
		case r >= 0xff01 && r <= 0xff5e || r >= 0x1d400 && r <= 0x1d7ff: // full width; mathematical letters
			latin, other = true, true
		}
	}
	return latin && other
}

// plain is a text in printable ASCII. Whatever is not becomes \u{HEX}, and a
// backslash two, so that no two texts look alike.
func plain(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		default:
			b.WriteString(`\u{` + strconv.FormatInt(int64(r), 16) + `}`)
		}
	}
	return b.String()
}

// cell is a text that no spreadsheet computes (CWE-1236). An apostrophe makes it
// text; it also stands after a semicolon, where some locales start a new cell.
func cell(text string) string {
	text = plain(text)
	if computed(text) {
		text = "'" + text
	}
	parts := strings.Split(text, ";")
	for i, part := range parts[1:] {
		if computed(part) {
			parts[i+1] = "'" + part
		}
	}
	return strings.Join(parts, ";")
}

func computed(text string) bool {
	text = strings.TrimLeft(text, " \"")
	return text != "" && strings.ContainsRune("=+-@", rune(text[0]))
}
