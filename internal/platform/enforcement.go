package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// EnforcementPoint names callers that ask on behalf of others and are believed
// what they say of them: gateways and brokers that have verified a user
// themselves. A subject is unique within its issuer only, and a group means
// what its issuer means by it, so both count from that issuer alone.
type EnforcementPoint struct {
	Issuer  string
	Subject string // "" for a group
	Group   string // "" for a subject
}

func (e EnforcementPoint) check() error {
	switch {
	case e.Issuer == "":
		return errors.New("an enforcement point has no issuer: name whose tokens it bears")
	case (e.Subject == "") == (e.Group == ""):
		return fmt.Errorf("an enforcement point of issuer %q needs either a subject or a group", e.Issuer)
	}
	return nil
}

// is reports whether a caller is this enforcement point, whoever acts for it.
func (e EnforcementPoint) is(c catalog.Caller) bool {
	if c.Issuer != e.Issuer {
		return false
	}
	return e.Subject != "" && c.Subject == e.Subject || e.Group != "" && slices.Contains(c.Groups, e.Group)
}

// trusted reports whether the caller may ask about others, as may the service
// that acts for it.
func (s *session) trusted() bool {
	for _, party := range s.caller.Parties() {
		if !slices.ContainsFunc(s.enforcement, func(e EnforcementPoint) bool { return e.is(party) }) {
			return false
		}
	}
	return true
}

// parties are those who must all be let in for a question to be answered with
// a permit, whom it is about first. Nobody: the subject is unknown.
//
// A service that acts for the caller is one of them, whoever the question is
// about: the answer, and the data, go through it.
//
// Whoever asks for itself is judged by its verified claims, whatever the
// question says beside them. An enforcement point that asks for another is let
// in no further than itself: the answer goes to it, and the data would.
func (s *session) parties(subject catalog.Entity) []catalog.Caller {
	if subject.ID == "" || subject.Type != catalog.EntityUser && subject.Type != catalog.EntityService {
		return nil
	}
	itself := subject.ID == s.caller.Subject
	if itself && (len(subject.Properties) == 0 || !s.trusted()) {
		return s.caller.Parties()
	}
	if !s.trusted() {
		return nil
	}
	attributes, err := attributesOf(subject.Properties)
	if err != nil {
		return nil
	}
	return append([]catalog.Caller{{Subject: subject.ID, Attributes: attributes}}, s.caller.Parties()...)
}

// claims are the properties of a subject that decisions are made on.
var claims = []string{"clearance", "countryOfAffiliation", "fineAccessControls", "dutyOrganization", "employmentType"}

// attributesOf reads the claims among properties; others are not ours.
func attributesOf(properties map[string]any) (marking.Subject, error) {
	known := map[string]any{}
	for _, name := range claims {
		if value, ok := properties[name]; ok {
			known[name] = value
		}
	}
	body, err := json.Marshal(known)
	if err != nil {
		return marking.Subject{}, fmt.Errorf("claims: %w", err)
	}
	return marking.ReadSubject(body)
}
