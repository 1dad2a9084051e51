package importer

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

var update = flag.Bool("update", false, "write the expected files anew")

func manifest(t testing.TB, format Format) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + string(format) + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestImport compares each bundle.yaml with the one that somebody has read, and
// reads it back.
func TestImport(t *testing.T) {
	t.Parallel()
	for format := range readers {
		r, err := Import(manifest(t, format), Options{Source: string(format) + ".yaml"})
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		expected := "testdata/" + string(format) + ".expected.yaml"
		if *update {
			if err := os.WriteFile(expected, r.Text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(expected)
		if err != nil {
			t.Fatal(err)
		}
		if r.Format != format || !bytes.Equal(r.Text, want) {
			t.Errorf("%s is read as %s and gives\n%s", format, r.Format, r.Text)
		}
		again, err := spec.Parse(r.Text)
		if err != nil || len(again.Images) != len(r.Spec.Images) || len(again.Files) != len(r.Spec.Files) || again.Digest != r.Spec.Digest {
			t.Errorf("%s reads back as %+v, %v", format, again, err)
		}
	}
}

// TestNothingIsDroppedInSilence: each thing that a manifest names is in the
// bundle.yaml or in a note.
func TestNothingIsDroppedInSilence(t *testing.T) {
	t.Parallel()
	for format, names := range map[Format][]string{
		Hauler:   {"app:1.4.2", "team/tool", "nginx", "busybox", "Not an image", "rancher", "install.sh", "run.sh", "get.example/install.sh", "other.sh", "/etc/passwd", "../secret", "ImageTxts lists", "hauler.dev/key", "key of registry.example/app:1.4.2"},
		Zarf:     {"doom-game:0.0.1", "doom-game:sha256-7464", "ZARF_PKG_TMPL", "Upper:1.0", "charts of baseline: app", "multi-games", "actions of baseline", "variables", "only of tools", "repo.git", "x.bin", "app.conf", "y.bin", "APP.conf", "executable of"},
		OCMirror: {"app:1.4.2", "app:bad", "ubi9", "targetTag", "platform", "operators of registry.example/index:v4.18", "helm"},
		Skopeo:   {"busybox", "redis:1.0", "redis:2.0", "redis@sha256", "nginx", "httpd", "broken", "alpine", "wrong", "credentials of registry.example", "tls-verify", "cert-dir", "etcd", "alpine:3.20"},
		Imgpkg:   {"docker.io/dkalinin/k8s-simple-app@sha256", "team/app@sha256"},
	} {
		r, err := Import(manifest(t, format), Options{})
		if err != nil {
			t.Fatal(err)
		}
		all := string(r.Text)
		for _, n := range r.Notes {
			all += n.String() + "\n"
		}
		for _, name := range names {
			if !strings.Contains(all, name) {
				t.Errorf("%s: nothing says what became of %s", format, name)
			}
		}
	}
}

// TestSecretsStayBehind: neither text nor notes hold them.
func TestSecretsStayBehind(t *testing.T) {
	t.Parallel()
	for format := range readers {
		text := string(manifest(t, format)) // hunter2 is the secret in each
		if format == Imgpkg {
			text += "- image: user:hunter2@registry.example/a:1\n- image: https://user:hunter2@registry.example/a:1\n"
		}
		r, err := Import([]byte(text), Options{Source: "f.yaml"})
		if err != nil {
			t.Fatal(err)
		}
		all := string(r.Text)
		for _, n := range r.Notes {
			all += n.String()
		}
		if strings.Contains(all, "hunter2") {
			t.Errorf("%s: the secret is copied:\n%s", format, all)
		}
	}
}

// TestAManifestCannotWriteIntoTheText: names of a hostile manifest stay in their
// place, in comments and in values.
func TestAManifestCannotWriteIntoTheText(t *testing.T) {
	t.Parallel()
	const image = "      - {name: \"registry.example/a:1\"}\n"
	for _, hostile := range []string{
		`registry.example/a:1\nmarking: TOP SECRET`, `x\n# trust: none`, `a\u001b[2J`, `a\u202eb`, `"}]\nfiles: [{name: a, path: b`, `*alias`, `!!binary x`, `a: b #`,
	} {
		text := "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nmetadata: {name: \"" + hostile + "\"}\nspec:\n  images:\n" +
			image + "      - {name: \"" + hostile + "\", rewrite: \"" + hostile + "\", platform: \"" + hostile + "\"}\n"
		r, err := Import([]byte(strings.ReplaceAll(text, `"""`, `"\"`)), Options{Source: "a\nb: c"})
		if err != nil {
			if !strings.Contains(err.Error(), "is not YAML") {
				t.Errorf("%s: %v\n%s", hostile, err, r.Text)
			}
			continue
		}
		if len(r.Spec.Images) != 1 || r.Spec.Marking.Banner() != "UNCLASSIFIED" || len(r.Spec.Files) != 0 {
			t.Errorf("%s: wrote\n%s", hostile, r.Text)
		}
		if i := bytes.IndexFunc(r.Text, func(c rune) bool { return c != '\n' && (c > unicode.MaxASCII || !unicode.IsPrint(c)) }); i >= 0 {
			t.Errorf("%s: %q reaches the terminal", hostile, r.Text[i])
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	r, err := Import(manifest(t, Imgpkg), Options{Name: "ops", Marking: "SECRET//NOFORN"})
	if err != nil || r.Spec.Name != "ops" || r.Spec.Marking.Banner() != "SECRET//NOFORN" || len(r.Notes) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, o := range []Options{{Name: "Ops"}, {Marking: "SECRETISH"}} {
		if r, err := Import(manifest(t, Imgpkg), o); err == nil {
			t.Errorf("%+v gives %s", o, r.Text)
		}
	}
}

func TestWhatCannotBeImported(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "a: b\n", "[]", "- a\n", "a: [", "apiVersion: v1\nkind: ConfigMap\n", strings.Repeat("#", spec.MaxBytes+1), strings.Repeat("a: b\n---\n", maxDocuments+2),
		"apiVersion: datamesh-bundler/v1\nkind: Bundle\n",
	} {
		if r, err := Import([]byte(text), Options{}); err == nil {
			t.Errorf("%.40q is read as %s", text, r.Format)
		}
	}
	r, err := Import([]byte("kind: ZarfPackageConfig\ncomponents: [{name: a, charts: [{name: c}]}]\n"), Options{})
	if !errors.Is(err, ErrNothing) || len(r.Notes) != 1 {
		t.Errorf("a package of charts: %+v, %v", r, err)
	}
}

func FuzzImport(f *testing.F) {
	for format := range readers {
		f.Add(manifest(f, format))
	}
	f.Add([]byte("kind: ZarfPackageConfig\ncomponents: &a [{images: *a}, {<<: *a}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Import(text, Options{Source: "f"})
		if err != nil {
			return
		}
		if _, err := spec.Parse(r.Text); err != nil {
			t.Fatalf("writes what is not read back: %v\n%s", err, r.Text)
		}
	})
}
