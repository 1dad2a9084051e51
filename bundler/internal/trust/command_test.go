package trust

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/google/go-containerregistry/pkg/name"
)

// command is the real cosign command, with a folder and an office of its own.
type command struct {
	t      *testing.T
	path   string
	folder string
	office
}

// newCommand finds the command that "make $PWD/bin/tools/cosign" builds, or one
// on PATH.
func newCommand(t *testing.T) command {
	t.Helper()
	path, err := filepath.Abs("../../../bin/tools/cosign")
	must(t, err)
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("cosign"); err != nil {
			t.Skip("there is no cosign command here: build it with make $PWD/bin/tools/cosign")
		}
	}
	return command{t, path, t.TempDir(), newOffice()}
}

func (c command) run(arguments ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, arguments...)
	cmd.Dir = c.folder
	cmd.Env = append(os.Environ(), "COSIGN_PASSWORD=", "COSIGN_EXPERIMENTAL=1", "HOME="+c.folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("cosign %q: %v\n%s", arguments, err, out)
	}
}

// write puts a file where the command runs.
func (c command) write(path string, raw []byte) {
	c.t.Helper()
	must(c.t, os.WriteFile(filepath.Join(c.folder, path), raw, 0o600))
}

// pair makes a key pair whose public key the office trusts.
func (c command) pair() {
	c.t.Helper()
	c.run("generate-key-pair")
	public, err := os.ReadFile(filepath.Join(c.folder, "cosign.pub"))
	must(c.t, err)
	c.file("vendor.pub", public)
}

func (c command) sign(d name.Digest, more ...string) {
	c.t.Helper()
	c.run(append(append([]string{"sign", "--yes", "--tlog-upload=false"}, more...), d.String())...)
}

func TestCosignCommandSignsWithKeys(t *testing.T) {
	t.Parallel()
	c, s := newCommand(t), newSite(t)
	c.pair()
	v := c.verifier(t, policyText(trustVendor, signedByVendor, ""))
	for name, flags := range map[string][]string{
		"tag": nil, "bundle": {"--new-bundle-format"}, "referrer": {"--registry-referrers-mode=oci-1-1"},
	} {
		d := s.image()
		s.collect(d).refused(v, "found: nothing")
		c.sign(d, append([]string{"--key", "cosign.key"}, flags...)...)
		t.Run(name, func(t *testing.T) { s.collect(d).passes(v) })
	}
	index := s.index("linux/amd64", "linux/arm64")
	c.sign(index, "--key", "cosign.key", "--recursive")
	s.collect(index).passes(c.verifier(t, policyText(trustVendor, "  - {match: \"**\", signature: vendor, signatureOn: children}\n", "")))
}

func TestCosignCommandAttests(t *testing.T) {
	t.Parallel()
	c, s := newCommand(t), newSite(t)
	c.pair()
	c.write("predicate.json", []byte(`{"buildDefinition":{"buildType":"https://example/b","externalParameters":{},"resolvedDependencies":[]},"runDetails":{"builder":{"id":"https://example/r"}}}`))
	v := c.verifier(t, policyText(trustVendor, "  - {match: \"**\", signature: vendor, require: [{predicateType: https://slsa.dev/provenance/v1}]}\n", ""))
	for name, flags := range map[string][]string{"tag": nil, "bundle": {"--new-bundle-format"}} {
		d := s.image()
		c.sign(d, "--key", "cosign.key")
		s.collect(d).refused(v, "expected: an attestation of type https://slsa.dev/provenance/v1")
		c.run(append(append([]string{"attest", "--yes", "--tlog-upload=false", "--key", "cosign.key", "--type", "slsaprovenance1", "--predicate", "predicate.json"}, flags...), d.String())...)
		t.Run(name, func(t *testing.T) { s.collect(d).passes(v) })
	}
}

// The operator's own authority and clock, as cosign uses them.
func TestCosignCommandSignsWithOwnAuthority(t *testing.T) {
	t.Parallel()
	c, s, r := newCommand(t), newSite(t), newRealm(t)
	clock := httptest.NewServer(r.clock)
	t.Cleanup(clock.Close)
	template := leafTemplate(releaser)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	leaf := r.middle.issue(t, template, curveKey(t))
	key, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	must(t, err)
	c.write("leaf.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	c.write("leaf.crt", chainPEM(leaf.certificate))
	c.write("chain.crt", chainPEM(leaf.above...))
	c.run("import-key-pair", "--key", "leaf.pem", "--output-key-prefix", "leaf")
	d := s.image()
	c.sign(d, "--key", "leaf.key", "--certificate", "leaf.crt", "--certificate-chain", "chain.crt", "--timestamp-server-url", clock.URL)
	crossing := s.collect(d)
	v := r.verifier(t, policyText(trustStamped, signedByVendor, ""))
	if _, err := v.Judge(t.Context(), crossing.item, crossing, time.Now().AddDate(3, 0, 0)); err != nil {
		t.Error(err)
	}
}

// ServeHTTP makes the clock an RFC 3161 server, section 3.4.
func (c clock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxTimestamp))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request, err := timestamp.ParseRequest(raw)
	if err != nil || request.HashAlgorithm != crypto.SHA256 {
		http.Error(w, "not a request over SHA-256", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(c.stampHash(request.HashedMessage, time.Now(), request.Nonce))
}
