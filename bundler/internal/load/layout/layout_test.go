package layout

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

func image(t *testing.T, name, content string) (bundlertest.Memory, *lock.Item) {
	t.Helper()
	m := bundlertest.Memory{}
	layer := m.Add("application/vnd.oci.image.layer.v1.tar", []byte(content))
	config := m.Add("application/vnd.oci.empty.v1+json", []byte("{}"))
	root := m.AddManifest(t, "", layer)
	signature := m.AddManifest(t, `,"annotations":{"of":"`+string(root.Digest)+`"}`)
	return m, &lock.Item{Name: "r.example/" + name + ":1", Kind: lock.KindImage, Repository: "r.example/" + name, Tag: "1", Root: root,
		Blobs: []artifact.Descriptor{config, layer}, Evidence: []lock.Evidence{
			{Form: lock.FormSignatureTag, Tag: "sha256-" + root.Digest.Hex() + ".sig", Subject: root.Digest, Manifest: signature, Blobs: []artifact.Descriptor{config}},
		}}
}

func loaded(t *testing.T, path string, source artifact.Source, item *lock.Item, place string) load.Moved {
	t.Helper()
	d, err := Open(path, source)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := d.Load(t.Context(), item, place)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return moved
}

func names(t *testing.T, path string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path, indexName))
	if err != nil {
		t.Fatal(err)
	}
	var x index
	if err := json.Unmarshal(text, &x); err != nil {
		t.Fatal(err)
	}
	for _, e := range x.Manifests {
		found = append(found, e.Annotations[refName])
	}
	return found
}

func TestLoadsAddUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "layout")
	m, item := image(t, "app", "first")
	if moved := loaded(t, path, m, item, "team/app"); moved.Blobs != 4 {
		t.Errorf("got %+v moved, want four blobs", moved)
	}
	if moved := loaded(t, path, m, item, "team/app"); moved != (load.Moved{}) {
		t.Errorf("the second time: got %+v moved, want nothing", moved)
	}
	n, other := image(t, "other", "second")
	loaded(t, path, n, other, "team/other")
	want := []string{"team/app:1", "team/app:sha256-" + item.Root.Digest.Hex() + ".sig", "team/other:1", "team/other:sha256-" + other.Root.Digest.Hex() + ".sig"}
	if diff := cmp.Diff(want, names(t, path)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	blob := filepath.Join(path, "blobs", "sha256", item.Root.Digest.Hex())
	if content, err := os.ReadFile(blob); err != nil || !bytes.Equal(content, m[item.Root.Digest]) {
		t.Errorf("root manifest: %v", err)
	}
}

func TestATagMovesToTheNewerImage(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	m, item := image(t, "app", "first")
	loaded(t, path, m, item, "app")
	n, newer := image(t, "app", "second")
	loaded(t, path, n, newer, "app")
	text, err := os.ReadFile(filepath.Join(path, indexName))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), `"app:1"`); got != 1 || !strings.Contains(string(text), string(newer.Root.Digest)) {
		t.Errorf("got %d entries of app:1, want one, for the newer image:\n%s", got, text)
	}
}

func TestPoisonedSourceIsNotNamed(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	m, item := image(t, "app", "first")
	layer := item.Blobs[1].Digest
	m[layer] = []byte("fir5t")
	d, err := Open(path, m)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }() // the test is over
	if _, err := d.Load(t.Context(), item, "app"); err == nil || !strings.Contains(err.Error(), string(layer)) {
		t.Errorf("got %v, want the layer refused", err)
	}
	if _, err := os.Stat(filepath.Join(path, indexName)); err == nil {
		t.Error("index.json names what was not loaded")
	}
}

func TestOtherDirectoriesAreLeftAlone(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "no image layout") {
		t.Errorf("got %v, want it refused", err)
	}
	for name, text := range map[string]string{"no JSON": "{", "endless": `{"manifests":[` + strings.Repeat(" ", maxIndex)} {
		path := t.TempDir()
		for file, content := range map[string]string{layoutName: marker, indexName: text} {
			if err := os.WriteFile(filepath.Join(path, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(path, nil); err == nil {
			t.Errorf("index.json that is %s: got no error", name)
		}
	}
}

// TestSkopeoReadsTheLayout asks a reader that we did not write.
func TestSkopeoReadsTheLayout(t *testing.T) {
	t.Parallel()
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("needs skopeo: apt-get install skopeo")
	}
	path := t.TempDir()
	m, item := image(t, "app", "first")
	loaded(t, path, m, item, "app")
	output, err := exec.CommandContext(t.Context(), skopeo, "inspect", "--raw", "oci:"+path+":app:1").CombinedOutput()
	if err != nil || !bytes.Equal(bytes.TrimSpace(output), m[item.Root.Digest]) {
		t.Errorf("got %v\n%s", err, output)
	}
}
