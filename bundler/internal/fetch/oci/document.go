package oci

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// document is what a manifest or an index says, as far as copying it needs.
type document struct {
	artifactType string
	config       *entry
	layers       []entry
	manifests    []entry
	subject      *entry
}

// entry is a descriptor and the one annotation that decides what travels:
// BuildKit names with it the manifest that an attestation is about.
type entry struct {
	artifact.Descriptor
	about artifact.Digest
}

const aboutAnnotation = "vnd.docker.reference.digest"

// maxBlob is the largest blob that a document may name, in bytes: 1 TiB.
const maxBlob = 1 << 40

var documentLimits = strictjson.Limits{Bytes: artifact.MaxMetadata, Depth: 12, Values: 200_000}

// documentKeys are the keys that readers act on. A reader that folds case, as
// encoding/json does, takes "Layers" for "layers"; so such a key is refused.
var documentKeys = []string{
	"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations",
	"digest", "size", "platform", "urls", "data", "fsLayers", "history", "signatures",
}

// parseDocument reads a manifest or an index that was declared as that media
// type. What can be read as both is refused (CVE-2021-41190).
func parseDocument(raw []byte, mediaType string) (*document, error) {
	root, err := strictjson.Parse(string(raw), documentLimits)
	if err != nil {
		return nil, fmt.Errorf("it is not a manifest: %w", err)
	}
	if err := checkRoot(root, mediaType); err != nil {
		return nil, err
	}
	d := &document{artifactType: root.StringAt("artifactType")}
	if d.artifactType != "" && lock.CheckMediaType(d.artifactType) != nil {
		return nil, fmt.Errorf("its artifactType: %w", lock.CheckMediaType(d.artifactType))
	}
	for _, part := range []struct {
		key string
		to  *[]entry
	}{{"layers", &d.layers}, {"manifests", &d.manifests}} {
		if *part.to, err = entries(root, part.key); err != nil {
			return nil, err
		}
	}
	if d.config, err = optionalEntry(root, "config"); err != nil {
		return nil, err
	}
	if d.subject, err = optionalEntry(root, "subject"); err != nil {
		return nil, err
	}
	if d.artifactType == "" && d.config != nil {
		d.artifactType = d.config.MediaType // image-spec 1.1, section "Guidelines for Artifact Usage"
	}
	return d, nil
}

func checkRoot(root *strictjson.Value, mediaType string) error {
	if root.Kind != strictjson.Object {
		return errors.New("it is not a manifest: it is no JSON object")
	}
	if err := checkKeys(root); err != nil {
		return err
	}
	if version := root.Get("schemaVersion"); version == nil || version.Kind != strictjson.Number || version.Text != "2" {
		return errors.New("its schemaVersion is not 2: schema 1 manifests are not carried")
	}
	declared := root.Get("mediaType")
	if declared != nil && (declared.Kind != strictjson.String || declared.Text != mediaType) {
		return fmt.Errorf("it says it is %.100q and was sent as %.100q", declared.Text, mediaType)
	}
	if declared == nil && strings.HasPrefix(mediaType, "application/vnd.docker.") {
		return fmt.Errorf("it has no mediaType, which %s must have", mediaType)
	}
	return checkShape(root, mediaType)
}

// checkShape tells an index from a manifest by its keys.
func checkShape(root *strictjson.Value, mediaType string) error {
	must, never := []string{"config", "layers"}, []string{"manifests", "fsLayers", "history", "signatures"}
	if artifact.IsIndex(mediaType) {
		must, never = []string{"manifests"}, []string{"config", "layers", "fsLayers", "history", "signatures"}
	}
	for _, key := range must {
		if root.Get(key) == nil {
			return fmt.Errorf("it was sent as %s and has no %s", mediaType, key)
		}
	}
	for _, key := range never {
		if root.Get(key) != nil {
			return fmt.Errorf("it was sent as %s and has %s: two readers would read it differently", mediaType, key)
		}
	}
	return nil
}

func checkKeys(object *strictjson.Value) error {
	for _, m := range object.Members {
		i := slices.IndexFunc(documentKeys, func(known string) bool { return strings.EqualFold(known, m.Key) })
		if i >= 0 && documentKeys[i] != m.Key {
			return fmt.Errorf("it has the key %.40q, which some take for %q", m.Key, documentKeys[i])
		}
	}
	return nil
}

