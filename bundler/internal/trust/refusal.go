package trust

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Refusal says why the policy does not let an item pass.
type Refusal struct {
	Item     string
	Expected []string // what the policy wants
	Found    []string // what is there instead
	Next     string   // what to do
}

// Error lists what was expected and what was found, a line each.
func (r *Refusal) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is refused", r.Item)
	for _, e := range r.Expected {
		b.WriteString("\n  expected: " + e)
	}
	for _, f := range r.Found {
		b.WriteString("\n  found: " + f)
	}
	if len(r.Found) == 0 {
		b.WriteString("\n  found: nothing")
	}
	b.WriteString("\n  next: " + r.Next)
	return b.String()
}

// flaw is why a claim does not count.
type flaw struct {
	kind   flawKind
	reason string
}

// flawKind is what follows from a flaw.
type flawKind int

const (
	// foreign: the claim is by somebody else. It counts for nothing here.
	foreign flawKind = iota
	// malformed: it cannot be read. It counts for nothing, and refuses the item
	// under a strict policy.
	malformed
	// unproved: it is by the signer, but not about this, or not at a time at
	// which it may be. It counts for nothing.
	unproved
	// forged: it claims to be by the signer and is not, or is the signer's
	// release of something else. It refuses the item.
	forged
)

func (f *flaw) Error() string { return f.reason }

func foreignf(format string, args ...any) error {
	return &flaw{foreign, fmt.Sprintf(format, args...)}
}

func malformedf(format string, args ...any) error {
	return &flaw{malformed, fmt.Sprintf(format, args...)}
}

func unprovedf(format string, args ...any) error {
	return &flaw{unproved, fmt.Sprintf(format, args...)}
}

func forgedf(format string, args ...any) error {
	return &flaw{forged, fmt.Sprintf(format, args...)}
}

// asFlaw is the flaw in an error, nil when it is of another kind.
func asFlaw(err error) *flaw {
	var f *flaw
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// printable makes one line of text that came with evidence: terminals obey
// control characters, and bidirectional ones rearrange what people read.
func printable(text string) string {
	const most = 500
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	strange := func(r rune) bool { return !unicode.IsPrint(r) }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, strange) {
		return strconv.QuoteToASCII(text)
	}
	return text
}
