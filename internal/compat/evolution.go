package compat

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Incompatibility is one reason why data of one schema cannot be read with
// another.
type Incompatibility struct {
	// Kind is the Confluent Schema Registry's name of the difference, such as
	// READER_FIELD_MISSING_DEFAULT_VALUE.
	Kind string
	// Path is where, as Confluent writes it: "/fields/0/type" for AVRO,
	// "#/properties/id" for JSON, "#/Track/2" for field 2 of a PROTOBUF
	// message; "/" or "#/" is the whole schema.
	Path string
	// Old and New are the older schema's side and the candidate's side, each at
	// most maxSide bytes, "" where a side has nothing.
	Old, New string
	// Version is the index, from one, of the older schema in the list that
	// Check got.
	Version int
	// Direction is BACKWARD when the candidate cannot read data of the older
	// schema, FORWARD when the older schema cannot read data of the candidate.
	Direction catalog.Compatibility
	// Fix is one sentence: what to change in the candidate.
	Fix string
}

// String is one line: path, kind, both sides, what to do.
func (i Incompatibility) String() string {
	return fmt.Sprintf("%s: %s: version %d has %s, the candidate has %s; %s", i.Path, i.Kind, i.Version, orNothing(i.Old), orNothing(i.New), i.Fix)
}

func orNothing(side string) string {
	if side == "" {
		return "nothing"
	}
	return side
}

// The limits of a check.
const (
	// MaxSteps is the most comparisons of two parts that one direction of one
	// pair of schemas may take.
	MaxSteps = 2_000_000
	// MaxIncompatibilities is the most that one direction of one pair of
	// schemas reports.
	MaxIncompatibilities = 1_000

	// maxLevels is the deepest walk. Types that refer to each other in two
	// cycles meet in as many pairs as the product of their lengths, and every
	// pair is a level: without the bound the stack would outgrow its limit,
	// which ends the process.
	maxLevels = 10_000
	maxSide   = 200 // bytes of Incompatibility.Old and New
)

// ErrTooComplex is the error of a pair of schemas that takes more than
// MaxSteps to compare.
var ErrTooComplex = errors.New("too complex to compare")

// kindTypeChanged is a change of the schema language inside one list.
const kindTypeChanged = "SCHEMA_TYPE_CHANGED"

// Check reports what stops the candidate from following the older schemas,
// oldest first, under a mode; nil when nothing does. The verdicts are those of
// the Confluent Schema Registry:
//
//   - NONE stops nothing.
//   - BACKWARD: the candidate reads data of the latest older schema.
//   - FORWARD: the latest older schema reads data of the candidate.
//   - FULL is both. The transitive modes look at every older schema.
//
// An older schema of another type than the candidate's is incompatible with it
// whenever the mode looks at it. The error is ErrTooComplex,
// wrapped, or names an unknown mode.
func Check(mode catalog.Compatibility, older []*Schema, candidate *Schema) ([]Incompatibility, error) {
	directions, transitive, err := plan(mode)
	if err != nil || len(directions) == 0 {
		return nil, err
	}
	first := 0
	if !transitive {
		first = max(0, len(older)-1)
	}
	var found []Incompatibility
	for i := first; i < len(older); i++ {
		for _, direction := range directions {
			some, err := compare(direction, older[i], candidate)
			if err != nil {
				return nil, fmt.Errorf("version %d: %w", i+1, err)
			}
			for _, f := range some {
				f.Version = i + 1
				found = append(found, f)
			}
		}
	}
	return found, nil
}

// plan is the directions that a mode checks, and whether against every version.
func plan(mode catalog.Compatibility) (directions []catalog.Compatibility, transitive bool, err error) {
	const backward, forward = catalog.CompatibilityBackward, catalog.CompatibilityForward
	switch mode {
	case catalog.CompatibilityNone:
		return nil, false, nil
	case catalog.CompatibilityBackward, catalog.CompatibilityBackwardTransitive:
		directions = []catalog.Compatibility{backward}
	case catalog.CompatibilityForward, catalog.CompatibilityForwardTransitive:
		directions = []catalog.Compatibility{forward}
	case catalog.CompatibilityFull, catalog.CompatibilityFullTransitive:
		directions = []catalog.Compatibility{backward, forward}
	default:
		return nil, false, fmt.Errorf("unknown compatibility mode %q: use NONE, BACKWARD, FORWARD, FULL or one of the last three with _TRANSITIVE", string(mode))
	}
	switch mode {
	case catalog.CompatibilityBackwardTransitive, catalog.CompatibilityForwardTransitive, catalog.CompatibilityFullTransitive:
		transitive = true
	}
	return directions, transitive, nil
}

