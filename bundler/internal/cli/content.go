package cli

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// content gives what trust is judged from: whole manifests and pieces of
// evidence, held to their digests.
type content struct{ source artifact.Source }

// Fetch implements trust.Content.
func (f content) Fetch(ctx context.Context, d artifact.Descriptor) ([]byte, error) {
	if d.Size > artifact.MaxMetadata {
		return nil, fmt.Errorf("%s has %d bytes, the limit for metadata is %d", d.Digest, d.Size, artifact.MaxMetadata)
	}
	stream, err := f.source.Open(ctx, d.Blob, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(stream, d.Size+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Digest, err)
	}
	if got := artifact.DigestOf(sha256.Sum256(text)); got != d.Digest {
		return nil, fmt.Errorf("%s: other bytes lie there, with digest %s; verify it again", d.Digest, got)
	}
	return text, nil
}

// judging is how many items are judged at once: the time goes into signatures.
const judging = 8

// judgeAll judges every item by this side's policy from what was carried, and
// returns the refusals by the item's name. Any other error ends it.
func (t *trusted) judgeAll(ctx context.Context, l *lock.Lock, source artifact.Source) (map[string]error, error) {
	var mu sync.Mutex
	refused := map[string]error{}
	now := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(judging)
	for i := range l.Items {
		group.Go(func() error {
			err := t.judgeOne(ctx, &l.Items[i], content{source}, now)
			if err == nil || !isRefusal(err) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			refused[l.Items[i].Name] = err
			return nil
		})
	}
	return refused, group.Wait()
}

func (t *trusted) judgeOne(ctx context.Context, item *lock.Item, from content, now time.Time) error {
	_, err := t.judge(ctx, item, from, now)
	if err != nil && !isRefusal(err) {
		return fmt.Errorf("judging %s: %w", item.Name, err)
	}
	return err
}

// judgedAll is judgeAll where a single refusal ends it.
func (t *trusted) judgedAll(ctx context.Context, l *lock.Lock, source artifact.Source) error {
	refused, err := t.judgeAll(ctx, l, source)
	if err != nil {
		return err
	}
	var failed assemble.Failures
	for i := range l.Items {
		if err := refused[l.Items[i].Name]; err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}
