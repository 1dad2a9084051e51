package endtoend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

const examples = "../../examples"

// requirement goes into a workspace whose example does not say itself where
// the provider comes from: examples of one object are shown inside a page that
// does.
const requirement = `terraform {
  required_providers {
    datamesh = { source = "meshwright/datamesh" }
  }
}
`

// folders lists the examples of one sort; a sort without any is a mistake.
func folders(t *testing.T, sort string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(examples, sort, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("no example in %s", filepath.Join(examples, sort))
	}
	return found
}

// prepare opens a workspace with the files of an example that match.
func prepare(t *testing.T, p *platformtest.Platform, folder, pattern string) terraform {
	t.Helper()
	w := open(t, p)
	w.write("required.tf", requirement)
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no %s: %v", folder, pattern, err)
	}
	for _, file := range files {
		w.write(filepath.Base(file), read(t, file))
	}
	return w
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestResourceExamples(t *testing.T) {
	t.Parallel()
	for _, folder := range folders(t, "resources") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			p := platformtest.Start(t)
			w := prepare(t, p, folder, "resource*.tf")
			w.apply()
			w.planIsEmpty()
			w.importByCommand(folder)
			w.importByBlock(folder, "import-by-string-id.tf")
			if w.version(t, 1, 12) {
				w.importByBlock(folder, "import-by-identity.tf")
			} else {
				t.Log("import by identity was not tried: this Terraform is older than 1.12")
			}
			w.destroy()
			isEmpty(t, p)
		})
	}
}

var importCommand = regexp.MustCompile(`(?m)^terraform import (\S+) (\S+)$`)

// importByCommand forgets the object and imports it as the example says.
func (w terraform) importByCommand(folder string) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "import.sh"))
	if err != nil {
		w.t.Fatal(err)
	}
	command := importCommand.FindStringSubmatch(string(text))
	if command == nil {
		w.t.Fatalf("%s/import.sh has no line \"terraform import ADDRESS ID\"", folder)
	}
	w.must("state", "rm", command[1])
	w.must("import", "-no-color", command[1], strings.Trim(command[2], `"'`))
	w.planIsEmpty()
}

var importTarget = regexp.MustCompile(`(?m)^\s*to\s*=\s*(\S+)$`)

// importByBlock forgets the object and imports it by the example's block.
func (w terraform) importByBlock(folder, file string) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		w.t.Fatal(err)
	}
	target := importTarget.FindStringSubmatch(string(text))
	if target == nil {
		w.t.Fatalf("%s/%s names no target", folder, file)
	}
	w.must("state", "rm", target[1])
	w.write("import.tf", string(text))
	const want = "Resources: 1 imported, 0 added, 0 changed, 0 destroyed."
	if got := w.apply(); !strings.Contains(got.Stdout, want) {
		w.t.Errorf("%s/%s: got\n%s\nwant %q", folder, file, got.Stdout, want)
	}
	if err := os.Remove(filepath.Join(w.Dir, "import.tf")); err != nil {
		w.t.Fatal(err)
	}
	w.planIsEmpty()
}

// version reports whether this is Terraform of at least that version.
// OpenTofu counts its versions differently and is not asked.
func (w terraform) version(t *testing.T, major, minor int) bool {
	t.Helper()
	var said struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal([]byte(w.must("version", "-json").Stdout), &said); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(said.Version, ".")
	if len(parts) < 2 {
		t.Fatalf("got version %q, want major.minor.patch", said.Version)
	}
	gotMajor, errMajor := strconv.Atoi(parts[0])
	gotMinor, errMinor := strconv.Atoi(parts[1])
	if errMajor != nil || errMinor != nil {
		t.Fatalf("got version %q, want numbers", said.Version)
	}
	return gotMajor > major || gotMajor == major && gotMinor >= minor
}

const board = examples + "/reference-schemas"

