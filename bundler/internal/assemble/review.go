package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/review"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// licences reads the SBOMs that travel, before the volumes are written, so that
// they are in the store and cross the network once.
func (r *run) licences(ctx context.Context, l *lock.Lock, content func(*lock.Item) Content) (map[string][]string, error) {
	var mu sync.Mutex
	found := map[string][]string{}
	err := each(ctx, len(l.Items), 2*r.Parallel, func(i int) error {
		item := &l.Items[i]
		names, err := review.Licences(ctx, item, content(item))
		if err != nil {
			return fmt.Errorf("%s: reading its SBOM: %w", item.Name, err)
		}
		mu.Lock()
		defer mu.Unlock()
		found[item.Name] = names
		return nil
	})
	return found, err
}

// types sniffs each blob in the finished volumes: what a run that was killed had
// streamed already is there as well.
func types(ctx context.Context, dir string, e *envelope.Envelope, layout *archive.Layout) (found map[artifact.Digest]string, err error) {
	set, err := volume.Open(dir, e, layout)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	found = make(map[artifact.Digest]string, len(layout.Blobs()))
	for _, b := range layout.Blobs() {
		if found[b.Digest], err = sniff(ctx, set, b); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func sniff(ctx context.Context, from artifact.Source, b artifact.Blob) (string, error) {
	body, err := from.Open(ctx, b, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }() // only read
	first, err := io.ReadAll(io.LimitReader(body, review.SniffLength))
	return review.Sniff(first), err
}

// reviews writes the review manifest in its three forms and the bill of
// materials.
func (w *writer) reviews(e *envelope.Envelope, m *review.Manifest) error {
	for _, form := range []struct {
		suffix string
		write  func(io.Writer) error
	}{
		{".review.csv", m.WriteCSV},
		{".review.json", m.WriteJSON},
		{".review.txt", m.WriteText},
		{".sbom.cdx.json", func(to io.Writer) error { return writeSBOM(to, m) }},
	} {
		if err := w.side(e, e.Name+form.suffix, form.write); err != nil {
			return err
		}
	}
	return nil
}

func writeSBOM(to io.Writer, m *review.Manifest) error {
	text, err := m.SBOM()
	if err != nil {
		return err
	}
	_, err = to.Write(text)
	return err
}

// side writes a side file and has the envelope vouch for it.
func (w *writer) side(e *envelope.Envelope, name string, write func(io.Writer) error) error {
	blob, err := w.stream(name, write)
	if err != nil {
		return err
	}
	e.Files = append(e.Files, envelope.File{Name: name, Blob: blob})
	return nil
}
