package bundlertest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Corpus describes images to be made. The same Corpus is the same bytes.
type Corpus struct {
	Seed   uint64
	Images int   // repositories, one tag each; default 20
	Bytes  int64 // of all layers together, about, each shared one counted once; default 16 MiB
	// Signatures attaches to each image a .sig tag and a referrer that no
	// policy accepts: they are there to be carried.
	Signatures bool
}

// Image is one image of a corpus.
type Image struct {
	Repository string
	Tag        string
	Root       artifact.Descriptor
}

// Ref is the reference by tag, host included.
func (i Image) Ref(r *Registry) string { return r.Host + "/" + i.Repository + ":" + i.Tag }

// layer is an uncompressed tar with one file of pseudo-random bytes: as hard to
// compress as a compressed layer, and a container engine can unpack it.
func layer(seed, id uint64, size int64) Content {
	header := &bytes.Buffer{}
	file := tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("data/%d-%d", seed, id), Mode: 0o644, Size: size, Format: tar.FormatUSTAR}
	if err := tar.NewWriter(header).WriteHeader(&file); err != nil {
		panic(err) // the header above is well-formed
	}
	open := func() io.Reader {
		return io.MultiReader(bytes.NewReader(header.Bytes()), io.LimitReader(noise(seed, id), size), bytes.NewReader(make([]byte, (512-size%512)%512+1024)))
	}
	sum := sha256.New()
	n, err := io.Copy(sum, open())
	if err != nil {
		panic(err) // memory is not short of itself
	}
	return Content{Blob: artifact.Blob{Digest: artifact.DigestOf([32]byte(sum.Sum(nil))), Size: n}, Open: open}
}

func noise(seed, id uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], id)
	return rand.NewChaCha8(key)
}

// Layer is one layer of the size, the same for the same seed.
func Layer(seed uint64, size int64) Content { return layer(seed, 0, size) }

// The platforms of a corpus.
var (
	AMD64 = artifact.Platform{OS: "linux", Architecture: "amd64"}
	ARM64 = artifact.Platform{OS: "linux", Architecture: "arm64"}
)

// Push makes the corpus in the registry: every third image is an index of two
// platforms; all stand on one base layer per platform (a tenth of the bytes
// each), and each has one large layer, a middle one and four small ones.
func (r *Registry) Push(t testing.TB, c Corpus) []Image {
	t.Helper()
	if c.Images == 0 {
		c.Images = 20
	}
	if c.Bytes == 0 {
		c.Bytes = 16 << 20
	}
	g := generator{Corpus: c, bases: map[artifact.Platform]Content{}}
	images := make([]Image, 0, c.Images)
	for i := range c.Images {
		images = append(images, g.image(t, r, i))
	}
	return images
}

type generator struct {
	Corpus
	next  uint64
	bases map[artifact.Platform]Content
}

func (g *generator) layer(size int64) Content {
	g.next++
	return layer(g.Seed, g.next, max(size, 1))
}

func (g *generator) base(p artifact.Platform) Content {
	if _, ok := g.bases[p]; !ok {
		g.bases[p] = g.layer(g.Bytes / 10)
	}
	return g.bases[p]
}

func (g *generator) image(t testing.TB, r *Registry, i int) Image {
	t.Helper()
	image := Image{Repository: fmt.Sprintf("corpus/image-%02d", i), Tag: "1.0"}
	own := g.Bytes * 8 / 10 / int64(g.Images)
	if i%3 != 2 {
		image.Root = r.PushImage(t, image.Repository, image.Tag, AMD64, g.layers(AMD64, own)...)
	} else {
		amd := r.PushImage(t, image.Repository, "", AMD64, g.layers(AMD64, own/2)...)
		arm := r.PushImage(t, image.Repository, "", ARM64, g.layers(ARM64, own/2)...)
		image.Root = r.PushIndex(t, image.Repository, image.Tag, amd, arm)
	}
	if g.Signatures {
		g.sign(t, r, image)
	}
	return image
}

func (g *generator) layers(p artifact.Platform, size int64) []Content {
	layers := []Content{g.base(p), g.layer(size * 8 / 10), g.layer(size * 19 / 100)}
	for range 4 {
		layers = append(layers, g.layer(size/400))
	}
	return layers
}

func (g *generator) sign(t testing.TB, r *Registry, image Image) {
	t.Helper()
	payload := Bytes(fmt.Appendf(nil, `{"critical":{"image":{"docker-manifest-digest":%q}}}`, image.Root.Digest))
	r.AttachTag(t, image.Repository, image.Root.Digest, "sig", "application/vnd.dev.cosign.simplesigning.v1+json", payload,
		map[string]string{"dev.cosignproject.cosign/signature": "MEUCIQ=="})
	r.Attach(t, image.Repository, image.Root, "application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle.v0.3+json",
		Bytes(fmt.Appendf(nil, `{"subject":%q}`, image.Root.Digest)), nil)
}
