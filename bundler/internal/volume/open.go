package volume

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// maxEntries is the most files of a bundle directory that are listed.
const maxEntries = 1_000_000

// maxExtra is the most extra files that are reported.
const maxExtra = 100

// Find is the name of the one bundle in a directory: of its one file that ends
// in [envelope.Suffix].
func Find(dir string) (string, error) {
	var names []string
	err := eachEntry(dir, func(e fs.DirEntry) {
		if name, ok := strings.CutSuffix(e.Name(), envelope.Suffix); ok {
			names = append(names, name)
		}
	})
	if err != nil {
		return "", err
	}
	switch slices.Sort(names); len(names) {
	case 0:
		return "", fmt.Errorf("%s holds no file NAME%s: it is no directory of a bundle, or the envelope was not copied", dir, envelope.Suffix)
	case 1:
		return names[0], envelope.CheckName(names[0])
	}
	return "", fmt.Errorf("%s holds the bundles %.500q: name one, or give each a directory", dir, names)
}

func eachEntry(dir string, do func(fs.DirEntry)) error {
	d, err := os.Open(dir) //nolint:gosec // G304: the operator names the bundle
	if err != nil {
		return fmt.Errorf("open bundle directory: %w", err)
	}
	defer d.Close() //nolint:errcheck // only read
	for count := 0; count < maxEntries; {
		entries, err := d.ReadDir(1000)
		for _, e := range entries {
			do(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read bundle directory: %w", err)
		}
		count += len(entries)
	}
	return fmt.Errorf("%s holds more than %d files: it is no directory of a bundle", dir, maxEntries)
}

// ReadEnvelope reads the envelope of a bundle, whole, when it is a regular file
// of at most [envelope.MaxBytes]. It is not verified.
func ReadEnvelope(dir, name string) ([]byte, error) {
	if err := envelope.CheckName(name); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name+envelope.Suffix)
	file, info, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("open envelope: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	if info.Size() > envelope.MaxBytes {
		return nil, &envelope.Refusal{Kind: envelope.Malformed, Reason: fmt.Sprintf("%s has %d bytes, the limit is %d", path, info.Size(), envelope.MaxBytes)}
	}
	raw, err := io.ReadAll(io.LimitReader(file, envelope.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read envelope: %w", err)
	}
	return raw, nil
}

// ReadFile reads a side file that a verified envelope lists, such as the lock,
// when its size and hash agree and it has at most limit bytes. Otherwise the
// error is a *[Damage].
func ReadFile(dir, bundle string, f envelope.File, limit int64) ([]byte, error) {
	damage := func(kind ProblemKind, detail string) error {
		return &Damage{Bundle: bundle, Problems: []Problem{{Kind: kind, File: f.Name, Detail: detail}}}
	}
	if f.Size > limit {
		return nil, fmt.Errorf("file %s has %d bytes, the limit is %d", f.Name, f.Size, limit)
	}
	s := openFile(dir, f)
	if s.file == nil {
		return nil, damage(s.problem.Kind, s.problem.Detail)
	}
	defer s.file.Close() //nolint:errcheck // only read
	if s.problem != nil {
		return nil, damage(s.problem.Kind, s.problem.Detail)
	}
	text, err := io.ReadAll(io.NewSectionReader(s.file, 0, f.Size+1))
	if err != nil {
		return nil, damage(Unreadable, err.Error())
	}
	if artifact.DigestOf(sha256.Sum256(text)) != f.Digest {
		return nil, damage(Damaged, "its SHA-256 is not the signed one")
	}
	return text, nil
}

// mediumFile is an open file of a bundle.
type mediumFile interface {
	io.ReaderAt
	io.Closer
}

// setFile is a file that the envelope lists.
type setFile struct {
	envelope.File
	path    string
	file    mediumFile // nil when it cannot be opened
	size    int64      // that the medium gives it
	problem *Problem
}

func (s *setFile) fail(kind ProblemKind, format string, args ...any) {
	s.problem = &Problem{Kind: kind, File: s.Name, Detail: fmt.Sprintf(format, args...)}
}

// openFile opens a file and compares its size. Files with a wrong size stay
// open: what they are is found out later.
func openFile(dir string, f envelope.File) *setFile {
	s := &setFile{File: f, path: filepath.Join(dir, f.Name)}
	file, info, err := openRegular(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.fail(Missing, "no such file in %s", dir)
	case errors.Is(err, ErrIrregular):
		s.fail(Irregular, "it is not a regular file: copy the bundle itself, without links")
	case err != nil:
		s.fail(Unreadable, "%v", err)
	}
	if err != nil {
		return s
	}
	s.file, s.size = file, info.Size()
	switch {
	case s.size < f.Size:
		s.fail(Truncated, "it has %d bytes, %d fewer than were signed", s.size, f.Size-s.size)
	case s.size > f.Size:
		s.fail(Longer, "it has %d bytes, %d more than were signed", s.size, s.size-f.Size)
	}
	return s
}

// Set is the files of one bundle, open. Reading blobs is safe for concurrent
// use, but not while [Set.Repair] runs.
//
// A blob is found by arithmetic, so a Set may be read before it is verified by
// whoever hashes each blob, as [artifact.Source] demands.
type Set struct {
	dir    string
	env    *envelope.Envelope
	layout *archive.Layout

	volumes []*setFile
	parity  []*setFile
	side    []*setFile // the lock among them
	extra   []Problem
	checked bool
}

// Open opens the files that a verified envelope lists. The layout is the one
// that follows from the bundle's lock and the envelope's volume size. When the
// two disagree the error is an *[envelope.Refusal]; files that are missing or
// wrong are no error yet: [Set.Verify] tells of all of them at once.
//
// The caller closes the set.
func Open(dir string, env *envelope.Envelope, l *archive.Layout) (*Set, error) {
	if err := agree(env, l); err != nil {
		return nil, err
	}
	s := &Set{dir: dir, env: env, layout: l}
	if err := s.findExtra(); err != nil {
		return nil, err
	}
	s.volumes = openFiles(dir, env.Volumes)
	s.parity = openFiles(dir, env.Parity)
	s.side = openFiles(dir, append([]envelope.File{{Name: env.LockName(), Blob: env.Lock}}, env.Files...))
	return s, nil
}

func openFiles(dir string, list []envelope.File) []*setFile {
	files := make([]*setFile, len(list))
	for i, f := range list {
		files[i] = openFile(dir, f)
	}
	return files
}

// agree compares the signed list of volumes with the layout: a difference was
// signed, so no medium is to blame.
func agree(env *envelope.Envelope, l *archive.Layout) error {
	refuse := func(format string, args ...any) error {
		return &envelope.Refusal{Kind: envelope.Mixed, Reason: fmt.Sprintf(format, args...),
			Next: "the packer signed what its lock does not give: ask for the bundle to be packed again"}
	}
	if len(env.Volumes) != len(l.Volumes) {
		return refuse("it lists %d volumes and the lock gives %d", len(env.Volumes), len(l.Volumes))
	}
	for i, f := range env.Volumes {
		if f.Size != l.Volumes[i].Size {
			return refuse("%s is listed with %d bytes and the lock gives %d", f.Name, f.Size, l.Volumes[i].Size)
		}
	}
	for _, f := range env.Parity {
		if f.Size != l.MaxVolume() {
			return refuse("%s is listed with %d bytes, not those of the longest volume", f.Name, f.Size)
		}
	}
	if err := CheckParity(len(env.Volumes), len(env.Parity)); err != nil {
		return refuse("%v", err)
	}
	return nil
}

// findExtra lists what carries the bundle's name without being signed: a place
// to hide data in, or a stale part.
func (s *Set) findExtra() error {
	known := map[string]bool{s.env.EnvelopeName(): true, s.env.AttestationName(): true}
	for _, f := range s.env.All() {
		known[f.Name] = true
	}
	var names []string
	err := eachEntry(s.dir, func(e fs.DirEntry) {
		if strings.HasPrefix(e.Name(), s.env.Name+".") && !known[e.Name()] && len(names) < maxExtra {
			names = append(names, e.Name())
		}
	})
	slices.Sort(names)
	for _, name := range names {
		s.extra = append(s.extra, Problem{Kind: Extra, File: fmt.Sprintf("%.100q", name), Detail: "it carries the bundle's name and is not signed: move it away"})
	}
	return err
}

func (s *Set) all() []*setFile {
	return slices.Concat(s.volumes, s.parity, s.side)
}

// Close closes all files.
func (s *Set) Close() error {
	var err error
	for _, f := range s.all() {
		if f.file != nil {
			err = errors.Join(err, f.file.Close())
		}
	}
	return err
}
