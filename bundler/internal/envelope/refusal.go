package envelope

import "fmt"

// Kind says why a bundle is refused.
type Kind string

// The kinds of refusal.
const (
	Malformed   Kind = "malformed"     // not what this program writes
	Untrusted   Kind = "untrusted"     // not signed by enough trusted keys
	OtherStream Kind = "other-stream"  // of another line of bundles than expected
	Rollback    Kind = "rollback"      // older than what is held
	Replay      Kind = "replay"        // the bundle that is held already
	Gap         Kind = "gap"           // bundles before it are missing
	Fork        Kind = "fork"          // another bundle has its place in the stream
	Expired     Kind = "expired"       // past its own expiry
	TooOld      Kind = "too-old"       // past the maximum age of the policy
	NotYetValid Kind = "not-yet-valid" // created in the future
	Mixed       Kind = "mixed"         // parts of different bundles
)

// Refusal is the error of a bundle that is not trusted or not allowed. The exit
// code of a run that it ends is that of trust and policy.
type Refusal struct {
	Kind   Kind
	Reason string
	Next   string // what to do; "" when the reason says it
}

// Error is the reason and what to do next.
func (r *Refusal) Error() string {
	if r.Next == "" {
		return fmt.Sprintf("envelope refused (%s): %s", r.Kind, r.Reason)
	}
	return fmt.Sprintf("envelope refused (%s): %s; %s", r.Kind, r.Reason, r.Next)
}
