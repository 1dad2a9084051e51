package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

const schemaCheckHelp = `Check whether a schema may follow older versions of it, by the rules that the
platform applies when it is registered. Everything runs offline.

The files are the older versions, oldest first, and last the new one.

  NONE        nothing but that the new schema can be read
  BACKWARD    the new schema reads data of the latest older version
  FORWARD     the latest older version reads data of the new schema
  FULL        both

BACKWARD_TRANSITIVE, FORWARD_TRANSITIVE and FULL_TRANSITIVE look at all older
versions.

A schema that refers to others needs them: --reference NAME=FILE for each, under
the name by which it refers to them (the full name of an Avro type, what stands
in $ref, the path of a Protobuf import). They hold for all versions, and each may
use those before it.

Exit code 0 and the word "compatible" when it may follow. Exit code 3 otherwise,
and a line for each reason: path, kind, both sides, what to do. "version 2" is
the second file. Exit code 1 when a file cannot be read, or is no schema of the
type, or the schemas are too complex to compare.`

const schemaCheckExample = `  datamesh schema check --type AVRO --mode BACKWARD track-v1.avsc track.avsc
  datamesh schema check --type PROTOBUF --mode FULL_TRANSITIVE picture-v*.proto picture.proto
  datamesh schema check --type AVRO --mode FULL --reference geo.Position=position.avsc track-v1.avsc track.avsc
  datamesh schema check --type JSON --mode FULL --json v1.json v2.json | jq -r '.incompatibilities[].path'`

// schemaCheck is the command line of schema check.
type schemaCheck struct {
	schemaSource
	mode string
	json bool
}

func schemaCheckCommand() *cobra.Command {
	s := &schemaCheck{}
	command := &cobra.Command{
		Use:     "check --type TYPE --mode MODE OLD... NEW",
		Short:   "Check whether a schema may follow older versions",
		Long:    schemaCheckHelp,
		Example: schemaCheckExample,
		Args:    cobra.MinimumNArgs(2),
	}
	s.addFlags(command)
	command.Flags().StringVar(&s.mode, "mode", "", "compatibility `MODE`")
	command.Flags().BoolVar(&s.json, "json", false, "answer in JSON")
	command.RunE = func(c *cobra.Command, files []string) error {
		if err := s.valid(); err != nil {
			return commandline.Misuse(c, err)
		}
		return s.run(c, files)
	}
	return command
}

func (s *schemaCheck) valid() error {
	if err := s.schemaSource.valid(); err != nil {
		return err
	}
	if !slices.Contains(schemaModes, catalog.Compatibility(s.mode)) {
		names := make([]string, 0, len(schemaModes))
		for _, mode := range schemaModes {
			names = append(names, string(mode))
		}
		return fmt.Errorf("--mode %.40q: write one of %s", s.mode, strings.Join(names, ", "))
	}
	return nil
}

func (s *schemaCheck) run(c *cobra.Command, files []string) error {
	schemas, err := s.read(files...)
	if err != nil {
		return err
	}
	last := len(schemas) - 1
	found, err := compat.Check(catalog.Compatibility(s.mode), schemas[:last], schemas[last])
	if err != nil {
		return err
	}
	if err := s.print(c, found); err != nil {
		return err
	}
	if len(found) > 0 {
		return commandline.Exit{Code: exitIncompatible}
	}
	return nil
}

// schemaAnswer is what --json prints.
type schemaAnswer struct {
	Compatible        bool                      `json:"compatible"`
	Incompatibilities []catalog.Incompatibility `json:"incompatibilities,omitempty"`
}

func (s *schemaCheck) print(c *cobra.Command, found []catalog.Incompatibility) error {
	if s.json {
		return printJSON(c, schemaAnswer{Compatible: len(found) == 0, Incompatibilities: found})
	}
	lines := make([]string, 0, len(found)+1)
	for _, f := range found {
		lines = append(lines, f.String())
	}
	if len(found) == 0 {
		lines = append(lines, "compatible")
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), strings.Join(lines, "\n"))
	return err
}
