package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// evidence collects what speaks about each subject, and about that in turn. It
// is sorted by subject, form, tag and manifest.
//
// Nothing here judges: evidence that is not there is the policy's business.
func (r *Repository) evidence(ctx context.Context, subjects []artifact.Descriptor) ([]lock.Evidence, error) {
	found := make([][]lock.Evidence, len(subjects))
	group, ctx := errgroup.WithContext(ctx)
	for i, subject := range subjects {
		group.Go(func() (err error) {
			found[i], err = r.about(ctx, subject)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, compareEvidence)
	return slices.CompactFunc(all, func(a, b lock.Evidence) bool { return compareEvidence(a, b) == 0 }), nil
}

func compareEvidence(a, b lock.Evidence) int {
	return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Form, b.Form), cmp.Compare(a.Tag, b.Tag),
		cmp.Compare(a.Manifest.Digest, b.Manifest.Digest))
}

// about finds all evidence that leads to the subject within lock.MaxEvidenceDepth
// steps. seen ends cycles: referrers that name each other.
func (r *Repository) about(ctx context.Context, subject artifact.Descriptor) ([]lock.Evidence, error) {
	var all []lock.Evidence
	seen := map[artifact.Digest]bool{subject.Digest: true}
	next := []artifact.Descriptor{subject}
	for depth := 0; len(next) > 0; depth++ {
		if depth == lock.MaxEvidenceDepth {
			return nil, fmt.Errorf("%s@%s: evidence about evidence goes deeper than %d", r.name, subject.Digest, lock.MaxEvidenceDepth)
		}
		level, err := r.level(ctx, next, depth)
		if err != nil {
			return nil, err
		}
		if all = append(all, level...); len(all) > lock.MaxEvidence {
			return nil, fmt.Errorf("%s@%s: more than %d signatures and other artifacts are about it", r.name, subject.Digest, lock.MaxEvidence)
		}
		next = nil
		for _, e := range level {
			if !seen[e.Manifest.Digest] {
				seen[e.Manifest.Digest] = true
				next = append(next, e.Manifest)
			}
		}
	}
	return all, nil
}

// level finds what is directly about each of the subjects. Tags of cosign are
// looked for about what was asked for only, not about evidence.
func (r *Repository) level(ctx context.Context, subjects []artifact.Descriptor, depth int) ([]lock.Evidence, error) {
	var all []lock.Evidence
	for _, subject := range subjects {
		found, err := r.referrers(ctx, subject.Digest)
		if err != nil {
			return nil, fmt.Errorf("%s@%s: referrers: %w", r.name, subject.Digest, err)
		}
		if depth == 0 {
			tagged, err := r.tagged(ctx, subject.Digest)
			if err != nil {
				return nil, err
			}
			found = append(found, tagged...)
		}
		all = append(all, found...)
		if r.all.evidence.Add(int64(len(found))) > lock.MaxEvidenceTotal {
			return nil, fmt.Errorf("%s: this run has met more than %d signatures and other artifacts", r.name, lock.MaxEvidenceTotal)
		}
	}
	return all, nil
}

// referrers asks the Referrers API, and the referrers tag where there is none
// (distribution-spec 1.1, "Listing Referrers").
func (r *Repository) referrers(ctx context.Context, subject artifact.Digest) ([]lock.Evidence, error) {
	entries, ok, err := r.listed(ctx, subject)
	if err != nil {
		return nil, err
	}
	if ok {
		return r.attached(ctx, subject, lock.FormReferrer, "", entries)
	}
	tag, _ := lock.FormReferrersTag.Tag(subject) // a form that is known
	d, raw, err := r.manifest(ctx, tag)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tag %s: %w", tag, err)
	}
	if !artifact.IsIndex(d.MediaType) {
		return nil, nil // cosign's older tags have this name without a suffix
	}
	doc, err := parseDocument(raw, d.MediaType)
	if err != nil {
		return nil, err
	}
	return r.attached(ctx, subject, lock.FormReferrersTag, tag, doc.manifests)
}

// listed reads all pages of the Referrers API; false when the registry has none.
func (r *Repository) listed(ctx context.Context, subject artifact.Digest) ([]entry, bool, error) {
	var all []entry
	query := url.Values{}
	for range lock.MaxEvidence {
		if r.noReferrersAPI.Load() {
			return nil, false, nil
		}
		page, next, err := r.referrersPage(ctx, subject, query)
		if errors.Is(err, errNoReferrersAPI) {
			r.noReferrersAPI.Store(true)
			continue
		}
		if err != nil {
			return nil, false, err
		}
		if all = append(all, page...); len(all) > lock.MaxEvidence {
			return nil, false, fmt.Errorf("more than %d artifacts are about it", lock.MaxEvidence)
		}
		if next == nil {
			return all, true, nil
		}
		query = next
	}
	return nil, false, fmt.Errorf("the list does not end after %d pages", lock.MaxEvidence)
}

