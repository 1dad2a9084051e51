package compat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// The limits of a check.
const (
	// MaxSteps is the most comparisons of two parts that one direction of one
	// pair of schemas may take.
	MaxSteps = 1_000_000
	// MaxIncompatibilities is the most that one direction of one pair of
	// schemas reports.
	MaxIncompatibilities = 1_000

	// maxLevels is the deepest walk. Types that refer to each other in two
	// cycles meet in as many pairs as the product of their lengths, and every
	// pair is a level: without the bound the stack would outgrow its limit,
	// which ends the process.
	maxLevels = 10_000
	maxSide   = 200   // bytes of Incompatibility.Old and New
	maxPath   = 1_000 // bytes of Incompatibility.Path
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
func Check(mode catalog.Compatibility, older []*Schema, candidate *Schema) ([]catalog.Incompatibility, error) {
	directions, transitive, err := plan(mode)
	if err != nil || len(directions) == 0 {
		return nil, err
	}
	first := 0
	if !transitive {
		first = max(0, len(older)-1)
	}
	var found []catalog.Incompatibility
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
func compare(direction catalog.Compatibility, older, candidate *Schema) ([]catalog.Incompatibility, error) {
	reader, writer := candidate, older
	if direction == catalog.CompatibilityForward {
		reader, writer = older, candidate
	}
	if reader.typ != writer.typ {
		return []catalog.Incompatibility{{
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
		f.Path, f.Old, f.New, f.Fix = clipPath(f.Path), clip(f.Old), clip(f.New), fix(*f)
	}
	return found, nil
}

// models are what one format knows about both schemas.
func models[M model](reader, writer *Schema) (r, w M, err error) {
	r, ok := reader.model.(M)
	w, same := writer.model.(M)
	if !ok || !same {
		return r, w, fmt.Errorf("a schema of type %s is compared with one of type %s", reader.typ, writer.typ)
	}
	return r, w, nil
}

// reads reports what stops the reader from reading data of the writer. Old is
// the writer's side, New the reader's. Version, Direction and Fix are left to
// the caller.
func reads(reader, writer *Schema) ([]catalog.Incompatibility, error) {
	switch reader.typ {
	case catalog.SchemaAvro:
		return avroReads(reader, writer)
	case catalog.SchemaJSON:
		return jsonReads(reader, writer)
	case catalog.SchemaProtobuf:
		return protoReads(reader, writer)
	}
	return nil, fmt.Errorf("no rules for schemas of type %s", reader.typ)
}

// advice is what to change in the candidate when it is the reader, and when it
// is the writer. Kinds are unique over the formats.
type advice struct{ reader, writer string }

var adviceTables = []map[string]advice{avroAdvice, jsonAdvice, protoAdvice}

// fix is the sentence for one incompatibility.
func fix(i catalog.Incompatibility) string {
	for _, table := range adviceTables {
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

const more = "…"

// clipPath is the end of a path that fits into maxPath bytes, cut between
// characters.
func clipPath(path string) string {
	if len(path) <= maxPath {
		return path
	}
	start := len(path) - maxPath + len(more)
	for start < len(path) && !utf8.RuneStart(path[start]) {
		start++
	}
	return more + path[start:]
}

// clip is a side that fits into maxSide bytes, cut between characters.
func clip(side string) string {
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
	deep         bool // no level was left
	found        []catalog.Incompatibility
}

// step takes one step; false when none is left. The caller then ends its walk
// at once, and result says why.
func (b *budget) step() bool {
	if b.steps <= MaxSteps {
		b.steps++
	}
	return b.steps <= MaxSteps
}

// spend takes n steps at once.
func (b *budget) spend(n int) bool {
	if n > 1 {
		b.steps = min(b.steps+n-1, MaxSteps+1)
	}
	return b.step()
}

func (b *budget) exhausted() bool { return b.steps > MaxSteps }

// enter takes a step one level deeper; false when no step or level is left.
// Every enter that said true is followed by one leave.
func (b *budget) enter() bool {
	if b.depth >= maxLevels {
		b.deep, b.steps = true, MaxSteps+1
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
		b.found = append(b.found, catalog.Incompatibility{Kind: kind, Path: clipPath(path), Old: clip(old), New: clip(new)})
	}
}

// result is what a comparison returns at its end.
func (b *budget) result() ([]catalog.Incompatibility, error) {
	switch {
	case b.deep:
		return nil, fmt.Errorf("%w: more than %d levels; let fewer types refer to each other", ErrTooComplex, maxLevels)
	case b.exhausted():
		return nil, fmt.Errorf("%w: more than %d steps; split the schema, or name fewer alternatives", ErrTooComplex, MaxSteps)
	}
	return b.found, nil
}

// place is a step of the way from the root. Ways are long and findings few, so
// they become text only at the end.
type place struct {
	up   *place
	part string
}

func (p *place) then(parts ...string) *place {
	for _, part := range parts {
		p = &place{p, part}
	}
	return p
}

// pointer is the JSON pointer of the place. Of one longer than maxPath at
// least the end is there.
func (p *place) pointer() string {
	var parts []string
	for size := 0; p != nil && size <= maxPath; p = p.up {
		part := strictjson.Escape(p.part)
		parts = append(parts, part)
		size += 1 + len(part)
	}
	slices.Reverse(parts)
	return "/" + strings.Join(parts, "/")
}
