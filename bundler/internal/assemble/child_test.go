package assemble

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/trust"
)

// job is what a child process of the tests does: a process of its own can be
// killed, and has a memory of its own to be measured.
type job struct {
	Do             string // "create" or "floor"
	Bundle, Policy string
	Vendor         []byte // public key in PEM
	Key            string // file of the packer's private key
	Dir            string
	Parallel       int
	Umask          int
	Tell           bool // every event on standard output, a line each
	Volumes        spec.Volumes
	URLs           []string          // of the floor
	Digests        []artifact.Digest // that they must have
}

// outcome is what the child says about itself.
type outcome struct {
	Seconds float64
	CPU     float64 // user and system
	MaxRSS  int64   // bytes
	Written int64   // bytes that the kernel was given for the disk
}

const childVariable = "ASSEMBLE_TEST_JOB"

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		if err := runJob(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is the command that does the job.
func child(t testing.TB, j job) *exec.Cmd {
	t.Helper()
	raw, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "job.json")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), childVariable+"="+name, "GOCOVERDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	return cmd
}

func runJob(name string) error {
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var j job
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	begun := time.Now()
	do := map[string]func(context.Context) error{"create": j.create, "floor": j.floor}[j.Do]
	if err := do(context.Background()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measure(begun))
}

func measure(begun time.Time) outcome {
	o := outcome{Seconds: time.Since(begun).Seconds()}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		o.CPU = float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	}
	// Of rusage, the peak would be that of the parent, which it starts from.
	o.MaxRSS = number("/proc/self/status", "VmHWM:") << 10
	o.Written = number("/proc/self/io", "write_bytes:")
	return o
}

// number is a number from a file below /proc; 0 where there is none.
func number(file, key string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n
		}
	}
	return 0
}

func (j *job) create(ctx context.Context) error {
	syscall.Umask(j.Umask)
	s, err := spec.Parse([]byte(j.Bundle))
	if err != nil {
		return err
	}
	p, err := spec.ParsePolicy([]byte(j.Policy))
	if err != nil {
		return err
	}
	verifier, err := trust.New(p, fstest.MapFS{"vendor.pub": {Data: j.Vendor}, "other.pub": {Data: j.Vendor}})
	if err != nil {
		return err
	}
	signer, err := signing.Load(j.Key)
	if err != nil {
		return err
	}
	o := Options{Spec: s, Policy: p, Folder: j.Dir, Parallel: j.Parallel}
	o.Registries.Keychain = nobody{}
	o.Judge = func(ctx context.Context, item *lock.Item, content Content) (lock.Verdict, error) {
		return verifier.Judge(ctx, item, content, created)
	}
	if j.Tell {
		o.Progress = func(e Event) { _, _ = fmt.Printf("%s %s %s %d\n", e.Phase, e.Kind, e.Blob, e.Bytes) } // one write each
	}
	_, err = Create(ctx, o, nil, PackOptions{Dir: j.Dir, Signers: []signing.Signer{signer}, Created: created, Volumes: j.Volumes})
	return err
}

// floor is what no bundler can be faster than: four readers, SHA-256 while the
// bytes stream, one file that is written from its start to its end.
func (j *job) floor(ctx context.Context) error {
	to, err := os.Create(filepath.Join(j.Dir, "floor"))
	if err != nil {
		return err
	}
	var writing sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, url := range j.URLs {
		group.Go(func() error {
			found, err := stream(ctx, url, func(p []byte) error {
				writing.Lock()
				defer writing.Unlock()
				_, err := to.Write(p)
				return err
			})
			if err == nil && found != j.Digests[i] {
				err = fmt.Errorf("%s is %s", url, found)
			}
			return err
		})
	}
	return errors.Join(group.Wait(), to.Sync(), to.Close())
}

func stream(ctx context.Context, url string, write func([]byte) error) (artifact.Digest, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	sum, buffer := sha256.New(), make([]byte, 256<<10)
	for {
		n, err := answer.Body.Read(buffer)
		sum.Write(buffer[:n])
		if werr := write(buffer[:n]); werr != nil {
			return "", werr
		}
		if err == io.EOF {
			return artifact.DigestOf([32]byte(sum.Sum(nil))), nil
		}
		if err != nil {
			return "", err
		}
	}
}
