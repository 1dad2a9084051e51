package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// findings collects what is wrong with one object.
type findings struct{ problems []Problem }

func (f *findings) add(field, rule, fix, format string, args ...any) {
	f.problems = append(f.problems, Problem{Field: field, Rule: rule, Detail: fmt.Sprintf(format, args...), Fix: fix})
}

// sorted is the outcome: by field, then rule, then text, nil when there is none.
func (f *findings) sorted() []Problem {
	slices.SortFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Detail, b.Detail))
	})
	return slices.Compact(f.problems)
}

// owned checks the names that every object but a domain has.
func (f *findings) owned(domain, name string) {
	f.name("/domain", domain)
	f.name("/name", name)
}

func (f *findings) name(field, name string) {
	if name == "" {
		f.required(field)
		return
	}
	if err := CheckName(name); err != nil {
		f.add(field, RuleFormat, "Choose a name of lower-case letters, digits and single hyphens.", "%s is not a name: 1 to %d of a-z, 0-9 and single hyphens, starting with a letter.", shown(name), MaxName)
	}
}

func (f *findings) id(field string, kind Kind, id string) {
	if err := kind.CheckID(id); err != nil {
		f.add(field, RuleFormat, "Write domain/name, such as sigint/tracks.", "%s is not the id of a %s.", shown(id), kind.Noun())
	}
}

func (f *findings) required(field string) {
	f.add(field, RuleRequired, "Set it.", "This field is mandatory.")
}

// line checks a mandatory text of one line.
func (f *findings) line(field, text string) {
	if strings.TrimSpace(text) == "" {
		f.required(field)
		return
	}
	f.optionalLine(field, text)
}

func (f *findings) optionalLine(field, text string) {
	f.text(field, text, MaxLine)
	if strings.ContainsAny(text, "\n\r\t") {
		f.add(field, RuleFormat, "Write it on one line.", "The text has a line break or a tab.")
	}
}

// text checks a text of several lines and at most so many characters.
func (f *findings) text(field, text string, limit int) {
	if n := utf8.RuneCountInString(text); n > limit {
		f.add(field, RuleLimit, "Shorten it.", "The text has %d characters, the limit is %d.", n, limit)
	}
	f.printable(field, text)
}

// printable refuses what makes a text look like another one or breaks a
// terminal: control characters and, against the "Trojan source" attack
// (CVE-2021-42574), all invisible format characters such as bidirectional
// overrides and zero-width spaces.
func (f *findings) printable(field, text string) {
	if !utf8.ValidString(text) {
		f.add(field, RuleFormat, "Save the text as UTF-8.", "The text is not valid UTF-8.")
		return
	}
	for at, r := range text {
		if hidden(r) {
			f.add(field, RuleFormat, "Remove the character.", "The character %U at byte %d is invisible or a control character.", r, at)
			return
		}
	}
}

func hidden(r rune) bool {
	switch r {
	case '\n', '\r', '\t':
		return false
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800': // blank letters
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

// count checks the size of a list or map.
func (f *findings) count(field string, n, limit int) {
	if n > limit {
		f.add(field, RuleLimit, "Leave some out.", "There are %d, the limit is %d.", n, limit)
	}
}

// oneOf checks a value against those permitted.
func oneOf[T ~string](f *findings, field string, value T, permitted ...T) {
	if value == "" {
		f.required(field)
		return
	}
	if slices.Contains(permitted, value) {
		return
	}
	names := make([]string, len(permitted))
	for i, p := range permitted {
		names[i] = string(p)
	}
	f.add(field, RuleUnknownValue, "Choose one of "+strings.Join(names, ", ")+".", "%s is not among the permitted values.", shown(string(value)))
}

// shown quotes a value that came from outside: escaped, cut at 80 bytes.
func shown(value string) string {
	if len(value) > 80 {
		value = strings.ToValidUTF8(value[:80], "") + "..."
	}
	return fmt.Sprintf("%+q", value)
}

// normalSet sorts a set and drops what is there twice; nil when it is empty.
func normalSet(set []string) []string {
	if len(set) == 0 {
		return nil
	}
	set = slices.Clone(set)
	slices.Sort(set)
	return slices.Compact(set)
}
