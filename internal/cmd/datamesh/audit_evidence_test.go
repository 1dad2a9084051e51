package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditcopy"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/audittest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// waitFile waits until a file of the data directory has a checkpoint of this size.
func waitCheckpoint(t *testing.T, p *platformtest.Platform, name string, size int64) {
	t.Helper()
	public, err := audit.ParsePublicKey(secretKey(t, p.DataDir()).Public())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		raw, err := os.ReadFile(filepath.Join(p.DataDir(), name))
		if err == nil {
			if c, err := public.Open(raw); err == nil && c.Size >= size {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never has %d entries: %v", name, size, err)
		}
	}
}

// TestAuditVerifyAsksForCosignatures of a real witness: a history that was
// changed and signed again by the log's own key has none.
func TestAuditVerifyAsksForCosignatures(t *testing.T) {
	t.Parallel()
	w, stranger := audittest.NewWitness(t, "witness.example/one"), audittest.NewWitness(t, "witness.example/two")
	dir := t.TempDir()
	p := platformtest.Start(t, platformtest.Options{DataDir: dir})
	k := keep(t, p) // makes the key
	w.Start(t, strings.TrimSpace(string(readFile(t, k.key))))
	p = platformtest.Start(t, platformtest.Options{DataDir: dir, Audit: configfile.Audit{Witnesses: configfile.Witnesses{Members: []configfile.Witness{w.Witness}}}})
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, []byte(p.Token))
	denials(t, p, 260)
	waitCheckpoint(t, p, platformd.CosignedName, 260)
	flags := []string{"--key", k.key, "--witness-key", w.KeyFile}
	wantVerified(t, "over HTTP", 0, "cosigned by witness.example/one", append(flags, "--endpoint", p.Endpoint, "--token-file", token)...)
	wantVerified(t, "a directory", 0, "cosigned by witness.example/one", append(flags, "--dir", dir)...)
	wantVerified(t, "one of two", 0, "cosigned by witness.example/one", append(flags, "--dir", dir, "--witness-key", stranger.KeyFile, "--witnesses", "1")...)
	wantVerified(t, "two of two", exitTampered, "not cosigned by enough", append(flags, "--dir", dir, "--witness-key", stranger.KeyFile)...)
	wantVerified(t, "one key twice", 1, "count twice", append(flags, "--dir", dir, "--witness-key", w.KeyFile)...)
	wantVerified(t, "no keys", 1, "--witness-key", "--dir", dir, "--witnesses", "1")
	wantVerified(t, "no key of a witness", 1, "name+id+key", "--dir", dir, "--witness-key", token)
	p.Stop()
	forge(t, dir, func(e [][]byte) [][]byte { e[7] = blameAnother(e[7]); return e })
	wantVerified(t, "changed and signed again", 0, "verified 26", "--dir", dir, "--key", k.key)
	wantVerified(t, "changed and signed again, against the witness", exitTampered, "tampered", append(flags, "--dir", dir)...)
	copied := readFile(t, filepath.Join(dir, platformd.CheckpointName))
	writeFile(t, filepath.Join(dir, platformd.CosignedName), copied)
	wantVerified(t, "the forged checkpoint as the cosigned one", exitTampered, "not cosigned by enough", append(flags, "--dir", dir)...)
}

// TestADownloadedCopyIsVerified, and a tile or checkpoint that was forged in
// the bucket is noticed without the platform.
func TestADownloadedCopyIsVerified(t *testing.T) {
	t.Parallel()
	copyTo, client := audittest.NewBucket(t)
	p := platformtest.Start(t, platformtest.Options{Audit: configfile.Audit{Copy: copyTo}})
	denials(t, p, 300)
	waitCheckpoint(t, p, platformd.CheckpointName, 300)
	dir := t.TempDir()
	name := auditcopy.CheckpointName(300)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := client.StatObject(t.Context(), copyTo.Bucket, "mesh/"+name, minio.StatObjectOptions{}); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("300 entries were never copied")
		}
	}
	k := keep(t, p)
	for object := range client.ListObjects(t.Context(), copyTo.Bucket, minio.ListObjectsOptions{Prefix: "mesh/", Recursive: true}) {
		if err := errors.Join(object.Err, client.FGetObject(t.Context(), copyTo.Bucket, object.Key,
			filepath.Join(dir, strings.TrimPrefix(object.Key, "mesh/")), minio.GetObjectOptions{})); err != nil {
			t.Fatal(err)
		}
	}
	wantVerified(t, "the copy", 0, "verified 300 entries", "--dir", dir, "--key", k.key)
	wantVerified(t, "without its key", 1, "does not hold the key", "--dir", dir)
	for _, forged := range []string{"tile/0/000", "tile/entries/000", "tile/0/001.p/44", "tile/entries/001.p/44", name} {
		path := filepath.Join(dir, filepath.FromSlash(forged))
		was := readFile(t, path)
		change := bytes.Clone(was)
		change[len(change)/2] ^= 1
		writeFile(t, path, change)
		if code, text := verify(t, "--dir", dir, "--key", k.key); code == 0 {
			t.Errorf("%s was changed: %s", forged, text)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if code, text := verify(t, "--dir", dir, "--key", k.key); code == 0 && forged != name {
			t.Errorf("%s was removed: %s", forged, text)
		}
		writeFile(t, path, was)
	}
	wantVerified(t, "the copy as it was", 0, "verified 300 entries", "--dir", dir, "--key", k.key)
}

