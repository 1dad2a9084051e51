// Package vocabulary is the marking vocabulary that the provider judges by: in
// plans that of the platform, and before the platform can be asked the
// operator's file, or the one that is built in.
//
// Functions and `terraform validate` run before the provider is configured, so
// the file comes from the environment alone. Whoever plans is told when the
// platform has another one in force.
package vocabulary

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Variable names the environment variable that holds the name of the
// operator's vocabulary file. Empty or absent means the built-in vocabulary.
const Variable = "DATAMESH_VOCABULARY_FILE"

// files holds what was read, by name: func() (*marking.Vocabulary, error).
var files sync.Map

// platforms is what the platform has in force, nil until it was asked.
var platforms atomic.Pointer[marking.Vocabulary]

// Follow has everything judged by what the platform has in force from now on.
// Terraform runs a process for each configuration of a provider.
func Follow(v *marking.Vocabulary) { platforms.Store(v) }

// InForce is the vocabulary of the platform, and Current as long as that is not
// known.
func InForce() (*marking.Vocabulary, error) {
	if v := platforms.Load(); v != nil {
		return v, nil
	}
	return Current()
}

// Source says in words where Current comes from.
func Source() string {
	if name := os.Getenv(Variable); name != "" {
		return name
	}
	return "built in"
}

// Current is the vocabulary of this machine. A file is read once in the life of
// the process. The error says which file cannot be used and why.
func Current() (*marking.Vocabulary, error) {
	name := os.Getenv(Variable)
	if name == "" {
		return marking.Default(), nil
	}
	load, _ := files.LoadOrStore(name, sync.OnceValues(func() (*marking.Vocabulary, error) { return read(name) }))
	return load.(func() (*marking.Vocabulary, error))() //nolint:forcetypeassert // nothing else is stored
}

func read(name string) (*marking.Vocabulary, error) {
	file, err := os.Open(name) //nolint:gosec // the user of the provider names the file
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Variable, err)
	}
	defer func() { _ = file.Close() }() // only read from
	v, err := marking.ReadVocabulary(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", Variable, name, err)
	}
	return v, nil
}
