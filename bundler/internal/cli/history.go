package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// history is what this side remembers of its streams, and what it accepts in
// spite of that.
type history struct {
	state, stream                    string
	acceptRollback, acceptGap, again bool
}

func (h *history) add(f flags) {
	f.StringVar(&h.state, "state", "", "`FILE` that remembers what was loaded; without it datamesh-bundler/state.json in $XDG_STATE_HOME or ~/.local/state")
	f.StringVar(&h.stream, "stream", "", "refuse bundles of any other stream than this `NAME`")
	f.BoolVar(&h.acceptRollback, "accept-rollback", false, "load an older bundle that an officer has countersigned")
	f.BoolVar(&h.acceptGap, "accept-gap", false, "load a bundle although ones before it did not arrive")
	f.BoolVar(&h.again, "again", false, "load the bundle that was loaded last once more, such as into another target")
}

// stateFile is the state file; its directory exists afterwards.
func (h *history) stateFile() (string, error) {
	path := h.state
	if path == "" {
		base := os.Getenv("XDG_STATE_HOME")
		if !filepath.IsAbs(base) { // the XDG Base Directory Specification has relative ones ignored
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("where the state of streams is kept: %w; name a file with --state", err)
			}
			base = filepath.Join(home, ".local", "state")
		}
		path = filepath.Join(base, "datamesh-bundler", "state.json")
	}
	return path, os.MkdirAll(filepath.Dir(path), 0o700) //nolint:gosec // G703: the operator names it
}

// admit holds a bundle against what is held of its stream, and returns how far
// the stream is once it is loaded.
func (h *history) admit(state *envelope.State, o *opened) (envelope.Position, error) {
	if h.acceptRollback {
		if err := countersigned(o); err != nil {
			return envelope.Position{}, err
		}
	}
	position := state.Streams[o.Envelope.Stream]
	err := position.Admit(o.Envelope, envelope.Conditions{
		Now: time.Now(), Stream: h.stream, MaximumAge: o.trusted.maximumAge(),
		AcceptReplay: h.again, AcceptGap: h.acceptGap, AcceptRollback: h.acceptRollback,
	})
	if err != nil {
		return position, advised(err)
	}
	return position.After(o.Envelope)
}

// advised tells which flag is meant for a refusal.
func advised(err error) error {
	refusal := (*envelope.Refusal)(nil)
	if !errors.As(err, &refusal) {
		return err
	}
	flags := map[envelope.Kind]string{
		envelope.Replay:   "to load it once more, such as into another target, say --again",
		envelope.Gap:      "when nothing in them is needed, say --accept-gap",
		envelope.Rollback: "countersign it with datamesh-bundler countersign and say --accept-rollback",
	}
	if flag, ok := flags[refusal.Kind]; ok {
		return &envelope.Refusal{Kind: refusal.Kind, Reason: refusal.Reason, Next: refusal.Next + "; " + flag}
	}
	return err
}

// countersigned wants the signature of an officer who may accept a rollback. A
// key that signs bundles as well does not count: the packer would agree with
// itself.
func countersigned(o *opened) error {
	if err := o.trusted.needsPolicy(); err != nil {
		return err
	}
	officers, err := o.trusted.verifier.RollbackSigners()
	if err != nil {
		return err
	}
	ids, err := envelope.Signers(o.Raw, officers)
	if err != nil {
		return err
	}
	packers := o.trusted.signers.KeyIDs()
	if !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(packers, id) }) {
		return &envelope.Refusal{Kind: envelope.Untrusted, Reason: "its countersignature is by a key that signs bundles itself",
			Next: "let a second officer countersign it, or correct rollbackSigners in the policy"}
	}
	return nil
}
