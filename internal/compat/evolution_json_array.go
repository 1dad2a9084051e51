package compat

import (
	"strconv"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// jsonArray is a schema of arrays. Its content model is that of the items
// after those that have a schema each.
type jsonArray struct {
	graph       *jsonGraph
	src         *strictjson.Value
	all         *jsonNode // for every item
	first       []*strictjson.Value
	closed      bool      // no items after the first ones
	additional  *jsonNode // for items after the first ones, nil when any
	unevaluated *jsonNode
}

func newJSONArray(n *jsonNode) *jsonArray {
	a := &jsonArray{graph: n.graph, src: n.src}
	items, prefix := n.src.Get("items"), n.src.Get("prefixItems")
	modern := n.graph.dialect == dialectModern || n.graph.dialect == dialectUnnamed && prefix != nil
	if n.graph.dialect != dialectDraft07 {
		a.unevaluated = n.graph.node(n.src.Get("unevaluatedItems"))
		if prefix != nil {
			a.first = prefix.Items
		}
	}
	switch {
	case items != nil && items.Kind == strictjson.Array:
		a.first = items.Items
		a.rest(n.src.Get("additionalItems"))
	case !modern:
		a.all = n.graph.node(items)
		a.rest(n.src.Get("additionalItems"))
	case len(a.first) > 0 || items != nil && items.Kind == strictjson.Bool:
		a.rest(items)
	default:
		a.all = n.graph.node(items)
	}
	return a
}

// rest takes the schema of the items after the first ones.
func (a *jsonArray) rest(v *strictjson.Value) {
	if v != nil && v.Kind == strictjson.Bool {
		a.closed = v.Text == "false"
		return
	}
	a.additional = a.graph.node(v)
}

func (a *jsonArray) open() bool {
	return !a.closed && a.additional == nil && (a.unevaluated == nil || a.unevaluated.kind == nodeAny)
}

// cover is the schema that a partially open content model has for an item.
func (a *jsonArray) cover() *jsonNode {
	switch {
	case a.additional != nil:
		return a.additional
	case a.closed || a.unevaluated == nil || a.unevaluated.kind == nodeAny || a.unevaluated.kind == nodeNever:
		return nil
	}
	return a.unevaluated
}

func (w *jsonWalk) arrays(at spot, original, update *jsonNode) bool {
	o, u := newJSONArray(original), newJSONArray(update)
	ok := true
	for _, compare := range []func(spot, *jsonArray, *jsonArray) bool{
		w.items, w.tuple, w.additionalItems, w.unevaluatedItems, w.uniqueItems, w.contains,
	} {
		ok = compare(at, o, u) && ok
		if at.enough(ok) {
			return false
		}
	}
	return w.bounds(at, arrayBounds, o.src, u.src) && ok
}

func (w *jsonWalk) items(at spot, o, u *jsonArray) bool {
	return w.compare(at.in("items"), o.all, u.all)
}

// tuple compares the items that have a schema each.
func (w *jsonWalk) tuple(at spot, o, u *jsonArray) bool {
	ok := true
	for i := range max(len(o.first), len(u.first)) {
		here := at.in("items", strconv.Itoa(i))
		switch {
		case i >= len(u.first):
			ok = w.itemRemoved(here, o.graph.node(o.first[i]), u) && ok
		case i >= len(o.first):
			ok = w.itemAdded(here, o, u.graph.node(u.first[i])) && ok
		default:
			ok = w.compare(here, o.graph.node(o.first[i]), u.graph.node(u.first[i])) && ok
		}
		if at.enough(ok) {
			return false
		}
	}
	return ok
}

func (w *jsonWalk) itemRemoved(at spot, old *jsonNode, u *jsonArray) bool {
	if !w.step() {
		return false
	}
	cover := u.cover()
	switch {
	case u.open(), cover == nil && old.kind == nodeNever:
		return true
	case cover == nil:
		return w.fail(at, "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", old.src, nil)
	case w.compare(at, old, cover):
		return true
	}
	return w.fail(at, "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", old.src, cover.src)
}

func (w *jsonWalk) itemAdded(at spot, o *jsonArray, new *jsonNode) bool {
	if !w.step() {
		return false
	}
	cover := o.cover()
	switch {
	case o.open() && new.kind == nodeAny:
		return true
	case o.open():
		return w.fail(at, "ITEM_ADDED_TO_OPEN_CONTENT_MODEL", nil, new.src)
	case cover == nil, w.compare(at, cover, new):
		return true
	}
	return w.fail(at, "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", cover.src, new.src)
}

func (w *jsonWalk) additionalItems(at spot, o, u *jsonArray) bool {
	at = at.in("additionalItems")
	switch {
	case o.closed, !u.closed && u.additional == nil:
		return true
	case u.closed:
		return w.say(at, "ADDITIONAL_ITEMS_REMOVED", "more items", "no more items")
	case o.additional == nil:
		return w.fail(at, "ADDITIONAL_ITEMS_NARROWED", nil, u.additional.src)
	}
	return w.compare(at, o.additional, u.additional)
}

func (w *jsonWalk) unevaluatedItems(at spot, o, u *jsonArray) bool {
	return w.unevaluated(at.in("unevaluatedItems"), "UNEVALUATED_ITEMS", o.unevaluated, u.unevaluated)
}

func (w *jsonWalk) uniqueItems(at spot, o, u *jsonArray) bool {
	if old, new := o.src.Get("uniqueItems"), u.src.Get("uniqueItems"); isTrue(new) && !isTrue(old) {
		return w.fail(at.in("uniqueItems"), "UNIQUE_ITEMS_ADDED", old, new)
	}
	return true
}

func isTrue(v *strictjson.Value) bool { return v != nil && v.Text == "true" }

// contains compares how many items must match; the schema that they match is
// not compared, as in Confluent's registry.
func (w *jsonWalk) contains(at spot, o, u *jsonArray) bool {
	ok := w.bound(at.in(), maxContains, o.containing(maxContains.word, nil), u.containing(maxContains.word, nil))
	return w.bound(at.in(), minContains, o.containing(minContains.word, onceAtLeast), u.containing(minContains.word, onceAtLeast)) && ok
}

// containing is the value of minContains or maxContains where contains gives
// it a meaning. Draft-07 has neither.
func (a *jsonArray) containing(word string, absent *strictjson.Value) *strictjson.Value {
	if a.src.Get("contains") == nil || a.graph.dialect == dialectDraft07 {
		return nil
	}
	if v := a.src.Get(word); v != nil {
		return v
	}
	if a.graph.dialect == dialectUnnamed {
		return nil
	}
	return absent
}
