package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// vocabularyFlag names the vocabulary that a verb judges by: a file of the
// operator's, or "" for the built-in one.
type vocabularyFlag string

func (f *vocabularyFlag) register(flags *pflag.FlagSet) {
	flags.StringVar((*string)(f), "vocabulary", "", "vocabulary `file` instead of the built-in one")
}

func (f *vocabularyFlag) load() (*marking.Vocabulary, error) {
	if *f == "" {
		return marking.Default(), nil
	}
	file, err := os.Open(string(*f))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	v, err := marking.ReadVocabulary(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", *f, err)
	}
	return v, nil
}

func vocabularyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "vocabulary",
		Short: "Print the built-in vocabulary file",
		Long: `Print the vocabulary that is built into this program: levels, control systems,
nations, tetragraphs with their members, equivalences and dates.

An operator who replaces it starts from this file, gives it a version of its
own, and names it with --vocabulary to server, token and marking. Results and
audit entries say which version they used.`,
		Example: `  datamesh marking vocabulary > vocabulary.json
  datamesh server --dev --vocabulary vocabulary.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(marking.EmbeddedVocabulary())
			return err
		},
	}
}
