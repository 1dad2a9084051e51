package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

const labelHelp = `Work with NATO confidentiality labels (ADatP-4774) as JSON:

  {"policyIdentifier": "NATO", "classification": "SECRET",
   "categories": [{"type": "RESTRICTIVE", "tagName": "Additional Sensitivity", "values": ["ATOMAL"]}]}

Category types are RESTRICTIVE (every value is needed), PERMISSIVE (one value is
enough) and INFORMATIVE. A label is never translated into a national marking.`

func labelCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "label",
		Short: "Combine ADatP-4774 labels, and decide access by them",
		Long:  labelHelp,
	}
	command.AddCommand(dominantCommand(), labelAccessCommand())
	return command
}

func dominantCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "dominant FILE...",
		Short: "Print the label of what is made from data with all of these labels",
		Long: `Print, as JSON, the label of what is made from data with all of these labels:
the highest classification, all restrictive values, the common permissive ones.

Labels that permit no common audience have none: the answer is exit code 3, and
the owner has to decide. Dropping the category would open the data to everybody.`,
		Example: `  datamesh marking label dominant track.json annotation.json`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			labels := make([]marking.Label, len(args))
			for i, name := range args {
				var err error
				if labels[i], err = readLabel(c, name); err != nil {
					return err
				}
			}
			label, err := marking.DominantLabel(labels...)
			if errors.Is(err, marking.ErrEmptyAudience) {
				return commandline.Exit{Code: exitDenied, Cause: err}
			}
			if err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(label)
		},
	}
}

func labelAccessCommand() *cobra.Command {
	var clearanceFile string
	command := &cobra.Command{
		Use:   "access --clearance FILE LABEL",
		Short: "Decide whether a clearance lets its holder see data with this label",
		Long: `Decide whether a clearance lets its holder see data with this label: same
policy, the classification among those held, every restrictive value, and one
value of each permissive category.

Prints "permit" with exit code 0, or "deny" with exit code 3.`,
		Example: `  cat > clearance.json <<'EOF'
  {"policyIdentifier": "NATO", "classifications": ["CONFIDENTIAL", "SECRET"],
   "categories": {"Additional Sensitivity": ["ATOMAL"], "Releasable To": ["SWE"]}}
  EOF
  datamesh marking label access --clearance clearance.json label.json`,
		Args: cobra.ExactArgs(1),
	}
	command.Flags().StringVar(&clearanceFile, "clearance", "", "JSON `file` with what the holder may see; - is standard input")
	command.RunE = func(c *cobra.Command, args []string) error {
		if clearanceFile == "" {
			return commandline.Misuse(c, errors.New("--clearance is needed"))
		}
		clearance, err := readClearance(c, clearanceFile)
		if err != nil {
			return err
		}
		label, err := readLabel(c, args[0])
		if err != nil {
			return err
		}
		return answerLabel(c, clearance.Permits(&label))
	}
	return command
}

func answerLabel(c *cobra.Command, permit bool) error {
	if permit {
		_, err := fmt.Fprintln(c.OutOrStdout(), "permit")
		return err
	}
	if _, err := fmt.Fprintln(c.OutOrStdout(), "deny"); err != nil {
		return err
	}
	return commandline.Exit{Code: exitDenied}
}

func readLabel(c *cobra.Command, name string) (marking.Label, error) {
	data, err := readInput(c, name, marking.MaxLabelSize)
	if err != nil {
		return marking.Label{}, fmt.Errorf("label %s: %w", name, err)
	}
	label, err := marking.ReadLabel(data)
	if err != nil {
		return marking.Label{}, fmt.Errorf("label %s: %w", name, err)
	}
	return label, nil
}

func readClearance(c *cobra.Command, name string) (marking.LabelClearance, error) {
	data, err := readInput(c, name, marking.MaxLabelSize)
	if err != nil {
		return marking.LabelClearance{}, fmt.Errorf("clearance %s: %w", name, err)
	}
	clearance, err := marking.ReadLabelClearance(data)
	if err != nil {
		return marking.LabelClearance{}, fmt.Errorf("clearance %s: %w", name, err)
	}
	return clearance, nil
}

// readInput reads a file of at most limit bytes; "-" is standard input.
func readInput(c *cobra.Command, name string, limit int64) ([]byte, error) {
	if name == "-" {
		return readLimited(c.InOrStdin(), limit)
	}
	file, err := os.Open(name) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	return readLimited(file, limit)
}