// TestEvidenceOfOneRequest is written by an auditor and checked without the
// platform; of another entry, or with another key, it is none.
func TestEvidenceOfOneRequest(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	denials(t, p, 3)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.Endpoint+"/api/v1/domains/alpha",
		strings.NewReader(`{"display_name":"A <&>","discipline":"OTHER","contact":"a@enclave.example","team":{"a":{"role":"owner"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Authorization": {"Bearer " + p.Token}, "Content-Type": {"application/json"}, "X-Request-Id": {"the-request"}}
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("put: %v, %v", response, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	waitCheckpoint(t, p, platformd.CheckpointName, 4)
	token, key, out := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "key"), t.TempDir()
	writeFile(t, token, []byte(p.TokenFor(catalog.Caller{Subject: "b.low", Groups: []string{catalog.AuditGroup}})))
	writeFile(t, key, []byte(secretKey(t, p.DataDir()).Public()))
	prove := func(args ...string) (int, string) {
		var text, errText bytes.Buffer
		code := run(append([]string{"audit", "proof", "--endpoint", p.Endpoint, "--token-file", token}, args...), strings.NewReader(""), &text, &errText)
		return code, text.String() + errText.String()
	}
	if code, text := prove("--out", out, "the-request"); code != 0 || strings.Count(text, ".tlog-proof") != 1 {
		t.Fatalf("got exit %d: %s", code, text)
	}
	proofs, err := filepath.Glob(filepath.Join(out, "*.tlog-proof"))
	if err != nil || len(proofs) != 1 {
		t.Fatalf("got the proofs %v, %v", proofs, err)
	}
	entry := strings.TrimSuffix(proofs[0], ".tlog-proof") + ".json"
	var told audit.Entry
	if err := json.Unmarshal(readFile(t, entry), &told); err != nil || told.Object != "domains/alpha" || told.RequestID != "the-request" {
		t.Errorf("the entry says %v, %v", told, err)
	}
	wantVerified(t, "the evidence", 0, "verified entry 4 of ", "--proof", proofs[0], "--entry", entry, "--key", key)
	writeFile(t, entry, bytes.Replace(readFile(t, entry), []byte("permit"), []byte("deny"), 1))
	wantVerified(t, "a changed entry", exitTampered, "tampered", "--proof", proofs[0], "--entry", entry, "--key", key)
	other, err := audit.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := audit.ParseKey(other)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, key, []byte(parsed.Public()))
	wantVerified(t, "another key", exitTampered, "not signed by the key", "--proof", proofs[0], "--entry", entry, "--key", key)
	wantVerified(t, "without a key", 2, "--key", "--proof", proofs[0], "--entry", entry)
	wantVerified(t, "without the entry", 2, "--entry", "--proof", proofs[0], "--key", key)
	wantVerified(t, "no proof", 1, "does not begin with", "--proof", entry, "--entry", entry, "--key", key)
	if code, text := prove("--out", out, "another-request"); code != 1 || !strings.Contains(text, "no entry of the request") {
		t.Errorf("another request: got exit %d: %s", code, text)
	}
	writeFile(t, token, []byte(p.TokenFor(catalog.Caller{Subject: "a.low"})))
	if code, text := prove("--out", out, "the-request"); code != 1 || !strings.Contains(text, "404") {
		t.Errorf("somebody else: got exit %d: %s", code, text)
	}
}
