package compat

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// The kinds of Avro, as Avro's SchemaCompatibility names them. The last one is
// ours: there it is an exception.
const (
	avroRenamed   = "NAME_MISMATCH"
	avroResized   = "FIXED_SIZE_MISMATCH"
	avroSymbols   = "MISSING_ENUM_SYMBOLS"
	avroNoDefault = "READER_FIELD_MISSING_DEFAULT_VALUE"
	avroRetyped   = "TYPE_MISMATCH"
	avroNoBranch  = "MISSING_UNION_BRANCH"
	avroAmbiguous = "READER_FIELD_AMBIGUOUS"
)

var avroAdvice = map[string]advice{
	avroRenamed: {
		"Keep the name of the type, or list the old full name in its aliases.",
		"Keep the name of the type: aliases in the candidate do not help readers that have the older version.",
	},
	avroResized: {"Keep the size of the fixed type.", "Keep the size of the fixed type."},
	avroSymbols: {
		"Keep the symbols, or give the enum a default.",
		"Leave the new symbols out: readers that have the older version do not know them.",
	},
	avroNoDefault: {
		"Give the field a default.",
		"Keep the field: the older version has no default for it.",
	},
	avroRetyped: {
		"Keep the type, or take one that reads the old one, such as long for int or a union that holds it.",
		"Keep the type, or take one that the older version reads, such as int for long.",
	},
	avroNoBranch: {
		"Keep the branch of the union.",
		"Leave the new branch out: readers that have the older version do not know it.",
	},
	avroAmbiguous: {
		"Take one of the names out of the aliases of the field: the older version has fields of several of them.",
		"Drop one of the fields that the older version takes for the same.",
	},
}

// avroReads follows the schema resolution of Avro as its Java library judges
// it: names of types are compared without namespace, aliases count on the
// reader's side only, and logical types do not count.
func avroReads(reader, writer *Schema) ([]catalog.Incompatibility, error) {
	r, w, err := models[*avroSchema](reader, writer)
	if err != nil {
		return nil, err
	}
	c := avroComparison{
		memo:  map[avroPair]*avroVerdict{},
		index: map[*avroType]map[string]*avroField{},
		same:  sync.OnceValue(func() bool { return reader.means(writer) }),
	}
	root := c.compare(r.root, w.root, nil)
	seen := map[avroFinding]bool{} // a type that is used twice is judged once and merged twice
	for _, f := range root.found {
		if !seen[f] {
			c.report(f.kind, f.at.pointer(), f.writer, f.reader)
		}
		seen[f] = true
	}
	return c.result()
}

type avroComparison struct {
	budget
	memo  map[avroPair]*avroVerdict
	index map[*avroType]map[string]*avroField // fields of a record by name
	same  func() bool                         // both texts mean the same
}

type avroPair struct{ reader, writer *avroType }

// avroVerdict is what is known about a pair. While the pair is looked at it
// has no findings, so that a recursive type is compatible unless another part
// of it is not.
type avroVerdict struct{ found []avroFinding }

func (v *avroVerdict) ok() bool { return len(v.found) == 0 }

type avroFinding struct {
	kind           string
	at             *place
	reader, writer string // both sides in a few words
}

func (c *avroComparison) compare(reader, writer *avroType, at *place) *avroVerdict {
	pair := avroPair{reader, writer}
	if known := c.memo[pair]; known != nil {
		return known
	}
	v := &avroVerdict{}
	c.memo[pair] = v
	if !c.enter() {
		return v
	}
	defer c.leave()
	v.found = c.judge(reader, writer, at)
	return v
}

// merge appends the findings of a part, not more than are reported. Each costs
// a step: a part may be used in many places.
func (c *avroComparison) merge(found []avroFinding, v *avroVerdict) []avroFinding {
	for _, f := range v.found {
		if len(found) >= MaxIncompatibilities || !c.step() {
			break
		}
		found = append(found, f)
	}
	return found
}

func (c *avroComparison) judge(reader, writer *avroType, at *place) []avroFinding {
	switch {
	case writer.kind == "union":
		return c.unionWriter(reader, writer, at)
	case reader.kind == "union":
		return c.unionReader(reader, writer, at)
	case reader.kind != writer.kind:
		if slices.Contains(avroPromotions[reader.kind], writer.kind) {
			return nil
		}
		return []avroFinding{{avroRetyped, at, reader.label(), writer.label()}}
	}
	switch reader.kind {
	case "array":
		return c.compare(reader.items, writer.items, at.then("items")).found
	case "map":
		return c.compare(reader.items, writer.items, at.then("values")).found
	case "fixed", "enum", "record":
		return c.named(reader, writer, at)
	}
	return nil
}