func entries(root *strictjson.Value, key string) ([]entry, error) {
	list := root.Get(key)
	if list == nil {
		return nil, nil
	}
	if list.Kind != strictjson.Array || len(list.Items) > maxEntries {
		return nil, fmt.Errorf("its %s are no list of at most %d", key, maxEntries)
	}
	found := make([]entry, 0, len(list.Items))
	for i, item := range list.Items {
		e, err := readEntry(item)
		if err != nil {
			return nil, fmt.Errorf("its %s, number %d: %w", key, i+1, err)
		}
		found = append(found, *e)
	}
	return found, nil
}

func optionalEntry(root *strictjson.Value, key string) (*entry, error) {
	value := root.Get(key)
	if value == nil {
		return nil, nil
	}
	e, err := readEntry(value)
	if err != nil {
		return nil, fmt.Errorf("its %s: %w", key, err)
	}
	return e, nil
}

func readEntry(value *strictjson.Value) (*entry, error) {
	if value.Kind != strictjson.Object {
		return nil, errors.New("it is no descriptor")
	}
	if err := checkKeys(value); err != nil {
		return nil, err
	}
	digest, err := artifact.ParseDigest(value.StringAt("digest"))
	if err != nil {
		return nil, err
	}
	size, err := readSize(value)
	if err != nil {
		return nil, err
	}
	e := &entry{Descriptor: artifact.Descriptor{
		Blob: artifact.Blob{Digest: digest, Size: size}, MediaType: value.StringAt("mediaType"), ArtifactType: value.StringAt("artifactType"),
	}}
	if err := checkEntry(value, e.Descriptor); err != nil {
		return nil, err
	}
	if e.Platform, err = readPlatform(value.Get("platform")); err != nil {
		return nil, err
	}
	if annotations := value.Get("annotations"); annotations != nil {
		e.about = artifact.Digest(annotations.StringAt(aboutAnnotation)) // only ever compared
	}
	return e, nil
}

func readSize(value *strictjson.Value) (int64, error) {
	size := value.Get("size")
	if size == nil || size.Kind != strictjson.Number {
		return 0, errors.New("it has no size")
	}
	n, err := strconv.ParseInt(size.Text, 10, 64)
	if err != nil || n < 0 || n > maxBlob {
		return 0, fmt.Errorf("its size %.30s is not a number of bytes up to %d", size.Text, int64(maxBlob))
	}
	return n, nil
}

// checkEntry refuses what would be fetched from elsewhere and what would be read
// instead of the blob.
func checkEntry(value *strictjson.Value, d artifact.Descriptor) error {
	if err := lock.CheckMediaType(d.MediaType); err != nil {
		return err
	}
	if d.ArtifactType != "" && lock.CheckMediaType(d.ArtifactType) != nil {
		return fmt.Errorf("%s: %w", d.Digest, lock.CheckMediaType(d.ArtifactType))
	}
	if strings.Contains(d.MediaType, ".foreign.") || strings.Contains(d.MediaType, ".nondistributable.") {
		return fmt.Errorf("%s has the type %s, whose bytes are not in the registry", d.Digest, d.MediaType)
	}
	if urls := value.Get("urls"); urls != nil && (urls.Kind != strictjson.Array || len(urls.Items) > 0) {
		return fmt.Errorf("%s has urls, which are never followed: what it names may not be in the registry", d.Digest)
	}
	data := value.Get("data")
	if data == nil {
		return nil
	}
	inline, err := base64.StdEncoding.DecodeString(data.Text)
	if err != nil || int64(len(inline)) != d.Size || artifact.DigestOf(sha256.Sum256(inline)) != d.Digest {
		return fmt.Errorf("%s holds data that are not the bytes of its digest", d.Digest)
	}
	return nil
}

func readPlatform(value *strictjson.Value) (*artifact.Platform, error) {
	if value == nil {
		return nil, nil
	}
	if value.Kind != strictjson.Object {
		return nil, errors.New("its platform is no object")
	}
	p := artifact.Platform{OS: value.StringAt("os"), Architecture: value.StringAt("architecture"), Variant: value.StringAt("variant")}
	if p == (artifact.Platform{}) {
		return nil, nil
	}
	parsed, err := artifact.ParsePlatform(p.String())
	if err != nil {
		return nil, err
	}
	return &parsed, nil
}
