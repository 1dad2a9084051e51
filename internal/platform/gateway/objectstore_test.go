package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/audittest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

const (
	accessKey = "gateway"
	secretKey = "not-a-secret"
)

// objectServer starts a real S3 server on a folder of its own and returns where, and a
// client of it.
func objectServer(t *testing.T) (endpoint string, client *minio.Client) {
	t.Helper()
	program, err := filepath.Abs("../../../bin/tools/versitygw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("there is no S3 server here: build it with make test-tools")
	}
	dir := t.TempDir()
	for _, sub := range []string{"data", "meta"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	address := audittest.Address(t)
	server := exec.CommandContext(t.Context(), program, "--port", address, "--access", accessKey, "--secret", secretKey, "--quiet", "posix",
		"--sidecar", filepath.Join(dir, "meta"), filepath.Join(dir, "data"))
	var printed bytes.Buffer
	server.Stdout, server.Stderr = &printed, &printed
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // it was killed
		if t.Failed() {
			t.Log(printed.String())
		}
	})
	client, err = minio.New(address, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, err := client.BucketExists(ctx, "tracks"); err == nil {
			return "http://" + address, client
		} else if ctx.Err() != nil {
			t.Fatalf("the S3 server does not answer: %v", err)
		}
		time.Sleep(20 * time.Millisecond) // it is asked until it answers
	}
}

func put(t *testing.T, client *minio.Client, bucket, key, content string) {
	t.Helper()
	if ok, err := client.BucketExists(t.Context(), bucket); err != nil {
		t.Fatal(err)
	} else if !ok {
		if err := client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.PutObject(t.Context(), bucket, key, strings.NewReader(content), int64(len(content)), minio.PutObjectOptions{ContentType: "text/csv"}); err != nil {
		t.Fatal(err)
	}
}

func buckets(t *testing.T, endpoint string, names ...string) configfile.Gateway {
	t.Helper()
	return configfile.Gateway{S3: []configfile.S3Source{{
		Endpoint: endpoint, Region: "us-east-1", PathStyle: true, Buckets: names, Domains: []string{"*"},
		AccessKeyFile: write(t, "access", accessKey+"\n"), SecretKeyFile: write(t, "secret", secretKey+"\n"),
	}}}
}

// TestObjectStore against a real one.
func TestObjectStore(t *testing.T) {
	t.Parallel()
	endpoint, client := objectServer(t)
	put(t, client, "tracks", "day 1/é+x.csv", "0123456789")
	put(t, client, "tracks", "other", "other")
	put(t, client, "secrets", "x", "classified")
	m := from(catalog.PortS3, "s3://tracks/day%201")
	config := buckets(t, endpoint, "tracks")
	address := serve(t, m, config) + "/data/sigint/tracks/p"
	resp, body, err := get(t, address+"/%C3%A9+x.csv")
	if err != nil || resp.StatusCode != http.StatusOK || body != "0123456789" || resp.Header.Get("Content-Type") != "text/csv" {
		t.Fatalf("got %s %q %v %v", resp.Status, body, err, resp.Header)
	}
	for name := range resp.Header {
		if strings.HasPrefix(strings.ToLower(name), "x-amz") {
			t.Errorf("the caller gets %s", name)
		}
	}
	checkParts(t, m, address+"/%C3%A9+x.csv", resp.Header.Get("Etag"))
	for path, status := range map[string]int{"": 404, "/": 404, "/nothing": 404, "/%C3%A9+x.csv/": 404, "/../other": 404, "/%2e%2e/other": 404, "/..%2fother": 404} {
		req := request(t, http.MethodGet, address)
		req.URL.Opaque = strings.TrimPrefix(address, "http:") + path
		if resp, body, err := do(t, req); err != nil || resp.StatusCode != status {
			t.Errorf("%s: got %s %q %v, want %d", path, resp.Status, body, err, status)
		}
	}
	for _, address := range []string{"s3://secrets/x", "s3://tracks/day%201/../other", "s3://tracks.evil/x"} {
		m := from(catalog.PortS3, address)
		if resp, body, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p"); err != nil || resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: got %s %q %v, want 502", address, resp.Status, body, err)
		}
	}
}

// TestCredentialsOfAnObjectStore are read again while the gateway runs, and what
// the store says of wrong ones reaches nobody.
func TestCredentialsOfAnObjectStore(t *testing.T) {
	t.Parallel()
	endpoint, client := objectServer(t)
	put(t, client, "tracks", "x", "0123456789")
	config := buckets(t, endpoint, "tracks")
	address := serve(t, from(catalog.PortS3, "s3://tracks/x"), config) + "/data/sigint/tracks/p"
	for _, c := range []struct {
		secret string
		status int
	}{{"wrong", 502}, {secretKey, 200}, {"", 502}} {
		if err := os.WriteFile(config.S3[0].SecretKeyFile, []byte(c.secret), 0o600); err != nil {
			t.Fatal(err)
		}
		resp, body, err := get(t, address)
		if err != nil || resp.StatusCode != c.status || strings.Contains(body, "Signature") || strings.Contains(body, accessKey) {
			t.Errorf("%q: got %s %q %v, want %d", c.secret, resp.Status, body, err, c.status)
		}
	}
}

// TestBucketInTheHostsName is the other style, without a server that has names.
func TestBucketInTheHostsName(t *testing.T) {
	t.Parallel()
	if _, err := net.DefaultResolver.LookupHost(t.Context(), "tracks.localhost"); err != nil {
		t.Skip("the name tracks.localhost leads nowhere here")
	}
	config := buckets(t, "http://localhost:1", "tracks")
	config.S3[0].PathStyle = false
	m := from(catalog.PortS3, "s3://tracks/x")
	got := make(chan string, 1)
	config.S3[0].Endpoint = strings.Replace(upstream(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Host + r.URL.EscapedPath()
		_, _ = io.WriteString(w, "x")
	}), "127.0.0.1", "localhost", 1)
	resp, _, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p/a")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %s %v", resp.Status, err)
	}
	if want := "tracks." + strings.TrimPrefix(config.S3[0].Endpoint, "http://") + "/x/a"; <-got != want {
		t.Errorf("asked for another address than %s", want)
	}
}
