package catalog

import "context"

// Data opens the output ports of products for one caller. All methods are safe
// for concurrent use.
//
// Open may return an *[Error]: CodeUnauthenticated; CodeInvalid for a request
// that is beyond its own limits; CodeNotFound for a product
// or port that the caller does not see, which cannot be told from one that does
// not exist; CodeForbidden, without a reason, for one that it sees and may not
// have the data of; CodeConflict for a product that gives out no data, being
// neither active nor deprecated, told to those who see it; CodeUnavailable when
// the decision could not be recorded, or when more grants run than the platform
// can decide on again. Every denial is recorded, of what does not exist too.
type Data interface {
	// Open decides, and records the decision durably before it returns. The
	// caller of a permitted Open closes the grant.
	Open(context.Context, DataRequest) (Grant, error)
}

// DataRequest names what is wanted.
type DataRequest struct {
	Product string // id
	Port    string
	Action  string // one of marking's actions; "" for read
	Purpose string // as stated by the caller, "" for none
	// Resource is what below the port, as decoded names with slashes between
	// them, "" for the port itself: valid UTF-8 of at most [MaxResource] bytes.
	// Range is the part of it, as in the header of that name (RFC 9110 section
	// 14.2): at most [MaxRange] bytes of UTF-8, "" for the whole. Nothing
	// is decided on them; they are recorded with the decision and with its end.
	Resource, Range string
}

// The limits of what is asked for below a port, in bytes. What is longer could
// not be recorded whole, and is not opened.
const (
	MaxResource = 1024
	MaxRange    = 64
)

// Grant is a permit to read one output port. Its methods are safe for
// concurrent use.
type Grant interface {
	// Product is the product as it was decided on, not to be changed, without
	// what the caller is not shown of it.
	Product() *Product
	// Port is what to read.
	Port() OutputPort
	// Admits decides on one record by the portion mark that it carries. A
	// mark that cannot be read is not admitted, and nothing is once the grant
	// has ended. Answers are remembered.
	Admits(portionMark string) bool
	// Ended is closed when the caller is no longer let in: a marking rose, a
	// policy changed, the port is another one, or the grant is 24 hours old.
	// Whoever streams stops at once, and opens again if it wants to go on.
	Ended() <-chan struct{}
	// Close ends the grant and records what was delivered. Only the first
	// call counts. It uses its own time limit, 10 s: the request may be gone.
	// The error, CodeUnavailable, means that the delivery is not recorded.
	Close(Delivery) error
}

// Outcome says how a stream of data ended.
type Outcome string

// The outcomes.
const (
	OutcomeComplete Outcome = "complete" // all that was asked for
	OutcomeFailed   Outcome = "failed"   // the upstream or the connection failed
	OutcomeEnded    Outcome = "ended"    // the caller was no longer let in
)

// Delivery is what was streamed under a grant.
type Delivery struct {
	Outcome           Outcome
	Bytes             int64
	Records, Withheld int64 // where records are told apart
}
