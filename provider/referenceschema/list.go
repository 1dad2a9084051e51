package referenceschema

import (
	"github.com/hashicorp/terraform-plugin-framework/list"

	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// NewList makes the list resource datamesh_reference_schema, for terraform query.
func NewList() list.ListResource { return connect.NewList(kind) }
