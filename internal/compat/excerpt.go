package compat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxExcerpt is the most characters of an excerpt; of a longer text it keeps the
// first excerptStart.
const (
	maxExcerpt   = 400
	excerptStart = 200
	excerptGap   = " … "
)

// excerpt is a part of a schema that may go to a terminal: what does not print
// is replaced, so that no name can move the cursor or forge a line, and the
// middle of a long one is left out. The end of a reason says what to do.
func excerpt(text string) string {
	shown := []rune(strings.Map(printing, text))
	if len(shown) <= maxExcerpt {
		return string(shown)
	}
	end := maxExcerpt - excerptStart - utf8.RuneCountInString(excerptGap)
	return string(shown[:excerptStart]) + excerptGap + string(shown[len(shown)-end:])
}

func printing(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}