var errNoReferrersAPI = errors.New("the registry has no Referrers API")

func (r *Repository) referrersPage(ctx context.Context, subject artifact.Digest, query url.Values) ([]entry, url.Values, error) {
	path := "referrers/" + string(subject)
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	raw, header, err := r.small(ctx, path, http.Header{"Accept": {artifact.MediaTypeOCIIndex}})
	if errors.Is(err, ErrNotFound) {
		return nil, nil, errNoReferrersAPI
	}
	if err != nil {
		return nil, nil, err
	}
	if mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || mediaType != artifact.MediaTypeOCIIndex {
		return nil, nil, errNoReferrersAPI // a page of some front end
	}
	doc, err := parseDocument(raw, artifact.MediaTypeOCIIndex)
	if err != nil {
		return nil, nil, err
	}
	next, err := nextPage(header)
	return doc.manifests, next, err
}

func (r *Repository) attached(ctx context.Context, subject artifact.Digest, form lock.Form, tag string, list []entry) ([]lock.Evidence, error) {
	found := make([]lock.Evidence, 0, min(len(list), lock.MaxEvidence))
	if len(list) > lock.MaxEvidence {
		return nil, fmt.Errorf("more than %d artifacts are about it", lock.MaxEvidence)
	}
	for _, listed := range list {
		e, err := r.one(ctx, lock.Evidence{Form: form, Tag: tag, Subject: subject, Manifest: listed.Descriptor})
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	return found, nil
}

// one reads the manifest of a piece of evidence. A listed manifest has to name
// the subject itself: the list is not signed.
func (r *Repository) one(ctx context.Context, e lock.Evidence) (lock.Evidence, error) {
	if artifact.IsIndex(e.Manifest.MediaType) || !artifact.IsManifest(e.Manifest.MediaType) {
		return e, fmt.Errorf("%s is listed as evidence and is of type %s: only manifests of single artifacts are carried; "+
			"copy the image without it to a registry of your own and name that, or have what the index lists attached piece by piece",
			e.Manifest.Digest, e.Manifest.MediaType)
	}
	doc, err := r.document(ctx, e.Manifest)
	if err != nil {
		return e, err
	}
	byTag := e.Form != lock.FormReferrer && e.Form != lock.FormReferrersTag
	if !byTag && (doc.subject == nil || doc.subject.Digest != e.Subject) {
		return e, fmt.Errorf("%s is listed and is not about it", e.Manifest.Digest)
	}
	e.Manifest = artifact.Descriptor{Blob: e.Manifest.Blob, MediaType: e.Manifest.MediaType, ArtifactType: doc.artifactType}
	blobs := map[artifact.Digest]artifact.Descriptor{}
	for _, b := range append([]entry{*doc.config}, doc.layers...) {
		if known, ok := blobs[b.Digest]; ok && known.Size != b.Size {
			return e, fmt.Errorf("%s lists %s as %d and as %d bytes", e.Manifest.Digest, b.Digest, known.Size, b.Size)
		} else if !ok {
			blobs[b.Digest] = artifact.Descriptor{Blob: b.Blob, MediaType: b.MediaType}
		}
	}
	e.Blobs = sorted(blobs)
	return e, nil
}

// tagged looks under the tags that cosign gives to what it attaches.
func (r *Repository) tagged(ctx context.Context, subject artifact.Digest) ([]lock.Evidence, error) {
	var all []lock.Evidence
	for _, form := range []lock.Form{lock.FormAttestationTag, lock.FormSBOMTag, lock.FormSignatureTag} {
		tag, _ := form.Tag(subject) // a form that is known
		d, err := r.Resolve(ctx, tag)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		e, err := r.one(ctx, lock.Evidence{Form: form, Tag: tag, Subject: subject, Manifest: d})
		if err != nil {
			return nil, fmt.Errorf("%s:%s: %w", r.name, tag, err)
		}
		all = append(all, e)
	}
	return all, nil
}

// IsEvidenceTag reports whether a tag is one of those that evidence is found by,
// so that no expression over tags takes it for a release.
func IsEvidenceTag(tag string) bool {
	digest, _, _ := strings.Cut(tag, ".")
	hexadecimal, ok := strings.CutPrefix(digest, "sha256-")
	_, err := artifact.ParseDigest("sha256:" + hexadecimal)
	return ok && err == nil
}
