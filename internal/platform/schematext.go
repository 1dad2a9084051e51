package platform

import (
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// schemaText is a schema's text as it was understood.
type schemaText struct {
	canonical string // equal for texts that differ in layout only
	fields    int    // how many
	report    compat.Report
	err       error // names line and column
}

func readSchema(t catalog.SchemaType, text string) schemaText {
	schema, err := compat.Parse(t, text)
	if err != nil {
		return schemaText{err: err}
	}
	return schemaText{schema.Canonical(), len(schema.Fields()), schema.Report(), nil}
}
