// Package audittest starts those who keep the audit log beside the platform, as
// their users run them: transparency-dev's witness, and an S3 server with Object
// Lock. Both are built by make test-tools; a test that needs one which is not is
// skipped.
package audittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	random "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// patience is how long a program may take to listen, on a machine that has
// much to do.
const patience = 2 * time.Minute

// Witness is transparency-dev's witness, which remembers logs in a file.
type Witness struct {
	configfile.Witness // as the operator of a platform writes it
	KeyFile            string
	dir, listen        string
}

// NewWitness makes the key and the address of a witness that is not yet
// started.
func NewWitness(t testing.TB, name string) *Witness {
	t.Helper()
	tool(t, "witness")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &Witness{dir: t.TempDir(), listen: Address(t)}
	w.URL, w.Key, w.KeyFile = "http://"+w.listen, named(name, 4, public, public), filepath.Join(w.dir, "key.pub")
	write(t, w.KeyFile, w.Key)
	write(t, filepath.Join(w.dir, "key"), "PRIVATE+KEY+"+named(name, 1, public, private.Seed()))
	return w
}

// named is a key in the text form of signed notes.
func named(name string, kind byte, public, key []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"), append([]byte{kind}, public...)...))
	return fmt.Sprintf("%s+%x+%s", name, sum[:4], base64.StdEncoding.EncodeToString(append([]byte{kind}, key...)))
}

// Start starts the witness for the log with this public key; it ends with the
// test.
func (w *Witness) Start(t testing.TB, log string) {
	t.Helper()
	key, err := audit.ParsePublicKey(log)
	if err != nil {
		t.Fatal(err)
	}
	logs := filepath.Join(w.dir, "logs.yaml")
	write(t, logs, fmt.Sprintf("Logs:\n  - Origin: %s\n    URL: http://127.0.0.1:1/\n    PublicKey: %s\n    Feeder: none\n", key.Origin(), log))
	cmd := exec.CommandContext(t.Context(), tool(t, "witness"), "--listen", w.listen, "--metrics_listen", "", //nolint:gosec // our own tool
		"--db_file", filepath.Join(w.dir, "witness.db"), "--private_key_path", filepath.Join(w.dir, "key"), "--additional_logs", logs)
	cmd.Env = append(os.Environ(), "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1") // it would look for the logs of others
	run(t, cmd)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.listen)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the witness does not listen: %v", err)
		}
	}
}

// The bucket that NewBucket makes, and the prefix in it.
const (
	BucketName = "audit-copy"
	Prefix     = "mesh"
)

// NewBucket starts an S3 server with a bucket under Object Lock, and returns
// how the operator of a platform names it, and a client with the same rights.
func NewBucket(t testing.TB) (configfile.AuditCopy, *minio.Client) {
	t.Helper()
	at := Address(t)
	cmd := exec.CommandContext(t.Context(), tool(t, "versitygw"), "--port", at, "--access", "keeper", "--secret", "keeper-secret", "--quiet", //nolint:gosec // our own tool
		"posix", "--versioning-dir", t.TempDir(), t.TempDir())
	run(t, cmd)
	config := configfile.AuditCopy{
		Endpoint: "http://" + at, Bucket: BucketName, Prefix: Prefix, Retention: 1, Interval: "50ms",
		AccessKeyFile: Secret(t, "keeper\n"), SecretKeyFile: Secret(t, "keeper-secret\n"),
	}
	client, err := minio.New(at, &minio.Options{Creds: credentials.NewStaticV4("keeper", "keeper-secret", ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := client.MakeBucket(t.Context(), BucketName, minio.MakeBucketOptions{ObjectLocking: true})
		if err == nil {
			return config, client
		}
		if time.Now().After(deadline) {
			t.Fatalf("make the bucket: %v", err)
		}
	}
}

// Secret is a file that only its owner reads.
func Secret(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	write(t, name, text)
	return name
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Address is a free one for a program that takes a port rather than a listener.
// Until it listens there, somebody else may: on Linux, where all of 127.0.0.0/8
// is this machine (RFC 1122 section 3.2.1.3), the address is therefore one of
// millions, and elsewhere 127.0.0.1.
func Address(t testing.TB) string {
	t.Helper()
	own := fmt.Sprintf("127.%d.%d.%d", 1+random.IntN(250), random.IntN(256), 1+random.IntN(250)) //nolint:gosec // nobody guesses
	for _, host := range []string{own, "127.0.0.1"} {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
		if err == nil {
			defer func() { _ = listener.Close() }() // the port is what is wanted
			return listener.Addr().String()
		}
	}
	t.Fatal("there is no free port on this machine")
	return ""
}

func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
}

// tool is a program of others in bin/tools of the repository.
func tool(t testing.TB, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
	}
	path := filepath.Join(folder, "bin", "tools", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not built: make test-tools", name)
	}
	return path
}
