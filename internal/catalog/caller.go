package catalog

import "github.com/meshwright/terraform-provider-datamesh/internal/marking"

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
	// RequestID ties audit entries and error reports to one request.
	RequestID string
}
