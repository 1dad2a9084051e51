package provider_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// renamed is a roll-up with a partner that only the operator's file knows.
const renamed = `output "banner" { value = provider::datamesh::marking_rollup(["(S//REL TO USA, QZZ)", "(S//REL TO USA, GBR, QZZ)"]) }`

func TestTheOperatorsVocabularyJudgesFunctions(t *testing.T) {
	providertest.Terraform(t)
	t.Setenv(vocabulary.Variable, "")
	refused := resource.TestStep{Config: renamed, ExpectError: regexp.MustCompile(`QZZ`)}
	run(t, refused)
	text := bytes.ReplaceAll(marking.EmbeddedVocabulary(), []byte(`"NZL"`), []byte(`"QZZ"`))
	t.Setenv(vocabulary.Variable, vocabularyFile(t, text))
	run(t, resource.TestStep{
		Config: renamed,
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("banner", knownvalue.StringExact("SECRET//REL TO USA, QZZ")),
		},
	})
}

// A provider that went on with the built-in vocabulary would let through what
// the operator has taken away.
func TestABrokenVocabularyStopsTheProvider(t *testing.T) {
	providertest.Terraform(t)
	t.Setenv(vocabulary.Variable, vocabularyFile(t, []byte(`{"version": "1"}`)))
	run(t, resource.TestStep{
		Config:      "provider \"datamesh\" {\n endpoint = \"http://127.0.0.1:1\"\n}\n" + lookup,
		ExpectError: regexp.MustCompile(`(?s)Invalid vocabulary.*DATAMESH_VOCABULARY_FILE`),
	})
}

func vocabularyFile(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vocabulary.json")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