// TestReferenceSchemasExample takes the board's example through its life. Its
// domains have the schemas of the coalition, as they stand there, and its
// reference schemas are those that conformance is tested with.
func TestReferenceSchemasExample(t *testing.T) {
	t.Parallel()
	for folder, original := range map[string]string{"domains": coalition + "/schemas", "board": "../../internal/compat/testdata/reference"} {
		files, err := filepath.Glob(filepath.Join(board, folder, "*"))
		if err != nil || len(files) != 3 {
			t.Errorf("got %v, %v, want three texts in %s", files, err, folder)
		}
		for _, file := range files {
			if read(t, file) != read(t, filepath.Join(original, filepath.Base(file))) {
				t.Errorf("%s is not as in %s", file, original)
			}
		}
	}
	p := platformtest.Start(t)
	w := open(t, p)
	w.copy(board)
	w.apply()
	w.planIsEmpty()
	report, ok := w.output("report_on_the_track_schema").(map[string]any)
	if gaps, list := report["nonconforming"].([]any); !ok || !list || len(gaps) != 0 || report["fields"] == 0.0 {
		t.Errorf("report: got %v, want fields and nothing that does not conform", report)
	}
	w.destroy()
	isEmpty(t, p)
}

// TestDataSourceExamples reads what the coalition example made, and a reference
// schema, which it has none of.
func TestDataSourceExamples(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	made := open(t, p)
	made.copy(coalition)
	made.write("board.tf", read(t, filepath.Join(examples, "resources", "datamesh_reference_schema", "resource.tf")))
	made.apply()
	for _, folder := range folders(t, "data-sources") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			w := prepare(t, p, folder, "data-source*.tf")
			w.apply()
			w.planIsEmpty()
			w.destroy()
		})
	}
	made.planIsEmpty()
	made.destroy()
	isEmpty(t, p)
}

// TestFunctionExamples needs no platform at all.
func TestFunctionExamples(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	p.Stop()
	for _, folder := range folders(t, "functions") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			w := prepare(t, p, folder, "function*.tf")
			w.apply()
			w.planIsEmpty()
			w.destroy()
		})
	}
}

// TestProviderExamples only validates: they name hosts of other people.
func TestProviderExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(examples, "provider", "provider*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("examples/provider has no provider*.tf: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			w := open(t, platformtest.Start(t))
			text := read(t, file)
			w.write("provider.tf", text)
			if !strings.Contains(text, "required_providers") {
				w.write("required.tf", requirement)
			}
			w.must("validate", "-no-color")
		})
	}
}

// TestEverythingHasAnExample asks the provider what it offers and looks for
// the files that the documentation is made from.
func TestEverythingHasAnExample(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	w.write("required.tf", requirement)
	var said struct {
		Schemas map[string]struct {
			Resources   map[string]any `json:"resource_schemas"`
			DataSources map[string]any `json:"data_source_schemas"`
			Functions   map[string]any `json:"functions"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal([]byte(w.must("providers", "schema", "-json").Stdout), &said); err != nil {
		t.Fatal(err)
	}
	if len(said.Schemas) != 1 {
		t.Fatalf("got %d providers, want 1", len(said.Schemas))
	}
	for _, schema := range said.Schemas {
		for name := range schema.Resources {
			wantFiles(t, "resources", name, "resource.tf", "import.sh", "import-by-string-id.tf", "import-by-identity.tf")
			wantFiles(t, "list-resources", name, "list-resource.tfquery.hcl")
		}
		for name := range schema.DataSources {
			wantFiles(t, "data-sources", name, "data-source.tf")
		}
		for name := range schema.Functions {
			wantFiles(t, "functions", name, "function.tf")
		}
		if len(schema.Resources) < 6 || len(schema.DataSources) < 12 || len(schema.Functions) < 4 {
			t.Errorf("got %d resources, %d data sources, %d functions, want at least 6, 12, 4",
				len(schema.Resources), len(schema.DataSources), len(schema.Functions))
		}
	}
}

func wantFiles(t *testing.T, sort, name string, files ...string) {
	t.Helper()
	for _, file := range files {
		if _, err := os.Stat(filepath.Join(examples, sort, name, file)); err != nil {
			t.Errorf("%s has no example: %v", name, err)
		}
	}
}
