package compat

import (
	"math/big"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// jsonBound is a keyword that bounds values from one side.
type jsonBound struct {
	word, kind string
	upper      bool
}

var (
	stringBounds = []jsonBound{{"maxLength", "MAX_LENGTH", true}, {"minLength", "MIN_LENGTH", false}}
	numberBounds = []jsonBound{
		{"maximum", "MAXIMUM", true}, {"minimum", "MINIMUM", false},
		{"exclusiveMaximum", "EXCLUSIVE_MAXIMUM", true}, {"exclusiveMinimum", "EXCLUSIVE_MINIMUM", false},
	}
	objectBounds = []jsonBound{{"maxProperties", "MAX_PROPERTIES", true}, {"minProperties", "MIN_PROPERTIES", false}}
	arrayBounds  = []jsonBound{{"maxItems", "MAX_ITEMS", true}, {"minItems", "MIN_ITEMS", false}}
	maxContains  = jsonBound{"maxContains", "MAX_CONTAINS", true}
	minContains  = jsonBound{"minContains", "MIN_CONTAINS", false}
	onceAtLeast  = &strictjson.Value{Kind: strictjson.Number, Text: "1"} // minContains of a contains without it
)

func (w *jsonWalk) bounds(at spot, list []jsonBound, o, u *strictjson.Value) bool {
	ok := true
	for _, b := range list {
		ok = w.bound(at, b, o.Get(b.word), u.Get(b.word)) && ok
		if at.enough(ok) {
			return false
		}
	}
	return ok
}

// bound refuses a bound that is new or tighter than it was.
func (w *jsonWalk) bound(at spot, b jsonBound, o, u *strictjson.Value) bool {
	if u == nil {
		return true
	}
	if o == nil {
		return w.fail(at.in(b.word), b.kind+"_ADDED", nil, u)
	}
	switch order := number(u).Cmp(number(o)); {
	case b.upper && order < 0:
		return w.fail(at.in(b.word), b.kind+"_DECREASED", o, u)
	case !b.upper && order > 0:
		return w.fail(at.in(b.word), b.kind+"_INCREASED", o, u)
	}
	return true
}

// number is the exact value of a number; strictjson bounds its size.
func number(v *strictjson.Value) *big.Rat {
	n, ok := new(big.Rat).SetString(v.Text)
	if !ok {
		return new(big.Rat)
	}
	return n
}

func (w *jsonWalk) strings(at spot, o, u *jsonNode) bool {
	ok := w.bounds(at, stringBounds, o.src, u.src)
	old, new := o.src.Get("pattern"), u.src.Get("pattern")
	switch {
	case new == nil:
		return ok
	case old == nil:
		return w.fail(at.in("pattern"), "PATTERN_ADDED", nil, new)
	case old.Text != new.Text:
		return w.fail(at.in("pattern"), "PATTERN_CHANGED", old, new)
	}
	return ok
}

func (w *jsonWalk) numbers(at spot, o, u *jsonNode) bool {
	ok := w.bounds(at, numberBounds, o.src, u.src)
	ok = w.multiples(at.in("multipleOf"), o.src.Get("multipleOf"), u.src.Get("multipleOf")) && ok
	if u.integer && !o.integer {
		return w.say(at, "TYPE_NARROWED", "number", "integer")
	}
	return ok
}

func (w *jsonWalk) multiples(at spot, o, u *strictjson.Value) bool {
	switch {
	case u == nil:
		return true
	case o == nil:
		return w.fail(at, "MULTIPLE_OF_ADDED", nil, u)
	}
	ratio := new(big.Rat).Quo(number(o), number(u)) // both are positive by the meta-schema
	switch {
	case ratio.IsInt():
		return true
	case new(big.Rat).Inv(ratio).IsInt():
		return w.fail(at, "MULTIPLE_OF_EXPANDED", o, u)
	}
	return w.fail(at, "MULTIPLE_OF_CHANGED", o, u)
}

func (w *jsonWalk) constants(at spot, o, u *jsonNode) bool {
	old, new := o.src.Get("const"), u.src.Get("const")
	if w.ids.of(old) == w.ids.of(new) {
		return true
	}
	return w.fail(at.in("const"), "ENUM_ARRAY_CHANGED", old, new)
}

func (w *jsonWalk) enums(at spot, o, u *jsonNode) bool {
	old, new := o.src.Get("enum"), u.src.Get("enum")
	if !w.spend(len(old.Items) + len(new.Items)) {
		return false
	}
	was, is := w.set(old), w.set(new)
	switch {
	case includes(is, was):
		return true
	case includes(was, is):
		return w.fail(at.in("enum"), "ENUM_ARRAY_NARROWED", old, new)
	}
	return w.fail(at.in("enum"), "ENUM_ARRAY_CHANGED", old, new)
}

// set is the values of an array.
func (w *jsonWalk) set(list *strictjson.Value) map[int]bool {
	set := make(map[int]bool, len(list.Items))
	for _, item := range list.Items {
		set[w.ids.of(item)] = true
	}
	return set
}

func includes(all, some map[int]bool) bool {
	for id := range some {
		if !all[id] {
			return false
		}
	}
	return true
}
