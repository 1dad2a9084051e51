package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// exitDenied is the exit code of a decision that denies.
const exitDenied = 3

const accessHelp = `Decide whether a subject may act on data with this marking.

Prints "permit" with exit code 0, or "deny CODE" with exit code 3. A marking
that is not valid is denied as unknown_marking, and standard error says why.
Exit code 1 means that no decision was made.

The subject file is JSON with the attributes clearance (U, R, C, S, TS),
countryOfAffiliation, fineAccessControls, dutyOrganization and employmentType.`

const accessExample = `  cat > analyst.json <<'EOF'
  {"clearance": "S", "countryOfAffiliation": ["GBR"], "fineAccessControls": [],
   "dutyOrganization": "GBR.MOD", "employmentType": "gov"}
  EOF
  datamesh marking access --subject analyst.json 'SECRET//REL TO USA, FVEY'
  datamesh marking access --subject analyst.json --action display 'SECRET//DISPLAY ONLY GBR'
  datamesh marking access --subject analyst.json --dissemination-list USA.DOD,GBR.MOD \
    'SECRET//ORCON/REL TO USA, GBR'`

// accessAnswer is what --json prints.
type accessAnswer struct {
	Decision    bool              `json:"decision"`
	Code        string            `json:"code,omitempty"`
	Obligations []string          `json:"obligations,omitempty"`
	Problems    []marking.Problem `json:"problems,omitempty"`
	Vocabulary  string            `json:"vocabulary"`
}

func (t *markingTool) accessCommand() *cobra.Command {
	var subjectFile, action string
	var request marking.Request
	command := &cobra.Command{
		Use:     "access --subject FILE BANNER",
		Short:   "Decide whether a subject may act on data with this marking",
		Long:    accessHelp,
		Example: accessExample,
		Args:    cobra.ExactArgs(1),
	}
	flags := command.Flags()
	flags.StringVar(&subjectFile, "subject", "", "JSON `file` with the subject's attributes; - is standard input")
	flags.StringVar(&action, "action", string(marking.ActionRead), "what the subject wants: read, display or download")
	flags.StringSliceVar(&request.DisseminationList, "dissemination-list", nil, "`organisations` that may see ORCON data, separated by commas")
	command.RunE = func(c *cobra.Command, args []string) error {
		if subjectFile == "" {
			return commandline.Misuse(c, errors.New("--subject is needed"))
		}
		switch request.Action = marking.Action(action); request.Action {
		case marking.ActionRead, marking.ActionDisplay, marking.ActionDownload:
		default:
			return commandline.Misuse(c, fmt.Errorf("--action %.20q: say read, display or download", action))
		}
		subject, err := readSubject(c, subjectFile)
		if err != nil {
			return err
		}
		return t.decide(c, args[0], &subject, request)
	}
	return command
}

func readSubject(c *cobra.Command, name string) (marking.Subject, error) {
	data, err := readInput(c, name, marking.MaxISMSize)
	if err != nil {
		return marking.Subject{}, fmt.Errorf("subject %s: %w", name, err)
	}
	subject, err := marking.ReadSubject(data)
	if err != nil {
		return marking.Subject{}, fmt.Errorf("subject %s: %w", name, err)
	}
	return subject, nil
}

// decide prints the decision. A marking that cannot be read lets nobody in.
func (t *markingTool) decide(c *cobra.Command, text string, subject *marking.Subject, request marking.Request) error {
	v, err := t.vocabulary.load()
	if err != nil {
		return err
	}
	m, invalid := v.Parse(text)
	d := v.Access(m, subject, request)
	if t.json {
		err = printJSON(c, accessAnswer{Decision: d.Permit, Code: d.Code, Obligations: d.Obligations, Problems: problems(invalid), Vocabulary: v.Version()})
		invalid = nil // stated in the answer
	} else {
		err = printDecision(c, d)
	}
	if err != nil || d.Permit {
		return err
	}
	return commandline.Exit{Code: exitDenied, Cause: invalid}
}

func printDecision(c *cobra.Command, d marking.Decision) error {
	text := "permit"
	if !d.Permit {
		text = "deny " + d.Code
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), text)
	return err
}

func problems(err error) []marking.Problem {
	var invalid *marking.InvalidError
	if errors.As(err, &invalid) {
		return invalid.Problems
	}
	return nil
}
