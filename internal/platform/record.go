package platform

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
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
	attributes := s.caller.Attributes
	return audit.Entry{
		V:      formatVersion,
		Time:   now.Format(time.RFC3339Nano),
		Event:  "catalogue",
		Action: action,
		Object: string(ref.Kind) + "/" + ref.ID,
		Consumer: audit.Consumer{
			Sub: s.caller.Subject, Issuer: s.caller.Issuer,
			Org: attributes.DutyOrganization, Country: attributes.CountryOfAffiliation,
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

// markingOf is the marking that a reader of the entry needs to be cleared for.
func markingOf(object catalog.Object) string {
	if p, ok := object.(*catalog.Product); ok {
		return p.EffectiveMarking
	}
	return ""
}
