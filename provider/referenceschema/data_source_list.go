package referenceschema

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// NewSearch makes the data source datamesh_reference_schemas, which finds many.
func NewSearch() datasource.DataSource { return connect.NewSearch(kind) }
