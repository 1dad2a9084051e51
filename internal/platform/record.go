package platform

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// formatVersion is that of the audit entries written here.
const formatVersion = 1

// record is an object as the store keeps it.
func record(object catalog.Object, revision string) (store.Record, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return store.Record{}, fmt.Errorf("body of %s: %w", object.Ref(), err)
	}
	r := store.Record{Ref: object.Ref(), Revision: revision, Body: body, Text: searchText(object)}
	if p, ok := object.(*catalog.Product); ok {
		r.Status = string(p.Status)
	}
	met := map[catalog.Ref]bool{}
	for _, reference := range object.References() {
		if !met[reference.To] {
			met[reference.To] = true
			r.References = append(r.References, reference.To)
		}
	}
	return r, nil
}

// searchText is what a search looks through, a field on each line so that no
// word spans two of them.
func searchText(object catalog.Object) string {
	parts := []string{object.Ref().ID}
	switch o := object.(type) {
	case *catalog.Domain:
		parts = append(parts, o.DisplayName, o.Description)
	case *catalog.ReferenceSchema:
		parts = append(parts, o.Description)
	case *catalog.Schema:
		parts = append(parts, o.Description)
	case *catalog.CaveatPolicy:
		parts = append(parts, o.Description)
	case *catalog.SLA:
		parts = append(parts, o.Description)
	case *catalog.Product:
		parts = append(parts, o.Title, o.Description)
	}
	return strings.ToLower(strings.Join(parts, "\n"))
}

// account is the audit entry of one decision on one object, without digests.
func (s *session) account(now time.Time, action string, ref catalog.Ref, decision string) audit.Entry {
	attributes, via := s.caller.Attributes, ""
	if s.caller.Via != nil {
		via = s.caller.Via.Subject
	}
	return audit.Entry{
		V:      formatVersion,
		Time:   now.Format(time.RFC3339Nano),
		Event:  "catalogue",
		Action: action,
		Object: string(ref.Kind) + "/" + ref.ID,
		Consumer: audit.Consumer{
			Sub: s.caller.Subject, Issuer: s.caller.Issuer,
			Org: attributes.DutyOrganization, Country: attributes.CountryOfAffiliation, Via: via,
		},
		Decision:          decision,
		VocabularyVersion: s.vocabulary.Version(),
		RequestID:         s.caller.RequestID,
		Node:              s.node,
		Salt:              rand.Text(),
	}
}

// digest is that of an object's canonical bytes, "" for no object.
func digest(object catalog.Object) (string, error) {
	if object == nil {
		return "", nil
	}
	return digestOf(object)
}

// label fills in what the readers of the audit entries of an outcome need to be
// cleared for.
func (j *judge) label(out *outcome) error {
	for _, w := range out.writes {
		j.admission.marks.note(w.next)
	}
	for i, w := range out.writes {
		var err error
		if out.writes[i].marking, err = j.labelOf(w.ref().Domain(), w.previous, w.next); err != nil {
			return err
		}
	}
	out.registry.markings = map[string]string{}
	for _, subject := range out.registry.subjects() {
		label, err := j.labelOf(subject.Domain())
		if err != nil {
			return err
		}
		out.registry.markings[subject.Domain()] = label
	}
	return nil
}

// labelOf joins the marking of a domain, before a change and after it, with
// those of a product, as it was and as it will be: an entry has the digests of
// both. A marking that the vocabulary does not know is the label as it stands.
func (j *judge) labelOf(domain string, versions ...catalog.Object) (string, error) {
	var markings []marking.Marking
	for _, object := range versions {
		p, ok := object.(*catalog.Product)
		if !ok {
			continue
		}
		m := j.past.parse(p.EffectiveMarking)
		if m.IsZero() && p.EffectiveMarking != "" {
			return p.EffectiveMarking, nil
		}
		markings = append(markings, m)
	}
	product := join(j.vocabulary, markings...)
	if looks, err := j.admission.looks(); !looks || err != nil {
		return product.Banner(), err
	}
	before, err := joinedMarking(j.before, j.vocabulary, domain)
	if err != nil {
		return "", err
	}
	after, err := joinedMarking(j.after, j.vocabulary, domain)
	return join(j.vocabulary, before, after, product).Banner(), err
}

// attempted is the marking of a domain in which somebody was refused to write,
// "" when the caller does not know the domain: that an attempt on a name is
// recorded as marked would tell whoever reads the log that there is something.
func (j *judge) attempted(domain string) (string, error) {
	known, err := j.knows(domain)
	if !known || err != nil {
		return "", err
	}
	m, err := joinedMarking(j.before, j.vocabulary, domain)
	return m.Banner(), err
}

// subjects are those that the change is about.
func (c registryChange) subjects() []catalog.Subject {
	var all []catalog.Subject
	for _, a := range c.additions {
		all = append(all, a.registration.Subject)
	}
	for _, r := range c.removals {
		all = append(all, r.subject)
	}
	for _, s := range c.settings {
		all = append(all, s.scope)
	}
	return all
}
