package receipt

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// MaxDigests is how many blobs a list names.
const MaxDigests = 4_000_000

// Digests is a set of blobs, sorted ascending, no two alike. Make one with
// [NewDigests] or [ReadDigests].
type Digests []artifact.Digest

// NewDigests is the set of these digests, in any order and any number of times.
func NewDigests(digests []artifact.Digest) Digests {
	set := slices.Clone(digests)
	slices.Sort(set)
	return Digests(slices.Compact(set))
}

// Contains reports whether the set has the digest.
func (d Digests) Contains(digest artifact.Digest) bool {
	_, found := slices.BinarySearch(d, digest)
	return found
}

// Held is the set in short. An element that is no digest is an error.
func (d Digests) Held() (Held, error) {
	var tree tree
	var before artifact.Digest
	for _, digest := range d {
		var leaf [sha256.Size]byte
		if _, err := artifact.ParseDigest(string(digest)); err != nil {
			return Held{}, err
		}
		if before >= digest {
			return Held{}, errors.New("digests are not sorted, each once")
		}
		if _, err := hex.Decode(leaf[:], []byte(digest.Hex())); err != nil {
			return Held{}, err
		}
		tree.add(leaf)
		before = digest
	}
	return Held{len(d), artifact.DigestOf(tree.root())}, nil
}

// tree keeps the hashes of the full subtrees, largest first: one for each bit of
// the number of leaves.
type tree struct {
	leaves uint64
	full   [][sha256.Size]byte
}

func (t *tree) add(digest [sha256.Size]byte) {
	hash := sha256.Sum256(append([]byte{0}, digest[:]...))
	for range bits.TrailingZeros64(^t.leaves) {
		last := len(t.full) - 1
		hash = node(t.full[last], hash)
		t.full = t.full[:last]
	}
	t.full = append(t.full, hash)
	t.leaves++
}

func (t *tree) root() [sha256.Size]byte {
	if len(t.full) == 0 {
		return sha256.Sum256(nil)
	}
	hash := t.full[len(t.full)-1]
	for i := len(t.full) - 2; i >= 0; i-- {
		hash = node(t.full[i], hash)
	}
	return hash
}

func node(left, right [sha256.Size]byte) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

// Encode is the list as text: a digest on each line, sorted ascending.
func (d Digests) Encode() []byte {
	var b bytes.Buffer
	b.Grow(len(d) * lineLength)
	for _, digest := range d {
		b.WriteString(string(digest))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// lineLength is sha256:, 64 hex digits and the line feed.
const lineLength = 72

// ReadDigests reads a list as [Digests.Encode] writes it. It says nothing about
// who made it: see [ReadHeld].
func ReadDigests(r io.Reader) (Digests, error) {
	var list Digests
	in := bufio.NewReaderSize(r, 1<<16)
	var line [lineLength]byte
	for {
		_, err := io.ReadFull(in, line[:])
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list of digests: line %d: %w", len(list)+1, err)
		}
		if list, err = list.line(line); err != nil {
			return nil, fmt.Errorf("list of digests: %w", err)
		}
	}
}

func (d Digests) line(line [lineLength]byte) (Digests, error) {
	digest, err := artifact.ParseDigest(string(line[:lineLength-1]))
	switch {
	case err != nil || line[lineLength-1] != '\n':
		return nil, fmt.Errorf("line %d is not a digest", len(d)+1)
	case len(d) == MaxDigests:
		return nil, fmt.Errorf("more than %d lines", MaxDigests)
	case len(d) > 0 && d[len(d)-1] >= digest:
		return nil, fmt.Errorf("line %d is not sorted, each digest once", len(d)+1)
	}
	return append(d, digest), nil
}

// ReadHeld reads the list that a receipt stands for and refuses any other: one
// digest too many, and the next bundle would leave out what is not there.
func ReadHeld(r io.Reader, held Held) (Digests, error) {
	list, err := ReadDigests(r)
	if err != nil {
		return nil, err
	}
	got, err := list.Held()
	if err != nil {
		return nil, err
	}
	if got != held {
		return nil, fmt.Errorf("the list of %d digests is not the one of the receipt, which has %d: ask the site for the list that belongs to it", got.Count, held.Count)
	}
	return list, nil
}
