package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// maxResumes is how often one blob may break on its way.
const maxResumes = 5

// blobState is where a blob is in the registry. Whoever holds the turn may send
// it; the others wait, and then mount it.
type blobState struct {
	turn chan struct{} // holds one token
	at   string        // a repository that has it, "" while none is known
	// sought is set once the other repositories were asked.
	sought bool
}

func (r *Registry) state(d artifact.Digest) *blobState {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.blobs[d]
	if !ok {
		s = &blobState{turn: make(chan struct{}, 1)}
		s.turn <- struct{}{}
		r.blobs[d] = s
	}
	return s
}

func (p *push) pushBlobs(ctx context.Context, blobs []artifact.Blob) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cap(p.uploads))
	for _, b := range blobs {
		group.Go(func() error {
			if err := p.blob(ctx, b); err != nil {
				return fmt.Errorf("blob %s: %w", b.Digest, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// blob makes the repository have the blob.
func (p *push) blob(ctx context.Context, b artifact.Blob) error {
	state := p.state(b.Digest)
	select {
	case <-state.turn:
		defer func() { state.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	there, err := p.exists(ctx, p.repository.JoinPath("blobs", string(b.Digest)), b.Digest)
	if err != nil {
		return err
	}
	if !there {
		if err := p.seek(ctx, state, b.Digest); err != nil {
			return err
		}
		if err := p.bring(ctx, b, state.at); err != nil {
			return err
		}
	}
	state.at = p.place
	return nil
}

// seek finds the repository where an earlier load left the blob, once, among as
// many as a token is good for. One that may not be asked counts as one that does
// not have it: the blob is sent then.
func (p *push) seek(ctx context.Context, state *blobState, d artifact.Digest) error {
	if state.at != "" || state.sought {
		return nil
	}
	for _, place := range p.elsewhere[d][:min(len(p.elsewhere[d]), maxScopes)] {
		if place == p.place {
			continue
		}
		there, err := p.exists(ctx, p.base.JoinPath(place, "blobs", string(d)), d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && there {
			state.at = place
			return nil
		}
	}
	state.sought = true
	return nil
}

// exists asks for a blob or a manifest. A registry that has another digest under
// that name has not what is asked for.
func (p *push) exists(ctx context.Context, u *url.URL, digest artifact.Digest) (bool, error) {
	response, err := p.do(ctx, http.MethodHead, u, nil, http.Header{"Accept": {strings.Join(manifestTypes, ", ")}}) //nolint:bodyclose // expect closes it
	if err != nil {
		return false, err
	}
	if err := expect(response, "asking for it", http.StatusOK, http.StatusNotFound); err != nil || response.StatusCode == http.StatusNotFound {
		return false, err
	}
	named := response.Header.Get("Docker-Content-Digest")
	return named == "" || named == string(digest), nil
}

// bring mounts the blob from where it is, or else sends it. A registry that
// cannot mount answers with an upload to fill.
func (p *push) bring(ctx context.Context, b artifact.Blob, from string) error {
	query := url.Values{}
	if from != "" {
		query = url.Values{"mount": {string(b.Digest)}, "from": {from}}
	}
	upload, err := p.start(ctx, query)
	if err != nil || upload == nil {
		return err
	}
	return p.send(ctx, b, upload)
}

// start begins an upload and returns where to send it; nil when the blob was
// mounted instead.
func (p *push) start(ctx context.Context, query url.Values) (*url.URL, error) {
	u := p.repository.JoinPath("blobs", "uploads/")
	u.RawQuery = query.Encode()
	response, err := p.do(ctx, http.MethodPost, u, nil, nil) //nolint:bodyclose // expect closes it
	if err != nil {
		return nil, err
	}
	statuses := []int{http.StatusAccepted}
	if query.Has("mount") {
		statuses = append(statuses, http.StatusCreated)
	}
	if err := expect(response, "starting its upload", statuses...); err != nil || response.StatusCode == http.StatusCreated {
		return nil, err
	}
	return location(response)
}

// send fills an upload. What breaks goes on at the byte that the registry has.
func (p *push) send(ctx context.Context, b artifact.Blob, upload *url.URL) error {
	select {
	case p.uploads <- struct{}{}:
		defer func() { <-p.uploads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for attempt, offset := 0, int64(0); ; attempt++ {
		next, err := p.finish(ctx, b, upload, offset)
		if err == nil {
			p.count(b.Size - offset)
			return nil
		}
		if attempt == maxResumes || !isBroken(err) || ctx.Err() != nil {
			return err
		}
		if upload, offset, err = p.resume(ctx, next); err != nil {
			return err
		}
	}
}

// finish sends what is left of the blob: in one request when nothing of it is
// there, else the rest and then the end.
func (p *push) finish(ctx context.Context, b artifact.Blob, upload *url.URL, offset int64) (*url.URL, error) {
	if offset >= b.Size && offset > 0 { // only the end was lost
		return upload, p.put(ctx, withDigest(upload, b.Digest), stream{})
	}
	body, err := p.source.Open(ctx, b, offset)
	if err != nil {
		return upload, fmt.Errorf("reading it from the bundle: %w", err)
	}
	rest := newStream(body, b.Size-offset)
	if offset == 0 {
		return upload, p.put(ctx, withDigest(upload, b.Digest), rest)
	}
	rest.header.Set("Content-Range", fmt.Sprintf("%d-%d", offset, b.Size-1))
	response, err := p.doStream(ctx, http.MethodPatch, upload, rest) //nolint:bodyclose // expect closes it
	if err != nil {
		return upload, &brokenError{err}
	}
	err = expect(response, "going on with its upload", http.StatusAccepted)
	switch {
	case response.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return upload, &brokenError{err} // what came before the line broke was written after it had said how much there is
	case err != nil:
		return upload, err
	}
	if upload, err = location(response); err != nil {
		return upload, err
	}
	return upload, p.put(ctx, withDigest(upload, b.Digest), stream{})
}

// put ends an upload, with what is left of it or without a body.
func (p *push) put(ctx context.Context, u *url.URL, rest stream) error {
	response, err := p.doStream(ctx, http.MethodPut, u, rest) //nolint:bodyclose // expect closes it
	if err != nil {
		return &brokenError{err}
	}
	return expect(response, "ending its upload", http.StatusCreated)
}

// resume asks how much of an upload the registry has. Where it cannot tell, or
// has nothing, another upload begins.
func (p *push) resume(ctx context.Context, upload *url.URL) (*url.URL, int64, error) {
	response, err := p.do(ctx, http.MethodGet, upload, nil, nil)
	if err != nil {
		return nil, 0, err
	}
	discard(response)
	_, last, _ := strings.Cut(response.Header.Get("Range"), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	if response.StatusCode != http.StatusNoContent || err != nil || n <= 0 {
		fresh, err := p.start(ctx, url.Values{})
		return fresh, 0, err
	}
	if next, err := location(response); err == nil {
		upload = next
	}
	return upload, n + 1, nil
}

// location is where the registry wants the upload. It may name a path or a URL
// of the same host: the credentials go there.
func location(response *http.Response) (*url.URL, error) {
	asked := response.Request.URL
	u, err := asked.Parse(response.Header.Get("Location"))
	if err != nil || response.Header.Get("Location") == "" {
		return nil, errors.New("the registry names no place for the upload")
	}
	if u.Host != asked.Host || u.Scheme != asked.Scheme {
		return nil, fmt.Errorf("the registry sends the upload to another host, %.200q: not followed, as the credentials would be", u.Host)
	}
	return u, nil
}

func withDigest(upload *url.URL, d artifact.Digest) *url.URL {
	u := *upload
	query := u.Query()
	query.Set("digest", string(d))
	u.RawQuery = query.Encode()
	return &u
}
