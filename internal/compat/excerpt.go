package compat

import (
	"strings"
	"unicode"
)

// excerptEnd is how many characters an excerpt keeps of each end.
const excerptEnd = 200

// excerpt is a part of a schema that may go to a terminal: what does not print
// is replaced, so that no name can move the cursor or forge a line, and the
// middle of a long one is left out. The end of a reason says what to do.
func excerpt(text string) string {
	shown := []rune(strings.Map(printing, text))
	if len(shown) <= 2*excerptEnd {
		return string(shown)
	}
	return string(shown[:excerptEnd]) + " … " + string(shown[len(shown)-excerptEnd:])
}

func printing(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}
