package platform

import (
	"context"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// entryReader decides which entries of the audit log a caller is let in to, on
// one state of the catalogue. Administrators are let in to all of them.
//
// Everybody else is let in to an entry when they are cleared for the marking
// that it records, and see the object that it names. What is gone, or was made
// up, is nobody else's: the name may itself be what is to be hidden, and the
// marking that was recorded does not say that the object was hidden by what it
// named, or by a domain whose marking was raised since. An entry that names no
// object, such as of a search, is theirs only with a marking. A decision on data
// without a marking is for administrators only: there was no such product, or one
// that few saw; once there is a product of that name that many see, the entry
// would tell which of the two by being there or not. Who reads the log is shown
// to administrators only, since those entries number what was read.
type entryReader struct {
	administers bool
	parties     []*sight // the caller, and whoever acts for it
	world       world
	cleared     map[string]bool // by marking
}

func (s *session) entryReader(ctx context.Context, r store.Reader) (*entryReader, error) {
	j, err := s.judge(ctx, r)
	if err != nil {
		return nil, err
	}
	reader := &entryReader{administers: s.caller.Administers(), world: j.before, cleared: map[string]bool{}}
	for _, party := range s.caller.Parties() {
		reader.parties = append(reader.parties, ownSight(j.of(party)))
	}
	return reader, nil
}

// admits reports whether the caller may read an entry.
func (r *entryReader) admits(e audit.Entry) (bool, error) {
	switch {
	case r.administers:
		return true, nil
	case e.Event == "audit_read":
		return false, nil
	case e.MarkingAccessed == "" && (e.Event == "decision" || e.Event == "query"):
		return false, nil
	case e.MarkingAccessed != "" && !r.clears(e.MarkingAccessed):
		return false, nil
	}
	ref, ok := named(e.Object)
	if !ok {
		return e.MarkingAccessed != "", nil
	}
	object, err := r.world.get(ref)
	if err != nil {
		return false, err
	}
	if object == nil {
		return false, nil
	}
	return r.sees(ref)
}

// clears reports whether all parties may read what is so marked. A marking
// that this vocabulary does not know clears nobody.
func (r *entryReader) clears(banner string) bool {
	if known, ok := r.cleared[banner]; ok {
		return known
	}
	r.cleared[banner] = r.clear(banner)
	return r.cleared[banner]
}

func (r *entryReader) clear(banner string) bool {
	for _, party := range r.parties {
		parsed, err := party.admission.system.Vocabulary.Parse(banner)
		if err != nil || !party.admission.system.Terms(parsed, nil).Decide(party.holder, access.Use{Action: marking.ActionRead}).Permit {
			return false
		}
	}
	return true
}

func (r *entryReader) sees(ref catalog.Ref) (bool, error) {
	for _, party := range r.parties {
		if seen, err := party.sees(ref); err != nil || !seen {
			return false, err
		}
	}
	return true, nil
}

// named is the object of the catalogue that an entry is about.
func named(object string) (catalog.Ref, bool) {
	kind, id, _ := strings.Cut(object, "/")
	if kind == "subjects" {
		name, _, _ := strings.Cut(id, "/")
		subject, err := catalog.ParseSubject(name)
		if err != nil {
			return catalog.Ref{}, false
		}
		return subject.Schema()
	}
	ref := catalog.Ref{Kind: catalog.Kind(kind), ID: id}
	return ref, ref.Kind.New() != nil && ref.Kind.CheckID(id) == nil
}
