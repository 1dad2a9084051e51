package sla

import (
	"github.com/hashicorp/terraform-plugin-framework/list"

	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// NewList returns the datamesh_sla list resource.
func NewList() list.ListResource { return connect.NewList(kind) }
