package load

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// script answers by the name of the item.
type script map[string]error

func (s script) Load(_ context.Context, item *lock.Item, place string) (Moved, error) {
	return Moved{Blobs: len(place)}, s[item.Name]
}

func TestOneBadItemStopsNoOther(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	items := []lock.Item{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	var done atomic.Int32
	outcomes := All(t.Context(), items, map[string]string{"a": "x", "c": "xyz"}, script{"a": broken, "b": fmt.Errorf("b: %w", &Skip{"of no use"})},
		Options{Parallel: 2, Done: func(Outcome) { done.Add(1) }})
	want := []Outcome{{Item: "a", Place: "x", Moved: Moved{Blobs: 1}, Err: broken}, {Item: "b", Skipped: "of no use"}, {Item: "c", Place: "xyz", Moved: Moved{Blobs: 3}}}
	if diff := cmp.Diff(want, outcomes, cmp.Comparer(errors.Is)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if failed := Failed(outcomes); len(failed) != 1 || failed[0].Item != "a" || done.Load() != 3 {
		t.Errorf("got %+v failed and %d done, want a failed of three", failed, done.Load())
	}
}

func TestNothingStartsAfterTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, o := range All(ctx, []lock.Item{{Name: "a"}, {Name: "b"}}, nil, script{}, Options{}) {
		if !errors.Is(o.Err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", o.Item, o.Err, context.Canceled)
		}
	}
}
