package catalog

import (
	"fmt"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"
)

// markedTypes are the media types whose records can be told apart: GeoJSON,
// STIX, JSON Lines and Avro.
var markedTypes = []string{
	"application/geo+json", "application/vnd.geo+json", "application/stix+json",
	"application/jsonl", "application/jsonlines", "application/x-jsonlines", "application/ndjson", "application/x-ndjson",
	"application/avro", "application/vnd.apache.avro",
}

// MarkedTypes are the media types whose records can carry portion marks of their
// own.
func MarkedTypes() []string { return slices.Clone(markedTypes) }

// MarksRecords reports whether records of this port can carry portion marks of
// their own: rows of a database, and records of [MarkedTypes], whatever the
// parameters of the media type; a charset other than UTF-8 is none of these.
func (o OutputPort) MarksRecords() bool {
	if o.Type == PortSQL {
		return true
	}
	mediaType, parameters, err := mime.ParseMediaType(o.ContentType)
	charset, given := parameters["charset"]
	return err == nil && slices.Contains(markedTypes, mediaType) && (!given || strings.EqualFold(charset, "utf-8"))
}

// maxColumn is the longest name of a column in characters: what the databases
// of [PortSQL] take at most.
const maxColumn = 128

func (o OutputPort) checkRecordMarking(f *findings, field string) {
	f.optionalLine(field, o.RecordMarking)
	switch {
	case o.Type == PortSQL:
		if !isColumn(o.RecordMarking) {
			f.add(field, RuleFormat, fmt.Sprintf("Write the name of one column, without dots and quotes around it, in at most %d characters.", maxColumn), "%s is not the name of a column.", shown(o.RecordMarking))
		}
	case !isPropertyPath(o.RecordMarking):
		f.add(field, RuleFormat, "Write the name of the property, with dots between the names on the way to it, such as security.marking.", "%s is not the path of a property: one of its names is empty, or begins or ends with a space.", shown(o.RecordMarking))
	}
	if !o.MarksRecords() {
		f.add(field, RuleFormat, fmt.Sprintf("Set content_type to one of %s, in UTF-8, or leave record_marking out; on a port of type sql it names a column.", strings.Join(markedTypes, ", ")),
			"Records of content type %s cannot be told apart.", shown(o.ContentType))
	}
}

// isColumn reports whether a name is that of one column. Whoever writes it into
// SQL quotes it. One with a dot is the path of a property, or of a column in a
// table, by somebody who takes the port for another.
func isColumn(name string) bool {
	return name != "" && !strings.Contains(name, ".") && strings.TrimSpace(name) == name && utf8.RuneCountInString(name) <= maxColumn
}

// isPropertyPath reports whether every name of a dotted path is one.
func isPropertyPath(path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		if name == "" || strings.TrimSpace(name) != name {
			return false
		}
	}
	return true
}
