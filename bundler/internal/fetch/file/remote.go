package file

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

// client sends nothing but the request: no credential, no cookie. Over plain
// HTTP too, because the content is known by its digest; a redirect from HTTPS
// to it is refused all the same.
func (f *Files) client(target *url.URL) *http.Client {
	home := transfer.Home{Host: target.Host, Plain: target.Scheme == "http"}
	return &http.Client{Transport: f.line.Transport(home), CheckRedirect: transfer.Redirects}
}

func (f *Files) get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address %.200q is malformed", Bare(address))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, transfer.Plain(err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("User-Agent", "datamesh-bundler")
	answer, err := f.client(target).Do(req)
	if err != nil {
		return nil, transfer.Plain(err)
	}
	return answer, nil
}

var contentRange = regexp.MustCompile(`^bytes 0-0/([0-9]{1,15})$`)

// remoteSize asks for one byte and reads from the answer how many there are.
// HEAD would do where servers and their signed addresses allowed it.
func (f *Files) remoteSize(ctx context.Context, address string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, f.line.Patience())
	defer cancel() // also of a body that nobody reads
	answer, err := f.get(ctx, address, http.Header{"Range": {"bytes=0-0"}})
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }() // nothing of it counts
	size := int64(-1)
	switch answer.StatusCode {
	case http.StatusPartialContent:
		if match := contentRange.FindStringSubmatch(answer.Header.Get("Content-Range")); match != nil {
			size, _ = strconv.ParseInt(match[1], 10, 64) // digits only
		}
	case http.StatusRequestedRangeNotSatisfiable:
		size = 0 // an empty file has no first byte
	case http.StatusOK:
		size = answer.ContentLength
	default:
		return 0, explain(answer)
	}
	if size < 0 || size > lock.MaxBlobSize {
		return 0, fmt.Errorf("%s does not say how large the file is; fetch it once and use path", Bare(address))
	}
	return size, nil
}

func explain(answer *http.Response) error {
	return fmt.Errorf("the server answers %q for %s", answer.Status, Bare(answer.Request.URL.String()))
}

func (f *Files) openRemote(ctx context.Context, name, address string, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	get := func(ctx context.Context, header http.Header) (*http.Response, error) {
		return f.get(ctx, address, header)
	}
	return f.line.Open(ctx, transfer.Origin{Name: name, Get: get, Explain: explain}, b, offset)
}
