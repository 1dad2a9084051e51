package assemble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/fetch/mesh"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/fetch/oci"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// want is one item that something asked for, or several things did.
type want struct {
	name      string
	kind      lock.Kind
	ref       spec.Reference // of images and artifacts
	file      *spec.File     // of files
	platforms []artifact.Platform
	trust     []string // the entries of the policy that the author expects, each
	marking   marking.Marking
	why       []string
}

// wants turns the spec into items by asking for tags and products. They are
// sorted by name, each name once.
func (r *run) wants(ctx context.Context) ([]*want, error) {
	type expand func() ([]*want, error)
	var entries []expand
	for i := range r.Spec.Images {
		image := &r.Spec.Images[i]
		entries = append(entries, func() ([]*want, error) {
			return r.selected(ctx, "images", lock.KindImage, &image.Entry, &image.Selection, image.Platforms)
		})
	}
	for i := range r.Spec.Artifacts {
		a := &r.Spec.Artifacts[i]
		entries = append(entries, func() ([]*want, error) {
			return r.selected(ctx, "artifacts", lock.KindArtifact, &a.Entry, &a.Selection, nil)
		})
	}
	for i := range r.Spec.Mesh {
		m := &r.Spec.Mesh[i]
		entries = append(entries, func() ([]*want, error) { return r.ofMesh(ctx, m) })
	}
	found := make([][]*want, len(entries), len(entries)+1)
	err := each(ctx, len(entries), r.Parallel, func(i int) (err error) {
		found[i], err = entries[i]()
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.merge(slices.Concat(append(found, r.ofFiles())...))
}

func (r *run) ofFiles() []*want {
	list := make([]*want, 0, len(r.Spec.Files))
	for i := range r.Spec.Files {
		f := &r.Spec.Files[i]
		from := f.Path
		if f.URL != "" {
			from = "the URL in source"
		}
		list = append(list, &want{
			name: lock.FilePrefix + f.Name, kind: lock.KindFile, file: f,
			trust: expected(&f.Entry), marking: f.Marking, why: []string{"files: " + f.Name + " from " + from},
		})
	}
	return list
}

func expected(e *spec.Entry) []string {
	if e.Trust == "" {
		return nil
	}
	return []string{e.Trust}
}

func (r *run) selected(ctx context.Context, list string, kind lock.Kind, e *spec.Entry, s *spec.Selection, platforms []artifact.Platform) ([]*want, error) {
	refs, err := r.references(ctx, e, s)
	if err != nil {
		return nil, err
	}
	wants := make([]*want, 0, len(refs))
	for _, ref := range refs {
		wants = append(wants, &want{
			name: ref.Name(), kind: kind, ref: ref, platforms: platforms,
			trust: expected(e), marking: e.Marking, why: []string{list + ": " + s.String()},
		})
	}
	return wants, nil
}

func (r *run) references(ctx context.Context, e *spec.Entry, s *spec.Selection) ([]spec.Reference, error) {
	if s.Single() {
		return []spec.Reference{s.Ref}, nil
	}
	tags, err := r.registries.Repository(s.Repository).Tags(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Where, err)
	}
	tags = slices.DeleteFunc(tags, oci.IsEvidenceTag)
	chosen := s.Select(tags)
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%s: no tag is wanted by %s; there are %s", e.Where, s, few(tags))
	}
	refs := make([]spec.Reference, 0, len(chosen))
	for _, tag := range chosen {
		refs = append(refs, spec.Reference{Repository: s.Repository, Tag: tag})
	}
	return refs, nil
}

// few names some of the texts.
func few(list []string) string {
	const most = 10
	switch {
	case len(list) == 0:
		return "none"
	case len(list) > most:
		return strings.Join(list[len(list)-most:], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
	}
	return strings.Join(list, ", ")
}

func (r *run) ofMesh(ctx context.Context, m *spec.Mesh) ([]*want, error) {
	if r.Mesh == nil {
		return nil, fmt.Errorf("%s: there is no way to the mesh %s", m.Where, m.Endpoint)
	}
	reader, err := r.Mesh(m.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Where, err)
	}
	images, err := mesh.Images(ctx, reader, m)
	if err != nil {
		return nil, err
	}
	list := make([]*want, 0, len(images))
	for _, image := range images {
		effective, err := r.Vocabulary.Parse(image.Marking)
		if err != nil {
			return nil, fmt.Errorf("%s: product %s: its effective marking: %w", m.Where, image.Product, err)
		}
		list = append(list, &want{
			name: image.Ref.Name(), kind: lock.KindImage, ref: image.Ref, platforms: m.Platforms,
			trust: expected(&m.Entry), marking: effective, why: []string{"mesh " + m.Endpoint + ": product " + image.Product},
		})
	}
	return list, nil
}

// merge joins wants of one name: what one of them asks for is asked for.
func (r *run) merge(list []*want) ([]*want, error) {
	byName := map[string]*want{}
	for _, w := range list {
		known, ok := byName[w.name]
		if !ok {
			byName[w.name] = w
			continue
		}
		if err := r.join(known, w); err != nil {
			return nil, err
		}
	}
	merged := slices.SortedFunc(maps.Values(byName), func(a, b *want) int { return cmp.Compare(a.name, b.name) })
	if len(merged) == 0 {
		return nil, errors.New("bundle.yaml asks for nothing")
	}
	if limit := r.Policy.Limits.Items; len(merged) > limit {
		return nil, &Refused{r.Spec.Name, fmt.Sprintf("it has %d items, and the policy allows %d", len(merged), limit), "ask for fewer, or make several bundles"}
	}
	return merged, nil
}

func (r *run) join(known, other *want) error {
	if known.ref.Digest != "" && other.ref.Digest != "" && known.ref.Digest != other.ref.Digest {
		return fmt.Errorf("%s: it is asked for as %s and as %s; keep one of them", known.name, known.ref.Digest, other.ref.Digest)
	}
	known.ref.Digest = cmp.Or(known.ref.Digest, other.ref.Digest)
	if other.kind == lock.KindImage {
		known.kind = lock.KindImage
	}
	if len(known.platforms) == 0 || len(other.platforms) == 0 {
		known.platforms = nil // all
	} else {
		known.platforms = append(slices.Clone(known.platforms), other.platforms...)
	}
	known.trust = append(slices.Clone(known.trust), other.trust...)
	known.marking = r.Vocabulary.Rollup(known.marking, other.marking)
	known.why = append(slices.Clone(known.why), other.why...)
	return nil
}

// reason is why an item is there, in one line of at most [lock.MaxText] bytes,
// the same whatever the order of the entries.
func (w *want) reason() string {
	all := slices.Compact(slices.Sorted(slices.Values(w.why)))
	text := ""
	for i, why := range all {
		if i > 0 {
			why = "; " + why
		}
		last := fmt.Sprintf("; and %d more", len(all)-i)
		if len(text)+len(why)+len(last) > lock.MaxText {
			return text + last
		}
		text += why
	}
	return text
}
