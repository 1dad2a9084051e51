// Package vocabulary is the marking vocabulary that the whole provider judges
// by: the operator's file, or the one that is built in.
//
// It comes from the environment alone. Functions and `terraform validate` run
// before the provider is configured, and a plan must not judge a marking by
// another vocabulary than the function beside it.
package vocabulary

import (
	"fmt"
	"os"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Variable names the environment variable that holds the name of the
// operator's vocabulary file. Empty or absent means the built-in vocabulary.
const Variable = "DATAMESH_VOCABULARY_FILE"

// files holds what was read, by name: func() (*marking.Vocabulary, error).
var files sync.Map

// Current is the vocabulary in force. A file is read once in the life of the
// process. The error says which file cannot be used and why.
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
