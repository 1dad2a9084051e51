package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// witnessFlags say whose cosignatures a checkpoint must have.
type witnessFlags struct {
	files  []string
	quorum int
}

func (w *witnessFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&w.files, "witness-key", nil, "`file` with the public key of a witness; may be repeated")
	flags.IntVar(&w.quorum, "witnesses", 0, "how `many` of the witnesses must have cosigned (default: all)")
}

// policy reads the keys.
func (w *witnessFlags) policy() (audit.Witnesses, error) {
	if len(w.files) == 0 && w.quorum != 0 {
		return audit.Witnesses{}, errors.New("--witnesses asks for cosignatures: name the keys with --witness-key")
	}
	policy := audit.Witnesses{Quorum: w.quorum}
	for _, name := range w.files {
		text, err := readKept(name)
		if err != nil {
			return audit.Witnesses{}, fmt.Errorf("--witness-key: %w", err)
		}
		key, err := audit.ParseWitnessKey(string(text))
		if err != nil {
			return audit.Witnesses{}, fmt.Errorf("--witness-key %s: %w", name, err)
		}
		policy.Keys = append(policy.Keys, key)
	}
	if policy.Quorum == 0 {
		policy.Quorum = len(policy.Keys)
	}
	return policy, policy.Check()
}