// compare looks in one direction at one pair.
func compare(direction catalog.Compatibility, older, candidate *Schema) ([]Incompatibility, error) {
	reader, writer := candidate, older
	if direction == catalog.CompatibilityForward {
		reader, writer = older, candidate
	}
	if reader.typ != writer.typ {
		return []Incompatibility{{
			Kind: kindTypeChanged, Path: "/", Old: string(older.typ), New: string(candidate.typ), Direction: direction,
			Fix: "Keep the type of the schema, or register the new one under another name.",
		}}, nil
	}
	found, err := reads(reader, writer)
	if err != nil {
		return nil, err
	}
	for i := range found {
		f := &found[i]
		f.Direction = direction
		if direction == catalog.CompatibilityForward {
			f.Old, f.New = f.New, f.Old
		}
		f.Old, f.New, f.Fix = clip(f.Old), clip(f.New), fix(*f)
	}
	return found, nil
}

// reads reports what stops the reader from reading data of the writer. Old is
// the writer's side, New the reader's. Version, Direction and Fix are left to
// the caller.
func reads(reader, writer *Schema) ([]Incompatibility, error) {
	switch reader.typ {
	case catalog.SchemaAvro:
		return avroReads(reader, writer)
	case catalog.SchemaProtobuf:
		return protoReads(reader, writer)
	}
	return nil, fmt.Errorf("no rules for schemas of type %s", reader.typ)
}

// advice is what to change in the candidate when it is the reader, and when it
// is the writer. Kinds are unique over the formats.
type advice struct{ reader, writer string }

// fix is the sentence for one incompatibility.
func fix(i Incompatibility) string {
	for _, table := range []map[string]advice{avroAdvice, protoAdvice} {
		a, known := table[i.Kind]
		switch {
		case known && i.Direction == catalog.CompatibilityForward:
			return a.writer
		case known:
			return a.reader
		}
	}
	if i.Fix != "" {
		return i.Fix
	}
	return "Keep this part as the older version has it, or register the schema under another name."
}

// clip is a side that fits into maxSide bytes, cut between characters.
func clip(side string) string {
	const more = "…"
	if len(side) <= maxSide {
		return side
	}
	end := maxSide - len(more)
	for end > 0 && !utf8.RuneStart(side[end]) {
		end--
	}
	return side[:end] + more
}

// budget bounds one comparison: its steps, its depth and its findings.
type budget struct {
	steps, depth int
	found        []Incompatibility
}

// step takes one step; false when none is left. The caller then ends its walk
// at once, and result says why.
func (b *budget) step() bool {
	if b.steps <= MaxSteps {
		b.steps++
	}
	return b.steps <= MaxSteps
}

// enter takes a step one level deeper; false when no step or level is left.
// Every enter that said true is followed by one leave.
func (b *budget) enter() bool {
	if b.depth >= maxLevels {
		b.steps = MaxSteps + 1
	}
	if !b.step() {
		return false
	}
	b.depth++
	return true
}

func (b *budget) leave() { b.depth-- }

func (b *budget) report(kind, path, old, new string) {
	if len(b.found) < MaxIncompatibilities {
		b.found = append(b.found, Incompatibility{Kind: kind, Path: path, Old: old, New: new})
	}
}

// result is what a comparison returns at its end.
func (b *budget) result() ([]Incompatibility, error) {
	if b.steps > MaxSteps {
		return nil, fmt.Errorf("%w: more than %d steps or %d levels; split the schema, or name fewer alternatives", ErrTooComplex, MaxSteps, maxLevels)
	}
	return b.found, nil
}
