package caveatpolicy

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
)

// NewSearch returns the datamesh_caveat_policies data source.
func NewSearch() datasource.DataSource { return connect.NewSearch(kind) }
