package caveatpolicy

import (
	"github.com/hashicorp/terraform-plugin-framework/list"

	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// NewList returns the datamesh_caveat_policy list resource.
func NewList() list.ListResource { return connect.NewList(kind) }
