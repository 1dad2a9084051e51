package platformd

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
)

// TestAttackAnchorsWithoutEnd: what is named as anchors and is none, has no end or
// is in part something else is refused, and nothing of it is believed.
func TestAttackAnchorsWithoutEnd(t *testing.T) {
	t.Parallel()
	dir, pki := t.TempDir(), identitytest.NewPKI(t, "Root")
	root, err := os.ReadFile(pki.Root())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	large := write("large", root)
	if err := os.Truncate(large, 1<<40); err != nil { // with a hole
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	for name, c := range map[string]struct{ path, want string }{
		"a file larger than all memory": {large, "larger than"},
		"no file":                       {filepath.Join(dir, "absent"), "absent"},
		"a folder":                      {dir, "no plain file"},
		"nothing":                       {write("nothing", nil), "no certificate in PEM"},
		"a certificate and a key":       {write("key", append(root[:len(root):len(root)], key...)), "is no certificate"},
		"a certificate and a broken":    {write("broken", append(root[:len(root):len(root)], broken...)), "is no certificate"},
	} {
		if transport, err := outboundTransport("https://witness.example", []string{pki.Root(), c.path}); err == nil || transport != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if _, err := outboundTransport("https://witness.example", []string{pki.Root(), write("good", root)}); err != nil {
		t.Errorf("anchors: %v", err)
	}
}
