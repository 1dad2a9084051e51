// Package receipt is the slip that comes back from the far side: a small signed
// text that says which bundle arrived and what is held now, so that the next
// bundle brings what is missing and nothing else.
//
// # The text
//
//	datamesh-bundle-receipt/1
//	stream: ops
//	sequence: 12
//	bundle: sha256:…                digest of the payload of the bundle's envelope
//	site: enclave-7
//	time: 2026-11-25T19:00:00Z
//	loaded: 40                      items that were loaded
//	present: 12                     items that were there already
//	failed: 0                       items that could not be loaded
//	held: 1234 sha256:…             how many blobs the site holds, and their root
//
//	signature: KEYID BASE64
//
// Lines end with a line feed. A blank line ends what is signed, itself included;
// one line for each signature follows. There is one way only to write a receipt,
// and it is in ASCII: it can be printed, photographed as QR codes ([Codes]) and
// typed in.
//
// # The root
//
// The root is the Merkle tree hash of RFC 9162, section 2.1.1, with SHA-256 over
// the blobs' digests as 32 bytes each, sorted ascending, no two alike: a leaf is
// SHA-256(0x00 ‖ digest), a node is SHA-256(0x01 ‖ left ‖ right), and the left
// half has the largest power of two of leaves that is less than all. Of no
// digests it is SHA-256 of nothing. [Digests.Held] computes it.
package receipt

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
)

// Format is the first line. It keeps a signature of a receipt from being one of
// anything else.
const Format = "datamesh-bundle-receipt/1"

// The limits of a receipt.
const (
	MaxBytes      = 2 << 10 // of the text, signatures included
	MaxSignatures = 4
	MaxSequence   = 1<<31 - 1
)

// Receipt is what the far side states.
type Receipt struct {
	Stream   string
	Sequence int
	// Bundle is the digest of the payload of the envelope that was loaded.
	Bundle artifact.Digest
	// Site names the far side: 1 to 64 letters, digits, dots, hyphens and
	// underscores.
	Site string
	Time time.Time // whole seconds, UTC
	// Loaded, Present and Failed count the items of the bundle: loaded now,
	// there already, not loaded.
	Loaded, Present, Failed int
	// Held are all blobs of the site, those of other bundles included.
	Held Held
}

// Held is a set of blobs in short.
type Held struct {
	Count int
	Root  artifact.Digest
}

// Sign writes the receipt with a signature by each signer.
func Sign(ctx context.Context, r *Receipt, signers ...signing.Signer) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	if len(signers) == 0 || len(signers) > MaxSignatures {
		return nil, fmt.Errorf("receipt: %d signers: 1 to %d sign it", len(signers), MaxSignatures)
	}
	body := r.body()
	text := bytes.Clone(body)
	for _, s := range signers {
		signature, err := s.Sign(ctx, body)
		if err != nil {
			return nil, fmt.Errorf("receipt: signing: %w", err)
		}
		text = fmt.Appendf(text, "signature: %s %s\n", s.KeyID(), base64.StdEncoding.EncodeToString(signature))
	}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("receipt: %d bytes with its signatures, the limit is %d", len(text), MaxBytes)
	}
	return text, nil
}

// Open reads a receipt that the keys have signed. Nothing of it is read before
// the signatures agree.
func Open(text []byte, keys *signing.KeySet) (*Receipt, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("receipt: %d bytes, the limit is %d", len(text), MaxBytes)
	}
	end := bytes.Index(text, []byte("\n\n")) + 2
	if !bytes.HasPrefix(text, []byte(Format+"\n")) || end < 2 {
		return nil, errors.New("receipt: this is not a receipt: it starts with " + Format)
	}
	signatures, err := readSignatures(text[end:])
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	if _, err := keys.Check(text[:end], signatures); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	r, err := read(text[:end])
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return r, nil
}

func (r *Receipt) body() []byte {
	return fmt.Appendf(nil, "%s\nstream: %s\nsequence: %d\nbundle: %s\nsite: %s\ntime: %s\nloaded: %d\npresent: %d\nfailed: %d\nheld: %d %s\n\n",
		Format, r.Stream, r.Sequence, r.Bundle, r.Site, r.Time.Format(time.RFC3339), r.Loaded, r.Present, r.Failed, r.Held.Count, r.Held.Root)
}

var siteGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// check says what is wrong with a receipt; nil when nothing is.
func (r *Receipt) check() error {
	if err := lock.CheckBundleName(r.Stream); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	if !siteGrammar.MatchString(r.Site) {
		return fmt.Errorf("site %.80q: write 1 to 64 letters, digits, dots, hyphens and underscores", r.Site)
	}
	for _, d := range []artifact.Digest{r.Bundle, r.Held.Root} {
		if _, err := artifact.ParseDigest(string(d)); err != nil {
			return err
		}
	}
	if r.Time.Location() != time.UTC || r.Time.Nanosecond() != 0 || r.Time.Year() < 2000 || r.Time.Year() > 9999 {
		return errors.New("the time is not in whole seconds UTC")
	}
	return r.checkNumbers()
}

func (r *Receipt) checkNumbers() error {
	if r.Sequence < 1 || r.Sequence > MaxSequence {
		return fmt.Errorf("sequence %d: from 1 to %d", r.Sequence, MaxSequence)
	}
	for _, n := range []int{r.Loaded, r.Present, r.Failed} {
		if n < 0 || n > lock.MaxItems {
			return fmt.Errorf("%d items: from 0 to %d", n, lock.MaxItems)
		}
	}
	if r.Held.Count < 0 || r.Held.Count > MaxDigests {
		return fmt.Errorf("%d blobs: from 0 to %d", r.Held.Count, MaxDigests)
	}
	return nil
}

// read reads a body and refuses what body would not write.
func read(body []byte) (*Receipt, error) {
	lines := strings.Split(string(body), "\n")
	f := fields{lines: lines[1:]}
	r := &Receipt{
		Stream: f.next("stream"), Sequence: f.number("sequence"), Bundle: artifact.Digest(f.next("bundle")),
		Site: f.next("site"), Time: f.time("time"),
		Loaded: f.number("loaded"), Present: f.number("present"), Failed: f.number("failed"),
	}
	count, root, _ := strings.Cut(f.next("held"), " ")
	r.Held = Held{f.parse("held", count), artifact.Digest(root)}
	if f.err == nil {
		f.err = r.check()
	}
	if f.err == nil && !bytes.Equal(r.body(), body) {
		f.err = errors.New("is not written as receipts are")
	}
	return r, f.err
}

// fields takes one line after another. The first error stays.
type fields struct {
	lines []string
	err   error
}

func (f *fields) next(name string) string {
	if f.err != nil {
		return ""
	}
	value, ok := "", false
	if len(f.lines) > 0 {
		value, ok = strings.CutPrefix(f.lines[0], name+": ")
		f.lines = f.lines[1:]
	}
	if !ok {
		f.err = fmt.Errorf("lacks the line %q where it belongs", name)
	}
	return value
}

func (f *fields) number(name string) int { return f.parse(name, f.next(name)) }

func (f *fields) parse(name, text string) int {
	n, err := strconv.Atoi(text)
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("%s: %.40q is not a number", name, text)
	}
	return n
}

func (f *fields) time(name string) time.Time {
	text := f.next(name)
	t, err := time.Parse(time.RFC3339, text)
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("%s: %.40q is not a time", name, text)
	}
	return t.UTC()
}

var signatureGrammar = regexp.MustCompile(`^signature: ([0-9a-f]{64}) ([A-Za-z0-9+/=]{1,400})$`)

func readSignatures(text []byte) ([]signing.Signature, error) {
	lines := strings.Split(string(text), "\n")
	if len(lines) < 2 || lines[len(lines)-1] != "" {
		return nil, errors.New("its signature is missing, or its last line is cut")
	}
	lines = lines[:len(lines)-1]
	if len(lines) > MaxSignatures {
		return nil, fmt.Errorf("has %d signatures, the limit is %d", len(lines), MaxSignatures)
	}
	signatures := make([]signing.Signature, len(lines))
	for i, line := range lines {
		found := signatureGrammar.FindStringSubmatch(line)
		if found == nil {
			return nil, fmt.Errorf("%.80q is not a line of a signature", line)
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(found[2])
		if err != nil {
			return nil, fmt.Errorf("signature %d is not base64", i+1)
		}
		signatures[i] = signing.Signature{KeyID: found[1], Bytes: raw}
	}
	return signatures, nil
}
