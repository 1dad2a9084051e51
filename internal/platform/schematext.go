package platform

import (
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// schemaText is a schema's text as it was understood.
type schemaText struct {
	canonical string // equal for texts that differ in layout only
	gaps      []gap
	err       error
}

type gap struct{ path, reason string }

func readSchema(_ catalog.SchemaType, text string) schemaText {
	return schemaText{canonical: strings.Join(strings.Fields(text), " ")}
}
