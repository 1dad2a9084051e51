package platformd

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// TestProductionConfig: what the operator writes reaches the platform by the
// names that the platform has for it.
func TestProductionConfig(t *testing.T) {
	t.Parallel()
	vocabulary := filepath.Join(t.TempDir(), "vocabulary.json")
	text := strings.Replace(string(marking.EmbeddedVocabulary()), marking.Default().Version(), "operator-1", 1)
	if err := os.WriteFile(vocabulary, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Production(configfile.File{
		Listen: "127.0.0.1:0", DataDir: "d", Node: "spiffe://x/node", SystemHigh: "SECRET", VocabularyFile: vocabulary,
		Issuers: []configfile.Issuer{{Issuer: "https://home"}, {Issuer: "https://partner", Name: "partner"}},
		EnforcementPoints: []configfile.EnforcementPoint{
			{Issuer: "https://home", Subject: "gw"}, {Issuer: "https://partner", Subject: "gw"}, {Issuer: "https://partner", Group: "brokers"},
			{Issuer: configfile.ServiceIssuer, Subject: "gw.example"}, {Issuer: configfile.ServiceIssuer, Subject: "spiffe://x/gw"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []platform.EnforcementPoint{
		{Issuer: "https://home", Subject: "gw"}, {Issuer: "https://partner", Subject: "partner/gw"}, {Issuer: "https://partner", Group: "partner/brokers"},
		{Issuer: configfile.ServiceIssuer, Subject: "dns/gw.example"}, {Issuer: configfile.ServiceIssuer, Subject: "spiffe://x/gw"},
	}
	if diff := cmp.Diff(want, c.EnforcementPoints); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if c.Dev || c.Node != "spiffe://x/node" || c.SystemHigh != "SECRET" || c.Vocabulary.Version() != "operator-1" {
		t.Errorf("got %+v", c)
	}
	if _, err := Production(configfile.File{VocabularyFile: vocabulary + ".absent"}); err == nil {
		t.Error("a vocabulary that is not there is passed over")
	}
}

// TestOneModeOnly: a server is never a little of both.
func TestOneModeOnly(t *testing.T) {
	t.Parallel()
	production := Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), TLS: configfile.TLS{CertificateFile: "x", KeyFile: "y"}}
	both, temporary := production, production
	both.Dev, temporary.DataDir = true, ""
	for name, c := range map[string]Config{"both": both, "no data directory": temporary, "a service in development": {Dev: true, Services: []configfile.Service{{Identity: "x"}}}} {
		if s, err := Open(t.Context(), c); err == nil {
			_ = s.Close()
			t.Errorf("%s: it opens", name)
		}
	}
	if _, err := Open(t.Context(), Config{}); !errors.Is(err, ErrNoMode) {
		t.Errorf("neither: got %v, want %v", err, ErrNoMode)
	}
}

// TestAttackWritableDataDirectory: whoever can write there can bring a catalogue
// of their own, so a server in production does not start on it.
func TestAttackWritableDataDirectory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Listen: "127.0.0.1:0", DataDir: dir, TLS: configfile.TLS{CertificateFile: "x", KeyFile: "y"}})
	if err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("got %v, want the right to write refused", err)
	}
}
