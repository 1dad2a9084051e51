package gateway_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// logged collects what a gateway logs.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestStoreIsAskedOnce: whatever it answers, the client asks neither it again
// nor anybody else, and nothing of what it has sent or got is in the log.
func TestStoreIsAskedOnce(t *testing.T) {
	t.Parallel()
	reached := upstream(t, func(http.ResponseWriter, *http.Request) { t.Error("another server was asked") })
	for name, c := range map[string]struct {
		status int
		code   string
		want   int
	}{
		"its own trouble":        {500, "InternalError", 502},
		"overloaded":             {503, "SlowDown", 502},
		"a proxy before it":      {502, "", 502},
		"too many requests":      {429, "TooManyRequests", 502},
		"a timeout":              {408, "RequestTimeout", 502},
		"another region":         {400, "AuthorizationHeaderMalformed", 502},
		"an unknown region":      {400, "InvalidRegion", 502},
		"denied, another region": {403, "AccessDenied", 502},
		"expired credentials":    {400, "ExpiredToken", 502},
		"moved":                  {301, "PermanentRedirect", 502},
		"moved for now":          {307, "TemporaryRedirect", 502},
		"made":                   {202, "InternalError", 502},
		"nothing":                {204, "", 502},
		"absent, says the code":  {500, "NoSuchKey", 502},
		"absent":                 {404, "SlowDown", 404},
		"changed":                {412, "PreconditionFailed", 502},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			t.Run(method+"/"+name, func(t *testing.T) {
				t.Parallel()
				var asked atomic.Int32
				m, config := kinds["store"](t, upstream(t, func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					w.Header().Set("Location", reached+"/tracks/x")
					w.Header().Set("X-Amz-Bucket-Region", "eu-evil-1")
					w.Header().Set("X-Minio-Error-Code", "SlowDown")
					w.Header().Set("X-Minio-Error-Desc", "a secret thing")
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, "<Error><Code>"+c.code+"</Code><Message>a secret thing</Message><Region>eu-evil-1</Region><Endpoint>"+reached+"</Endpoint></Error>")
				}))
				var log logged
				endpoint := serve(t, m, config, func(o *gateway.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
				resp, body, err := do(t, request(t, method, endpoint+"/data/sigint/tracks/p"))
				if err != nil || resp.StatusCode != c.want {
					t.Errorf("got %s %q %v, want %d", resp.Status, body, err, c.want)
				}
				if n := asked.Load(); n != 1 {
					t.Errorf("the store was asked %d times", n)
				}
				for _, word := range []string{"a secret thing", "eu-evil-1", secretKey, "Signature"} {
					if strings.Contains(body+log.String(), word) {
						t.Errorf("%q is told: %s %s", word, body, log.String())
					}
				}
			})
		}
	}
}

// TestChangedObjectIsAskedForAnew, once: If-Range asks for the whole when the
// object is another one.
func TestChangedObjectIsAskedForAnew(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	m, config := kinds["store"](t, upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		if r.Header.Get("Range")+r.Header.Get("If-Match") != "" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, "whole")
	}))
	resp, body, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p", "Range", "bytes=0-1", "If-Range", `"v1"`)
	if err != nil || resp.StatusCode != http.StatusOK || body != "whole" || asked.Load() != 2 {
		t.Errorf("got %s %q %v after %d requests", resp.Status, body, err, asked.Load())
	}
}

// TestErrorWithoutEnd: what a store says of a failure is not read, and it is
// hung up on.
func TestErrorWithoutEnd(t *testing.T) {
	t.Parallel()
	const most = 64 << 20 // what buffers of the machine hold, and more
	for status, want := range map[string]int{
		"500 No": 502, "403 No": 502, "404 No": 404, "301 Moved": 502, "412 No": 502, "202 Accepted": 502,
		"200 OK\r\nContent-Encoding: gzip": 502,
	} {
		for _, length := range []string{"Connection: close", "Content-Length: 1000000000000"} {
			t.Run(status+length, func(t *testing.T) {
				t.Parallel()
				left := make(chan struct{})
				var once sync.Once // a client might come again
				var sent atomic.Int64
				m, config := kinds["store"](t, raw(t, func(c net.Conn) {
					defer once.Do(func() { close(left) })
					_, err := io.WriteString(c, "HTTP/1.1 "+status+"\r\n"+length+"\r\n\r\n<Error>")
					for block := bytes.Repeat([]byte("<Code>"), 8<<10); err == nil && sent.Load() < most; sent.Add(int64(len(block))) {
						_, err = c.Write(block)
					}
				}))
				resp, _, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p")
				if err != nil || resp.StatusCode != want {
					t.Errorf("got %s %v, want %d", resp.Status, err, want)
				}
				await(t, left, "the gateway to hang up")
				if sent.Load() >= most {
					t.Error("the gateway has read it all")
				}
			})
		}
	}
}

