package platform

import (
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// BenchmarkListOverHidden lists a page for somebody from whom most of the
// catalogue is hidden: in one domain that he does not know, or product by product.
func BenchmarkListOverHidden(b *testing.B) {
	const many = 2_000
	for name, banner := range map[string]string{"a hidden domain": secretive, "hidden products": ""} {
		b.Run(name, func(b *testing.B) {
			p := newPlatform(b, openStore(b))
			mustPut(b, p.As(admin), markedDomain("alpha", banner, ""), markedDomain("zulu", "UNCLASSIFIED", ""))
			for i := range many {
				mustPut(b, p.As(admin), product(fmt.Sprintf("alpha/p%d", i), secretive))
			}
			mustPut(b, p.As(admin), product("zulu/p", "UNCLASSIFIED"))
			low := p.As(cleared("low", "S", "USA"))
			for b.Loop() {
				page, err := low.List(b.Context(), catalog.Query{Kind: catalog.KindProduct})
				if err != nil || len(page.Entries) != 1 {
					b.Fatalf("got %d entries, %v", len(page.Entries), err)
				}
			}
		})
	}
}
