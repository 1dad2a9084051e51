package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// world is one state of the catalogue as the rules see it: what is stored, or
// what would be stored if a proposal were carried out. Objects are shared, so
// whoever changes one clones it first. Not safe for concurrent use.
type world interface {
	// get returns the object, nil when there is none.
	get(catalog.Ref) (catalog.Object, error)
	// dependants returns the objects that refer to this one, parents'
	// kinds first and then by id.
	dependants(catalog.Ref) ([]catalog.Ref, error)
}

// stored is the state of one transaction, each object read at most once.
type stored struct {
	ctx     context.Context // of the one call that the transaction serves
	reader  store.Reader
	entries map[catalog.Ref]catalog.Entry // zero Entry: known to be absent

	versions   map[versionKey]catalog.Registration // zero Registration: known to be absent
	configured map[catalog.Scope]catalog.SubjectSettings
}

func newStored(ctx context.Context, r store.Reader) *stored {
	return &stored{ctx, r, map[catalog.Ref]catalog.Entry{}, map[versionKey]catalog.Registration{}, map[catalog.Scope]catalog.SubjectSettings{}}
}

// entry returns the object and its revision; the zero Entry when there is
// none. An ill-formed id names nothing and does not reach the store.
func (s *stored) entry(ref catalog.Ref) (catalog.Entry, error) {
	if !wellNamed(ref) {
		return catalog.Entry{}, nil
	}
	if entry, ok := s.entries[ref]; ok {
		return entry, nil
	}
	record, err := s.reader.Get(s.ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		s.entries[ref] = catalog.Entry{}
		return catalog.Entry{}, nil
	}
	if err != nil {
		return catalog.Entry{}, err
	}
	return s.keep(record)
}

// keep remembers a record that was read some other way, such as in a list.
func (s *stored) keep(record store.Record) (catalog.Entry, error) {
	object := record.Ref.Kind.New()
	if err := json.Unmarshal(record.Body, object); err != nil {
		return catalog.Entry{}, fmt.Errorf("stored body of %s: %w", record.Ref, err)
	}
	entry := catalog.Entry{Object: object, Revision: record.Revision}
	s.entries[record.Ref] = entry
	return entry, nil
}

func (s *stored) get(ref catalog.Ref) (catalog.Object, error) {
	entry, err := s.entry(ref)
	return entry.Object, err
}

func (s *stored) dependants(ref catalog.Ref) ([]catalog.Ref, error) {
	if !wellNamed(ref) {
		return nil, nil
	}
	return s.reader.Dependants(s.ctx, ref)
}

// overlay is a world with changes laid over it.
type overlay struct {
	below   world
	changed map[catalog.Ref]catalog.Object           // nil: removed
	gained  map[catalog.Ref]map[catalog.Ref]struct{} // target to the changed objects that refer to it
}

func newOverlay(below world) *overlay {
	return &overlay{below, map[catalog.Ref]catalog.Object{}, map[catalog.Ref]map[catalog.Ref]struct{}{}}
}

// put lays an object over the world. References of what was laid there before
// under the same name must be the same; a Ref is proposed once only, and a
// recomputed product keeps its references.
func (o *overlay) put(object catalog.Object) {
	ref := object.Ref()
	o.changed[ref] = object
	for _, reference := range object.References() {
		if o.gained[reference.To] == nil {
			o.gained[reference.To] = map[catalog.Ref]struct{}{}
		}
		o.gained[reference.To][ref] = struct{}{}
	}
}

func (o *overlay) remove(ref catalog.Ref) { o.changed[ref] = nil }

func (o *overlay) get(ref catalog.Ref) (catalog.Object, error) {
	if object, ok := o.changed[ref]; ok {
		return object, nil
	}
	return o.below.get(ref)
}

func (o *overlay) dependants(ref catalog.Ref) ([]catalog.Ref, error) {
	below, err := o.below.dependants(ref)
	if err != nil {
		return nil, err
	}
	refs := slices.DeleteFunc(slices.Clone(below), func(r catalog.Ref) bool {
		_, changed := o.changed[r]
		return changed
	})
	refs = slices.AppendSeq(refs, maps.Keys(o.gained[ref]))
	slices.SortFunc(refs, compareRefs)
	return refs, nil
}

// wellNamed reports whether anything can have this name.
func wellNamed(ref catalog.Ref) bool { return ref.Kind.CheckID(ref.ID) == nil }

// compareRefs orders parents' kinds first, then ids bytewise.
func compareRefs(a, b catalog.Ref) int {
	if a.Kind != b.Kind {
		return slices.Index(catalog.Kinds(), a.Kind) - slices.Index(catalog.Kinds(), b.Kind)
	}
	return strings.Compare(a.ID, b.ID)
}

// find returns the object of type O named by id, nil when there is none.
func find[O catalog.Object](w world, kind catalog.Kind, id string) (O, error) {
	object, err := w.get(catalog.Ref{Kind: kind, ID: id})
	found, _ := object.(O)
	return found, err
}
