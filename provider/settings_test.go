package provider_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

const lookup = `data "datamesh_domains" "all" {}`

func run(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: providertest.Factories(), Steps: steps})
}

func TestConfigurationThatIsWrong(t *testing.T) {
	t.Setenv("DATAMESH_ENDPOINT", "")
	t.Setenv("DATAMESH_TOKEN", "")
	providertest.Terraform(t)
	for name, test := range map[string]struct{ block, want string }{
		"nothing at all":       {``, `endpoint is missing`},
		"endpoint without URL": {`endpoint = "mesh.example"`, `endpoint`},
		"two tokens":           {"endpoint = \"http://127.0.0.1:1\"\n token = \"a\"\n token_file = \"b\"", `exclude\s+each\s+other`},
		"a key alone":          {"endpoint = \"http://127.0.0.1:1\"\n client_key_file = \"b\"", `client_cert_file\s+is\s+missing`},
		"a rate of nothing":    {"endpoint = \"http://127.0.0.1:1\"\n max_requests_per_second = 0", `above\s+zero`},
		"no such CA file":      {"endpoint = \"http://127.0.0.1:1\"\n ca_file = \"/nonexistent\"", `ca_file`},
		"plain http elsewhere": {"endpoint = \"http://mesh.example\"\n token = \"hush\"", `(?s)plain\s+http`},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, resource.TestStep{
				Config:      fmt.Sprintf("provider \"datamesh\" {\n %s\n}\n%s", test.block, lookup),
				ExpectError: regexp.MustCompile(test.want),
			})
		})
	}
}

func TestConfigurationKnownOnlyAfterApply(t *testing.T) {
	t.Setenv("DATAMESH_ENDPOINT", "")
	providertest.Terraform(t)
	run(t, resource.TestStep{
		Config: `
resource "terraform_data" "late" { input = "http://127.0.0.1:1" }

provider "datamesh" { endpoint = terraform_data.late.output }

resource "datamesh_sla" "x" {
  domain   = "sigint"
  name     = "fast"
  accuracy = { target_percent = 99, window = "30d" }
}
`,
		ExpectError: regexp.MustCompile(`(?s)endpoint is not known yet.*-target`),
	})
}

func TestConfigurationFromTheEnvironment(t *testing.T) {
	mesh := providertest.Start(t)
	t.Setenv("DATAMESH_ENDPOINT", mesh.Endpoint)
	t.Setenv("DATAMESH_TOKEN", mesh.Token)
	run(t, resource.TestStep{Config: "provider \"datamesh\" {}\n" + lookup})
}

func TestTokenFileWinsOverTheEnvironment(t *testing.T) {
	mesh := providertest.Start(t)
	t.Setenv("DATAMESH_ENDPOINT", mesh.Endpoint)
	t.Setenv("DATAMESH_TOKEN", "not.the.one")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(mesh.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, resource.TestStep{Config: fmt.Sprintf("provider \"datamesh\" { token_file = %q }\n%s", file, lookup)})
	run(t, resource.TestStep{Config: "provider \"datamesh\" {}\n" + lookup, ExpectError: regexp.MustCompile(`(?s)token.*expired`)})
}

func TestRequestsNameTheProgram(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	agents := make(chan string, 100)
	mesh.Fail(func(r *http.Request) int { agents <- r.UserAgent(); return 0 })
	mesh.Run(resource.TestStep{Config: mesh.Config(lookup)})
	if got := <-agents; !regexp.MustCompile(`^terraform-provider-datamesh/test terraform/\d+\.\d+`).MatchString(got) {
		t.Errorf("got User-Agent %q", got)
	}
}
