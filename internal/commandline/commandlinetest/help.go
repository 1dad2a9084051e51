// Package commandlinetest holds the command line of every program to the same
// rules.
package commandlinetest

import (
	"testing"

	"github.com/spf13/cobra"
)

// Help wants a sentence, a description and an example of every verb.
func Help(t *testing.T, root *cobra.Command) {
	t.Helper()
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			Help(t, c)
			continue
		}
		if c.Short == "" || c.Long == "" || c.Example == "" {
			t.Errorf("%s: its help lacks a sentence, a description or an example", c.CommandPath())
		}
	}
}
