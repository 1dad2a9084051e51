package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxErrors is how many mistakes are listed.
const maxErrors = 50

// Error is one mistake in a file.
type Error struct {
	Line, Column int    // counted from one; 0 when the file as a whole is meant
	Path         string // of the field, such as "images[2].platforms[0]"; "" for the file
	Reason       string // what is wrong
	Fix          string // what to write
}

// Error is the mistake on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Reason)
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}

// Errors are all mistakes of a file, in its order. errors.As finds the first
// [*Error].
type Errors []*Error

// Error lists the mistakes, a line each.
func (e Errors) Error() string {
	var b strings.Builder
	for i, mistake := range e[:min(len(e), maxErrors)] {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(mistake.Error())
	}
	if more := len(e) - maxErrors; more > 0 {
		fmt.Fprintf(&b, "\nand %d more", more)
	}
	return b.String()
}

// Unwrap gives each mistake to errors.As.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, mistake := range e {
		all[i] = mistake
	}
	return all
}

// Sort puts the mistakes in the order of the text.
func (e Errors) Sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
