package marking

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Canonical is the vocabulary as its file says it, in one form: the same
// statements in the same order are the same bytes, however the file was
// spaced, and other statements are others. [ReadVocabulary] reads them back.
func (v *Vocabulary) Canonical() []byte { return bytes.Clone(v.canonical) }

// Date is the day on which the vocabulary's dates are judged, YYYY-MM-DD.
func (v *Vocabulary) Date() string { return v.date }

// encode is the canonical form: the fields in the order of their declaration,
// without spaces. Those that say nothing stand there too, so that leaving one
// out and stating it empty are one statement.
func (f *vocabularyFile) encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(f.plain()); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if len(text) > MaxVocabularySize {
		return nil, fmt.Errorf("longer than %d bytes once it is written out", MaxVocabularySize)
	}
	return text, nil
}

// plain is the file with empty lists in place of those that were left out.
func (f *vocabularyFile) plain() *vocabularyFile {
	p := *f
	p.Sources, p.Equivalences, p.Groups = present(f.Sources), present(f.Equivalences), present(f.Groups)
	p.Controls, p.Levels, p.Nations = present(f.Controls), present(f.Levels), present(f.Nations)
	for i := range p.Groups {
		p.Groups[i].Members = present(p.Groups[i].Members)
	}
	p.Systems = present(f.Systems)
	for i := range p.Systems {
		p.Systems[i] = p.Systems[i].plain()
	}
	return &p
}

func (s system) plain() system {
	s.OtherTitles, s.Former, s.Levels = present(s.OtherTitles), present(s.Former), present(s.Levels)
	s.Requires, s.CompartmentLevels, s.Compartments = present(s.Requires), present(s.CompartmentLevels), present(s.Compartments)
	for i := range s.Compartments {
		c := &s.Compartments[i]
		c.Levels, c.Requires, c.Excludes = present(c.Levels), present(c.Requires), present(c.Excludes)
		c.SubLevels, c.SubRequires = present(c.SubLevels), present(c.SubRequires)
	}
	return s
}

// present is a copy that is never nil, so that what is written into it does not
// reach what was read.
func present[T any](list []T) []T { return append([]T{}, list...) }

// CheckVersion reports what is wrong with the version of a vocabulary: it
// stands in paths, records and signatures as it is.
func CheckVersion(version string) error {
	if version == "" || len(version) > MaxVersion {
		return fmt.Errorf("write one of 1 to %d bytes", MaxVersion)
	}
	for i, c := range []byte(version) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '-' && c != '_') {
			return fmt.Errorf("%q: write letters and digits, and after the first also . - _", clip(version))
		}
	}
	return nil
}
