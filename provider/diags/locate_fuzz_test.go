package diags_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
)

// FuzzLocate follows pointers that the platform sends: whatever they say, they
// lead to an attribute that exists, or nowhere.
func FuzzLocate(f *testing.F) {
	for _, pointer := range []string{"", "/", "/title", "/inputs/0", "/inputs/99999999999999999999", "/output_ports/~1~0/schema", "//", "/~2"} {
		f.Add(pointer)
	}
	known := map[string]bool{"title": true, "inputs": true, "pipeline": true, "output_ports": true, "list": true}
	locate := diags.Locate(productType, &catalog.Product{Inputs: []string{"a/b"}, OutputPorts: map[string]catalog.OutputPort{"x": {}}})
	f.Fuzz(func(t *testing.T, pointer string) {
		got := locate(pointer)
		if got.Equal(path.Empty()) {
			return
		}
		if first, _ := got.Steps()[0].(path.PathStepAttributeName); !known[string(first)] {
			t.Errorf("%q leads to %s", pointer, got)
		}
	})
}
