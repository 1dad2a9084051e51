package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

const markingHelp = `Validate, render and roll up security markings, and decide access.

Everything runs offline, with the rules and the vocabulary that the platform
and the Terraform provider use. A marking is a banner line, or a portion mark
in parentheses.`

// markingTool is what the marking verbs share.
type markingTool struct {
	vocabulary vocabularyFlag
	json       bool
}

func markingCommand() *cobra.Command {
	t := &markingTool{}
	command := &cobra.Command{
		Use:   "marking",
		Short: "Validate, render and roll up security markings, and decide access",
		Long:  markingHelp,
	}
	flags := command.PersistentFlags()
	t.vocabulary.register(flags)
	flags.BoolVar(&t.json, "json", false, "answer in JSON, with the version of the vocabulary")
	command.AddCommand(t.validateCommand(), t.rollupCommand(), t.renderCommand(), t.accessCommand(), labelCommand(), vocabularyCommand())
	return command
}

// readLimited reads all of r, or refuses it when it is longer than limit bytes.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("longer than %d bytes", limit)
	}
	return data, err
}

// markingAnswer is what --json prints.
type markingAnswer struct {
	Valid      bool              `json:"valid"`
	Banner     string            `json:"banner,omitempty"`
	Portion    string            `json:"portion,omitempty"`
	ISM        *marking.ISM      `json:"ism,omitempty"`
	Audience   *audienceAnswer   `json:"audience,omitempty"`
	Problems   []marking.Problem `json:"problems,omitempty"`
	Vocabulary string            `json:"vocabulary"`
}

type audienceAnswer struct {
	Everybody bool     `json:"everybody,omitempty"`
	Release   []string `json:"release,omitempty"`
	Display   []string `json:"display,omitempty"`
}

// answer prints a marking: its lines, or everything as JSON.
func (t *markingTool) answer(c *cobra.Command, v *marking.Vocabulary, m marking.Marking, lines ...string) error {
	if !t.json {
		for _, line := range lines {
			if _, err := fmt.Fprintln(c.OutOrStdout(), line); err != nil {
				return err
			}
		}
		return nil
	}
	ism, audience := m.ISM(), v.Audience(m)
	return printJSON(c, markingAnswer{
		Valid: true, Banner: m.Banner(), Portion: m.Portion(), ISM: &ism, Vocabulary: v.Version(),
		Audience: &audienceAnswer{Everybody: audience.Everybody, Release: audience.Release, Display: audience.Display},
	})
}

// refuse is the error of a marking that is not valid.
func (t *markingTool) refuse(c *cobra.Command, v *marking.Vocabulary, err error) error {
	var invalid *marking.InvalidError
	if !t.json || !errors.As(err, &invalid) {
		return err
	}
	if printErr := printJSON(c, markingAnswer{Problems: invalid.Problems, Vocabulary: v.Version()}); printErr != nil {
		return printErr
	}
	return commandline.Exit{Code: 1}
}

func printJSON(c *cobra.Command, value any) error {
	e := json.NewEncoder(c.OutOrStdout())
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

func (t *markingTool) validateCommand() *cobra.Command {
	legacy := false
	command := &cobra.Command{
		Use:   "validate TEXT",
		Short: "Check a marking and print its canonical banner line",
		Long: `Check a marking and print its canonical banner line.

Exit code 0 when it is valid. Exit code 1 otherwise, and standard error names
each broken rule, the token, its place, and what to write instead.`,
		Example: `  datamesh marking validate 'SECRET//REL TO USA, FVEY'
  datamesh marking validate '(TS//SI/TK//NF)'
  datamesh marking validate --legacy 'SECRET//USA/CAN/GBR EYES ONLY'`,
		Args: cobra.ExactArgs(1),
	}
	command.Flags().BoolVar(&legacy, "legacy", false, "read retired markings, as on reuse of old information")
	command.RunE = func(c *cobra.Command, args []string) error {
		v, err := t.vocabulary.load()
		if err != nil {
			return err
		}
		parse := v.Parse
		if legacy {
			parse = v.ParseLegacy
		}
		m, err := parse(args[0])
		if err != nil {
			return t.refuse(c, v, err)
		}
		return t.answer(c, v, m, m.Banner())
	}
	return command
}

func (t *markingTool) rollupCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "rollup PORTION...",
		Short: "Print the banner line of what is derived from these",
		Long: `Print the banner line of what is derived from all of these markings.

Portion marks and banner lines may be mixed, in any order. Exit code 1 when one
of them is not valid.`,
		Example: `  datamesh marking rollup '(S//REL TO USA, FVEY)' '(C//REL TO USA, GBR)'
  datamesh marking rollup 'SECRET//SI//NOFORN' '(U//FOUO)' --json`,
		Args: cobra.MinimumNArgs(1),
	}
	command.RunE = func(c *cobra.Command, args []string) error {
		v, err := t.vocabulary.load()
		if err != nil {
			return err
		}
		inputs := make([]marking.Marking, len(args))
		for i, text := range args {
			if inputs[i], err = v.Parse(text); err != nil {
				return t.refuse(c, v, fmt.Errorf("input %d: %w", i+1, err))
			}
		}
		m := v.Rollup(inputs...)
		return t.answer(c, v, m, m.Banner())
	}
	return command
}

func (t *markingTool) renderCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "render < MARKING.json",
		Short: "Print the banner line and portion mark of ISM attributes",
		Long: `Read a marking as JSON with ISM.XML attribute names from standard input and
print its banner line, then its portion mark, a line each.

Exit code 1 when it is not valid, with the rule on standard error. Unknown and
repeated attributes are refused.`,
		Example: `  echo '{"classification": "S", "ownerProducer": ["USA"],
         "disseminationControls": ["REL"], "releasableTo": ["USA", "GBR"]}' |
    datamesh marking render`,
		Args: cobra.NoArgs,
	}
	command.RunE = func(c *cobra.Command, _ []string) error {
		v, err := t.vocabulary.load()
		if err != nil {
			return err
		}
		data, err := readLimited(c.InOrStdin(), marking.MaxISMSize)
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		attributes, err := marking.ReadISM(data)
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		m, err := v.FromISM(attributes)
		if err != nil {
			return t.refuse(c, v, err)
		}
		return t.answer(c, v, m, m.Banner(), m.Portion())
	}
	return command
}
