package cli

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
)

// TestMain lets scripts run this program as the command datamesh-bundler.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"datamesh-bundler": func() { os.Exit(Run("test", os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// nearSide is a registry with what vendors publish, and the vendor's key.
type nearSide struct {
	registry *bundlertest.Registry
	public   []byte
}

// newNearSide publishes team/app in three versions and team/tool, signed as
// cosign does, and legacy/app, which nobody signed. All stand on one base layer.
func newNearSide(t *testing.T) *nearSide {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := &nearSide{registry: bundlertest.Start(t)}
	if n.public, err = signing.EncodePublic(&key.PublicKey); err != nil {
		t.Fatal(err)
	}
	for i, image := range []string{"team/app:1.0", "team/app:1.1", "team/app:1.2", "team/tool:2.0", "legacy/app:1.0"} {
		repository, tag, _ := strings.Cut(image, ":")
		d := n.registry.PushImage(t, repository, tag, bundlertest.AMD64, bundlertest.Layer(1000, 200_000), bundlertest.Layer(uint64(i), 100_000))
		if repository != "legacy/app" {
			n.sign(t, key, repository, d.Digest)
		}
	}
	return n
}

// sign attaches a signature to the manifest, by cosign's tag.
func (n *nearSide) sign(t *testing.T, key *ecdsa.PrivateKey, repository string, d artifact.Digest) {
	t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`,
		n.registry.Host+"/"+repository, d)
	sum := sha256.Sum256(payload)
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	n.registry.AttachTag(t, repository, d, "sig", "application/vnd.dev.cosign.simplesigning.v1+json", bundlertest.Bytes(payload),
		map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)})
}

// TestScripts runs every script of testdata/script against the program, each
// with an empty registry of its own on the far side.
func TestScripts(t *testing.T) {
	t.Parallel()
	near := newNearSide(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error { return near.prepare(t, e) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "expand": expand, "flip": flip, "same-image": sameImage, "offline": offline,
			"fetch": fetch, "await": await, "served": served, "interrupt": interrupt, "tls-status": tlsStatus,
			"address": address,
		},
	})
}

func (n *nearSide) prepare(t *testing.T, e *testscript.Env) error {
	far := bundlertest.Start(t)
	if err := guarded(t, e); err != nil {
		return err
	}
	legacy, _ := n.registry.Manifest(t, "legacy/app", "1.0")
	e.Setenv("NEAR", n.registry.Host)
	e.Setenv("FAR", far.Host)
	e.Setenv("LEGACY", string(artifact.DigestOf(sha256.Sum256(legacy))))
	e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
	e.Setenv("DOCKER_CONFIG", filepath.Join(e.WorkDir, "docker"))
	return os.WriteFile(filepath.Join(e.WorkDir, "vendor.pub"), n.public, 0o600)
}

// guarded starts a registry that serves only who has a client certificate:
// guarded/loader.pem is one, guarded/stranger.pem is of another authority.
func guarded(t *testing.T, e *testscript.Env) error {
	dir := filepath.Join(e.WorkDir, "guarded")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	clients := bundlertest.NewAuthority(t)
	registry := bundlertest.Start(t, bundlertest.ClientCertificates(clients.Pool()))
	clients.Issue(t, dir, "loader")
	bundlertest.NewAuthority(t).Issue(t, dir, "stranger")
	e.Setenv("GUARDED", registry.Host)
	text, err := os.ReadFile(registry.CAFile(t))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "ca.pem"), text, 0o600)
}

// exits runs a program and wants its exit code: "exits CODE PROGRAM ARG…".
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || code != want {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// expand puts the environment into files: "expand FILE…".
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// flip changes one bit in the middle of a file: "flip FILE".
func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	text[len(text)/2] ^= 1
	ts.Check(os.Chmod(path, 0o600))
	ts.Check(os.WriteFile(path, text, 0o600))
}

// sameImage pulls an image from both sides and compares every byte:
// "same-image NEAR-REFERENCE FAR-REFERENCE". With ! the far side has none.
func sameImage(ts *testscript.TestScript, neg bool, args []string) {
	far, err := pull(args[1])
	if neg {
		if err == nil {
			ts.Fatalf("%s is there", args[1])
		}
		return
	}
	ts.Check(err)
	near, err := pull(args[0])
	ts.Check(err)
	if near != far {
		ts.Fatalf("%s is %s, and %s is %s", args[0], near, args[1], far)
	}
}

// pull reads every layer of an image, held to its digest, and returns the
// digest of its manifest.
func pull(text string) (string, error) {
	ref, err := name.ParseReference(text, name.Insecure)
	if err != nil {
		return "", err
	}
	image, err := remote.Image(ref)
	if err != nil {
		return "", err
	}
	layers, err := image.Layers()
	if err != nil {
		return "", err
	}
	for _, layer := range layers {
		body, err := layer.Compressed()
		if err != nil {
			return "", err
		}
		if _, err := new(bytes.Buffer).ReadFrom(body); err != nil { // fails when the digest is another
			return "", errors.Join(err, body.Close())
		}
		if err := body.Close(); err != nil {
			return "", err
		}
	}
	digest, err := image.Digest()
	return digest.String(), err
}

// offline runs a program in a network namespace without any device:
// "offline PROGRAM ARG…". Where the kernel gives none, it runs as it is, and says so.
func offline(ts *testscript.TestScript, _ bool, args []string) {
	if err := ts.Exec("unshare", "-rn", "true"); err != nil {
		ts.Logf("no network namespaces here (%v): this runs with a network", err)
		ts.Check(ts.Exec(args[0], args[1:]...))
		return
	}
	ts.Check(ts.Exec("unshare", append([]string{"-rn"}, args...)...))
}

// endpoint is the one that a ready file names.
func endpoint(ts *testscript.TestScript, file string) string {
	var ready struct{ Endpoint string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &ready))
	return ready.Endpoint
}

// address puts the host and port that a ready file names into a variable:
// "address READY-FILE VARIABLE".
func address(ts *testscript.TestScript, _ bool, args []string) {
	_, host, _ := strings.Cut(endpoint(ts, args[0]), "://")
	ts.Setenv(args[1], host)
}

// fetch gets a path below an endpoint: "fetch READY-FILE PATH STATUS".
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	response, err := http.Get(endpoint(ts, args[0]) + args[1])
	ts.Check(err)
	ts.Check(response.Body.Close())
	if got := strconv.Itoa(response.StatusCode); got != args[2] {
		ts.Fatalf("%s: status %s, want %s", args[1], got, args[2])
	}
}

// tlsStatus gets /v2/ over TLS, with or without a certificate of the client:
// "tls-status READY-FILE CA STATUS [CERT KEY]". With ! no answer is wanted.
func tlsStatus(ts *testscript.TestScript, neg bool, args []string) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM([]byte(ts.ReadFile(args[1])))
	if len(args) > 3 {
		pair, err := tls.LoadX509KeyPair(ts.MkAbs(args[3]), ts.MkAbs(args[4]))
		ts.Check(err)
		config.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	response, err := client.Get(endpoint(ts, args[0]) + "/v2/")
	if neg && err != nil {
		if !strings.Contains(err.Error(), "certificate required") {
			ts.Fatalf("refused for another reason: %v", err)
		}
		return
	}
	ts.Check(err)
	ts.Check(response.Body.Close())
	if got := strconv.Itoa(response.StatusCode); got != args[2] || neg {
		ts.Fatalf("status %s, want %s", got, args[2])
	}
}

// served compares an image of the near side with one below an endpoint: "served
// NEAR-REFERENCE READY-FILE PATH".
func served(ts *testscript.TestScript, neg bool, args []string) {
	_, host, _ := strings.Cut(endpoint(ts, args[1]), "://")
	sameImage(ts, neg, []string{args[0], host + "/" + args[2]})
}

// patience ends a wait for what never comes. It is no measure of speed.
const patience = 5 * time.Minute

// await waits until a program in the background has written a file:
// "await FILE".
func await(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond) // the poll of a condition
	}
	ts.Fatalf("%s did not appear in %v", args[0], patience)
}

// interrupt ends a program in the background as an operator does:
// "interrupt".
func interrupt(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}
