package platform

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalogtest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func TestPlatformIsAService(t *testing.T) {
	t.Parallel()
	catalogtest.TestService(t, func(t *testing.T) catalogtest.Fixture {
		return catalogtest.Fixture{As: newPlatform(t, openStore(t)).As}
	})
}

// openStore is a fresh database file that is closed when the test ends.
func openStore(t testing.TB) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "catalogue.db"))
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

func newPlatform(t testing.TB, s store.Store) *Platform {
	t.Helper()
	p, err := New(Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatalf("new platform: %v", err)
	}
	return p
}
