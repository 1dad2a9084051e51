// Package lock is bundle.lock: what a bundle holds, to the last blob. The tool
// writes it, the author commits it, and everything after it follows from it:
// the same lock gives the same volumes, byte for byte.
//
// # Canonical form
//
// A lock is JSON with two-space indentation, keys in the order of the structs
// below, items sorted by name, lists of blobs and manifests sorted by digest,
// evidence by subject, form, tag and digest, and a line break at its end.
// Characters are escaped only where JSON demands it, U+2028 and U+2029 besides.
// [Encode] writes nothing else and [Decode] accepts nothing else, so that two
// locks are equal when their bytes are. [Lock.Arrange] brings a lock into this
// order.
//
// # What it does not hold
//
// No time, host, user or credential, and no policy or root of trust: those
// belong to the security officer on each side and never travel in a bundle.
package lock

import "github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"

// Version is that of the format.
const Version = 1

// The limits of a lock.
const (
	MaxBytes = 64 << 20 // of its text
	MaxItems = 10_000
	MaxBlobs = 1_000_000
	// MaxBlobSize is the largest blob, in bytes: 4 TiB. The sum of MaxBlobs of
	// them still fits 63 bits.
	MaxBlobSize = 1 << 42
	// MaxEvidence is how many pieces of evidence there are about one manifest,
	// MaxEvidenceTotal in the whole lock (CVE-2023-46737).
	MaxEvidence      = 100
	MaxEvidenceTotal = 100_000
	// MaxEvidenceDepth is how long a chain of evidence about evidence is.
	MaxEvidenceDepth = 4
)

// Lock is one resolved bundle.
type Lock struct {
	Version int    `json:"version"`
	Name    string `json:"name"`   // of the bundle: names of its files start with it
	Stream  string `json:"stream"` // the line of bundles that it belongs to
	// Marking is the banner that covers everything in it.
	Marking string `json:"marking"`
	// Spec is the digest of the bundle.yaml that it was made from.
	Spec  artifact.Digest `json:"spec"`
	Items []Item          `json:"items"`
	// Blobs are all blobs of all items, each once: roots and manifests, configs
	// and layers, evidence and its blobs.
	Blobs []artifact.Blob `json:"blobs"`
}

// Kind is what an item is.
type Kind string

// The kinds of item.
const (
	KindImage    Kind = "image"    // a container image or an index of images
	KindArtifact Kind = "artifact" // any other OCI artifact
	KindFile     Kind = "file"     // a file, wrapped into an OCI artifact with one layer
)

// Item is one thing that was asked for.
type Item struct {
	// Name is unique in the bundle: "registry.example/team/app:1.4.2",
	// "registry.example/team/app@sha256:…" when it was asked for by digest, or
	// "files/NAME".
	Name    string `json:"name"`
	Kind    Kind   `json:"kind"`
	Marking string `json:"marking"`
	// Why is what of the spec or of the mesh asked for it.
	Why string `json:"why"`
	// Repository and Tag are where it comes from and where it goes, save for
	// rewriting on the far side. A file's repository is "files/NAME" without a
	// registry.
	Repository string              `json:"repository"`
	Tag        string              `json:"tag,omitempty"`
	Root       artifact.Descriptor `json:"root"` // signed bytes, whole
	// Manifests are the manifests below an index that travel, the root not
	// among them. Those of platforms that nobody asked for stay behind.
	Manifests []artifact.Descriptor `json:"manifests,omitempty"`
	// Blobs are configs and layers of the root and of Manifests, with the media
	// types that their manifests declare.
	Blobs    []artifact.Descriptor `json:"blobs"`
	Evidence []Evidence            `json:"evidence,omitempty"`
	// Verdict says who vouched for the item when it was collected.
	Verdict Verdict `json:"verdict"`
	// Source is the URL of a file, without user, password or query.
	Source string `json:"source,omitempty"`
}

// Form is how a piece of evidence is attached to its subject.
type Form string

// The forms of evidence.
const (
	FormReferrer       Form = "referrer"  // OCI 1.1 subject
	FormSignatureTag   Form = "sig-tag"   // cosign's sha256-<hex>.sig
	FormAttestationTag Form = "att-tag"   // cosign's sha256-<hex>.att
	FormSBOMTag        Form = "sbom-tag"  // cosign's sha256-<hex>.sbom
	FormReferrersTag   Form = "index-tag" // referrers tag schema, sha256-<hex>
)

// Evidence is a signature, attestation, SBOM or other artifact about a
// manifest of the item.
type Evidence struct {
	Form     Form                  `json:"form"`
	Tag      string                `json:"tag,omitempty"` // of the tag forms
	Subject  artifact.Digest       `json:"subject"`       // manifest that it is about
	Manifest artifact.Descriptor   `json:"manifest"`
	Blobs    []artifact.Descriptor `json:"blobs"`
}

// Verdict is the outcome of judging an item by a policy.
type Verdict struct {
	// Trusted names the entry of the policy whose signature was found;
	// "checksum" for a file; "" for an item that the policy lets through
	// unsigned.
	Trusted string `json:"trusted,omitempty"`
	// Signers are the identities that signed: a key's SHA-256 fingerprint, a
	// certificate's subject and issuer. Sorted.
	Signers []string `json:"signers,omitempty"`
	// Unsigned is the name in the policy that lets the item through.
	Unsigned string `json:"unsigned,omitempty"`
}
