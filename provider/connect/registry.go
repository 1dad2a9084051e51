package connect

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// registry is what one provider instance plans.
type registry struct {
	mu      sync.Mutex
	kept    map[catalog.Ref]plannedObject
	deleted map[catalog.Ref]catalog.Object
	// replaced are objects that make way for one of the same id.
	replaced map[catalog.Ref]bool
	// normal is set by the first sign that this is not the walk of terraform
	// destroy, in which nothing is read and nothing is kept.
	normal atomic.Bool
}

// plannedObject is an object that will be there after apply.
type plannedObject struct {
	object  catalog.Object      // in normal form
	rests   []catalog.Reference // of the object, set by keep
	changed bool                // the plan creates or changes it
	partial bool                // a part of it is unknown before apply
	open    bool                // so is a part that computed attributes follow from
}

func newRegistry() *registry {
	return &registry{
		kept:     make(map[catalog.Ref]plannedObject),
		deleted:  make(map[catalog.Ref]catalog.Object),
		replaced: make(map[catalog.Ref]bool),
	}
}

// keep records an object that stays or comes and returns its references to
// objects that this run removes.
func (r *registry) keep(p plannedObject) []catalog.Reference {
	r.normal.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	ref := p.object.Ref()
	p.rests = p.object.References()
	r.kept[ref] = p
	delete(r.deleted, ref) // removed in one place of the configuration, added in another
	var lost []catalog.Reference
	for _, reference := range p.rests {
		if _, ok := r.deleted[reference.To]; ok {
			lost = append(lost, reference)
		}
	}
	return lost
}

// replace records that an object makes way for another. Terraform plans a
// replacement twice, the second time without the old object.
func (r *registry) replace(old catalog.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replaced[old] = true
}

// replaces reports whether an object of the same id makes way for this one.
func (r *registry) replaces(ref catalog.Ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.replaced[ref]
}

// remove records a removal and returns the objects that refer to it and stay.
func (r *registry) remove(object catalog.Object) []catalog.Ref {
	r.mu.Lock()
	defer r.mu.Unlock()
	ref := object.Ref()
	if _, ok := r.kept[ref]; ok {
		return nil // planned again under the same id
	}
	r.deleted[ref] = object
	var dependants []catalog.Ref
	for _, p := range r.kept {
		if refersTo(p.rests, ref) {
			dependants = append(dependants, p.object.Ref())
		}
	}
	slices.SortFunc(dependants, compareRefs)
	return dependants
}

// proposal is the object with everything in the plan that it rests on, as far
// as the plan changes it, and whether any of it is partly unknown.
func (r *registry) proposal(ref catalog.Ref) (catalog.Proposal, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := catalog.Proposal{Only: []catalog.Ref{ref}}
	partial := false
	r.ancestors(ref, func(p plannedObject) {
		if p.changed {
			out.Puts = append(out.Puts, p.object)
		}
		partial = partial || (p.partial && p.object.Ref() != ref)
	})
	return out, partial
}

// ancestorsChange reports whether the plan changes anything that the object
// rests on.
func (r *registry) ancestorsChange(ref catalog.Ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := false
	r.ancestors(ref, func(p plannedObject) {
		changed = changed || (p.changed && p.object.Ref() != ref)
	})
	return changed
}

// open reports whether anything that the object's computed attributes follow
// from is unknown, in itself or in what it rests on.
func (r *registry) open(ref catalog.Ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	open := false
	r.ancestors(ref, func(p plannedObject) { open = open || p.open })
	return open
}

// openTexts reports whether a schema or reference schema that the object rests
// on is partly unknown, so that nothing can be said of how their texts go
// together.
func (r *registry) openTexts(ref catalog.Ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	open := false
	r.ancestors(ref, func(p plannedObject) {
		other := p.object.Ref()
		open = open || p.partial && other != ref && (other.Kind == catalog.KindSchema || other.Kind == catalog.KindReferenceSchema)
	})
	return open
}

// ancestors visits the object and all kept objects that it refers to, at any
// depth, each once. The caller holds the lock.
func (r *registry) ancestors(ref catalog.Ref, visit func(plannedObject)) {
	seen := map[catalog.Ref]bool{ref: true}
	for queue := []catalog.Ref{ref}; len(queue) > 0; queue = queue[1:] {
		p, ok := r.kept[queue[0]]
		if !ok {
			continue
		}
		visit(p)
		for _, reference := range p.rests {
			if !seen[reference.To] {
				seen[reference.To] = true
				queue = append(queue, reference.To)
			}
		}
	}
}

// removal is the removal of an object together with that of the objects that
// refer to it, as far as they are planned by now. Changes that only take a
// reference off it are left out: Terraform carries them out after the removal.
func (r *registry) removal(ref catalog.Ref) catalog.Proposal {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := catalog.Proposal{Deletes: []catalog.Ref{ref}, Only: []catalog.Ref{ref}}
	for other, object := range r.deleted {
		if other != ref && refersTo(object.References(), ref) {
			out.Deletes = append(out.Deletes, other)
		}
	}
	slices.SortFunc(out.Deletes, compareRefs)
	return out
}

func refersTo(references []catalog.Reference, ref catalog.Ref) bool {
	return slices.ContainsFunc(references, func(r catalog.Reference) bool { return r.To == ref })
}

func compareRefs(a, b catalog.Ref) int {
	if order := slices.Index(catalog.Kinds(), a.Kind) - slices.Index(catalog.Kinds(), b.Kind); order != 0 {
		return order
	}
	switch {
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	}
	return 0
}
