// Package audit is the record of who did what: its entries and their
// canonical bytes. It has no storage and no HTTP.
package audit

// Entry is one event. Its canonical form (RFC 8785) is what is stored and
// hashed; field names are stable and reports rely on them.
type Entry struct {
	V                 int      `json:"v"`     // version of this format: 1
	Time              string   `json:"time"`  // RFC 3339, UTC
	Event             string   `json:"event"` // "catalogue" or "schema" (of the registry) for a change or a refused change; "decision" for one on access, "query" for a search of such
	Consumer          Consumer `json:"consumer"`
	Action            string   `json:"action"` // create, replace, delete, recompute; register, remove (for ever), configure; of a decision what was asked for, such as read
	Object            string   `json:"object"` // kind/id, such as products/sigint/tracks, or subjects/sigint.track/versions/3
	Decision          string   `json:"decision"`
	ReasonCodes       []string `json:"reason_codes,omitempty"`
	Before            string   `json:"before,omitempty"`   // sha256:<hex> of the object's canonical bytes before
	After             string   `json:"after,omitempty"`    // and after
	Revision          string   `json:"revision,omitempty"` // the revision that the change made
	MarkingAccessed   string   `json:"marking_accessed,omitempty"`
	VocabularyVersion string   `json:"vocabulary_version,omitempty"`
	RequestID         string   `json:"request_id,omitempty"`
	// SubjectAttributes is the sha256:<hex> of the attributes that a decision
	// was made on, as canonical JSON.
	SubjectAttributes string `json:"subject_attrs_digest,omitempty"`
}

// Consumer is who did it, from the verified token.
type Consumer struct {
	Sub     string   `json:"sub"`
	Issuer  string   `json:"issuer,omitempty"`
	Org     string   `json:"org,omitempty"`
	Country []string `json:"country,omitempty"`
	// OnBehalfOf is whom an enforcement point asked about, type/id, as it said.
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
}

// The decisions.
const (
	Permit = "permit"
	Deny   = "deny"
)
