package platform

import (
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// nonconformities finds nothing until compat says what a projection is.
func nonconformities(_, _ *compat.Schema) []catalog.FieldGap { return nil }
