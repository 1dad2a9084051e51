// Package platform is the mesh itself: it decides who may do what, records
// the decision, and then acts. It is a [catalog.Service] and a
// [catalog.Registry] for each caller, two doors to the same schemas.
//
// # Decide, record, act
//
// Every Put and Delete, and every change of the registry, takes one way through
// change.go, inside one store transaction: authority (may this caller write here), precondition (is this
// what the caller read), rules (is the result sound), then the change, the
// products downstream whose effective marking follows from it, and one audit
// entry for each of them. Either all of it commits or none. A refusal for lack
// of permission commits its audit entry and nothing else.
//
// # The schema registry
//
// Subject "domain.name" of the default context is the schema "domain/name": see
// [catalog.Subject]. A contract (contract.go) is such an object with its
// subject; a text is understood with all that it refers to (reading.go), takes
// the next number when it says something else (schema.go), is held against the
// versions before it (evolution.go) and the reference schema that it names
// (conformance.go), and is enrolled under an id (enrol.go). Each of these runs
// the same for a plan, a Put and a Register.
//
// # Who may write
//
// Administrators write everything and alone create, delete and move domains.
// The stewardship board writes reference schemas, and nothing else by that. A
// domain is written by its active owners, and what is in it by its active
// owners and stewards. Membership of a parent domain gives nothing. A member
// outside the dates of its membership is no member; one that has ended does not
// begin again when the clock is set back, as long as the platform runs.
//
// # Who may see
//
// A product is seen by administrators, by the active team of its domain, and by
// callers whom its effective marking, the policies on it and everything it is
// made from let in. For anyone else it does not exist: not in a list, not as
// an input, not in the text of a refusal. A domain with a marking, and all that
// is in it or below it, exists for whom that marking lets in (admission.go), and
// so does what names it elsewhere; a member of its team who is not let in is
// nobody there. All other objects are seen by every authenticated caller. The
// registry shows the versions of those subjects that the catalogue would show
// (shown.go), and what is hidden decides nothing that shows: no id, no page, no
// setting. docs/visibility.md says what is left.
//
// # Who may have the data
//
// Being shown that a product exists is one thing, having its data another:
// that is decided by [Platform.Decisions] (decision.go), from markings and
// claims alone. Membership of a team does not count there. Each decision is
// recorded in the transaction in which it is made, or it is a denial.
//
// [Platform.Data] decides the same way on one output port and gives out a grant
// (data.go, grant.go) for as long as the data is read. Every change decides
// again on the grants that run on what it touches (stream.go), in its own
// transaction: who is no longer let in is recorded there, and cut off once it
// has committed. A grant is made beside a change or after it, never around it.
//
// # Who acts for whom
//
// Where a service acts for a caller ([catalog.Caller].Via), both must be let in,
// each by its own claims, and see what is asked about. Administrators, groups
// and enforcement points count where both are; a role in a team is the caller's
// own.
//
// # Derived markings
//
// Effective marking = declared joined with the effective markings of all
// inputs. It is computed from the declared markings of all ancestors, never
// from stored text, because a banner line does not say whether an input had a
// release decision. Caveat policies travel the same way, see [catalog.Inheritance].
//
// # Vocabularies
//
// What markings are judged by is part of the state (vocabulary.go): each
// transaction judges by the vocabulary that its own state has in force, so that
// nothing is decided by two. An update (vocabulary_update.go) judges every
// product again in its transaction; what it would do is told before
// (vocabulary_census.go) by the same code.
//
// # Limits
//
// One product has at most 100,000 ancestors. One refusal names at most 100
// dependants and 100 incompatibilities. A text is compared with at most 1,000
// versions or 64 MiB of them, and refers to at most what compat reads. A
// subject has at most catalog.MaxRegistrations versions, those removed for ever
// not counted. At most 10,000 grants run, each for at most 24 hours. Rules run on one consistent state and read the closure of what
// they judge, never the whole catalogue.
package platform

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/endorsement"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// Config is what a platform is made of. Only Store is needed.
type Config struct {
	// Store keeps the catalogue. The platform does not close it.
	Store store.Store
	// Vocabulary is what markings are judged against on a fresh store, nil for
	// the embedded one. On any other it must be what is in force there, which
	// [Platform.Start] checks; nil is satisfied with whatever is.
	Vocabulary *marking.Vocabulary
	// VocabularyKeys are the authorities of which one must have signed each
	// vocabulary that is put in force; none: administrators are enough. What a
	// fresh store starts with is the operator's, and is not asked for it.
	VocabularyKeys endorsement.Keys
	// SystemHigh is the highest marking that this installation is accredited
	// for, as a banner line; "" when nobody has set one. Data above it is
	// given to nobody.
	SystemHigh string
	// EnforcementPoints may ask about access on behalf of others.
	EnforcementPoints []EnforcementPoint
	// Now is the clock of memberships and records; nil for time.Now.
	Now func() time.Time
	// NewRevision returns a text never returned before, which cannot be
	// guessed; nil for 128 random bits.
	NewRevision func() string
	// Node is the platform's own name in audit entries, such as a SPIFFE id; ""
	// for none. At most 2048 bytes of UTF-8.
	Node string
	// NewID returns an id for a schema of the registry, 1 to 2^31-1, that
	// cannot be guessed; it is asked again when the id is taken. nil for a
	// random one.
	NewID func() int
	// Log takes the causes of failures that callers are not shown; nil for
	// slog.Default().
	Log *slog.Logger
}

