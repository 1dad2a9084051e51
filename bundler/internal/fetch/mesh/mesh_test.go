package mesh

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestImagesOfAMesh reads a real platform over HTTP: what the patterns name,
// with the effective marking, which is above what the product declares.
func TestImagesOfAMesh(t *testing.T) {
	t.Parallel()
	reader := meshOf(t,
		&catalog.Product{Domain: "sigint", Name: "raw", Marking: "SECRET//NOFORN"},
		&catalog.Product{Domain: "sigint", Name: "tracks", Marking: "SECRET//NOFORN", Inputs: []string{"sigint/raw"}, Pipeline: image("team/tracks")},
		&catalog.Product{Domain: "sigint", Name: "sourced", Marking: "UNCLASSIFIED", Pipeline: &catalog.Pipeline{Source: "feed"}},
		&catalog.Product{Domain: "geoint", Name: "roads", Marking: "UNCLASSIFIED", Pipeline: image("team/roads")},
	)
	got, err := Images(t.Context(), reader, entry(t, "sigint/*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Image{{Product: "sigint/tracks", Marking: "SECRET//NOFORN"}}
	want[0].Ref, err = spec.ParseReference("registry.example/team/tracks@" + digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	both, err := Images(t.Context(), reader, entry(t, "sigint/tracks", "geoint/*"))
	if err != nil || len(both) != 2 || both[0].Product != "geoint/roads" {
		t.Errorf("%v, %v, want both in the order of their ids", both, err)
	}
	for _, nothing := range []string{"humint/*", "sigint/raw"} {
		_, err := Images(t.Context(), reader, entry(t, "geoint/roads", nothing))
		if err == nil || !strings.Contains(err.Error(), nothing+" matches no product") {
			t.Errorf("%s: %v, want the pattern named", nothing, err)
		}
	}
}

func image(path string) *catalog.Pipeline {
	return &catalog.Pipeline{Image: "registry.example/" + path + "@" + digest}
}

func entry(t *testing.T, patterns ...string) *spec.Mesh {
	t.Helper()
	m := &spec.Mesh{Entry: spec.Entry{Where: "mesh[0]"}, Endpoint: "https://mesh.example"}
	for _, text := range patterns {
		p, err := spec.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Products = append(m.Products, p)
	}
	return m
}

// meshOf is a client of a platform with these products.
func meshOf(t *testing.T, products ...*catalog.Product) catalog.Reader {
	t.Helper()
	platform := platformtest.Start(t)
	admin := platform.Admin()
	for _, domain := range []string{"sigint", "geoint"} {
		d := &catalog.Domain{Name: domain, DisplayName: domain, Discipline: catalog.Discipline(strings.ToUpper(domain)), Contact: domain + "@example.org",
			Team: map[string]catalog.Member{"a.analyst": {Role: catalog.RoleOwner}}}
		if _, err := admin.Put(t.Context(), d, catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range products {
		p.Title, p.Version = "T", "1.0.0"
		if _, err := admin.Put(t.Context(), p, catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	hc, err := client.NewHTTPClient(client.Options{Token: platform.Token})
	if err != nil {
		t.Fatal(err)
	}
	service, err := client.New(platform.Endpoint, hc)
	if err != nil {
		t.Fatal(err)
	}
	return service
}
