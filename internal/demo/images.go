package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// pipelines are the products whose pipelines get an image: those that may be
// released to the four nations of the fused picture. The emitter database may
// not, and stays behind.
var pipelines = []struct{ resource, product string }{
	{"tracks", "adversary-track-picture"},
	{"annotations", "imagery-annotation-layer"},
	{"picture", "operating-picture"},
}

// The media types and annotation of a signature by cosign (cosign's
// SIGNATURE_SPEC.md).
const (
	simpleSigning       = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureAnnotation = "dev.cosignproject.cosign/signature"
)

// image is one that was pushed, by its digest.
type image struct{ resource, reference string }

// pushImages makes an image for each pipeline out of the platform's own binary,
// signs it as cosign does, and pushes both to the registry.
func (d *demo) pushImages(ctx context.Context, registry string) ([]image, error) {
	signer, err := readKey(filepath.Join(d.dir, "pipelines.key"))
	if err != nil {
		return nil, err
	}
	base, err := d.baseLayer()
	if err != nil {
		return nil, err
	}
	var pushed []image
	for _, p := range pipelines {
		repository, err := name.NewRepository(registry+"/pipelines/"+p.product, name.StrictValidation)
		if err != nil {
			return nil, err
		}
		digest, err := pushImage(ctx, repository, base, p.product)
		if err != nil {
			return nil, fmt.Errorf("push %s: %w", repository, err)
		}
		if err := pushSignature(ctx, repository, digest, signer); err != nil {
			return nil, fmt.Errorf("sign %s: %w", repository, err)
		}
		pushed = append(pushed, image{p.resource, repository.Name() + "@" + digest.String()})
	}
	return pushed, nil
}

// baseLayer is the one that all images share: the platform's binary.
func (d *demo) baseLayer() (v1.Layer, error) {
	binary, err := os.ReadFile(filepath.Join(d.bin, "datamesh"))
	if err != nil {
		return nil, err
	}
	return layerOf("usr/bin/datamesh", 0o755, binary)
}

// layerOf is a layer with one file, the same for the same content.
func layerOf(path string, mode int64, content []byte) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	header := &tar.Header{Name: path, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithCompressedCaching, tarball.WithMediaType(types.OCILayer))
}

func pushImage(ctx context.Context, repository name.Repository, base v1.Layer, product string) (v1.Hash, error) {
	own, err := layerOf("etc/pipeline", 0o644, []byte("product = "+product+"\n"))
	if err != nil {
		return v1.Hash{}, err
	}
	blank := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	made, err := mutate.ConfigFile(blank, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Entrypoint: []string{"/usr/bin/datamesh"}},
	})
	if err == nil {
		made, err = mutate.AppendLayers(made, base, own)
	}
	if err != nil {
		return v1.Hash{}, err
	}
	if err := remote.Write(repository.Tag("1.0"), made, remote.WithContext(ctx)); err != nil {
		return v1.Hash{}, err
	}
	return made.Digest()
}

// pushSignature signs a manifest by its digest, under the tag that cosign looks
// for.
func pushSignature(ctx context.Context, repository name.Repository, digest v1.Hash, signer crypto.Signer) error {
	payload, err := json.Marshal(map[string]any{
		"critical": map[string]any{
			"identity": map[string]string{"docker-reference": repository.Name()},
			"image":    map[string]string{"docker-manifest-digest": digest.String()},
			"type":     "cosign container image signature",
		},
		"optional": nil,
	})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(payload)
	signature, err := signer.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return err
	}
	signed, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), mutate.Addendum{
		Layer:       static.NewLayer(payload, simpleSigning),
		Annotations: map[string]string{signatureAnnotation: base64.StdEncoding.EncodeToString(signature)},
	})
	if err != nil {
		return err
	}
	tag := repository.Tag(strings.Replace(digest.String(), ":", "-", 1) + ".sig")
	return remote.Write(tag, signed, remote.WithContext(ctx))
}

// readKey reads a private key that keygen wrote.
func readKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path) //nolint:gosec // in the demo's own directory
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return signer, nil
}
