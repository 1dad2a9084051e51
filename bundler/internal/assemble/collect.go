package assemble

import (
	"context"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/receipt"
)

// Collect brings the blobs of the lock into the store: evidence first, then,
// when every item was judged, the rest, without what an increment leaves out
// because the far side has it: held, nil for nothing. It fetches what the store
// does not have, to the byte, after it has made sure that there is room, and
// returns how many bytes of the lock are in the store then.
func Collect(ctx context.Context, o Options, l *lock.Lock, store *cas.Store, held receipt.Digests) (size int64, err error) {
	wanted, err := traveling(l, held)
	if err != nil {
		return 0, err
	}
	err = with(o, store, func(r *run) error {
		if err := r.judge(ctx, l, r.content); err != nil {
			return err
		}
		return r.collect(ctx, l, wanted)
	})
	return sum(wanted), err
}

func (r *run) collect(ctx context.Context, l *lock.Lock, wanted []artifact.Blob) error {
	from, err := r.origins(l)
	if err != nil {
		return err
	}
	missing, err := r.store.Missing(ctx, wanted)
	if err != nil {
		return err
	}
	if err := r.store.Room(missing); err != nil {
		return err
	}
	r.Progress(Event{Phase: Collecting, Kind: Started, Count: len(missing), Bytes: sum(wanted)})
	r.Progress(Event{Phase: Collecting, Kind: Kept, Bytes: sum(wanted) - sum(missing)})
	return r.fetchAll(ctx, missing, from)
}

func sum(blobs []artifact.Blob) int64 {
	var n int64
	for _, b := range blobs {
		n += b.Size
	}
	return n
}

// A large blob takes four places, a small one a single place: small ones wait
// more than they move.
const (
	placesLarge = 4
	smallBlob   = 1 << 20
)

func places(b artifact.Blob) int64 {
	if b.Size <= smallBlob {
		return 1
	}
	return placesLarge
}

func (r *run) fetchAll(ctx context.Context, blobs []artifact.Blob, from artifact.Source) error {
	lanes := semaphore.NewWeighted(int64(r.Parallel) * placesLarge)
	group, fetching := errgroup.WithContext(ctx)
	for _, b := range blobs {
		if err := lanes.Acquire(fetching, places(b)); err != nil {
			break // a transfer failed and says why, or the run was ended
		}
		group.Go(func() error {
			defer lanes.Release(places(b))
			return r.fetch(fetching, b, from)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func (r *run) fetch(ctx context.Context, b artifact.Blob, from artifact.Source) error {
	var arrived int64
	err := r.store.Fetch(ctx, b, from, func(n int64) {
		arrived += n
		r.Progress(Event{Phase: Collecting, Kind: Moved, Blob: b.Digest, Bytes: n})
	})
	if err != nil {
		return err
	}
	if arrived < b.Size {
		r.Progress(Event{Phase: Collecting, Kind: Kept, Blob: b.Digest, Bytes: b.Size - arrived})
	}
	r.Progress(Event{Phase: Collecting, Kind: Whole, Blob: b.Digest})
	return nil
}
