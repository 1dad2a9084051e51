package volume

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// verifyBuffer is that of one read from a medium.
const verifyBuffer = 1 << 20

// Verify hashes every file that the envelope lists, several at once, and
// compares the tar headers with those that the lock gives. progress may be nil;
// it is told of [Checked] bytes, from several goroutines.
//
// Files that are not as they were signed are in the report and in the error, a
// *[Damage]. Volumes that are as they were signed, but hold other headers or
// padding than the lock gives, are an *[envelope.Refusal]: whoever signed them
// hid something.
func (s *Set) Verify(ctx context.Context, progress func(Event)) (Report, error) {
	if progress == nil {
		progress = func(Event) {}
	}
	v := &verification{set: s, progress: progress, hidden: make([]string, len(s.volumes))}
	v.buffers.New = func() any { return new([verifyBuffer]byte) }
	if err := v.run(ctx); err != nil {
		return Report{}, err
	}
	s.checked = true
	report := Report{Bundle: s.env.Name, Files: len(s.all()), Bytes: v.bytes.Load(), Problems: s.problems()}
	if len(report.Problems) > 0 {
		return report, s.damage()
	}
	return report, v.checkHidden()
}

func (s *Set) problems() []Problem {
	var list []Problem
	for _, f := range s.all() {
		if f.problem != nil {
			list = append(list, *f.problem)
		}
	}
	return append(list, s.extra...)
}

func (s *Set) damage() error {
	bad, other := len(broken(s.volumes))+len(broken(s.parity)), len(broken(s.side))+len(s.extra)
	return &Damage{Bundle: s.env.Name, Problems: s.problems(), Repairable: bad > 0 && other == 0 && bad <= len(s.parity)}
}

func broken(files []*setFile) []int {
	var list []int
	for i, f := range files {
		if f.problem != nil {
			list = append(list, i)
		}
	}
	return list
}

type verification struct {
	set      *Set
	progress func(Event)
	buffers  sync.Pool
	bytes    atomic.Int64
	hidden   []string // of each volume, the first entry whose header differs
}

