// Package registry pushes what a bundle holds to an OCI registry (distribution
// specification 1.1), so that every repository, tag, signature and referrer
// arrives with the digest that it had.
//
// # What crosses the wire
//
// Only what is missing: the registry is asked first. A blob that several
// repositories share is sent to one of them and mounted into the others, also
// when they are loaded at the same time, and when an earlier load ended in
// between. A transfer that breaks goes on where
// the registry says that it stopped.
//
// # Order
//
// Blobs, manifests below an index, the root, its evidence, and the tags last:
// whoever pulls by tag finds all of it. On a registry without the Referrers API
// the referrers tag is kept as the specification asks.
//
// # Trust
//
// The bundle was verified before, and the registry holds every blob and manifest
// to its digest. What it answers is believed for nothing else.
package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Connector is the way to the registry, with authentication, retries of what is
// safe to repeat, and its certificate authorities.
type Connector interface {
	// Connect returns a client that may push to the repository and pull from
	// those that a bundle is loaded into, and the address of the registry.
	Connect(ctx context.Context, repository string) (*http.Client, *url.URL, error)
}

// Registry is one registry. It implements [load.Target].
type Registry struct {
	connector Connector
	source    artifact.Source
	elsewhere map[artifact.Digest][]string
	uploads   chan struct{} // a slot for each blob on its way

	mu       sync.Mutex
	blobs    map[artifact.Digest]*blobState
	subjects map[string]*sync.Mutex // referrers tags that are being changed
}

var (
	_ load.Target = (*Registry)(nil)
	_ load.Holder = (*Registry)(nil)
)

// Options say where to and from what.
type Options struct {
	Connector Connector
	// Source has every blob of the items that are loaded, verified.
	Source artifact.Source
	// Elsewhere lists the repositories that may have a blob already, for those
	// that several share; see [Sharing]. Without it, what an earlier load left
	// in another repository is sent again.
	Elsewhere map[artifact.Digest][]string
	// Parallel is how many blobs are sent at once, 4 when 0.
	Parallel int
}

// New makes a target. Nothing is contacted yet.
func New(o Options) *Registry {
	if o.Parallel == 0 {
		o.Parallel = 4
	}
	return &Registry{
		connector: o.Connector, source: o.Source, elsewhere: o.Elsewhere, uploads: make(chan struct{}, o.Parallel),
		blobs: map[artifact.Digest]*blobState{}, subjects: map[string]*sync.Mutex{},
	}
}

// Sharing lists the places of each config and layer that more than one of the
// items' places shares, sorted.
func Sharing(items []lock.Item, places map[string]string) map[artifact.Digest][]string {
	shared := map[artifact.Digest][]string{}
	for i := range items {
		for _, b := range blobsOf(&items[i]) {
			shared[b.Digest] = append(shared[b.Digest], places[items[i].Name])
		}
	}
	for digest, list := range shared {
		slices.Sort(list)
		if shared[digest] = slices.Compact(list); len(shared[digest]) < 2 {
			delete(shared, digest)
		}
	}
	return shared
}

// Load implements [load.Target].
func (r *Registry) Load(ctx context.Context, item *lock.Item, place string) (load.Moved, error) {
	client, base, err := r.connector.Connect(ctx, place)
	if err != nil {
		return load.Moved{}, fmt.Errorf("%s: %w", place, err)
	}
	p := &push{Registry: r, client: client, base: base.JoinPath("v2"), repository: base.JoinPath("v2", place), place: place}
	if err := p.all(ctx, item); err != nil {
		return p.moved, fmt.Errorf("%s: %w", place, err)
	}
	return p.moved, nil
}

// Holds implements [load.Holder]. Where a blob is found it is mounted from by
// the loads that follow.
func (r *Registry) Holds(ctx context.Context, place string, b artifact.Blob) (bool, error) {
	client, base, err := r.connector.Connect(ctx, place)
	if err != nil {
		return false, fmt.Errorf("%s: %w", place, err)
	}
	p := &push{Registry: r, client: client, base: base.JoinPath("v2"), repository: base.JoinPath("v2", place), place: place}
	state := r.state(b.Digest)
	select {
	case <-state.turn:
		defer func() { state.turn <- struct{}{} }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	there, err := p.exists(ctx, p.repository.JoinPath("blobs", string(b.Digest)), b.Digest)
	if err != nil {
		return false, fmt.Errorf("%s: blob %s: %w", place, b.Digest, err)
	}
	if there {
		state.at = place
	}
	return there, nil
}

// push is the load of one item.
type push struct {
	*Registry
	client     *http.Client
	base       *url.URL // below which the repositories are
	repository *url.URL // below which blobs/, manifests/ and referrers/ are
	place      string

	mu    sync.Mutex
	moved load.Moved
}

// all pushes in the order that the package promises.
func (p *push) all(ctx context.Context, item *lock.Item) error {
	if err := p.pushBlobs(ctx, blobsOf(item)); err != nil {
		return err
	}
	for _, child := range item.Manifests {
		if err := p.manifest(ctx, child, ""); err != nil {
			return err
		}
	}
	if err := p.manifest(ctx, item.Root, ""); err != nil {
		return err
	}
	if err := p.evidence(ctx, item.Evidence); err != nil {
		return err
	}
	if item.Tag == "" {
		return nil
	}
	return p.manifest(ctx, item.Root, item.Tag)
}

// blobsOf lists the configs and layers of an item and of its evidence, each once.
func blobsOf(item *lock.Item) []artifact.Blob {
	var blobs []artifact.Blob
	met := map[artifact.Digest]bool{}
	add := func(list []artifact.Descriptor) {
		for _, d := range list {
			if !met[d.Digest] {
				met[d.Digest] = true
				blobs = append(blobs, d.Blob)
			}
		}
	}
	add(item.Blobs)
	for _, e := range item.Evidence {
		add(e.Blobs)
	}
	return blobs
}

// evidence pushes what speaks about the item, what is about evidence after that
// evidence.
func (p *push) evidence(ctx context.Context, list []lock.Evidence) error {
	for _, e := range list {
		if e.Form == lock.FormReferrersTag {
			continue // made anew from what is here, where the registry needs it
		}
		if err := p.manifest(ctx, e.Manifest, ""); err != nil {
			return fmt.Errorf("evidence about %s: %w", e.Subject, err)
		}
	}
	for _, e := range list {
		var err error
		switch {
		case e.Form == lock.FormReferrer:
			err = p.refer(ctx, e)
		case e.Form != lock.FormReferrersTag && e.Tag != "":
			err = p.manifest(ctx, e.Manifest, e.Tag)
		}
		if err != nil {
			return fmt.Errorf("evidence about %s: %w", e.Subject, err)
		}
	}
	return nil
}

func (p *push) count(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved.Blobs++
	p.moved.Bytes += bytes
}
