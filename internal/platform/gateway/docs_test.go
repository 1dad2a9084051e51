//go:build linux

package gateway_test

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestGatewayPageIsTrue runs the lines of docs/gateway.md against a platform.
func TestGatewayPageIsTrue(t *testing.T) {
	t.Parallel()
	dir, _ := folder(t, map[string]string{
		"tracks/2026/march.csv": "id,position\n", "tracks/reports.jsonl": `{"mark":"(U)","id":1}` + "\n" + `{"mark":"(S//NF)","id":2}` + "\n",
	})
	config := below(dir)
	config.Directories[0].Domains = []string{"*"}
	p := platformtest.Start(t, platformtest.Options{Gateway: config})
	pagetest.Page{
		File: "../../../docs/gateway.md", Blocks: 4, Endpoint: p.Endpoint,
		Before: `admin=(-sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json'); brit=(-sS -H "Authorization: Bearer $BRIT")`,
		Env:    []string{"API=" + p.Endpoint + "/api/v1", "DATA=" + p.Endpoint + "/data", "FILES=" + dir, "TOKEN=" + p.Token, "BRIT=" + p.TokenFor(british)},
	}.Run(t)
}

// TestGatewayPageConfigures: the configuration on the page is one.
func TestGatewayPageConfigures(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	var file struct {
		Gateway configfile.Gateway `yaml:"gateway"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil || len(file.Gateway.HTTP) != 1 || len(file.Gateway.S3) != 1 || len(file.Gateway.Directories) != 1 || file.Gateway.FilterMemoryMiB != 512 {
		t.Errorf("got %+v %v", file, err)
	}
}