func (v *verification) run(ctx context.Context) error {
	group, hashing := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range v.set.volumes {
		group.Go(func() error { return v.volume(hashing, i, f) })
	}
	for _, f := range slices.Concat(v.set.parity, v.set.side) {
		group.Go(func() error { return v.plain(hashing, f) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("verify bundle %s: %w", v.set.env.Name, err)
	}
	return v.diagnose(ctx)
}

// plain compares the hash of a file. The error is that of the context: all
// others are problems of the file.
func (v *verification) plain(ctx context.Context, f *setFile) error {
	if f.problem != nil {
		return nil
	}
	digest, err := v.hash(ctx, f, func(int64, []byte) {})
	v.judge(f, digest, err)
	return ctx.Err()
}

func (v *verification) volume(ctx context.Context, i int, f *setFile) error {
	if f.problem != nil {
		return nil
	}
	literals := &comparison{segments: v.set.layout.Volumes[i].Segments}
	digest, err := v.hash(ctx, f, literals.compare)
	v.judge(f, digest, err)
	if len(literals.differ) > 0 {
		v.hidden[i] = literals.differ[0]
	}
	if f.problem != nil {
		f.problem.Entries = literals.differ
	}
	return ctx.Err()
}

func (v *verification) judge(f *setFile, digest artifact.Digest, err error) {
	switch {
	case err != nil:
		f.fail(Unreadable, "%v", err)
	case digest != f.Digest:
		f.fail(Damaged, "its SHA-256 is not the signed one")
	}
}

// hash reads a file from its start to its signed end, by the handle that blobs
// are read from later.
func (v *verification) hash(ctx context.Context, f *setFile, each func(offset int64, piece []byte)) (artifact.Digest, error) {
	buffer := v.buffers.Get().(*[verifyBuffer]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer v.buffers.Put(buffer)
	sum := sha256.New()
	for offset := int64(0); offset < f.Size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		piece := buffer[:min(f.Size-offset, verifyBuffer)]
		if n, err := f.file.ReadAt(piece, offset); n < len(piece) {
			return "", fmt.Errorf("read at byte %d: %w", offset+int64(n), err)
		}
		sum.Write(piece)
		each(offset, piece)
		offset += int64(len(piece))
		v.bytes.Add(int64(len(piece)))
		v.progress(Event{Kind: Checked, File: f.Name, Bytes: int64(len(piece))})
	}
	return artifact.DigestOf([32]byte(sum.Sum(nil))), nil
}

// comparison compares the literals of a volume as it streams by.
type comparison struct {
	segments []archive.Segment
	next     int
	differ   []string // entries whose header or padding is not as expected
}

func (c *comparison) compare(offset int64, piece []byte) {
	end := offset + int64(len(piece))
	for ; c.next < len(c.segments); c.next++ {
		s := &c.segments[c.next]
		from, to := max(s.Offset, offset), min(s.Offset+s.Size(), end)
		if from < to && s.Literal != nil && !bytes.Equal(piece[from-offset:to-offset], s.Literal[from-s.Offset:to-s.Offset]) {
			c.note(s.Name)
		}
		if s.Offset+s.Size() > end {
			return // the rest of the segment is in the next piece
		}
	}
}

func (c *comparison) note(name string) {
	if name == "" {
		name = "end of the archive"
	}
	if len(c.differ) < MaxNamed && !slices.Contains(c.differ, name) {
		c.differ = append(c.differ, name)
	}
}

func (v *verification) checkHidden() error {
	for i, entry := range v.hidden {
		if entry != "" {
			return &envelope.Refusal{Kind: envelope.Mixed,
				Reason: fmt.Sprintf("%s is as it was signed, but what it holds around %q is not what the lock gives", v.set.volumes[i].Name, entry),
				Next:   "do not use the bundle, and ask who packed it: bytes may be hidden there"}
		}
	}
	return nil
}

// diagnose finds out, for people, what is in volumes that failed.
func (v *verification) diagnose(ctx context.Context) error {
	intact := make(map[artifact.Digest]bool)
	for i, f := range v.set.volumes {
		if f.problem == nil {
			continue
		}
		if f.file != nil && v.misplaced(i, f) {
			continue
		}
		if err := v.nameItems(ctx, i, f, intact); err != nil {
			return err
		}
	}
	return nil
}

// misplaced sees a volume of another place or bundle by its first entry. This
// is the one text of a medium that is parsed although nobody vouches for it:
// bounded, strictly, and for the wording of an error that is certain already.
func (v *verification) misplaced(i int, f *setFile) bool {
	want := v.set.layout.Volumes[i].Segments[0].Literal
	if startsWith(f.file, want) || f.problem.Kind == Damaged && len(f.problem.Entries) < 2 {
		return false // another volume differs in more than its own header
	}
	const block = 512 // the tar header in front of it, which is not looked at
	text := make([]byte, archive.MaxHeader)
	n, err := f.file.ReadAt(text, block)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	line := bytes.IndexByte(text[:n], '\n')
	h, err := archive.ParseHeader(text[:line+1])
	if err != nil {
		return false
	}
	own, err := archive.ParseHeader(want[block:])
	if err != nil {
		return false
	}
	if h == own {
		return false
	}
	if h.Bundle == own.Bundle && h.Lock == own.Lock && h.Count == own.Count {
		f.fail(Swapped, "it says that it is volume %d of this bundle: give each volume its own name", h.Number)
		return true
	}
	f.fail(Foreign, "it says that it is volume %d of %d of bundle %s with lock %s: a part of another bundle was mixed in", h.Number, h.Count, h.Bundle, h.Lock)
	return true
}

// nameItems lists the items with bytes in the damage: those of blobs whose
// hash, over all volumes, is not their digest.
func (v *verification) nameItems(ctx context.Context, i int, f *setFile, intact map[artifact.Digest]bool) error {
	names := make(map[string]bool)
	for _, s := range v.set.layout.Volumes[i].Segments {
		if s.Literal != nil {
			continue
		}
		ok, err := v.blobIntact(ctx, s.Blob, intact)
		if err != nil {
			return err
		}
		if ok {
			continue
		}
		if len(f.problem.Entries) < MaxNamed {
			f.problem.Entries = append(f.problem.Entries, s.Name)
		}
		for _, item := range v.set.layout.Items(s.Blob.Digest) {
			names[item] = true
		}
	}
	sort.Strings(f.problem.Entries)
	f.problem.Entries = slices.Compact(f.problem.Entries)
	f.problem.Items = sortedNames(names)
	return nil
}

func sortedNames(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[:min(len(names), MaxNamed)]
}

func (v *verification) blobIntact(ctx context.Context, b artifact.Blob, intact map[artifact.Digest]bool) (bool, error) {
	if ok, known := intact[b.Digest]; known {
		return ok, nil
	}
	r, err := v.set.Blob(b)
	if err == nil {
		sum := sha256.New()
		_, err = io.Copy(sum, contextReader{ctx, io.NewSectionReader(r, 0, b.Size)})
		intact[b.Digest] = err == nil && artifact.DigestOf([32]byte(sum.Sum(nil))) == b.Digest
	} else {
		intact[b.Digest] = false
	}
	return intact[b.Digest], ctx.Err()
}
