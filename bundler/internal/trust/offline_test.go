package trust

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/notaryproject/notation-go"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// caravan is what a child process without a network judges.
type caravan struct {
	Policy string
	Files  fstest.MapFS
	Item   *lock.Item
	Blobs  map[artifact.Digest][]byte
	At     time.Time
}

const caravanVariable = "DATAMESH_TEST_CARAVAN"

// TestEveryKindOfTrustWithoutANetwork judges one item for each kind of trust in
// a process whose network namespace has no interface that is up: not even the
// loopback.
func TestEveryKindOfTrustWithoutANetwork(t *testing.T) {
	t.Parallel()
	d, m, v, r := newDeployment(t), newMill(t), newVendor(t), newRealm(t)
	for name, load := range map[string]func(*crossing) (office, string, time.Time){
		"cosign key": func(c *crossing) (office, string, time.Time) {
			c.attach(lock.FormReferrer, c.item.Root, "", part{typeSimpleSigning, simpleOf(c.item.Root.Digest), map[string]string{annotationSignature: encode64(v.signed(simpleOf(c.item.Root.Digest)))}})
			return v.office(), trustVendor, d.created
		},
		"keyless": func(c *crossing) (office, string, time.Time) {
			o := newOffice()
			o.file("trusted_root.json", d.trustedRoot())
			part := d.loggedBundle(d.leaf(identity, issuer, true), statementOf(c.item.Root.Digest, predicateSignature))
			c.attach(lock.FormReferrer, c.item.Root, part.mediaType, part)
			return o, trustWorkflow, d.created
		},
		"authority": func(c *crossing) (office, string, time.Time) {
			c.attach(lock.FormSignatureTag, c.item.Root, "", r.leaf(t).certifiedPart(simpleOf(c.item.Root.Digest), nil))
			return r.office, trustNow, epoch
		},
		"notation": func(c *crossing) (office, string, time.Time) {
			leaf := m.leaf(t, func(c *x509.Certificate) {
				c.OCSPServer, c.CRLDistributionPoints = []string{"http://ocsp.example"}, []string{"http://crl.example"}
			})
			c.attachNotary(typeJWS, leaf.notarize(c.item.Root, typeJWS, notation.SignerSignOptions{}))
			return m.office, trustMill, d.created
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := anImage(t)
			o, trust, at := load(c)
			runWithoutNetwork(t, caravan{policyText(trust, signedByVendor, ""), o.files, c.item, c.blobs, at})
		})
	}
}

func runWithoutNetwork(t *testing.T, load caravan) {
	t.Helper()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("there is no unshare here to take the network away with")
	}
	raw, err := json.Marshal(load)
	must(t, err)
	path := t.TempDir() + "/caravan.json"
	must(t, os.WriteFile(path, raw, 0o600))
	if out, err := exec.CommandContext(t.Context(), unshare, "-rn", "true").CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), unshare, "-rn", os.Args[0], "-test.run", "^TestCaravan$", "-test.v")
	cmd.Env = append(os.Environ(), caravanVariable+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the caravan passes") {
		t.Errorf("without a network: %v\n%s", err, out)
	}
}

// TestCaravan is the child of TestEveryKindOfTrustWithoutANetwork.
func TestCaravan(t *testing.T) {
	path := os.Getenv(caravanVariable)
	if path == "" {
		t.Skip("runs as the child of another test")
	}
	raw, err := os.ReadFile(path)
	must(t, err)
	var load caravan
	must(t, json.Unmarshal(raw, &load))
	v := office{load.Files}.verifier(t, load.Policy)
	c := &crossing{t: t, item: load.Item, blobs: load.Blobs}
	if _, err := v.Judge(t.Context(), c.item, c, load.At); err != nil {
		t.Fatal(err)
	}
	c.item.Evidence = nil
	c.refused(v, "found: nothing")
	t.Log("the caravan passes")
}
