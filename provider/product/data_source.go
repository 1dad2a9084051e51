package product

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// NewDataSource makes the data source datamesh_data_product, which looks up one.
func NewDataSource() datasource.DataSource { return connect.NewDataSource(kind) }
