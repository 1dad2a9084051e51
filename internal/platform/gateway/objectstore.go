package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// objectStore is an upstream that speaks S3. Requests are made by minio-go's
// client, each of them over a [gate] of its own.
type objectStore struct {
	configfile.S3Source
	endpoint *url.URL
	http     http.RoundTripper
}

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
	if s3utils.CheckValidObjectName(key) != nil || wanted.folder && len(wanted.below) > 0 || port.folder && len(wanted.below) == 0 {
		return nil, errAbsent // no key, or a list of keys, which is no data of the product
	}
	// How an object was uploaded, which some stores repeat: it is stored plain.
	wanted.coding = "aws-chunked"
	wanted.asked = withoutIfRange(wanted.asked)
	a, err := s.ask(ctx, bucket, key, wanted)
	if errors.Is(err, errChanged) { // so the part is of no use, and the whole is wanted
		wanted.asked.Del("If-Match")
		wanted.asked.Del("Range")
		return s.ask(ctx, bucket, key, wanted)
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

// ask makes one request. What the client makes of the answer is of no use: it
// has seen nothing of it but the body, which is that of the gate's.
func (s *objectStore) ask(ctx context.Context, bucket, key string, wanted resource) (*answer, error) {
	g := &gate{server: s.http, to: s.locate(bucket, key), wanted: wanted}
	client, err := s.client(g)
	if err != nil {
		return nil, err
	}
	if wanted.head {
		_, err = client.StatObject(ctx, bucket, key, wanted.options())
	} else {
		_, _, _, err = client.GetObject(ctx, bucket, key, wanted.options())
	}
	return g.outcome(err)
}

// options are the headers of a request as the client takes them.
func (r resource) options() (o minio.GetObjectOptions) {
	for name, values := range r.headers() {
		o.Set(name, values[0]) // each was sent once
	}
	return o
}

// client is made for one request. What it would remember beyond that are the
// credentials, which are replaced while the server runs, cookies, and regions.
func (s *objectStore) client(g *gate) (*minio.Core, error) {
	access, err := secretLine(s.AccessKeyFile)
	if err != nil {
		return nil, fmt.Errorf("access_key_file: %w", err)
	}
	secret, err := secretLine(s.SecretKeyFile)
	if err != nil {
		return nil, fmt.Errorf("secret_key_file: %w", err)
	}
	style := minio.BucketLookupDNS
	if s.PathStyle {
		style = minio.BucketLookupPath
	}
	client, err := minio.NewCore(s.endpoint.Host, &minio.Options{
		Creds: credentials.NewStaticV4(access, secret, ""), Secure: s.endpoint.Scheme == "https", Transport: g,
		Region: s.Region, BucketLookup: style, MaxRetries: 1,
	})
	if err != nil {
		return nil, err
	}
	client.SetS3EnableDualstack(strings.HasPrefix(s.endpoint.Hostname(), "s3.dualstack.")) // as it is written
	return client, nil
}

// locate is the one URL that may be called for an object.
func (s *objectStore) locate(bucket, key string) *url.URL {
	u := &url.URL{Scheme: s.endpoint.Scheme, Host: s.endpoint.Host, Path: "/" + key}
	if s.PathStyle {
		u.Path = "/" + bucket + u.Path
	} else {
		u.Host = bucket + "." + u.Host
	}
	return u
}

// rehearse asks for an object of each bucket without calling anybody, so that
// what the client does not do is said at the start: for names of Amazon's it
// chooses the host, or makes a session first.
func (s *objectStore) rehearse() error {
	dry := *s
	dry.http = nobody{}
	for _, bucket := range s.Buckets {
		_, err := dry.ask(context.Background(), bucket, "key", resource{asked: http.Header{}})
		if !errors.Is(err, errNobody) {
			return fmt.Errorf("endpoint, buckets: bucket %.80q: %w", bucket, err)
		}
	}
	return nil
}

// nobody answers no request.
type nobody struct{}

var errNobody = errors.New("nobody is called")

func (nobody) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNobody }

func secretLine(file string) (string, error) {
	text, err := readFile(file)
	if err != nil {
		return "", err
	}
	line := strings.TrimSpace(string(text))
	if line == "" || len(line) > maxSegment || strings.ContainsAny(line, " \t\r\n") {
		return "", errors.New(file + " does not hold one line with one word")
	}
	return line, nil
}
