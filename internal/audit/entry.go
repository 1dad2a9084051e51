// Package audit is the record of who did what: its entries and their canonical
// bytes, the Merkle tree over them, the signed checkpoint that fixes a tree, and
// the check of a log against one. It has no storage and no HTTP.
//
// # The log
//
// Entry n, counted from 0, is leaf n of the tree of RFC 6962 section 2.1 with
// SHA-256. What an auditor reads has the form of C2SP's tlog-tiles: hashes in
// tiles of 256, entries in bundles of 256 with a length of 16 bits before each.
// A checkpoint (C2SP tlog-checkpoint) is a note signed with Ed25519: the log's
// name, its size, its root. Tools of others that know these forms can read and
// check the log.
//
// # What a checkpoint proves
//
// Whoever owns the machine owns the key, can change any entry, hash everything
// again and sign it. What they cannot do is make the result agree with a
// checkpoint that left the machine before: keep checkpoints elsewhere, and give
// the oldest to [Verify].
package audit

// Entry is one event. Its canonical form (RFC 8785) is what is stored and
// hashed; field names are stable and reports rely on them.
type Entry struct {
	V                 int      `json:"v"`     // version of this format: 1
	Time              string   `json:"time"`  // RFC 3339, UTC
	Event             string   `json:"event"` // "catalogue" or "schema" (of the registry) for a change or a refused change; "decision" for one on access, "query" for a search of such and for the opening of data, its end and its being cut off, "policy" for a vocabulary, "audit_read" for one of this log, "clock" for the machine's that was set back
	Consumer          Consumer `json:"consumer"`
	Action            string   `json:"action"` // create, replace, delete, recompute; register, remove (for ever), configure; of a decision and of opened data what was asked for, such as read; of data that was open "close", or "end" when the consumer was no longer let in
	Object            string   `json:"object"` // kind/id, such as products/sigint/tracks, subjects/sigint.track/versions/3, or audit/entries/1-256
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
	// Version, Port and Purpose tell what data was asked for: the product's
	// version, its output port, and what the asker wants it for.
	Version string `json:"version,omitempty"`
	Port    string `json:"port,omitempty"`
	Purpose string `json:"purpose,omitempty"`
	// Resource is what below the port was asked for: decoded names with slashes
	// between them, and one at the end of a folder; at most 1,024 bytes. Range is
	// the part of it, such as bytes=0-99, "" for the whole.
	Resource string `json:"resource,omitempty"`
	Range    string `json:"range,omitempty"`
	// PolicyVersion is the revision of the caveat policy that decided.
	PolicyVersion string `json:"policy_version,omitempty"`
	// Delivery is what became of a permitted stream of data.
	Delivery *Delivery `json:"delivery,omitempty"`
	// Node is the platform's own name, such as a SPIFFE id.
	Node string `json:"node,omitempty"`
	// Salt is random, so that nobody who sees the hash of an entry finds its
	// text by guessing: who caused it knows most of it.
	Salt string `json:"salt,omitempty"`
}

// Consumer is who did it, from the verified token.
type Consumer struct {
	Sub     string   `json:"sub"`
	Issuer  string   `json:"issuer,omitempty"`
	Org     string   `json:"org,omitempty"`
	Country []string `json:"country,omitempty"`
	// OnBehalfOf is whom an enforcement point asked about, type/id, as it said.
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
	// Via is the subject of the service that acted for this consumer.
	Via string `json:"via,omitempty"`
}

// Delivery is the end of a stream of data.
type Delivery struct {
	Outcome  string `json:"outcome"` // "complete", "failed", or "ended": the caller was no longer let in
	Bytes    int64  `json:"bytes"`
	Records  int64  `json:"records,omitempty"`  // delivered, where records are told apart
	Withheld int64  `json:"withheld,omitempty"` // records that the consumer may not see
}

// Events are all that [Entry.Event] can be.
var Events = []string{"catalogue", "schema", "decision", "query", "policy", "audit_read", "clock"}

// The decisions.
const (
	Permit = "permit"
	Deny   = "deny"
)
