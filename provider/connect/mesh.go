package connect

import (
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// Mesh is what the provider hands to its objects: the platform, and what this
// run of the provider has read and planned. There is one for each configured
// provider instance and run; it is safe for concurrent use.
type Mesh struct {
	Service    catalog.Service
	Vocabulary *marking.Vocabulary

	cache   *cache
	plan    *registry
	offline sync.Once
}

// New returns the mesh of one provider instance.
func New(service catalog.Service, vocabulary *marking.Vocabulary) *Mesh {
	return &Mesh{
		Service:    service,
		Vocabulary: vocabulary,
		cache:      newCache(service),
		plan:       newRegistry(),
	}
}

// unchecked warns, once a run, that plans were not checked.
func (m *Mesh) unchecked(err error) diag.Diagnostics {
	var out diag.Diagnostics
	m.offline.Do(func() {
		out.AddWarning("Plan-time checks were skipped",
			fmt.Sprintf("The platform could not be asked whether it will accept this plan: %v.\n\n"+
				"What each object says on its own was checked; rules between objects and computed markings were not. "+
				"Apply may still be refused. Plan again when the platform answers.", err))
	})
	return out
}

// receive takes the mesh out of what the framework passes to Configure. It is
// nil before the provider is configured, which is no error.
func receive(providerData any) (*Mesh, diag.Diagnostics) {
	if providerData == nil {
		return nil, nil
	}
	mesh, ok := providerData.(*Mesh)
	if !ok {
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected provider data",
			fmt.Sprintf("Got %T, want *connect.Mesh. Please report this fault of the provider.", providerData))}
	}
	return mesh, nil
}

// vocabularyOf is what markings are judged against, also before there is a mesh.
func vocabularyOf(m *Mesh) *marking.Vocabulary {
	if m != nil && m.Vocabulary != nil {
		return m.Vocabulary
	}
	current, err := vocabulary.InForce()
	if err != nil {
		return marking.Default() // the provider's configuration is refused for it
	}
	return current
}
