// Package envelope is the signed description of a bundle: the one small
// document that is read before anything else of a bundle is, and that says the
// size and SHA-256 of everything else.
//
// It is a DSSE envelope (github.com/secure-systems-lab/dsse, v1.0.2) around a
// JSON payload. Both are written in one way only, and [Open] refuses whatever
// [Seal] would not have written: no second reading of a text exists, and no
// byte of it can be changed unnoticed but in signatures by keys that the reader
// does not know.
//
// Order of checks: length, DSSE form, signatures over the payload as it was
// carried, and only then the payload itself.
package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// Format is the format of the payloads that this package writes.
const Format = "datamesh-bundle/1"

// The limits of an envelope.
const (
	MaxBytes    = 4 << 20 // of the DSSE document
	MaxFiles    = 10_300  // volumes, parity files and side files together
	MaxSequence = 1<<31 - 1
	MaxMarking  = 4096 // bytes
)

// Envelope is what the packer vouches for.
type Envelope struct {
	Format string `json:"format"`
	Name   string `json:"name"`   // of the bundle
	Stream string `json:"stream"` // the line of bundles that it belongs to
	// Sequence is its number in the stream, from 1, and Previous the [Digest]
	// of the envelope before it; "" for the first.
	Sequence int             `json:"sequence"`
	Previous artifact.Digest `json:"previous,omitempty"`
	// Created and Expires are whole seconds in UTC. Without Expires it never
	// expires.
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Marking string    `json:"marking"`
	// Lock is the canonical text of bundle.lock in NAME.lock.json, Policy the
	// digest of the policy that the items were judged by.
	Lock   artifact.Blob   `json:"lock"`
	Policy artifact.Digest `json:"policy,omitempty"`
	// VolumeSize is the size that was asked for, 0 for one volume: with the lock
	// it determines the layout.
	VolumeSize int64  `json:"volumeSize"`
	Volumes    []File `json:"volumes"`
	Parity     []File `json:"parity,omitempty"`
	// Files are the side files, such as the review manifest.
	Files []File `json:"files,omitempty"`
	// Base says what the far side must hold already; nil for a full bundle.
	Base *Base `json:"base,omitempty"`
}

// File is a file beside the envelope.
type File struct {
	Name string `json:"name"`
	artifact.Blob
}

// Base is what an increment builds on.
type Base struct {
	// Receipt is the digest-set root of the receipt that it was planned from.
	Receipt artifact.Digest `json:"receipt"`
	// LeftOut names, among Files, the list of the lock's blobs that do not
	// travel because the receipt has them.
	LeftOut string `json:"leftOut"`
}

