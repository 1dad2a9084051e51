// Package containerd writes images as archives into a directory that containerd
// users import from: "ctr -n k8s.io images import FILE" by hand, or the agent
// images directory of k3s and RKE2, which import every archive in it at their
// start.
//
// An archive is a tar with an OCI image layout (image-spec v1.1,
// image-layout.md) whose index names the image in the annotation
// io.containerd.image.name. It holds the image and not its evidence, for which
// containerd has no place: it was checked before the archive was written.
package containerd

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Directory is a directory of archives. It implements [load.Target].
type Directory struct {
	root     *os.Root
	source   artifact.Source
	registry string
}

var _ load.Target = (*Directory)(nil)

// Open takes a directory, which must exist: k3s made it, or an operator did.
// Registry is what images are called after: "registry.enclave" makes
// "registry.enclave/team/app:1.4.2", which is what the pods ask for.
func Open(path, registry string, source artifact.Source) (*Directory, error) {
	if _, err := artifact.ParseRepository(registry + "/x"); err != nil {
		return nil, fmt.Errorf("name of the registry that images are called after: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("image directory: %w; create it, or name the one of the agent", err)
	}
	return &Directory{root, source, registry}, nil
}

// Close gives the directory back.
func (d *Directory) Close() error { return d.root.Close() }

// Load implements [load.Target]. An archive that is there with the right
// digest is left as it is.
func (d *Directory) Load(ctx context.Context, item *lock.Item, place string) (load.Moved, error) {
	if item.Kind != lock.KindImage {
		return load.Moved{}, &load.Skip{Reason: "containerd runs images only"}
	}
	image := d.registry + "/" + place
	if item.Tag != "" {
		image += ":" + item.Tag
	} else {
		image += "@" + string(item.Root.Digest)
	}
	parts, err := archiveParts(item, image)
	if err != nil {
		return load.Moved{}, err
	}
	name := fileName(image, item.Root.Digest)
	if same, err := d.holds(ctx, name, parts); err != nil || same {
		return load.Moved{}, err
	}
	return d.write(ctx, name, parts)
}

// fileName follows from digests only: text of a bundle names no file.
func fileName(image string, root artifact.Digest) string {
	sum := sha256.Sum256([]byte(image + "\n" + string(root)))
	return "bundle-" + hex.EncodeToString(sum[:]) + ".tar"
}

// part is one entry of an archive: inline bytes, or a blob.
type part struct {
	name   string
	inline []byte
	blob   artifact.Blob
}

func (p part) size() int64 {
	if p.inline != nil {
		return int64(len(p.inline))
	}
	return p.blob.Size
}

// archiveParts lists the entries in an order that is always the same.
func archiveParts(item *lock.Item, image string) ([]part, error) {
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": artifact.MediaTypeOCIIndex,
		"manifests": []any{map[string]any{
			"mediaType": item.Root.MediaType, "digest": item.Root.Digest, "size": item.Root.Size,
			"annotations": map[string]string{
				"io.containerd.image.name":          image,
				"org.opencontainers.image.ref.name": cmp.Or(item.Tag, string(item.Root.Digest)),
			},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("index of the archive: %w", err)
	}
	parts := []part{{name: "oci-layout", inline: []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {name: "index.json", inline: index}}
	blobs := map[artifact.Digest]artifact.Blob{}
	for _, d := range slices.Concat([]artifact.Descriptor{item.Root}, item.Manifests, item.Blobs) {
		blobs[d.Digest] = d.Blob
	}
	for _, digest := range sortedDigests(blobs) {
		parts = append(parts, part{name: "blobs/sha256/" + digest.Hex(), blob: blobs[digest]})
	}
	return parts, nil
}

func sortedDigests(blobs map[artifact.Digest]artifact.Blob) []artifact.Digest {
	digests := make([]artifact.Digest, 0, len(blobs))
	for d := range blobs {
		digests = append(digests, d)
	}
	slices.Sort(digests)
	return digests
}

// holds reports whether the archive is there with the bytes that would be
// written: its own digest is compared, never its size alone.
func (d *Directory) holds(ctx context.Context, name string, parts []part) (bool, error) {
	info, err := d.root.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s in the image directory is no regular file: remove it", name)
	}
	file, err := d.root.Open(name)
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }() // only read
	have := sha256.New()
	if _, err := io.Copy(have, contextReader{ctx, file}); err != nil {
		return false, fmt.Errorf("reading %s: %w", name, err)
	}
	want := sha256.New()
	if err := d.stream(ctx, want, parts); err != nil {
		return false, err
	}
	return string(have.Sum(nil)) == string(want.Sum(nil)), nil
}

// write makes the archive under another name first, so that nobody imports a
// half of one: k3s takes only what ends in .tar and its relatives.
func (d *Directory) write(ctx context.Context, name string, parts []part) (load.Moved, error) {
	temporary := name + ".part"
	file, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return load.Moved{}, err
	}
	err = d.fill(ctx, file, parts)
	if err = errors.Join(err, file.Close()); err != nil {
		return load.Moved{}, errors.Join(err, d.root.Remove(temporary))
	}
	if err := d.root.Rename(temporary, name); err != nil {
		return load.Moved{}, err
	}
	return moved(parts), d.sync()
}

func (d *Directory) fill(ctx context.Context, file *os.File, parts []part) error {
	buffered := bufio.NewWriterSize(file, 1<<20)
	if err := d.stream(ctx, buffered, parts); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return file.Sync()
}

// sync makes the new name last.
func (d *Directory) sync() error {
	dir, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// stream writes the archive and refuses blobs that are not what they are called.
func (d *Directory) stream(ctx context.Context, w io.Writer, parts []part) error {
	archive := tar.NewWriter(w)
	for _, p := range parts {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: p.name, Size: p.size(), Mode: 0o444, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if p.size() >= 1<<33 {
			header.Format = tar.FormatPAX // USTAR has eleven octal digits for a size
		}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := d.copy(ctx, archive, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return archive.Close()
}

func (d *Directory) copy(ctx context.Context, w io.Writer, p part) error {
	if p.inline != nil {
		_, err := w.Write(p.inline)
		return err
	}
	stream, err := d.source.Open(ctx, p.blob, 0)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }() // only read
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(stream, p.blob.Size))
	if err != nil {
		return err
	}
	if got := artifact.DigestOf([32]byte(hash.Sum(nil))); n != p.blob.Size || got != p.blob.Digest {
		return fmt.Errorf("the source has %d bytes with digest %s, want %d with %s: verify the bundle", n, got, p.blob.Size, p.blob.Digest)
	}
	return nil
}

func moved(parts []part) (m load.Moved) {
	for _, p := range parts {
		if p.inline == nil {
			m.Blobs++
			m.Bytes += p.blob.Size
		}
	}
	return m
}

// contextReader ends a read when the context does.
type contextReader struct {
	ctx context.Context //nolint:containedctx // of the one read that it serves
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
