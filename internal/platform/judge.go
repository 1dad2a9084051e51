package platform

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// judge holds a proposal against the rules between objects. Use: propose and
// remove all of it, settle once, then ask.
type judge struct {
	authority
	session    *session
	vocabulary *marking.Vocabulary
	now        time.Time
	before     *stored
	after      *overlay
	sight      *sight
	past       *lineage                       // over before
	future     *lineage                       // over after
	given      map[catalog.Ref]catalog.Object // as proposed, computed fields not touched
	affected   []*node                        // downstream of the proposal, ancestors first
	readings   map[string]*reading
	numbers    map[catalog.Subject]numbering // of the contracts that are proposed
	importing  bool                          // the text is a copy from another registry
	wanted     int                           // the id that the copy asks for, 0 for none
	rooted     map[string]bool               // domains known to have a root above them
	broken     []breakage
	judged     bool // broken is complete
}

func (s *session) judge(ctx context.Context, r store.Reader) *judge {
	now := s.now().UTC()
	before := newStored(ctx, r)
	after := newOverlay(before)
	authority := authority{caller: s.caller, world: before, days: s.calendar.days(now)}
	return &judge{
		authority:  authority,
		session:    s,
		vocabulary: s.vocabulary,
		now:        now,
		before:     before,
		after:      after,
		sight:      newSight(authority, s.system),
		past:       newLineage(before, s.vocabulary),
		future:     newLineage(after, s.vocabulary),
		given:      map[catalog.Ref]catalog.Object{},
		readings:   map[string]*reading{},
		numbers:    map[catalog.Subject]numbering{},
		rooted:     map[string]bool{},
	}
}

// propose lays an object in normal form over the world.
func (j *judge) propose(object catalog.Object) {
	j.given[object.Ref()] = object
	j.after.put(object.Clone())
}

// settle fills in the computed fields of all that was proposed, and of all
// that follows from it downstream.
func (j *judge) settle() error {
	if err := j.overlook(); err != nil {
		return err
	}
	var moved []string
	for _, ref := range j.changed() {
		object := j.after.changed[ref]
		if err := j.compute(object); err != nil {
			return err
		}
		ids, err := j.moves(ref, object)
		if err != nil {
			return err
		}
		moved = append(moved, ids...)
	}
	downstream, err := j.future.downstream(moved)
	if err != nil {
		return err
	}
	direct, err := j.future.ordered(moved)
	if err != nil {
		return err
	}
	return j.recompute(append(direct, downstream...))
}

// overlook marks the inputs that the caller may not know of.
func (j *judge) overlook() error {
	for ref, object := range j.given {
		product, ok := object.(*catalog.Product)
		if !ok {
			continue
		}
		before, err := j.before.get(ref)
		if err != nil {
			return err
		}
		for _, input := range product.Inputs {
			to := catalog.Ref{Kind: catalog.KindProduct, ID: input}
			known, err := j.resolves(to, before)
			if err != nil {
				return err
			}
			j.future.unseen[edge{ref.ID, input}] = !known
		}
	}
	return nil
}

// changed lists what the proposal puts or removes, parents first.
func (j *judge) changed() []catalog.Ref {
	refs := make([]catalog.Ref, 0, len(j.after.changed))
	for ref := range j.after.changed {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, compareRefs)
	return refs
}

// moves lists the products whose marking or policies may be others after the
// change of this object; those derived from them follow.
func (j *judge) moves(ref catalog.Ref, object catalog.Object) ([]string, error) {
	previous, err := j.before.get(ref)
	if object == nil || err != nil {
		return nil, err
	}
	switch next := object.(type) {
	case *catalog.Product:
		if was, ok := previous.(*catalog.Product); ok && sameLineage(was, next) {
			return nil, nil
		}
		return []string{ref.ID}, nil
	case *catalog.CaveatPolicy:
		if was, ok := previous.(*catalog.CaveatPolicy); !ok || sameBounds(was, next) {
			return nil, nil
		}
		users, err := j.after.dependants(ref)
		return productIDs(users), err
	}
	return nil, nil
}

