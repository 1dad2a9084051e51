package catalog

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Incompatibility is one reason why data of one schema cannot be read with
// another.
type Incompatibility struct {
	// Kind is the Confluent Schema Registry's name of the difference, such as
	// READER_FIELD_MISSING_DEFAULT_VALUE.
	Kind string `json:"kind"`
	// Path is where, as in Confluent's messages: "/fields/0/type" for AVRO,
	// "#/properties/id" for JSON, "#/Track/2" for field 2 of a PROTOBUF
	// message; "/" or "#/" is the whole schema. Of a path longer than 1,000
	// bytes the end is kept.
	Path string `json:"path"`
	// Old is the older schema's side in at most 200 bytes, "" where it has
	// nothing.
	Old string `json:"old"`
	// New is the candidate's side, as Old.
	New string `json:"new"`
	// Version is the number of the older schema: in the registry, or its place,
	// from one, among the schemas that were compared.
	Version int `json:"version"`
	// Direction is BACKWARD when the candidate cannot read data of the older
	// schema, FORWARD when the older schema cannot read data of the candidate.
	Direction Compatibility `json:"direction"`
	// Fix is one sentence: what to change in the candidate.
	Fix string `json:"fix"`
}

// String is one line: path, kind, both sides, what to do. What a schema calls
// its parts stands in it, with characters that do not print escaped.
func (i Incompatibility) String() string {
	line := fmt.Sprintf("%s: %s: version %d has %s, the candidate has %s (%s); %s",
		i.Path, i.Kind, i.Version, orNothing(i.Old), orNothing(i.New), i.Direction, i.Fix)
	return printable(line)
}

// printable escapes the characters of a text that do not print.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func orNothing(side string) string {
	if side == "" {
		return "nothing"
	}
	return side
}
