package platform

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/registrytest"
)

func TestPlatformIsARegistry(t *testing.T) {
	t.Parallel()
	registrytest.TestRegistry(t, func(t *testing.T) registrytest.Fixture {
		p := newPlatform(t, openStore(t))
		return registrytest.Fixture{As: p.As, Registry: p.Registry}
	})
}
