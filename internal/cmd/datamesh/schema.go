package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// exitIncompatible is the exit code of a schema that must not follow the older
// versions, exitIncomplete that of one that leaves something out.
const (
	exitIncompatible = 3
	exitIncomplete   = 3
)

var (
	schemaTypes = []catalog.SchemaType{catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf}
	schemaModes = []catalog.Compatibility{
		catalog.CompatibilityNone,
		catalog.CompatibilityBackward, catalog.CompatibilityBackwardTransitive,
		catalog.CompatibilityForward, catalog.CompatibilityForwardTransitive,
		catalog.CompatibilityFull, catalog.CompatibilityFullTransitive,
	}
)

func schemaCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "schema",
		Short: "Check schemas before they are registered",
	}
	command.AddCommand(schemaCheckCommand(), schemaReportCommand())
	return command
}

// schemaSource is how the files of a command line become schemas.
type schemaSource struct {
	typ        string
	references []string // NAME=FILE
}

func (s *schemaSource) addFlags(command *cobra.Command) {
	command.Flags().StringVar(&s.typ, "type", "", "schema language: `TYPE` is AVRO, JSON or PROTOBUF")
	command.Flags().StringArrayVar(&s.references, "reference", nil, "schema that the files refer to, `NAME=FILE`; the last = divides; may be repeated")
}

func (s *schemaSource) valid() error {
	if err := knownType("--type", s.typ); err != nil {
		return err
	}
	for _, reference := range s.references {
		if i := strings.LastIndexByte(reference, '='); i < 1 || i == len(reference)-1 {
			return fmt.Errorf("--reference %.80q: write NAME=FILE", reference)
		}
	}
	return nil
}

func knownType(flag, typ string) error {
	if slices.Contains(schemaTypes, catalog.SchemaType(typ)) {
		return nil
	}
	return fmt.Errorf("%s %.40q: write AVRO, JSON or PROTOBUF", flag, typ)
}

// read reads files that may all refer to the references.
func (s *schemaSource) read(files ...string) ([]*compat.Schema, error) {
	refs, err := s.readReferences()
	if err != nil {
		return nil, err
	}
	schemas := make([]*compat.Schema, 0, len(files))
	for _, file := range files {
		schema, err := readSchema(catalog.SchemaType(s.typ), file, refs)
		if err != nil {
			return nil, err
		}
		schemas = append(schemas, schema)
	}
	return schemas, nil
}

// readReferences reads the references in their order; each may refer to those
// before it.
func (s *schemaSource) readReferences() ([]compat.Reference, error) {
	var refs []compat.Reference
	for _, reference := range s.references {
		i := strings.LastIndexByte(reference, '=')
		schema, err := readSchema(catalog.SchemaType(s.typ), reference[i+1:], refs)
		if err != nil {
			return nil, err
		}
		refs = append(refs, compat.Reference{Name: reference[:i], Schema: schema})
	}
	return refs, nil
}

// readSchema reads a file that is not longer than a schema may be. The error
// names the file.
func readSchema(typ catalog.SchemaType, name string, refs []compat.Reference) (*compat.Schema, error) {
	text, err := readSchemaText(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	}
	schema, err := compat.ParseReferring(typ, text, refs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return schema, nil
}

func readSchemaText(name string) (string, error) {
	file, err := os.Open(name) //nolint:gosec // the user names the file
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := readLimited(file, compat.MaxBytes)
	return string(text), err
}

// reason is what went wrong with a file, without the name that the caller
// writes before it.
func reason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
