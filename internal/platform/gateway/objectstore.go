package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// objectStore is an upstream that speaks S3. An object is read like a page of
// the web, under one more header.
type objectStore struct {
	configfile.S3Source
	endpoint *url.URL
	http     http.RoundTripper
}

// noBody is the SHA-256 of nothing, which a request without a body is signed with.
const noBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (s *objectStore) open(ctx context.Context, wanted resource) (*answer, error) {
	bucket := wanted.port.Host
	if !slices.Contains(s.Buckets, bucket) {
		return nil, errNoUpstream
	}
	port, err := takeApart(wanted.port)
	if err != nil {
		return nil, err
	}
	key := strings.Join(slices.Concat(port.path, wanted.below), "/")
	if key == "" || wanted.folder && len(wanted.below) > 0 || port.folder && len(wanted.below) == 0 {
		return nil, errAbsent // a list of keys is no data of the product
	}
	// How an object was uploaded, which some stores repeat: it is stored plain.
	wanted.coding = "aws-chunked"
	wanted.asked = withoutIfRange(wanted.asked)
	a, err := fetch(ctx, s.http, s.locate(bucket, key), wanted, s.sign)
	if errors.Is(err, errChanged) { // so the part is of no use, and the whole is wanted
		wanted.asked.Del("If-Match")
		wanted.asked.Del("Range")
		return fetch(ctx, s.http, s.locate(bucket, key), wanted, s.sign)
	}
	return a, err
}

// withoutIfRange says what If-Range says in words that S3 has. It would be
// ignored, and a download that goes on would be put together of two objects.
func withoutIfRange(asked http.Header) http.Header {
	tag := asked.Get("If-Range")
	if tag == "" {
		return asked
	}
	asked = asked.Clone()
	asked.Del("If-Range")
	if !entityTag.MatchString(tag) || strings.HasPrefix(tag, "W/") {
		asked.Del("Range")
		return asked
	}
	asked.Set("If-Match", tag)
	return asked
}

func (s *objectStore) locate(bucket, key string) *url.URL {
	u := &url.URL{Scheme: s.endpoint.Scheme, Host: s.endpoint.Host, Path: "/" + key}
	if s.PathStyle {
		u.Path = "/" + bucket + u.Path
	} else {
		u.Host = bucket + "." + u.Host
	}
	u.RawPath = s3utils.EncodePath(u.Path) // as it is signed
	return u
}

// sign reads the credentials anew for each request: they are replaced while the
// server runs.
func (s *objectStore) sign(req *http.Request) (*http.Request, error) {
	access, err := secretLine(s.AccessKeyFile)
	if err != nil {
		return nil, fmt.Errorf("access_key_file: %w", err)
	}
	secret, err := secretLine(s.SecretKeyFile)
	if err != nil {
		return nil, fmt.Errorf("secret_key_file: %w", err)
	}
	req.Header.Set("X-Amz-Content-Sha256", noBody)
	return signer.SignV4(*req, access, secret, "", s.Region), nil
}

func secretLine(file string) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator's configuration names it
	if err != nil {
		return "", err
	}
	line := strings.TrimSpace(string(text))
	if line == "" || len(line) > maxSegment || strings.ContainsAny(line, " \t\r\n") {
		return "", errors.New(file + " does not hold one line with one word")
	}
	return line, nil
}
