package referenceschema

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// NewDataSource makes the data source datamesh_reference_schema, which looks up
// one.
func NewDataSource() datasource.DataSource { return connect.NewDataSource(kind) }
