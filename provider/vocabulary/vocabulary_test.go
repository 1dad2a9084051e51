package vocabulary_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

func TestTheBuiltInVocabularyIsInForceWithoutAFile(t *testing.T) {
	t.Setenv(vocabulary.Variable, "")
	got, err := vocabulary.Current()
	if err != nil || got != marking.Default() {
		t.Errorf("got %v, %v, want the built-in vocabulary", got, err)
	}
}

func TestTheOperatorsFileIsInForce(t *testing.T) {
	file := write(t, bytes.Replace(marking.EmbeddedVocabulary(), []byte(`"2026-01.1"`), []byte(`"enclave-7"`), 1))
	t.Setenv(vocabulary.Variable, file)
	first, err := vocabulary.Current()
	if err != nil || first.Version() != "enclave-7" {
		t.Fatalf("got %v, %v, want version enclave-7", first, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if second, err := vocabulary.Current(); err != nil || second != first {
		t.Errorf("got %v, %v, want what was read the first time", second, err)
	}
}

// A file that cannot be used must not let markings through by another one.
func TestABrokenFileIsNoVocabulary(t *testing.T) {
	for name, file := range map[string]string{
		"absent": filepath.Join(t.TempDir(), "absent.json"),
		"broken": write(t, []byte(`{"version": "1"}`)),
	} {
		t.Setenv(vocabulary.Variable, file)
		got, err := vocabulary.Current()
		if err == nil || got != nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), vocabulary.Variable) {
			t.Errorf("%s: got %v, %v, want an error that names the variable and the file", name, got, err)
		}
	}
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vocabulary.json")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