var (
	nameGrammar = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	fileGrammar = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}(\.[a-z0-9]{1,16}){1,4}$`)
	// sideGrammar keeps side files to formats that people and filters read, and
	// away from the names of volumes.
	sideGrammar = regexp.MustCompile(`\.(json|csv|txt)$`)
)

// CheckName says what is wrong with the name of a bundle or stream; nil when
// nothing is. File names start with it, so it can hold nothing that a path or a
// terminal gives a meaning.
func CheckName(name string) error {
	if !nameGrammar.MatchString(name) {
		return fmt.Errorf("%.80q is no name: 1 to 63 lower-case letters, digits and hyphens, a letter first", name)
	}
	return nil
}

// Digest is the SHA-256 of the canonical payload: the identity of the bundle,
// whoever signed it.
func (e *Envelope) Digest() (artifact.Digest, error) {
	payload, err := e.encode()
	if err != nil {
		return "", err
	}
	return artifact.DigestOf(sha256.Sum256(payload)), nil
}

// encode is the canonical payload: JSON without blanks, keys in the order of
// the structs.
func (e *Envelope) encode() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("envelope of bundle %.80q: %w", e.Name, err)
	}
	return e.print()
}

func (e *Envelope) print() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, fmt.Errorf("print envelope: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// decode reads a payload that has been verified.
func decode(payload []byte) (*Envelope, error) {
	limits := strictjson.Limits{Bytes: MaxBytes, Depth: 4, Values: 6*MaxFiles + 100}
	if _, err := strictjson.Parse(string(payload), limits); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	var e Envelope
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	again, err := e.print()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, payload) {
		return nil, errors.New("payload is not in its canonical form: it was not written by this program")
	}
	return &e, nil
}

func (e *Envelope) check() error {
	if e.Format != Format {
		return fmt.Errorf("%.80q is not a format that this version reads: use the version of the packer", e.Format)
	}
	if err := errors.Join(CheckName(e.Name), CheckName(e.Stream)); err != nil {
		return err
	}
	if e.Sequence < 1 || e.Sequence > MaxSequence || (e.Sequence == 1) != (e.Previous == "") {
		return errors.New("a stream counts from 1, and every bundle but the first names the one before it")
	}
	if len(e.Marking) == 0 || len(e.Marking) > MaxMarking {
		return fmt.Errorf("needs a marking of 1 to %d bytes", MaxMarking)
	}
	if err := e.checkTimes(); err != nil {
		return err
	}
	if err := e.checkDigests(); err != nil {
		return err
	}
	return e.checkFiles()
}

func (e *Envelope) checkTimes() error {
	for _, t := range []time.Time{e.Created, e.Expires} {
		if t.Nanosecond() != 0 || t.Location() != time.UTC || t.Year() > 9999 {
			return errors.New("times must be whole seconds in UTC")
		}
	}
	if e.Created.IsZero() || !e.Expires.IsZero() && !e.Expires.After(e.Created) {
		return errors.New("must be created, and expire after that")
	}
	return nil
}

func (e *Envelope) checkDigests() error {
	digests := []artifact.Digest{e.Lock.Digest}
	if e.Previous != "" {
		digests = append(digests, e.Previous)
	}
	if e.Policy != "" {
		digests = append(digests, e.Policy)
	}
	if e.Base != nil {
		digests = append(digests, e.Base.Receipt)
	}
	for _, d := range digests {
		if _, err := artifact.ParseDigest(string(d)); err != nil {
			return err
		}
	}
	return nil
}

// checkFiles lets no text of a bundle reach the file system: names have one
// grammar, start with the bundle's, and are distinct.
func (e *Envelope) checkFiles() error {
	if len(e.Volumes) == 0 || e.VolumeSize < 0 || e.Lock.Size <= 0 {
		return errors.New("needs a lock and at least one volume")
	}
	seen := map[string]bool{e.EnvelopeName(): true, e.LockName(): true, e.AttestationName(): true}
	all := e.All()
	if len(all) > MaxFiles {
		return fmt.Errorf("%d files, the limit is %d", len(all), MaxFiles)
	}
	for _, f := range all[1:] {
		if err := e.checkFile(f); err != nil {
			return err
		}
		if seen[f.Name] {
			return fmt.Errorf("file %q is listed twice", f.Name)
		}
		seen[f.Name] = true
	}
	for _, f := range e.Files {
		if !sideGrammar.MatchString(f.Name) {
			return fmt.Errorf("side file %q is none of .json, .csv, .txt", f.Name)
		}
	}
	if e.Base != nil && !e.isSideFile(e.Base.LeftOut) {
		return fmt.Errorf("the list of blobs left out, %.80q, is not among the files", e.Base.LeftOut)
	}
	return e.checkNumbered()
}

func (e *Envelope) isSideFile(name string) bool {
	for _, f := range e.Files {
		if f.Name == name {
			return true
		}
	}
	return false
}

func (e *Envelope) checkFile(f File) error {
	if !fileGrammar.MatchString(f.Name) || !strings.HasPrefix(f.Name, e.Name+".") || path.Base(f.Name) != f.Name {
		return fmt.Errorf("%.120q is not the name of a file of bundle %s", f.Name, e.Name)
	}
	if _, err := artifact.ParseDigest(string(f.Digest)); err != nil {
		return fmt.Errorf("file %q: %w", f.Name, err)
	}
	if f.Size < 0 {
		return fmt.Errorf("file %q has a size of %d bytes", f.Name, f.Size)
	}
	return nil
}

// checkNumbered wants volumes and parity files under their numbers, in order.
func (e *Envelope) checkNumbered() error {
	for i, f := range e.Volumes {
		if f.Name != VolumeName(e.Name, i+1) {
			return fmt.Errorf("volume %d is called %q", i+1, f.Name)
		}
	}
	for i, f := range e.Parity {
		if f.Name != ParityName(e.Name, i+1) {
			return fmt.Errorf("parity file %d is called %q", i+1, f.Name)
		}
	}
	return nil
}

// All are the files that the envelope vouches for: the lock, volumes, parity
// files, side files.
func (e *Envelope) All() []File {
	all := []File{{Name: e.LockName(), Blob: e.Lock}}
	return append(append(append(all, e.Volumes...), e.Parity...), e.Files...)
}

// VolumeName is the file name of a volume; numbers count from 1.
func VolumeName(bundle string, number int) string { return fmt.Sprintf("%s.%04d.tar", bundle, number) }

// ParityName is the file name of a parity file; numbers count from 1.
func ParityName(bundle string, number int) string {
	return fmt.Sprintf("%s.p%03d.parity", bundle, number)
}

// Suffix ends the file name of every envelope.
const Suffix = ".envelope.json"

// EnvelopeName is the file name of the envelope itself.
func (e *Envelope) EnvelopeName() string { return e.Name + Suffix }

// LockName is the file name of the lock.
func (e *Envelope) LockName() string { return e.Name + ".lock.json" }

// AttestationName is the file name of the attestation, which holds what
// differs between two packs of one lock and which the envelope does not list.
func (e *Envelope) AttestationName() string { return e.Name + ".attestation.json" }