// Platform is the mesh. Safe for concurrent use.
type Platform struct {
	store       store.Store
	systemHigh  string              // a banner line, "" for none
	first       *marking.Vocabulary // of a fresh store
	keys        endorsement.Keys
	configured  bool // first is the operator's choice
	editions    editions
	previews    chan struct{} // held by whoever previews an update of the vocabulary
	enforcement []EnforcementPoint
	now         func() time.Time
	newRevision func() string
	newID       func() int
	log         *slog.Logger
	node        string
	calendar    *calendar
	streams     *streams
	memory      *memory // answers of the registry
	marks       *marks  // whether domains have markings
	understood  *memory // readings of texts that refer to nothing
}

// maxNode is the longest name of a platform, in bytes: that of a SPIFFE id.
const maxNode = 2048

// New makes a platform. It is an error when the Config has no Store.
func New(c Config) (*Platform, error) {
	if c.Store == nil {
		return nil, errors.New("platform: the configuration has no store")
	}
	p := &Platform{store: c.Store, systemHigh: c.SystemHigh, first: c.Vocabulary, keys: c.VocabularyKeys, configured: c.Vocabulary != nil, previews: make(chan struct{}, 1),
		now: c.Now, newRevision: c.NewRevision, newID: c.NewID, log: c.Log, node: c.Node,
		streams: newStreams(), calendar: &calendar{}, memory: newMemory(maxMemory), marks: &marks{}, understood: newMemory(maxUnderstood)}
	for _, e := range c.EnforcementPoints {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("platform: %w", err)
		}
	}
	p.enforcement = slices.Clone(c.EnforcementPoints)
	if len(c.Node) > maxNode || !utf8.ValidString(c.Node) {
		return nil, fmt.Errorf("platform: the name of the node is not UTF-8 of at most %d bytes", maxNode)
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.newRevision == nil {
		p.newRevision = rand.Text
	}
	if p.newID == nil {
		p.newID = randomID
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	if p.first == nil {
		p.first = marking.Default()
	}
	return p, nil
}

// As is the catalogue as this caller sees it. A caller without a subject is
// nobody: every method answers with catalog.CodeUnauthenticated.
func (p *Platform) As(caller catalog.Caller) catalog.Service {
	return &session{Platform: p, caller: caller}
}