// avroPromotions lists what a primitive type reads besides itself.
var avroPromotions = map[string][]string{
	"long":   {"int"},
	"float":  {"int", "long"},
	"double": {"int", "long", "float"},
	"bytes":  {"string"},
	"string": {"bytes"},
}

// unionWriter wants every branch of the writer read. A reader that is a union
// too is judged as a whole for each branch.
func (c *avroComparison) unionWriter(reader, writer *avroType, at *place) []avroFinding {
	var found []avroFinding
	for i, branch := range writer.branches {
		there := at.then(strconv.Itoa(i))
		v := c.compare(reader, branch, there)
		switch {
		case v.ok():
		case reader.kind == "union":
			found = append(found, avroFinding{avroNoBranch, there, reader.short(), branch.short()})
		default:
			found = c.merge(found, v)
		}
	}
	return found
}

// unionReader wants one branch of the reader that reads the writer.
func (c *avroComparison) unionReader(reader, writer *avroType, at *place) []avroFinding {
	for i, branch := range reader.branches {
		if !c.step() || c.compare(branch, writer, at.then(strconv.Itoa(i))).ok() {
			return nil
		}
	}
	return []avroFinding{{avroNoBranch, at, reader.short(), writer.short()}}
}

func (c *avroComparison) named(reader, writer *avroType, at *place) []avroFinding {
	var found []avroFinding
	if plainTypeName(reader.name) != plainTypeName(writer.name) && !slices.Contains(reader.aliases, writer.name) {
		found = append(found, avroFinding{avroRenamed, at.then("name"), reader.name, writer.name})
	}
	switch reader.kind {
	case "fixed":
		if reader.size != writer.size {
			found = append(found, avroFinding{avroResized, at.then("size"), strconv.Itoa(reader.size), strconv.Itoa(writer.size)})
		}
	case "enum":
		if missing := c.missingSymbols(reader, writer); missing != "" && !reader.spare {
			found = append(found, avroFinding{avroSymbols, at.then("symbols"), "", missing})
		}
	case "record":
		found = append(found, c.record(reader, writer, at)...)
	}
	return found
}

func plainTypeName(full string) string {
	return full[strings.LastIndexByte(full, '.')+1:]
}

// missingSymbols lists the symbols of the writer that the reader lacks.
func (c *avroComparison) missingSymbols(reader, writer *avroType) string {
	known := make(map[string]bool, len(reader.symbols))
	for _, symbol := range reader.symbols {
		c.step()
		known[symbol] = true
	}
	var missing []string
	size := 0
	for _, symbol := range writer.symbols {
		if c.step() && !known[symbol] && size <= maxSide {
			missing = append(missing, symbol)
			size += len(symbol)
		}
	}
	return strings.Join(missing, ", ")
}

func (c *avroComparison) record(reader, writer *avroType, at *place) []avroFinding {
	var found []avroFinding
	fields := c.fieldsByName(writer)
	for i, f := range reader.fields {
		if !c.step() {
			break
		}
		there := at.then("fields", strconv.Itoa(i))
		from, ambiguous := c.source(f, fields)
		switch {
		case ambiguous != "":
			found = append(found, avroFinding{avroAmbiguous, there, "field " + f.name, "fields " + ambiguous})
		case from != nil:
			found = c.merge(found, c.compare(f.typ, from.typ, there.then("type")))
		case f.def == nil:
			found = append(found, avroFinding{avroNoDefault, there, "field " + f.name + " without default", ""})
		}
	}
	return found
}

func (c *avroComparison) fieldsByName(t *avroType) map[string]*avroField {
	if known, ok := c.index[t]; ok {
		return known
	}
	fields := make(map[string]*avroField, len(t.fields))
	for _, f := range t.fields {
		c.step()
		fields[f.name] = f
	}
	c.index[t] = fields
	return fields
}

// source is the writer's field that a reader's field takes its value from, nil
// when there is none. Where several match by name and aliases, ambiguous names
// them; a reader never takes aliases to data of its own schema.
func (c *avroComparison) source(f *avroField, fields map[string]*avroField) (from *avroField, ambiguous string) {
	from = fields[f.name]
	for _, alias := range f.aliases {
		c.step()
		old := fields[alias]
		switch {
		case old == nil || old == from:
		case from == nil:
			from = old
		case !c.same():
			return nil, from.name + ", " + old.name
		}
	}
	return from, ""
}

// short is the label of a type, of a union not more than is shown of it.
func (t *avroType) short() string {
	if t.kind != "union" {
		return t.label()
	}
	var b strings.Builder
	for i, branch := range t.branches {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(branch.label())
		if b.Len() > maxSide {
			break
		}
	}
	return b.String()
}
