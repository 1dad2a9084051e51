package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// Graph is a root, what hangs below it and what speaks about either. All lists
// are sorted by digest and hold each digest once.
type Graph struct {
	Root      artifact.Descriptor
	Manifests []artifact.Descriptor // below the root
	Blobs     []artifact.Descriptor // configs and layers of all of them
	Evidence  []lock.Evidence
}

// Walk reads the graph of a root. With platforms only the manifests of these
// travel, and each of them has to be there; without, all do. The bytes of an
// index never change: those that were signed.
func (r *Repository) Walk(ctx context.Context, root artifact.Descriptor, platforms []artifact.Platform) (*Graph, error) {
	w := &walker{
		from: r, platforms: platforms, missing: map[artifact.Platform]bool{}, seen: map[artifact.Platform]bool{},
		manifests: map[artifact.Digest]artifact.Descriptor{}, blobs: map[artifact.Digest]artifact.Descriptor{},
	}
	for _, p := range platforms {
		w.missing[p] = true
	}
	if err := w.manifest(ctx, root, 0); err != nil {
		return nil, err
	}
	if len(w.missing) > 0 {
		return nil, w.incomplete(root)
	}
	delete(w.manifests, root.Digest)
	g := &Graph{Root: root, Manifests: sorted(w.manifests), Blobs: sorted(w.blobs)}
	var err error
	g.Evidence, err = r.evidence(ctx, append([]artifact.Descriptor{g.Root}, g.Manifests...))
	return g, err
}

type walker struct {
	from      *Repository
	platforms []artifact.Platform
	missing   map[artifact.Platform]bool // wanted and not found yet
	seen      map[artifact.Platform]bool // that the source has
	manifests map[artifact.Digest]artifact.Descriptor
	blobs     map[artifact.Digest]artifact.Descriptor
}

// manifest reads one manifest or index and what is below it. One that was read
// is not read again, so a cycle ends.
func (w *walker) manifest(ctx context.Context, d artifact.Descriptor, depth int) error {
	if known, ok := w.manifests[d.Digest]; ok {
		return w.consistent(known, d)
	}
	if len(w.manifests) >= maxManifests || depth > maxDepth {
		return fmt.Errorf("%s@%s: more than %d manifests, or indexes nested deeper than %d", w.from.name, d.Digest, maxManifests, maxDepth)
	}
	doc, err := w.from.document(ctx, d)
	if err != nil {
		return err
	}
	w.manifests[d.Digest] = d
	if artifact.IsIndex(d.MediaType) {
		return w.index(ctx, d, doc, depth)
	}
	if err := w.alone(ctx, d, doc, depth); err != nil {
		return err
	}
	return w.layers(doc)
}

// document fetches and parses a manifest.
func (r *Repository) document(ctx context.Context, d artifact.Descriptor) (*document, error) {
	raw, err := r.Fetch(ctx, d)
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(raw, d.MediaType)
	if err != nil {
		return nil, fmt.Errorf("%s@%s: %w", r.name, d.Digest, err)
	}
	return doc, nil
}

func (w *walker) index(ctx context.Context, d artifact.Descriptor, doc *document, depth int) error {
	wanted := map[artifact.Digest]bool{}
	for _, child := range doc.manifests {
		if w.wants(child.Descriptor) {
			wanted[child.Digest] = true
		}
	}
	for _, child := range doc.manifests {
		if !wanted[child.Digest] && !wanted[child.about] {
			continue
		}
		if !artifact.IsManifest(child.MediaType) {
			return fmt.Errorf("%s@%s: it lists %s of type %s, which is no manifest", w.from.name, d.Digest, child.Digest, child.MediaType)
		}
		if err := w.manifest(ctx, child.Descriptor, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// wants decides by the platform in the index. Nested indexes have none and are
// always looked into.
func (w *walker) wants(d artifact.Descriptor) bool {
	if d.Platform != nil {
		w.seen[*d.Platform] = true
	}
	if len(w.platforms) == 0 || d.Platform == nil && artifact.IsIndex(d.MediaType) {
		return true
	}
	if d.Platform == nil {
		return false
	}
	wanted := false
	for _, p := range w.platforms {
		if matches(p, *d.Platform) {
			delete(w.missing, p)
			wanted = true
		}
	}
	return wanted
}

// matches: no variant stands for every variant, and arm64 is arm64/v8.
func matches(want, have artifact.Platform) bool {
	if want.OS != have.OS || want.Architecture != have.Architecture {
		return false
	}
	return want.Variant == "" || want.Variant == have.Variant || want.Architecture == "arm64" && want.Variant == "v8" && have.Variant == ""
}

// alone checks an image that no index says a platform of, by its config.
func (w *walker) alone(ctx context.Context, d artifact.Descriptor, doc *document, depth int) error {
	if depth > 0 || len(w.platforms) == 0 {
		return nil
	}
	raw, err := w.from.Fetch(ctx, doc.config.Descriptor)
	if err != nil {
		return err
	}
	p, err := configPlatform(raw)
	if err != nil {
		return fmt.Errorf("%s@%s: its config %s: %w", w.from.name, d.Digest, doc.config.Digest, err)
	}
	d.Platform = p
	w.wants(d)
	return nil
}

// configPlatform reads the platform from an image's config (image-spec 1.1,
// config.md).
func configPlatform(raw []byte) (*artifact.Platform, error) {
	config, err := strictjson.Parse(string(raw), documentLimits)
	if err != nil {
		return nil, err
	}
	if config.Kind != strictjson.Object {
		return nil, errors.New("it is no JSON object")
	}
	// The config has the platform's keys on its top level.
	return readPlatform(config)
}

func (w *walker) layers(doc *document) error {
	for _, e := range append([]entry{*doc.config}, doc.layers...) {
		if known, ok := w.blobs[e.Digest]; ok {
			if err := w.consistent(known, e.Descriptor); err != nil {
				return err
			}
			continue
		}
		e.Platform = nil
		w.blobs[e.Digest] = e.Descriptor
	}
	return nil
}

func (w *walker) consistent(one, other artifact.Descriptor) error {
	if one.Size != other.Size || artifact.IsManifest(one.MediaType) && one.MediaType != other.MediaType {
		return fmt.Errorf("%s: %s is listed as %d bytes of %s and as %d bytes of %s", w.from.name, one.Digest, one.Size, one.MediaType, other.Size, other.MediaType)
	}
	return nil
}

func (w *walker) incomplete(root artifact.Descriptor) error {
	return fmt.Errorf("%s@%s: there is no %s; the source has %s", w.from.name, root.Digest, platformList(w.missing), platformList(w.seen))
}

func platformList(set map[artifact.Platform]bool) string {
	names := []string{}
	for p := range set {
		names = append(names, p.String())
	}
	if len(names) == 0 {
		return "no platform"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func sorted(set map[artifact.Digest]artifact.Descriptor) []artifact.Descriptor {
	return slices.SortedFunc(maps.Values(set), func(a, b artifact.Descriptor) int { return cmp.Compare(a.Digest, b.Digest) })
}
