package compat

import (
	"errors"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// The fields that carry the marking of the record they stand in, by
// [plainFieldName]. Sources: the portion mark of the CAPCO manual under the
// names that are in use for it, and object_marking_refs of STIX 2.1, section
// 3.2, with granular_markings of section 7.2.3.
var portionMarkNames = wordSet(`marking portionmark portionmarking classificationmarking securitymarking
	objectmarkingrefs granularmarkings`)

// ismAttributes are the attributes of ISM.XML that together are the marking of
// a portion, by [plainFieldName]. Two of them are on every portion.
var (
	ismAttributes = wordSet(`classification ownerproducer joint scicontrols saridentifier atomicenergymarkings
		disseminationcontrols displayonlyto fgisourceopen fgisourceprotected releasableto nonicmarkings
		nonuscontrols secondbannerline handlesystems classifiedby compilationreason derivativelyclassifiedby
		classificationreason derivedfrom declassdate declassevent declassexception noticetype noticereason
		noticedate externalnotice unregisterednoticetype pocttype exemptfrom cuibasic cuispecified
		cuicontrolledby cuicontrolledbyoffice cuidecontroldate cuidecontrolevent cuipoc`)
	ismEveryPortion = []string{"classification", "ownerproducer"}
)

// plainFieldName is a name without the prefix of a namespace and without what
// styles of names differ in: case, underscores and hyphens.
func plainFieldName(name string) string {
	return strings.ToLower(nameStyle.Replace(name[strings.LastIndexByte(name, ':')+1:]))
}

var nameStyle = strings.NewReplacer("_", "", "-", "", `"`, "")

// unmarked lists the fields without a marking that is valid under v, nil when no
// record has a portion mark.
func (s *Schema) unmarked(v *marking.Vocabulary) []catalog.FieldGap {
	marks := s.portionMarks()
	if len(marks) == 0 {
		return nil
	}
	judge := markingJudge{vocabulary: v, advice: markingAdvice[s.typ], reasons: map[string]string{}}
	var gaps []catalog.FieldGap
	for _, f := range s.fields {
		if reason := judge.reason(f.Marking); reason != "" && !marks.cover(f.Path) {
			gaps = append(gaps, catalog.FieldGap{Path: excerpt(f.Path), Reason: reason})
		}
	}
	return gaps
}

// markPaths are the paths of the fields that are portion marks.
type markPaths map[string]bool

// cover reports whether a field is a portion mark or a part of one.
func (m markPaths) cover(path string) bool {
	for i, r := range path {
		if strings.ContainsRune(".[{", r) && m[path[:i]] {
			return true
		}
	}
	return m[path]
}

func (s *Schema) portionMarks() markPaths {
	marks := markPaths{}
	around := map[string]map[string]bool{} // names by what they stand in
	for _, f := range s.fields {
		name, parent := plainFieldName(f.name), f.parent()
		if portionMarkNames[name] {
			marks[f.Path] = true
		}
		if around[parent] == nil {
			around[parent] = map[string]bool{}
		}
		around[parent][name] = true
	}
	for _, f := range s.fields {
		beside := around[f.parent()]
		if beside[ismEveryPortion[0]] && beside[ismEveryPortion[1]] && ismAttributes[plainFieldName(f.name)] {
			marks[f.Path] = true
		}
	}
	return marks
}

// parent is the path of what the field stands in.
func (f *Field) parent() string { return strings.TrimSuffix(f.Path, join("", f.name)) }

// markingAdvice is how each language writes a marking.
var markingAdvice = map[catalog.SchemaType]string{
	catalog.SchemaAvro:     `"marking": "(S//NF)" in the field or its record`,
	catalog.SchemaJSON:     `"x-marking": "(S//NF)" in the property or an object around it`,
	catalog.SchemaProtobuf: `a comment line "Marking: (S//NF)" at the field or its message`,
}

// markingJudge judges each text once, by one vocabulary.
type markingJudge struct {
	vocabulary *marking.Vocabulary
	advice     string
	reasons    map[string]string
}

// reason is what is wrong with a marking, "" when nothing is.
func (j markingJudge) reason(text string) string {
	if text == "" {
		return "no marking, although the records carry one: write " + j.advice
	}
	reason, known := j.reasons[text]
	if !known {
		reason = j.refusal(text)
		j.reasons[text] = reason
	}
	return reason
}

func (j markingJudge) refusal(text string) string {
	if !strings.HasPrefix(text, "(") {
		return excerpt("marking " + strconv.Quote(text) + " is no portion mark: write it in parentheses, such as (S//NF)")
	}
	_, err := j.vocabulary.Parse(text)
	var invalid *marking.InvalidError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &invalid) && len(invalid.Problems) > 0:
		return excerpt("marking " + strconv.Quote(text) + " is refused: " + invalid.Problems[0].String())
	}
	return excerpt("marking " + strconv.Quote(text) + " is refused: " + err.Error())
}
