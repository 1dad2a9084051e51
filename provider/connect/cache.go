package connect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Bounds of the shared list. A mesh with more objects of a kind than pages can
// hold is read object by object beyond them.
const (
	maxListPages = 100
	listTimeout  = 5 * time.Minute
)

// cache reads objects for one run. The first read of a kind is a request of
// its own, the second lists the kind once for everybody, so a small
// configuration costs a request an object and a large one the pages of a list.
// A miss in the list proves nothing and is confirmed by a request.
type cache struct {
	reader catalog.Reader
	flight singleflight.Group

	mu    sync.Mutex
	kinds map[catalog.Kind]*kindCache
}

type kindCache struct {
	asked  bool // one object of the kind was read
	listed bool // the list is in, or will not come
	held   map[string]catalog.Entry
	// written are ids that this run wrote: what a list in flight says of
	// them may be older.
	written map[string]bool
}

func newCache(reader catalog.Reader) *cache {
	return &cache{reader: reader, kinds: make(map[catalog.Kind]*kindCache)}
}

// get returns the object, from the cache if it is there.
func (c *cache) get(ctx context.Context, ref catalog.Ref) (catalog.Entry, error) {
	if c.wantsList(ref.Kind) {
		if err := c.list(ctx, ref.Kind); err != nil {
			return catalog.Entry{}, err
		}
	}
	if entry, ok := c.held(ref); ok {
		return entry, nil
	}
	entry, err := c.reader.Get(ctx, ref)
	if err == nil {
		c.remember(ref, entry)
	}
	return entry, err
}

// remember keeps an object that was read by itself, unless this run wrote it
// meanwhile.
func (c *cache) remember(ref catalog.Ref, entry catalog.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kind := c.kind(ref.Kind); !kind.written[ref.ID] {
		kind.held[ref.ID] = entry
	}
}

// forget drops an object that is about to change or has changed.
func (c *cache) forget(ref catalog.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := c.kind(ref.Kind)
	delete(kind.held, ref.ID)
	kind.written[ref.ID] = true
}

// wantsList reports whether this is the second read or a later one before the
// list is in.
func (c *cache) wantsList(k catalog.Kind) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := c.kind(k)
	first := !kind.asked
	kind.asked = true
	return !first && !kind.listed
}

func (c *cache) held(ref catalog.Ref) (catalog.Entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.kind(ref.Kind).held[ref.ID]
	return entry, ok
}

// kind returns the part of the cache for a kind. The caller holds the lock.
func (c *cache) kind(k catalog.Kind) *kindCache {
	kind, ok := c.kinds[k]
	if !ok {
		kind = &kindCache{held: make(map[string]catalog.Entry), written: make(map[string]bool)}
		c.kinds[k] = kind
	}
	return kind
}

// list brings in the list of a kind, or waits for the one under way. It fails
// only when the caller's own time is over; a list that fails leaves everybody
// to requests of their own.
func (c *cache) list(ctx context.Context, k catalog.Kind) error {
	done := c.flight.DoChan(string(k), func() (any, error) {
		// Many wait for this list, so no single one may cancel it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
		defer cancel()
		c.load(ctx, k)
		return nil, nil
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the list of %s: %w", k, context.Cause(ctx))
	}
}

func (c *cache) load(ctx context.Context, k catalog.Kind) {
	if !c.unlisted(k) {
		return // another flight landed between the caller's look and this one
	}
	entries, err := listAll(ctx, c.reader, catalog.Query{Kind: k, Limit: catalog.MaxLimit}, maxListPages)
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := c.kind(k)
	kind.listed = true
	if err != nil && !errors.Is(err, errManyPages) {
		return // pages may have come from different moments: trust none
	}
	for _, entry := range entries {
		if id := entry.Object.Ref().ID; !kind.written[id] {
			kind.held[id] = entry
		}
	}
}

func (c *cache) unlisted(k catalog.Kind) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.kind(k).listed
}

var errManyPages = errors.New("the list has more pages than are read")

// listAll follows the pages of a query. When there are more than maxPages it
// returns what it has with errManyPages.
func listAll(ctx context.Context, reader catalog.Reader, query catalog.Query, maxPages int) ([]catalog.Entry, error) {
	var out []catalog.Entry
	for range maxPages {
		page, err := reader.List(ctx, query)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Entries...)
		if page.Next == "" {
			return out, nil
		}
		query.Cursor = page.Next
	}
	return out, errManyPages
}