// TestHostileHeadersOfAStore: headers that the client would read, and give up
// an answer for or worse, are not its to read.
func TestHostileHeadersOfAStore(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"", // no date
		"Last-Modified: never", "Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT", "Expires: soon", "X-Minio-Source-Mtime: x",
		"X-Amz-Tagging: %zz&=&", "X-Amz-Tagging-Count: many", "X-Amz-Restore: x", `X-Amz-Restore: ongoing-request="false", expiry-date="x"`,
		`X-Amz-Restore: ongoing-request="`, `X-Amz-Expiration: expiry-date="`, "X-Amz-Expiration: rule-id=", "X-Amz-Delete-Marker: true",
		"X-Amz-Checksum-Crc32: AAAAAA==\r\nX-Amz-Checksum-Type: FULL_OBJECT", "X-Amz-Meta-: x", "Etag: \"", "Content-Type:",
		"X-Minio-Error-Code: InternalError", "X-Amz-Version-Id: \xff",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			want := map[string]string{http.MethodGet: "hi"}[method]
			m, config := kinds["store"](t, raw(t, func(c net.Conn) {
				_, _ = io.WriteString(c, strings.TrimSuffix("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"+line, "\r\n")+"\r\n\r\n"+want)
			}))
			resp, body, err := do(t, request(t, method, serve(t, m, config)+"/data/sigint/tracks/p"))
			if err != nil || resp.StatusCode != http.StatusOK || resp.ContentLength != 2 || body != want {
				t.Errorf("%s %q: got %s %q %v", method, line, resp.Status, body, err)
			}
		}
	}
}

// TestWhatAStoreSees is the request of the gateway and its signature: nothing of
// the caller, of the environment, of this machine, or of what the store has said
// before.
func TestWhatAStoreSees(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MINIO_ROOT_USER", "MINIO_ACCESS_KEY", "AWS_REGION"} {
		t.Setenv(name, "environment")
	}
	got := make(chan *http.Request, 1)
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set("Etag", `"x"`)
		got <- r
	})
	m, config := kinds["store"](t, up)
	endpoint := serve(t, m, config)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		if resp, _, err := do(t, request(t, method, endpoint+"/data/sigint/tracks/p/a%20b%3f%23+%C3%A9", "Cookie", "session=2", "X-Amz-Security-Token", "x", "X-Amz-Date", "x",
			"X-Amz-Server-Side-Encryption-Customer-Key", "x", "If-Match", `"x"`, "User-Agent", "evil", "Accept", "text/csv", "Range", "bytes=0-1", "If-None-Match", `"y"`)); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("got %s %v", resp.Status, err)
		}
		r := <-got
		signature := r.Header.Get("Authorization")
		if !strings.HasPrefix(signature, "AWS4-HMAC-SHA256 Credential="+accessKey+"/") || !strings.Contains(signature, "/us-east-1/s3/aws4_request") {
			t.Errorf("signed as %q", signature)
		}
		if r.Method != method || r.URL.RequestURI() != "/tracks/x/a%20b%3F%23%2B%C3%A9" || "http://"+r.Host != up {
			t.Errorf("asked %s %s of %s", r.Method, r.URL.RequestURI(), r.Host)
		}
		for _, name := range []string{"Authorization", "X-Amz-Date"} {
			r.Header.Del(name)
		}
		want := http.Header{
			"Accept": {"text/csv"}, "Range": {"bytes=0-1"}, "If-None-Match": {`"y"`}, "Accept-Encoding": {"identity"}, "User-Agent": {"datamesh"},
			"X-Amz-Content-Sha256": {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		}
		if method == http.MethodHead {
			want.Del("Range")
		}
		if diff := cmp.Diff(want, r.Header); diff != "" {
			t.Errorf("headers at the store (-want +got):\n%s", diff)
		}
	}
}

// TestKeyThatNoStoreHas is no question to one.
func TestKeyThatNoStoreHas(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(http.ResponseWriter, *http.Request) { t.Error("the store was asked") })
	_, config := kinds["store"](t, up)
	m := from(catalog.PortS3, "s3://tracks/"+strings.Repeat(strings.Repeat("x", 250)+"/", 4)+"x")
	resp, _, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p/"+strings.Repeat("y", 100))
	if err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %s %v, want 404", resp.Status, err)
	}
}
