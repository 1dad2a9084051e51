package assemble

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/fetch/file"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// Resolve finds out what the spec means now and who vouches for it. Layers are
// not fetched. The lock is the same whatever the parallelism and the order of
// the entries. store keeps the metadata; nil for nowhere.
func Resolve(ctx context.Context, o Options, store *cas.Store) (l *lock.Lock, err error) {
	if store == nil {
		err = scratch(func(s *cas.Store) error {
			l, err = Resolve(ctx, o, s)
			return err
		})
		return l, err
	}
	err = with(o, store, func(r *run) error {
		l, err = r.resolve(ctx)
		return err
	})
	return l, err
}

func (r *run) resolve(ctx context.Context) (*lock.Lock, error) {
	wants, err := r.wants(ctx)
	if err != nil {
		return nil, err
	}
	r.Progress(Event{Phase: Resolving, Kind: Started, Count: len(wants)})
	items := make([]lock.Item, len(wants))
	err = each(ctx, len(wants), 2*r.Parallel, func(i int) error {
		item, err := r.item(ctx, wants[i])
		if err != nil {
			return err
		}
		items[i] = *item
		r.Progress(Event{Phase: Resolving, Kind: Item, Item: item.Name, Bytes: sizeOf(item)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	l := &lock.Lock{
		Version: lock.Version, Name: r.Spec.Name, Stream: r.Spec.Stream,
		Marking: r.Spec.Marking.Banner(), Spec: r.Spec.Digest, Items: items,
	}
	if err := l.Arrange(); err != nil {
		return nil, err
	}
	return l, Admit(r.Policy, l)
}

func sizeOf(item *lock.Item) int64 {
	var sum int64
	for d := range item.All() {
		sum += d.Size
	}
	return sum
}

// item resolves one want and has it judged.
func (r *run) item(ctx context.Context, w *want) (*lock.Item, error) {
	item, content, err := r.describe(ctx, w)
	if err != nil {
		return nil, err
	}
	item.Kind, item.Marking, item.Why = w.kind, w.marking.Banner(), w.reason()
	if err := allow(r.Policy, item); err != nil {
		return nil, err
	}
	if item.Verdict, err = r.Judge(ctx, item, content); err != nil {
		return nil, err
	}
	return item, w.asExpected(&item.Verdict)
}

// asExpected narrows the policy's verdict to the signer that the author named.
func (w *want) asExpected(v *lock.Verdict) error {
	for _, trust := range w.trust {
		if v.Trusted == trust {
			continue
		}
		found := "it is let through unsigned"
		if v.Trusted != "" {
			found = "the policy has it vouched for by " + v.Trusted
		}
		return &Refused{w.name, fmt.Sprintf("bundle.yaml expects %s, and %s", trust, found), "correct trust in bundle.yaml, or have the policy's source name " + trust}
	}
	return nil
}

func (r *run) describe(ctx context.Context, w *want) (*lock.Item, Content, error) {
	if w.kind == lock.KindFile {
		item, err := r.files.Item(ctx, w.file)
		return item, ofFile{item}, err
	}
	repository := r.registries.Repository(w.ref.Repository)
	root, err := r.root(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	platforms := w.platforms
	graph, err := repository.Walk(ctx, root, platforms)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", w.name, err)
	}
	return &lock.Item{
		Name: w.name, Repository: w.ref.Repository.String(), Tag: w.ref.Tag,
		Root: graph.Root, Manifests: graph.Manifests, Blobs: graph.Blobs, Evidence: graph.Evidence,
	}, repository, nil
}

// root resolves the reference, once. A tag that was written with a digest must
// have it.
func (r *run) root(ctx context.Context, w *want) (artifact.Descriptor, error) {
	repository := r.registries.Repository(w.ref.Repository)
	if w.ref.Tag == "" {
		return repository.ResolveDigest(ctx, w.ref.Digest)
	}
	root, err := repository.Resolve(ctx, w.ref.Tag)
	if err == nil && w.ref.Digest != "" && root.Digest != w.ref.Digest {
		err = fmt.Errorf("%s: the tag is %s now, and bundle.yaml has it as %s; ask its publisher why it moved", w.name, root.Digest, w.ref.Digest)
	}
	return root, err
}

// ofFile is the content around a file: there is nothing to fetch.
type ofFile struct{ item *lock.Item }

// Fetch implements [Content].
func (f ofFile) Fetch(_ context.Context, d artifact.Descriptor) ([]byte, error) {
	raw, ok := file.Metadata(f.item, d.Blob)
	if !ok {
		return nil, fmt.Errorf("%s: %s is no metadata of a file", f.item.Name, d.Digest)
	}
	return raw, nil
}

// allow applies a policy's media types and limits to an item.
func allow(p *spec.Policy, item *lock.Item) error {
	for _, d := range item.Blobs {
		if !p.AllowsMediaType(d.MediaType) {
			return &Refused{item.Name, fmt.Sprintf("%s is of the type %s, which the policy does not list", d.Digest, d.MediaType), "leave it out, or have the type added to mediaTypes"}
		}
	}
	for d := range item.All() {
		if d.Size > p.Limits.Blob {
			return &Refused{item.Name, fmt.Sprintf("%s has %d bytes, and the policy allows %d", d.Digest, d.Size, p.Limits.Blob), "leave it out, or have limits.blob raised"}
		}
	}
	return nil
}

// Admit applies a policy's ceiling and limits to a bundle, on either side. The
// error is a *[Refused] or a *[spec.MarkingError].
func Admit(p *spec.Policy, l *lock.Lock) error {
	if err := p.AdmitsLock(l); err != nil {
		return err
	}
	if len(l.Items) > p.Limits.Items {
		return &Refused{l.Name, fmt.Sprintf("it has %d items, and the policy allows %d", len(l.Items), p.Limits.Items), "ask for fewer, or make several bundles"}
	}
	if size := l.Size(); size > p.Limits.Bundle {
		return &Refused{l.Name, fmt.Sprintf("it has %d bytes, and the policy allows %d", size, p.Limits.Bundle), "ask for less, or make several bundles"}
	}
	return nil
}

// judge judges every item of a lock again. A lock whose verdicts are not those
// of the policy today is refused: the lock is what people have reviewed.
func (r *run) judge(ctx context.Context, l *lock.Lock, content func(*lock.Item) Content) error {
	if err := r.checkLock(l); err != nil {
		return err
	}
	r.Progress(Event{Phase: Judging, Kind: Started, Count: len(l.Items)})
	return each(ctx, len(l.Items), 2*r.Parallel, func(i int) error {
		item := &l.Items[i]
		if err := allow(r.Policy, item); err != nil {
			return err
		}
		verdict, err := r.Judge(ctx, item, content(item))
		if err != nil {
			return err
		}
		if !sameVerdict(verdict, item.Verdict) {
			return &Refused{item.Name, "the policy judges it otherwise than when it was locked", "lock again and have the change reviewed"}
		}
		r.Progress(Event{Phase: Judging, Kind: Item, Item: item.Name, Bytes: sizeOf(item)})
		return nil
	})
}

func sameVerdict(a, b lock.Verdict) bool {
	sorted := func(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
	return a.Trusted == b.Trusted && a.Unsigned == b.Unsigned && slices.Equal(sorted(a.Signers), sorted(b.Signers))
}

func (r *run) checkLock(l *lock.Lock) error {
	if l.Spec != r.Spec.Digest {
		return &Refused{"bundle.lock", "it was made from another bundle.yaml", "lock again"}
	}
	return Admit(r.Policy, l)
}
