package catalog

import (
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Caller is who asks, from a verified token or certificate and nothing else.
// The zero Caller is nobody and may do nothing.
type Caller struct {
	Subject string // unique within the issuer
	Issuer  string
	Groups  []string
	// Administrator may create domains and write everything.
	Administrator bool
	// Attributes are what access is decided on.
	Attributes marking.Subject
	// Purposes are what the caller may use data for, as its issuer says.
	Purposes []string
	// Via is the service that acts for this caller, verified on its own; nil
	// when the caller acts itself. What either of the two may not, this caller
	// may not: it is an administrator, has a group, sees an object and is given
	// data only where both are. Via of Via is nil.
	Via *Caller
	// RequestID ties audit entries and error reports to one request.
	RequestID string
}

// Administers reports whether the caller is an administrator, as is the service
// that acts for it, if one does.
func (c Caller) Administers() bool {
	return c.Administrator && (c.Via == nil || c.Via.Administers())
}

// InGroup reports whether the caller is in a group, as is the service that acts
// for it, if one does.
func (c Caller) InGroup(name string) bool {
	return slices.Contains(c.Groups, name) && (c.Via == nil || c.Via.InGroup(name))
}

// Parties are those who must all be let in where this caller is: the caller on
// its own, and the service that acts for it, if one does.
func (c Caller) Parties() []Caller {
	if c.Via == nil {
		return []Caller{c}
	}
	itself, via := c, *c.Via
	itself.Via, via.Via, via.RequestID = nil, nil, c.RequestID
	return []Caller{itself, via}
}