func sameLineage(a, b *catalog.Product) bool {
	return a.Marking == b.Marking && a.CaveatPolicy == b.CaveatPolicy &&
		a.EffectiveMarking == b.EffectiveMarking && slices.Equal(a.Inputs, b.Inputs)
}

func sameBounds(a, b *catalog.CaveatPolicy) bool {
	return slices.Equal(a.ReleasableTo, b.ReleasableTo) && slices.Equal(a.DisplayOnlyTo, b.DisplayOnlyTo) &&
		slices.Equal(a.Excluded, b.Excluded) && a.Inheritance == b.Inheritance &&
		slices.Equal(a.ApprovedDependants, b.ApprovedDependants)
}

func productIDs(refs []catalog.Ref) []string {
	var ids []string
	for _, ref := range refs {
		if ref.Kind == catalog.KindProduct {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}

// compute fills in the read-only fields of one proposed object.
func (j *judge) compute(object catalog.Object) error {
	switch o := object.(type) {
	case *catalog.Domain:
		o.ID = o.Ref().ID
	case *catalog.CaveatPolicy:
		o.ID = o.Ref().ID
	case *catalog.SLA:
		o.ID = o.Ref().ID
	case *catalog.ReferenceSchema:
		o.ID = o.Ref().ID
		number, err := j.numberOf(o)
		o.Version = number.n
		return err
	case *catalog.Schema:
		o.ID = o.Ref().ID
		number, err := j.numberOf(o)
		o.Version = number.n
		return err
	case *catalog.Product:
		o.ID = o.Ref().ID
		n, err := j.future.node(o.ID)
		if err != nil {
			return err
		}
		o.InheritedMarking, o.EffectiveMarking = n.inherited.Banner(), n.effective.Banner()
	}
	return nil
}

// recompute lays products over the world whose computed markings changed
// although nobody proposed them.
func (j *judge) recompute(nodes []*node) error {
	met := map[*node]bool{}
	for _, n := range nodes {
		if met[n] {
			continue
		}
		met[n] = true
		j.affected = append(j.affected, n)
		if _, proposed := j.given[n.product.Ref()]; proposed {
			continue
		}
		inherited, effective := n.inherited.Banner(), n.effective.Banner()
		if n.product.InheritedMarking == inherited && n.product.EffectiveMarking == effective {
			continue
		}
		changed := n.product.Clone()
		if p, ok := changed.(*catalog.Product); ok {
			p.InheritedMarking, p.EffectiveMarking = inherited, effective
		}
		j.after.put(changed)
	}
	return nil
}

// problems reports what is wrong with one object as it would stand, and with
// all that follows from changing it; sorted by field.
func (j *judge) problems(ref catalog.Ref) ([]catalog.Problem, error) {
	object, err := j.after.get(ref)
	if object == nil || err != nil {
		return nil, err
	}
	problems := object.Check(j.vocabulary)
	for _, rule := range []func(catalog.Object) ([]catalog.Problem, error){
		j.readOnly, j.references, j.ofKind, j.consequences,
	} {
		found, err := rule(object)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	return sorted(problems), nil
}

// ofKind runs the rules that only one kind of object has.
func (j *judge) ofKind(object catalog.Object) ([]catalog.Problem, error) {
	switch o := object.(type) {
	case *catalog.Domain:
		return j.domainRules(o)
	case *catalog.ReferenceSchema:
		return j.referenceSchemaRules(o)
	case *catalog.Schema:
		return j.schemaRules(o)
	case *catalog.Product:
		return j.productRules(o)
	}
	return nil, nil
}

// readOnly compares computed fields that came in with what they were and what
// they would be.
func (j *judge) readOnly(object catalog.Object) ([]catalog.Problem, error) {
	given, ok := j.given[object.Ref()]
	if !ok {
		return nil, nil
	}
	before, err := j.before.get(object.Ref())
	if err != nil {
		return nil, err
	}
	now, was := computed(object), computed(before)
	var problems []catalog.Problem
	for field, value := range computed(given) {
		if value == "" || value == now[field] || value == was[field] {
			continue
		}
		problems = append(problems, catalog.Problem{
			Field: field, Rule: catalog.RuleReadOnly,
			Detail: fmt.Sprintf("The platform computes this field; it is %s and cannot be set to %s.", quote(now[field]), quote(value)),
			Fix:    "Leave the field out.",
		})
	}
	return problems, nil
}

// computed is the text of an object's read-only fields by pointer, "" for a
// field that is not set.
func computed(object catalog.Object) map[string]string {
	switch o := object.(type) {
	case *catalog.Domain:
		return map[string]string{"/id": o.ID}
	case *catalog.ReferenceSchema:
		return map[string]string{"/id": o.ID, "/version": numeral(o.Version)}
	case *catalog.Schema:
		return map[string]string{"/id": o.ID, "/version": numeral(o.Version)}
	case *catalog.CaveatPolicy:
		return map[string]string{"/id": o.ID}
	case *catalog.SLA:
		return map[string]string{"/id": o.ID}
	case *catalog.Product:
		return map[string]string{"/id": o.ID, "/inherited_marking": o.InheritedMarking, "/effective_marking": o.EffectiveMarking}
	}
	return nil
}

// numeral is a number that is not set as "".
func numeral(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// references reports what an object names that does not exist, or that the
// caller may not see, which is the same to it.
func (j *judge) references(object catalog.Object) ([]catalog.Problem, error) {
	before, err := j.before.get(object.Ref())
	if err != nil {
		return nil, err
	}
	var problems []catalog.Problem
	for _, reference := range object.References() {
		if !wellNamed(reference.To) {
			continue // Check reports it, and nothing ill-formed is looked up
		}
		found, err := j.resolves(reference.To, before)
		if err != nil {
			return nil, err
		}
		if !found {
			problems = append(problems, catalog.Problem{
				Field: reference.Field, Rule: catalog.RuleReference,
				Detail: fmt.Sprintf("There is no %s.", reference.To),
				Fix:    fmt.Sprintf("Create the %s first, or name one that exists.", reference.To.Kind.Noun()),
			})
		}
	}
	return problems, nil
}

// resolves reports whether the target exists for the caller. One that the
// object named already stays named, even when it has since been raised above
// the caller: it learns nothing, and is not locked out of its own object.
func (j *judge) resolves(to catalog.Ref, before catalog.Object) (bool, error) {
	target, err := j.after.get(to)
	if target == nil || err != nil {
		return false, err
	}
	if before != nil && slices.ContainsFunc(before.References(), func(r catalog.Reference) bool { return r.To == to }) {
		return true, nil
	}
	return j.visible(to)
}

// visible reports whether the caller may be told of an object: it sees it, or
// it is its own proposal.
func (j *judge) visible(ref catalog.Ref) (bool, error) {
	stored, err := j.before.get(ref)
	if err != nil {
		return false, err
	}
	if stored == nil {
		object, err := j.after.get(ref)
		return object != nil, err
	}
	return j.sight.sees(ref)
}

// sorted orders problems by field, then rule, then text, each once.
func sorted(problems []catalog.Problem) []catalog.Problem {
	slices.SortStableFunc(problems, func(a, b catalog.Problem) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Detail, b.Detail))
	})
	return slices.Compact(problems)
}

// quote shows a value that came from outside: escaped, and cut at 80 bytes.
func quote(value string) string {
	if len(value) > 80 {
		value = strings.ToValidUTF8(value[:80], "") + "..."
	}
	return fmt.Sprintf("%+q", value)
}
