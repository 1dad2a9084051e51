package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

const schemaReportHelp = `Report what a schema leaves out: descriptions, units of numbers, markings of
fields where the records carry a portion mark. With --conforms-to also where it
is no projection of a reference schema: each required field of that must be there,
with a type that fits and the same unit. The languages of the two may differ.
Everything runs offline. Markings are judged by the built-in vocabulary, or by
the --vocabulary file: take the one in force from GET /api/v1/vocabulary.

Exit code 0 and the word "complete" when nothing is missing. Exit code 3
otherwise, and a line for each gap: path, what is missing, what to write. Exit
code 1 when a file cannot be read or is no schema of the type.`

const schemaReportExample = `  datamesh schema report --type AVRO emitter.avsc
  datamesh schema report --type PROTOBUF --reference geo/position.proto=position.proto picture.proto
  datamesh schema report --type AVRO --conforms-to entity.schema.json --reference-type JSON emitter.avsc
  datamesh schema report --type JSON --json track.schema.json | jq -r '.without_unit[].path'
  datamesh schema report --type JSON --vocabulary vocabulary.json track.schema.json`

// schemaReport is the command line of schema report.
type schemaReport struct {
	schemaSource
	vocabulary               vocabularyFlag
	conformsTo, conformsType string
	json                     bool
}

func schemaReportCommand() *cobra.Command {
	s := &schemaReport{}
	command := &cobra.Command{
		Use:     "report --type TYPE FILE",
		Short:   "Report what the documentation of a schema leaves out",
		Long:    schemaReportHelp,
		Example: schemaReportExample,
		Args:    cobra.ExactArgs(1),
	}
	s.addFlags(command)
	s.vocabulary.register(command.Flags())
	command.Flags().StringVar(&s.conformsTo, "conforms-to", "", "reference schema, `FILE`, that the schema must be a projection of")
	command.Flags().StringVar(&s.conformsType, "reference-type", "", "language of the reference schema: `TYPE`, that of the schema by default")
	command.Flags().BoolVar(&s.json, "json", false, "answer in JSON")
	command.RunE = func(c *cobra.Command, files []string) error {
		if err := s.valid(); err != nil {
			return commandline.Misuse(c, err)
		}
		return s.run(c, files[0])
	}
	return command
}

func (s *schemaReport) valid() error {
	if err := s.schemaSource.valid(); err != nil {
		return err
	}
	switch {
	case s.conformsType == "":
		s.conformsType = s.typ
	case s.conformsTo == "":
		return fmt.Errorf("--reference-type without --conforms-to: name the reference schema")
	}
	return knownType("--reference-type", s.conformsType)
}

func (s *schemaReport) run(c *cobra.Command, file string) error {
	v, err := s.vocabulary.load()
	if err != nil {
		return err
	}
	schemas, err := s.read(file)
	if err != nil {
		return err
	}
	gaps, err := s.nonconforming(schemas[0])
	if err != nil {
		return err
	}
	answer := newReportAnswer(schemas[0].Report(v), len(schemas[0].Fields()), gaps)
	answer.Vocabulary = v.Version()
	if err := s.print(c, answer); err != nil {
		return err
	}
	if !answer.Complete {
		return commandline.Exit{Code: exitIncomplete}
	}
	return nil
}

// nonconforming holds the schema against the reference schema, if there is one.
// References are for the language of the schema.
func (s *schemaReport) nonconforming(schema *compat.Schema) ([]catalog.FieldGap, error) {
	if s.conformsTo == "" {
		return nil, nil
	}
	var refs []compat.Reference
	if s.conformsType == s.typ {
		var err error
		if refs, err = s.readReferences(); err != nil {
			return nil, err
		}
	}
	reference, err := readSchema(catalog.SchemaType(s.conformsType), s.conformsTo, refs)
	if err != nil {
		return nil, err
	}
	return compat.Nonconformities(reference, schema), nil
}

// reportAnswer is what --json prints.
type reportAnswer struct {
	Complete      bool               `json:"complete"`
	Fields        int                `json:"fields"`
	Undescribed   []catalog.FieldGap `json:"undescribed"`
	WithoutUnit   []catalog.FieldGap `json:"without_unit"`
	Unmarked      []catalog.FieldGap `json:"unmarked"`
	Nonconforming []catalog.FieldGap `json:"nonconforming"`
	Vocabulary    string             `json:"vocabulary"`
}

func newReportAnswer(r compat.Report, fields int, nonconforming []catalog.FieldGap) reportAnswer {
	list := func(gaps []catalog.FieldGap) []catalog.FieldGap { return append([]catalog.FieldGap{}, gaps...) } // [] in JSON, not null
	a := reportAnswer{
		Fields: fields, Undescribed: list(r.Undescribed), WithoutUnit: list(r.WithoutUnit),
		Unmarked: list(r.Unmarked), Nonconforming: list(nonconforming),
	}
	a.Complete = len(a.Undescribed)+len(a.WithoutUnit)+len(a.Unmarked)+len(a.Nonconforming) == 0
	return a
}

func (s *schemaReport) print(c *cobra.Command, a reportAnswer) error {
	if s.json {
		return printJSON(c, a)
	}
	var lines []string
	for _, list := range [][]catalog.FieldGap{a.Undescribed, a.WithoutUnit, a.Unmarked, a.Nonconforming} {
		for _, gap := range list {
			if gap.Path == "" {
				gap.Path = "(schema)"
			}
			lines = append(lines, gap.Path+": "+gap.Reason)
		}
	}
	if a.Complete {
		lines = append(lines, "complete")
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), strings.Join(lines, "\n"))
	return err
}
