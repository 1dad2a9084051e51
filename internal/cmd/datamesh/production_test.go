package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
)

// TestExampleConfigurationIsValid: what the help shows can be copied.
func TestExampleConfigurationIsValid(t *testing.T) {
	t.Parallel()
	if _, err := configfile.Parse([]byte(exampleConfiguration)); err != nil {
		t.Error(err)
	}
}

// production is a server process that runs by a configuration file.
type production struct {
	endpoint, address string
	pki, public       *identitytest.PKI
	idp               *identitytest.Issuer
}

// startProduction starts the binary as an operator does. The environment makes
// the system believe another root authority, as every system believes public
// ones. More lines of the configuration may be given.
func startProduction(t *testing.T, more ...string) production {
	t.Helper()
	p := production{pki: identitytest.NewPKI(t, "Enclave root"), public: identitytest.NewPKI(t, "Public root")}
	p.idp = identitytest.NewIssuer(t, p.pki)
	p.pki.Write("server", p.pki.Server())
	dir := t.TempDir()
	config, ready := filepath.Join(p.pki.Dir, "server.yaml"), filepath.Join(dir, "ready.json")
	identitytest.Replace(t, config, fmt.Appendf(nil, `listen: 127.0.0.1:0
data_dir: %s
tls:
  certificate_file: server.pem
  key_file: server.key
  client_ca_files: [root.pem]
  crl_files: [root.crl, intermediate.crl]
issuers:
  - issuer: %s
    ca_files: [root.pem]
    audiences: [datamesh]
    algorithms: [ES256]
    claims: {clearance: clearance, groups: groups, administrator_group: mesh-administrators}
services:
  - identity: pipeline.enclave.example
%s
`, filepath.Join(dir, "data"), p.idp.URL, strings.Join(more, "\n")))
	command := exec.CommandContext(t.Context(), buildBinary(t), "server", "--config", config, "--ready-file", ready)
	command.Env = append(os.Environ(), "SSL_CERT_FILE="+p.public.Root(), "SSL_CERT_DIR="+p.public.Dir)
	var stderr strings.Builder
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }() // killed, unless it failed
	t.Cleanup(func() { _ = command.Process.Kill(); <-ended })
	for {
		if raw, err := os.ReadFile(ready); err == nil {
			p.read(t, raw)
			return p
		}
		select {
		case <-ended:
			t.Fatalf("the server ended before it was ready: %s", stderr.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// read reads the ready file, which holds no token.
func (p *production) read(t *testing.T, raw []byte) {
	t.Helper()
	var ready map[string]any
	if err := json.Unmarshal(raw, &ready); err != nil {
		t.Fatal(err)
	}
	p.endpoint, _ = ready["endpoint"].(string)
	if p.address = strings.TrimPrefix(p.endpoint, "https://"); p.address == p.endpoint || ready["pid"] == nil || len(ready) != 2 {
		t.Fatalf("the ready file says %s, want an https endpoint, a process id and nothing else", raw)
	}
}

func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("this test needs %s, which is not on PATH", tool)
		}
	}
}

// TestProductionFromOutside: curl and openssl, which are not ours, meet the
// binary.
func TestProductionFromOutside(t *testing.T) {
	t.Parallel()
	needTools(t, "curl", "openssl")
	p := startProduction(t)
	files := func(of *identitytest.PKI, name string, c tls.Certificate) []string {
		certificate, key := of.Write(name, c)
		return []string{"--cert", certificate, "--key", key}
	}
	service := files(p.pki, "client", p.pki.Client("pipeline.enclave.example"))
	impostor := files(p.public, "client", p.public.Client("pipeline.enclave.example"))
	token := []string{"-H", "Authorization: Bearer " + p.idp.Token(identitytest.User("ana"))}
	for name, c := range map[string]struct {
		arguments []string
		want      string // status; 000 when there was no answer
	}{
		"a token":                              {token, "200"},
		"a service's certificate":              {service, "200"},
		"neither":                              {nil, "401"},
		"a forged token":                       {[]string{"-H", "Authorization: Bearer a.b.c"}, "401"},
		"a certificate that the system trusts": {impostor, "000"},
		"the same, and a good token":           {append(append([]string(nil), impostor...), token...), "000"},
		"TLS 1.2":                              {append([]string{"--tls-max", "1.2"}, token...), "000"},
		"HTTP/1.1":                             {append([]string{"--http1.1"}, token...), "200"},
	} {
		arguments := append([]string{"-sS", "--noproxy", "*", "--cacert", p.pki.Root(), "-o", os.DevNull, "-w", "%{http_code}", p.endpoint + "/api/v1/domains"}, c.arguments...)
		out, err := exec.CommandContext(t.Context(), "curl", arguments...).Output()
		if got := string(out); got != c.want || (err == nil) != (c.want != "000") {
			t.Errorf("curl with %s: got %q, %v, want %s", name, got, err, c.want)
		}
	}
	p.handshakes(t, service)
	p.verify(t)
}

// verify has an auditor check the log over the network.
func (p *production) verify(t *testing.T) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	identitytest.Replace(t, token, []byte(p.idp.Token(identitytest.Administrator("root"))))
	var out, errOut strings.Builder
	line := []string{"audit", "verify", "--endpoint", p.endpoint, "--ca-file", p.pki.Root(), "--token-file", token}
	if got := run(line, strings.NewReader(""), &out, &errOut); got != 0 {
		t.Errorf("datamesh audit verify: got exit %d: %s%s", got, out.String(), errOut.String())
	}
}

// handshakes has openssl make handshakes.
func (p *production) handshakes(t *testing.T, service []string) {
	t.Helper()
	for name, c := range map[string]struct {
		arguments []string
		want      bool
	}{
		"TLS 1.3 with a client certificate": {[]string{"-tls1_3", "-cert", service[1], "-cert_chain", service[1], "-key", service[3]}, true},
		"TLS 1.3 without one":               {[]string{"-tls1_3"}, true},
		"TLS 1.2":                           {[]string{"-tls1_2"}, false},
	} {
		command := exec.CommandContext(t.Context(), "openssl", append([]string{"s_client", "-connect", p.address, "-CAfile", p.pki.Root(), "-verify_return_error"}, c.arguments...)...)
		command.Stdin = strings.NewReader("Q\n")
		out, err := command.CombinedOutput()
		if (err == nil) != c.want || c.want && !strings.Contains(string(out), "Verify return code: 0 (ok)") {
			t.Errorf("openssl, %s: %v\n%s", name, err, out)
		}
		if asked := strings.Contains(string(out), "Acceptable client certificate CA names"); c.want && !asked {
			t.Errorf("openssl, %s: the server does not say whose certificates it takes:\n%s", name, out)
		}
	}
}
