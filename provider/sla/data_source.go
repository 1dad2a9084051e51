package sla

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// NewDataSource returns the datamesh_sla data source.
func NewDataSource() datasource.DataSource { return connect.NewDataSource(kind) }
