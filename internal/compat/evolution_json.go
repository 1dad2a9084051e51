package compat

import (
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// The verdicts on JSON Schemas are those of the Confluent Schema Registry with
// its default policy, STRICT: the reader must accept every value that the
// writer's schema accepts, judged keyword by keyword. What Confluent does not
// look at is not looked at here: title, description, default (except where
// required asks for one), format, if/then/else, propertyNames, the schemas of
// patternProperties, contains in draft-07, and names in required that no
// property describes.
//
// A schema without $schema is compared as draft-07, as Confluent does, and the
// keywords of later drafts count as well where they stand.

// jsonReads reports the differences that stop the reader from reading data of
// the writer.
func jsonReads(reader, writer *Schema) ([]catalog.Incompatibility, error) {
	w := newJSONWalk()
	o, u := w.root(writer), w.root(reader)
	if w.compatible(o, u) || w.exhausted() {
		return w.result()
	}
	w.steps = 0
	w.compare(spot{loud: true}, o, u)
	if len(w.found) > 0 {
		return w.found, nil // enough to act on, even when no steps are left for the rest
	}
	return w.result()
}

// jsonWalk compares the parts of a writer's schema (named o, Confluent's
// original) with those of a reader's (named u, Confluent's update).
//
// A pair of parts is judged quietly first, which stops at the first
// difference, and is then walked again aloud to name all differences.
//
// Recursive schemas: a pair that is met again while it is being judged is
// assumed to be compatible. Other verdicts may rest on that assumption, so the
// walk is repeated, with the pairs found incompatible so far, until it finds
// no more of them.
type jsonWalk struct {
	budget
	ids     valueIDs
	sure    map[jsonPair]bool // compatible
	likely  map[jsonPair]bool // compatible, if the assumptions of this pass hold
	bad     map[jsonPair]bool // incompatible
	judging map[jsonPair]bool
	telling map[jsonPair]bool
	quiet   bool // inside of compatible
	assumed bool
}

type jsonPair struct{ o, u *jsonNode }

func newJSONWalk() *jsonWalk {
	return &jsonWalk{
		ids:  newValueIDs(),
		sure: map[jsonPair]bool{}, bad: map[jsonPair]bool{},
		judging: map[jsonPair]bool{}, telling: map[jsonPair]bool{},
	}
}

// root is the node of a whole schema, read in its canonical form: what that
// leaves out makes no difference between branches.
func (w *jsonWalk) root(s *Schema) *jsonNode {
	g := newJSONLibrary(canonicalTree).graph(s.model.(*jsonSchema)) //nolint:forcetypeassert // reads has looked at the type
	return g.node(g.root)
}

// spot is a place in the schemas. Nothing is reported at a quiet one.
type spot struct {
	place *place // nil for the root
	loud  bool
}

func (s spot) in(parts ...string) spot {
	if s.loud {
		s.place = s.place.then(parts...)
	}
	return s
}

// enough reports whether the verdict needs no further look.
func (s spot) enough(ok bool) bool { return !ok && !s.loud }

// fail reports a difference between two values, nil where a side has none.
func (w *jsonWalk) fail(at spot, kind string, old, new *strictjson.Value) bool {
	if at.loud {
		w.say(at, kind, sketch(old), sketch(new))
	}
	return false
}

func (w *jsonWalk) say(at spot, kind, old, new string) bool {
	if at.loud {
		w.report(kind, "#"+at.place.pointer(), old, new)
	}
	return false
}

// compatible is the verdict on a pair.
func (w *jsonWalk) compatible(o, u *jsonNode) bool {
	if w.quiet {
		return w.compare(spot{}, o, u)
	}
	w.quiet = true
	defer func() { w.quiet = false }()
	for {
		before := len(w.bad)
		w.likely, w.assumed = map[jsonPair]bool{}, false
		ok := w.compare(spot{}, o, u)
		if !w.assumed || len(w.bad) == before || w.exhausted() {
			for pair := range w.likely {
				w.sure[pair] = true
			}
			return ok
		}
	}
}

// compare compares two parts; nil stands for a part that is absent.
func (w *jsonWalk) compare(at spot, o, u *jsonNode) bool {
	switch {
	case u == nil:
		return w.step()
	case o == nil:
		return w.fail(at, "SCHEMA_ADDED", nil, u.src)
	}
	if at.loud && len(w.found) >= MaxIncompatibilities || !w.enter() {
		return false
	}
	defer w.leave()
	o, u = w.follow(o), w.follow(u)
	switch {
	case !o.shared && !u.shared:
		return w.kinds(at, o, u)
	case at.loud:
		return w.tell(at, o, u)
	}
	return w.judge(o, u)
}

// judge is the verdict on a pair that can be met again.
func (w *jsonWalk) judge(o, u *jsonNode) bool {
	pair := jsonPair{o, u}
	switch {
	case w.bad[pair]:
		return false
	case w.sure[pair], w.likely[pair]:
		return true
	case w.judging[pair]:
		w.assumed = true
		return true
	}
	w.judging[pair] = true
	ok := w.kinds(spot{}, o, u)
	delete(w.judging, pair)
	if ok {
		w.likely[pair] = true
	} else {
		w.bad[pair] = true
	}
	return ok
}

// tell reports the differences of a pair that can be met again.
func (w *jsonWalk) tell(at spot, o, u *jsonNode) bool {
	pair := jsonPair{o, u}
	if w.compatible(o, u) {
		return true
	}
	if w.telling[pair] {
		return false // its differences are being reported further up
	}
	w.telling[pair] = true
	w.kinds(at, o, u)
	delete(w.telling, pair)
	return false
}

// follow is what a reference stands for.
func (w *jsonWalk) follow(n *jsonNode) *jsonNode {
	for n.kind == nodeReference && w.step() {
		target := n.follow()
		if target == nil {
			return n
		}
		n = target
	}
	return n
}

// kinds compares two parts, neither absent nor a reference within its text.
func (w *jsonWalk) kinds(at spot, o, u *jsonNode) bool {
	if w.unwrapped(o, u) {
		return true
	}
	if o.kind != u.kind {
		if o.kind == nodeNever || u.kind == nodeAny || o.bytes() && u.bytes() {
			return true
		}
		return w.fail(at, "TYPE_CHANGED", o.src, u.src)
	}
	switch o.kind {
	case nodeString:
		return w.strings(at, o, u)
	case nodeNumber:
		return w.numbers(at, o, u)
	case nodeConst:
		return w.constants(at, o, u)
	case nodeEnum:
		return w.enums(at, o, u)
	case nodeNot:
		return w.negations(at, o, u)
	case nodeObject:
		return w.objects(at, o.asObject(), u.asObject())
	case nodeArray:
		return w.arrays(at, o, u)
	case nodeCombined:
		return w.combinations(at, o, u)
	case nodeReference:
		return w.outside(at, o, u)
	}
	return true
}

// outside compares references to schemas that no text defines: those of the
// dialects themselves.
func (w *jsonWalk) outside(at spot, o, u *jsonNode) bool {
	if o.ref == u.ref {
		return true
	}
	return w.fail(at.in("$ref"), "TYPE_CHANGED", o.src, u.src)
}

// negations compares two schemas under not: there the reader must refuse no
// more than the writer did.
func (w *jsonWalk) negations(at spot, o, u *jsonNode) bool {
	if w.compatible(u.inner, o.inner) {
		return true
	}
	return w.fail(at.in("not"), "NOT_TYPE_EXTENDED", o.inner.src, u.inner.src)
}
