package registry

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundle"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/placement"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// job is what a child process of the tests does: a process of its own can be
// killed, and has a memory of its own to be measured.
type job struct {
	Do   string // "load" or "floor"
	Dir  string // of the bundle
	Key  []byte // public key in PEM, of the bundle's signer
	Host string // of the registry that is loaded into
}

// outcome is what the child says about itself.
type outcome struct {
	Seconds float64
	CPU     float64 // user and system
	MaxRSS  int64   // bytes
	Moved   load.Moved
}

const childVariable = "REGISTRY_TEST_JOB"

func TestMain(m *testing.M) {
	text := os.Getenv(childVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := runJob(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child is the command that does the job.
func child(t testing.TB, j job) *exec.Cmd {
	t.Helper()
	raw, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), childVariable+"="+string(raw), "GOCOVERDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	return cmd
}

func runJob(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	b, err := j.open()
	if err != nil {
		return err
	}
	begun := time.Now()
	moved, err := map[string]func(context.Context, *bundle.Bundle) (load.Moved, error){"load": j.load, "floor": j.floor}[j.Do](context.Background(), b)
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measure(begun, moved))
}

func measure(begun time.Time, moved load.Moved) outcome {
	o := outcome{Seconds: time.Since(begun).Seconds(), Moved: moved}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		o.CPU = float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	}
	o.MaxRSS = peakMemory()
	return o
}

// peakMemory is this process's own, in bytes; 0 where it cannot be known. That
// of rusage would be the parent's, which it starts from.
func peakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

func (j *job) open() (*bundle.Bundle, error) {
	block, _ := pem.Decode(j.Key)
	if block == nil {
		return nil, errors.New("the job has no key")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	keys, err := signing.NewKeySet(1, public)
	if err != nil {
		return nil, err
	}
	return bundle.Open(j.Dir, keys)
}

// nobody is a keychain without credentials, so that no test sends the
// developer's.
type nobody struct{}

func (nobody) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

// load is what the command does after the bundle was verified.
func (j *job) load(ctx context.Context, b *bundle.Bundle) (moved load.Moved, err error) {
	places, err := placement.Rules{}.Place(b.Lock.Items)
	if err != nil {
		return moved, err
	}
	connection, err := Connect(ConnectionOptions{Host: j.Host, Keychain: nobody{}, Repositories: placement.Paths(places)})
	if err != nil {
		return moved, err
	}
	defer connection.Close()
	for _, o := range load.All(ctx, b.Lock.Items, places, New(Options{Connector: connection, Source: b, Elsewhere: Sharing(b.Lock.Items, places)}), load.Options{}) {
		err = errors.Join(err, o.Err)
		moved.Blobs += o.Moved.Blobs
		moved.Bytes += o.Moved.Bytes
	}
	return moved, err
}

// floor is what no loader can be faster than: the unique blobs, four at a time,
// each read from its place in the volume and sent with one request.
func (j *job) floor(ctx context.Context, b *bundle.Bundle) (moved load.Moved, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, blob := range unique(b.Lock.Items) {
		moved.Blobs++
		moved.Bytes += blob.Size
		group.Go(func() error { return j.upload(ctx, client, b, blob) })
	}
	return moved, group.Wait()
}

func unique(items []lock.Item) []artifact.Blob {
	var blobs []artifact.Blob
	met := map[artifact.Digest]bool{}
	for i := range items {
		for _, b := range blobsOf(&items[i]) {
			if !met[b.Digest] {
				met[b.Digest] = true
				blobs = append(blobs, b)
			}
		}
	}
	return blobs
}

func (j *job) upload(ctx context.Context, client *http.Client, b *bundle.Bundle, blob artifact.Blob) error {
	extents := b.Layout.Extents(blob.Digest)
	if len(extents) != 1 {
		return fmt.Errorf("blob %s is cut: the floor reads bundles of one volume", blob.Digest)
	}
	file, err := os.Open(filepath.Join(j.Dir, b.Envelope.Volumes[extents[0].Volume].Name))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	started, err := bare(ctx, client, http.MethodPost, "http://"+j.Host+"/v2/floor/blobs/uploads/", http.NoBody, 0)
	if err != nil {
		return err
	}
	_, err = bare(ctx, client, http.MethodPut, started+"&digest="+url.QueryEscape(string(blob.Digest)), io.NewSectionReader(file, extents[0].Offset, blob.Size), blob.Size)
	return err
}

// bare sends one request and returns where its answer points.
func bare(ctx context.Context, client *http.Client, method, address string, body io.Reader, size int64) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return "", err
	}
	r.ContentLength = size
	response, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer discard(response)
	if response.StatusCode >= 300 {
		return "", fmt.Errorf("%s %s: %s", method, address, response.Status)
	}
	return response.Header.Get("Location"), nil
}

// created is when the bundles of the tests were.
var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// packed makes a bundle of a corpus, in one volume, and the job that loads it.
// Whether its signatures are good is not asked here.
func packed(t testing.TB, c bundlertest.Corpus) job {
	t.Helper()
	near := bundlertest.Start(t)
	lines := []string{"apiVersion: datamesh-bundler/v1", "kind: Bundle", "name: ops", "marking: UNCLASSIFIED", "images:"}
	for _, image := range near.Push(t, c) {
		lines = append(lines, "  - {ref: \""+image.Ref(near)+"\"}")
	}
	s, err := spec.Parse([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := spec.ParsePolicy([]byte("apiVersion: datamesh-bundler/v1\nkind: Policy\nceiling: UNCLASSIFIED\ntrust: {vendor: {cosign: {keys: [vendor.pub]}}}\nsources: [{match: \"**\", signature: vendor}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	o := assemble.Options{Spec: s, Policy: p, Folder: t.TempDir()}
	o.Registries.Keychain = nobody{}
	o.Judge = func(context.Context, *lock.Item, assemble.Content) (lock.Verdict, error) {
		return lock.Verdict{Trusted: "vendor"}, nil
	}
	return createBundle(t, o)
}

func createBundle(t testing.TB, o assemble.Options) job {
	t.Helper()
	key, err := signing.Generate(signing.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signing.New(key)
	if err != nil {
		t.Fatal(err)
	}
	j := job{Do: "load", Dir: t.TempDir()}
	if j.Key, err = signing.EncodePublic(key.Public()); err != nil {
		t.Fatal(err)
	}
	if _, err := assemble.Create(t.Context(), o, nil, assemble.PackOptions{Dir: j.Dir, Signers: []signing.Signer{signer}, Created: created}); err != nil {
		t.Fatal(err)
	}
	return j
}
