package review

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// TestSBOMIsValid by the schema of CycloneDX 1.6, and says what the lock says.
func TestSBOMIsValid(t *testing.T) {
	t.Parallel()
	m, _ := example(t, 0)
	text, err := m.SBOM()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := m.SBOM(); err != nil || !bytes.Equal(text, again) {
		t.Errorf("a second time it is another, %v", err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := cycloneDX(t).Validate(document); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.SpecVersion != cdx.SpecVersion1_6 || bom.Metadata.Timestamp != "" || len(*bom.Components) != 3 {
		t.Errorf("%+v", bom)
	}
	app := (*bom.Components)[1]
	if want := "pkg:oci/app@sha256%3A"; !strings.HasPrefix(app.PackageURL, want) || !strings.HasSuffix(app.PackageURL, "?repository_url=registry.example%2Fteam%2Fapp&tag=1.0") {
		t.Errorf("purl %s", app.PackageURL)
	}
	file := (*bom.Components)[0]
	if hash := (*file.Hashes)[0].Value; !strings.HasSuffix(string(fileDigest(&m.Lock.Items[0])), hash) || file.Type != cdx.ComponentTypeFile {
		t.Errorf("file %+v", file)
	}
}

// cycloneDX is the schema that comes with the library.
func cycloneDX(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Skipf("the schema of CycloneDX is not at hand: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "schema")
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json"} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("http://cyclonedx.org/schema/"+name, document); err != nil {
			t.Fatal(err)
		}
	}
	// Signatures inside of a BOM, which ours has none of, have a schema of their own.
	if err := compiler.AddResource("http://cyclonedx.org/schema/jsf-0.82.schema.json", map[string]any{"definitions": map[string]any{"signature": false}}); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

const (
	spdx      = `{"spdxVersion":"SPDX-2.3","packages":[{"licenseConcluded":"MIT"},{"licenseConcluded":"NONE","licenseDeclared":"Apache-2.0"},{"licenseConcluded":"NOASSERTION"}]}`
	cycloneDx = `{"bomFormat":"CycloneDX","metadata":{"component":{"licenses":[{"expression":"MIT OR ISC"}]}},"components":[{"licenses":[{"license":{"id":"BSD-3-Clause"}}],"components":[{"licenses":[{"license":{"name":"Ours"}}]}]}]}`
)

func TestLicences(t *testing.T) {
	t.Parallel()
	statement := func(predicate string) string {
		return `{"_type":"https://in-toto.io/Statement/v1","predicate":` + predicate + `}`
	}
	envelope := func(payload string) string {
		return `{"payloadType":"application/vnd.in-toto+json","payload":"` + base64.StdEncoding.EncodeToString([]byte(payload)) + `"}`
	}
	many := `{"spdxVersion":"SPDX-2.3","packages":[` + strings.Repeat(`{"licenseDeclared":"x"},`, 10) + `{"licenseDeclared":"` + strings.Repeat("long", 100) + `"}]}`
	for document, want := range map[string]string{
		spdx: "Apache-2.0 MIT", cycloneDx: "BSD-3-Clause MIT OR ISC Ours", envelope(statement(spdx)): "Apache-2.0 MIT",
		`{"mediaType":"x","dsseEnvelope":` + envelope(statement(cycloneDx)) + `}`: "BSD-3-Clause MIT OR ISC Ours",
		"not JSON": "", "{}": "", "[]": "", `{"payload":"!"}`: "", envelope(envelope(envelope(envelope(envelope(spdx))))): "",
		many: strings.Repeat("long", 50) + "... x",
		`{"bomFormat":"CycloneDX","components":` + strings.Repeat(`[{"components":`, 100) + `[]` + strings.Repeat("}]", 100) + `}`: "",
	} {
		s := store{}
		item := &lock.Item{Evidence: []lock.Evidence{{Blobs: []artifact.Descriptor{s.add("application/spdx+json", document), s.add("application/octet-stream", spdx+" ")}}}}
		got, err := Licences(t.Context(), item, s)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%.80s tells %q, %v; want %q", document, got, err, want)
		}
	}
}

// TestAThousandLicences stay readable; an SBOM that is gone is an error.
func TestAThousandLicences(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `{"licenseDeclared":"L-%d"},`, i)
	}
	s := store{}
	item := &lock.Item{Evidence: []lock.Evidence{{Blobs: []artifact.Descriptor{s.add("application/spdx+json", `{"spdxVersion":"x","packages":[`+b.String()+`{}]}`)}}}}
	got, err := Licences(t.Context(), item, s)
	if err != nil || len(got) != maxLicences+1 || got[maxLicences] != "and 900 more" {
		t.Errorf("%d licences, %v", len(got), err)
	}
	if _, err := Licences(t.Context(), item, store{}); err == nil {
		t.Error("an SBOM that cannot be read is no error")
	}
}

func FuzzGather(f *testing.F) {
	f.Add([]byte(spdx))
	f.Add([]byte(cycloneDx))
	f.Fuzz(func(t *testing.T, document []byte) {
		found := map[string]bool{}
		gather(document, found, 0)
		for licence := range found {
			if len(licence) > maxLicence+3 {
				t.Fatalf("a licence of %d bytes", len(licence))
			}
		}
	})
}

func FuzzCell(f *testing.F) {
	f.Add("=1", `\u{41}`)
	f.Add("a;-1", "p\u0430ypal")
	f.Fuzz(func(t *testing.T, a, b string) {
		text := cell(a)
		if computed(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q becomes %q", a, text)
		}
		if strings.ToValidUTF8(a, "\ufffd") != strings.ToValidUTF8(b, "\ufffd") && plain(a) == plain(b) {
			t.Fatalf("%q and %q are both written %q", a, b, plain(a))
		}
	})
}
