// Package providertest wires the provider to a real platform, both in the test
// process, and drives them with a real Terraform.
//
//	func TestX(t *testing.T) {
//	    t.Parallel()
//	    mesh := providertest.Start(t)
//	    mesh.Run(resource.TestStep{Config: mesh.Config(`resource "datamesh_domain" …`)})
//	}
//
// Terraform is the binary that TF_ACC_TERRAFORM_PATH names, else terraform or
// tofu on PATH.
package providertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
	"github.com/meshwright/terraform-provider-datamesh/provider"
)

// Mesh is a platform and the provider configured for it.
type Mesh struct {
	*platformtest.Platform
	t testing.TB
}

// Start starts a platform that ends with the test.
func Start(t testing.TB) *Mesh {
	t.Helper()
	Terraform(t)
	return &Mesh{Platform: platformtest.Start(t), t: t}
}

// Factories are the provider, served in the test process.
func Factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"datamesh": providerserver.NewProtocol6WithError(provider.New("test")()),
	}
}

// Config is a configuration with the provider block for this mesh in front.
func (m *Mesh) Config(blocks string) string {
	return fmt.Sprintf("provider \"datamesh\" {\n  endpoint = %q\n  token    = %q\n}\n\n%s", m.Endpoint, m.Token, blocks)
}

// Run runs the steps, and destroys everything after them.
func (m *Mesh) Run(steps ...resource.TestStep) {
	m.t.Helper()
	t, ok := m.t.(*testing.T)
	if !ok {
		m.t.Fatal("providertest: Run needs a *testing.T")
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: Factories(), Steps: steps})
}

// Put writes an object past Terraform, as its administrator, and fails the test if it
// cannot.
func (m *Mesh) Put(object catalog.Object) {
	m.t.Helper()
	if _, err := m.Admin().Put(context.Background(), object, catalog.WriteOptions{}); err != nil {
		m.t.Fatalf("putting %s past Terraform: %v", object.Ref(), err)
	}
}

// Delete deletes an object past Terraform.
func (m *Mesh) Delete(ref catalog.Ref) {
	m.t.Helper()
	if err := m.Admin().Delete(context.Background(), ref, catalog.WriteOptions{}); err != nil {
		m.t.Fatalf("deleting %s past Terraform: %v", ref, err)
	}
}

// Get reads an object past Terraform.
func (m *Mesh) Get(ref catalog.Ref) catalog.Object {
	m.t.Helper()
	entry, err := m.Admin().Get(context.Background(), ref)
	if err != nil {
		m.t.Fatalf("reading %s past Terraform: %v", ref, err)
	}
	return entry.Object
}

var findTerraform = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("TF_ACC_TERRAFORM_PATH"); path != "" {
		return exec.LookPath(path)
	}
	if path, err := exec.LookPath("terraform"); err == nil {
		return path, nil
	}
	return exec.LookPath("tofu")
})

// Terraform is the path of the binary that tests use. It makes the test kit use
// the same one, never download another, and take nothing from the command-line
// configuration of whoever runs the tests.
func Terraform(t testing.TB) string {
	t.Helper()
	path, err := findTerraform()
	if err != nil {
		t.Fatalf("providertest: no Terraform to test with: set TF_ACC_TERRAFORM_PATH, or run make test, which builds OpenTofu: %v", err)
	}
	prepare.Do(func() { err = prepareKit(path) })
	if err != nil {
		t.Fatalf("providertest: %v", err)
	}
	return path
}

var prepare sync.Once

func prepareKit(path string) error {
	environment := map[string]string{"TF_ACC_TERRAFORM_PATH": path, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.DevNull}
	if strings.HasPrefix(filepath.Base(path), "tofu") {
		// The kit serves providers under addresses of Terraform's registry,
		// which OpenTofu does not look at.
		environment["TF_ACC_PROVIDER_HOST"] = "registry.opentofu.org"
		environment["TF_ACC_PROVIDER_NAMESPACE"] = "hashicorp"
	}
	if inMemory() {
		environment["PLUGIN_UNIX_SOCKET_DIR"] = memory
	}
	for name, value := range environment {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("preparing the test kit: %w", err)
		}
	}
	return nil
}

// memory is where Linux keeps files in memory. The kit gives a provider two
// seconds, which it has no setting for, to make the socket that it listens on:
// there, that does not wait for what others write to the disk.
const memory = "/dev/shm"

// inMemory reports whether files can be made in memory.
func inMemory() bool {
	file, err := os.CreateTemp(memory, "datamesh-")
	if err != nil {
		return false
	}
	return errors.Join(file.Close(), os.Remove(file.Name())) == nil
}
