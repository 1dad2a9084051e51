package platformd

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditcopy"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/audittest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

const bucket = audittest.BucketName

// copied waits for the copy of the checkpoint of this many entries.
func copied(t *testing.T, s running, client *minio.Client, size int64) {
	t.Helper()
	covered(t, s, size)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		for object := range client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Prefix: "mesh/checkpoints/", Recursive: true}) {
			if object.Err == nil && object.Key >= "mesh/"+auditcopy.CheckpointName(size) {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no copy of %d entries\n%s", size, s.log)
		}
	}
}

// TestTheCopyUnderObjectLock: what was copied cannot be deleted or changed, not
// even by whoever has the credentials of the copy, and after a restart the
// server goes on without writing anything twice.
func TestTheCopyUnderObjectLock(t *testing.T) {
	t.Parallel()
	copyTo, client := audittest.NewBucket(t)
	config := Config{DataDir: t.TempDir()}
	config.Audit.Copy = copyTo
	s := start(t, config)
	fill(t, s, 300)
	copied(t, s, client, 300)
	waitReady(t, s, http.StatusOK)

	objects := list(t, client)
	for _, name := range []string{"mesh/tile/0/000", "mesh/tile/entries/000", "mesh/tile/0/001.p/44", "mesh/tile/entries/001.p/44", "mesh/tile/1/000.p/1"} {
		if objects[name] != 1 {
			t.Errorf("%s: got %d versions, want 1 of %v", name, objects[name], objects)
		}
	}
	ctx, name := t.Context(), "mesh/tile/entries/000"
	before, err := client.StatObject(ctx, bucket, name, minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	mode := minio.Compliance
	until, err := time.Parse(time.RFC3339, before.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	if got := before.Metadata.Get("X-Amz-Object-Lock-Mode"); err != nil || got != string(mode) || time.Until(until) < 23*time.Hour {
		t.Errorf("got the retention %v until %v, %v, want a day in compliance mode", got, until, err)
	}
	if err := client.RemoveObject(ctx, bucket, name, minio.RemoveObjectOptions{VersionID: before.VersionID, GovernanceBypass: true}); err == nil {
		t.Error("a locked version was deleted")
	}
	sooner := time.Now().Add(time.Second).UTC()
	if err := client.PutObjectRetention(ctx, bucket, name, minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &sooner, GovernanceBypass: true, VersionID: before.VersionID}); err == nil {
		t.Error("the retention of a locked version was shortened")
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = start(t, config)
	fill(t, s, 300)
	copied(t, s, client, 600)
	for name, versions := range list(t, client) {
		if versions != 1 {
			t.Errorf("%s was written %d times", name, versions)
		}
	}
}

// list counts the versions of each object.
func list(t *testing.T, client *minio.Client) map[string]int {
	t.Helper()
	versions := map[string]int{}
	for object := range client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		versions[object.Key]++
	}
	return versions
}

// TestAForgedTileInTheBucket, put over a copy by whoever has the credentials,
// is noticed after the next start; the locked version is still there.
func TestAForgedTileInTheBucket(t *testing.T) {
	t.Parallel()
	copyTo, client := audittest.NewBucket(t)
	config := Config{DataDir: t.TempDir()}
	config.Audit.Copy = copyTo
	s := start(t, config)
	fill(t, s, 300)
	copied(t, s, client, 300)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	ctx, name := context.Background(), "mesh/tile/0/000"
	before, err := client.StatObject(ctx, bucket, name, minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Repeat([]byte{1}, 256*32)
	_, err = client.PutObject(ctx, bucket, name, bytes.NewReader(forged), int64(len(forged)), minio.PutObjectOptions{SendContentMd5: true})
	s = start(t, config)
	if err != nil { // allowed to the store as well: it lets nobody put a version over a locked one
		t.Logf("refused by the store: %v", err)
		waitReady(t, s, http.StatusOK)
		return
	}
	waitLog(t, s, "is not what the log says")
	waitReady(t, s, http.StatusServiceUnavailable)
	if kept, err := client.StatObject(ctx, bucket, name, minio.StatObjectOptions{VersionID: before.VersionID}); err != nil || kept.ETag != before.ETag {
		t.Errorf("the locked version: got %v, %v", kept, err)
	}
}

// TestABucketWithoutObjectLock is no copy.
func TestABucketWithoutObjectLock(t *testing.T) {
	t.Parallel()
	copyTo, client := audittest.NewBucket(t)
	copyTo.Bucket = "unlocked"
	if err := client.MakeBucket(t.Context(), "unlocked", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	config := Config{DataDir: t.TempDir()}
	config.Audit.Copy = copyTo
	s := start(t, config)
	record(t, s, 1)
	waitLog(t, s, "the audit log was not copied")
	waitReady(t, s, http.StatusServiceUnavailable)
	for object := range client.ListObjects(t.Context(), "unlocked", minio.ListObjectsOptions{Recursive: true}) {
		t.Errorf("%s was copied to a bucket that anybody can change: %v", object.Key, object.Err)
	}
}

// TestABucketThatIsAway makes the copy late and nothing else.
func TestABucketThatIsAway(t *testing.T) {
	t.Parallel()
	config := Config{DataDir: t.TempDir()}
	config.Audit.Copy = configfile.AuditCopy{
		Endpoint: "http://127.0.0.1:1", Bucket: bucket, Retention: 1, Interval: "1h", AccessKeyFile: audittest.Secret(t, "a"), SecretKeyFile: audittest.Secret(t, "b"),
	}
	s := start(t, config)
	record(t, s, 3)
	covered(t, s, 3)
	waitReady(t, s, http.StatusOK)
}

func TestACopyThatMakesNoSense(t *testing.T) {
	t.Parallel()
	good := configfile.AuditCopy{Endpoint: "http://127.0.0.1:1", Bucket: bucket, Retention: 1, AccessKeyFile: audittest.Secret(t, "a"), SecretKeyFile: audittest.Secret(t, "b")}
	shown := audittest.Secret(t, "b")
	if err := os.Chmod(shown, 0o644); err != nil {
		t.Fatal(err)
	}
	for reason, change := range map[string]func(*configfile.AuditCopy){
		"retention_days":  func(c *configfile.AuditCopy) { c.Retention = 0 },
		"name a bucket":   func(c *configfile.AuditCopy) { c.Bucket = "" },
		"no time such as": func(c *configfile.AuditCopy) { c.Interval = "often" },
		"without TLS":     func(c *configfile.AuditCopy) { c.Endpoint = "http://s3.example" },
		"has no ca_files": func(c *configfile.AuditCopy) { c.Endpoint = "https://s3.example" },
		"access_key_file": func(c *configfile.AuditCopy) { c.AccessKeyFile = "" },
		"secret_key_file": func(c *configfile.AuditCopy) { c.SecretKeyFile = "absent" },
		"mode 0600":       func(c *configfile.AuditCopy) { c.SecretKeyFile = shown },
	} {
		config := good
		change(&config)
		s, err := Open(t.Context(), Config{Dev: true, DataDir: t.TempDir(), Audit: configfile.Audit{Copy: config}})
		if err == nil {
			t.Fatal("the server opened", s.Close())
		}
		if !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want %q in it", err, reason)
		}
	}
}
