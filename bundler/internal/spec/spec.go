// Package spec reads the two files that people write: bundle.yaml, in which an
// author says what is wanted, and policy.yaml, in which a security officer says
// what is allowed. Neither ever comes from inside a bundle.
//
// # The language
//
// One YAML 1.2 document of at most [MaxBytes] bytes, keys in camelCase. What a
// second reader could take for something else is refused: unknown and duplicate
// keys, anchors, aliases, merge keys, tags, further documents, a number or a
// date where a text is due. There is no templating and no inclusion, so the text
// that was reviewed is the text that acts.
//
// All mistakes are reported at once, each as an [*Error] with its line, its
// column, the path of the field and what to write instead. JSON Schemas of both
// files are in docs/bundler; a test holds them equal to this package.
package spec

import (
	"regexp"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// APIVersion is that of both files.
const APIVersion = "datamesh-bundler/v1"

// The kinds of the two files.
const (
	KindBundle = "Bundle"
	KindPolicy = "Policy"
)

// The limits of both files.
const (
	MaxBytes   = 1 << 20 // of the text
	MaxDepth   = 12      // of lists and mappings within each other
	MaxEntries = 10_000  // of any list
	MaxParity  = 32      // parity files
	// MinVolumeSize is the smallest volume, in bytes: below it, headers would
	// outweigh what they describe.
	MinVolumeSize = 1 << 20
)

// Spec is a valid bundle.yaml.
type Spec struct {
	// Digest is that of the text, for the lock.
	Digest artifact.Digest
	Name   string
	Stream string // the name when the file states none
	// Marking is the banner of the whole bundle. It dominates those of all
	// entries.
	Marking marking.Marking
	// ValidFor is how long after its creation the bundle expires; 0: never.
	ValidFor  time.Duration
	Volumes   Volumes
	Images    []Image
	Artifacts []Artifact
	Files     []File
	Mesh      []Mesh
}

// Volumes is how the bundle is cut.
type Volumes struct {
	Size   int64 // of a volume, in bytes; 0: one volume, whatever its size
	Parity int   // parity files, 0 to [MaxParity]
}

// Entry is what entries of every kind say.
type Entry struct {
	// Where is the entry's path in the file, such as "images[2]".
	Where string
	// Trust names the entry of the policy whose signature the author expects.
	// It can only narrow what the policy asks for: another signer is refused
	// even where the policy would let it pass. "" expects nothing.
	Trust string
	// Marking is the entry's own or, where it states none, the bundle's.
	Marking marking.Marking
}

// Selection is what is wanted of a repository: one reference, the tags in a
// range of versions, or the tags that match an expression.
type Selection struct {
	// Repository is set in all three cases.
	Repository artifact.Repository
	// Ref is the one reference; the zero Reference in the other two cases.
	Ref Reference
	// Versions is the range as written, such as ">=1.4 <2", Tags the RE2
	// expression. One of them is set when Ref is not; see [Selection.Selects].
	Versions, Tags string

	constraint *semver.Constraints
	expression *regexp.Regexp
}

// Image is an entry of images.
type Image struct {
	Entry
	Selection
	// Platforms are those that travel; empty: all that the index names.
	Platforms []artifact.Platform
}

// Artifact is an entry of artifacts: any OCI artifact that is no image.
type Artifact struct {
	Entry
	Selection
}

// File is an entry of files.
type File struct {
	Entry
	// Name is what the file is called in the bundle, without "files/" before it.
	Name string
	// URL is where it is fetched, http or https, without user and fragment.
	// Path is where it lies, relative to the folder of bundle.yaml, with
	// slashes, never outside. One of them is set.
	URL, Path string
	// SHA256 is what the content must hash to. It may be "" only with a Path.
	SHA256 artifact.Digest
}

// Mesh is an entry of mesh: the pipeline images that data products name.
type Mesh struct {
	Entry
	// Endpoint is the URL of the platform: https, or http on the loopback
	// device, since a token goes there.
	Endpoint string
	// Products are the products whose images are wanted, as domain/name.
	Products  []Pattern
	Platforms []artifact.Platform
}
