package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/durable"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// partial is the directory of an unfinished bundle, held by one process.
type partial struct {
	dir, name string // of the finished files
	path      string
	layout    *archive.Layout
	lock      *flock.Flock
	journal   *journal
	claims    map[artifact.Digest]int64 // how much of a blob an earlier run says it wrote
	discarded bool                      // an earlier run of another layout
}

const journalName = "journal"

// PartialDir is the directory below dir in which an unfinished bundle of this
// name lies. It can be removed at any time between two runs; they start anew.
func PartialDir(dir, name string) string { return filepath.Join(dir, "."+name+".partial") }

// openPartial takes the directory of an unfinished bundle, or makes it. The
// caller closes what it returns.
func openPartial(dir, name string, l *archive.Layout) (*partial, error) {
	p := &partial{dir: dir, name: name, path: PartialDir(dir, name), layout: l}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // G301: the bundle is made to be copied by others
		return nil, fmt.Errorf("make bundle directory: %w", err)
	}
	if err := makeOwnDir(p.path); err != nil {
		return nil, err
	}
	if err := p.takeLock(); err != nil {
		return nil, err
	}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func makeOwnDir(path string) error {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory of the unfinished bundle: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("make directory of the unfinished bundle: %w", err)
	}
	if !info.IsDir() { // a link would let somebody else choose where we write
		return fmt.Errorf("%s is in the way of the unfinished bundle and is no directory: remove it", path)
	}
	return nil
}

func (p *partial) takeLock() error {
	p.lock = flock.New(filepath.Join(p.path, "lock"), flock.SetPermissions(0o600))
	ok, err := p.lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the unfinished bundle: %w", err)
	}
	if !ok {
		return fmt.Errorf("another process writes bundle %s in %s: wait for it, or choose another directory", p.name, p.dir)
	}
	return nil
}

func (p *partial) open() error {
	if err := p.checkFinished(); err != nil {
		return err
	}
	var fresh bool
	var err error
	p.journal, p.claims, fresh, err = openJournal(filepath.Join(p.path, journalName), p.layout.Fingerprint())
	if err != nil {
		return err
	}
	if fresh {
		if err := p.discard(); err != nil {
			return err
		}
	}
	return p.takeBack()
}

// checkFinished refuses to touch finished volumes of another bundle. A volume
// counts as ours when its length and its first bytes are those of the layout:
// they hold the digest of the lock.
func (p *partial) checkFinished() error {
	for i := range p.layout.Volumes {
		path := p.final(i)
		file, info, err := openRegular(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		same := info.Size() == p.layout.Volumes[i].Size && startsWith(file, p.layout.Volumes[i].Segments[0].Literal)
		if err := file.Close(); err != nil {
			return fmt.Errorf("read finished volume: %w", err)
		}
		if !same {
			return fmt.Errorf("%s exists and is of another bundle: choose another directory, or move that bundle away", path)
		}
	}
	return nil
}

func startsWith(file io.ReaderAt, want []byte) bool {
	got := make([]byte, len(want))
	_, err := file.ReadAt(got, 0)
	return err == nil && bytes.Equal(got, want)
}

// discard removes what an earlier run of another layout left.
func (p *partial) discard() error {
	entries, err := os.ReadDir(p.path)
	if err != nil {
		return fmt.Errorf("read the unfinished bundle: %w", err)
	}
	for _, e := range entries {
		if e.Name() == journalName || e.Name() == "lock" {
			continue
		}
		p.discarded = true
		if err := os.RemoveAll(filepath.Join(p.path, e.Name())); err != nil {
			return fmt.Errorf("clear the unfinished bundle: %w", err)
		}
	}
	return nil
}

// takeBack moves finished volumes of this layout into the partial directory: a
// run was killed while it moved them out, or the same bundle is made again. All
// their blobs are claimed, and hashed like every claim. The journal says so
// first: the run that was killed may have removed its own, and this one may be
// killed before it has hashed them.
func (p *partial) takeBack() error {
	for i := range p.layout.Volumes {
		if _, err := os.Lstat(p.final(i)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := p.claimVolume(i); err != nil {
			return err
		}
		if err := os.Rename(p.final(i), p.volume(i)); err != nil {
			return fmt.Errorf("take back finished volume: %w", err)
		}
	}
	return nil
}

func (p *partial) claimVolume(i int) error {
	for _, s := range p.layout.Volumes[i].Segments {
		end := s.BlobOffset + s.Length
		if s.Literal != nil || end <= p.claims[s.Blob.Digest] {
			continue
		}
		p.claims[s.Blob.Digest] = end
		if err := p.journal.record(s.Blob.Digest, end); err != nil {
			return err
		}
	}
	return nil
}

func (p *partial) volume(i int) string {
	return filepath.Join(p.path, envelope.VolumeName(p.name, i+1))
}

func (p *partial) final(i int) string {
	return filepath.Join(p.dir, envelope.VolumeName(p.name, i+1))
}

// prepare allocates all volumes, after it has seen that they and so many bytes
// of parity files fit.
func (p *partial) prepare(parity int64, free func(string) int64) error {
	for i := range MaxParity { // computed again in any case: their space is free
		_ = os.Remove(filepath.Join(p.path, envelope.ParityName(p.name, i+1)))
	}
	need := parity
	for i := range p.layout.Volumes {
		need += p.layout.Volumes[i].Size - p.present(i)
	}
	if have := free(p.path); have >= 0 && have < need {
		return fmt.Errorf("%w: bundle %s needs %d more bytes in %s, %d are free: free %d bytes, or choose another directory",
			ErrSpace, p.name, need, p.dir, have, need-have)
	}
	for i := range p.layout.Volumes {
		if err := p.create(i); err != nil {
			return err
		}
	}
	return nil
}

// present is how many bytes of the volume take space already.
func (p *partial) present(i int) int64 {
	info, err := os.Lstat(p.volume(i))
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return min(allocated(info), p.layout.Volumes[i].Size)
}

func (p *partial) create(i int) (err error) {
	file, err := os.OpenFile(p.volume(i), os.O_RDWR|os.O_CREATE|noFollow|nonblock, 0o644) //nolint:gosec // G302: the bundle is made to be copied by others
	if err != nil {
		return fmt.Errorf("create volume: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size := p.layout.Volumes[i].Size
	if err := file.Truncate(size); err != nil {
		return fmt.Errorf("create volume %s: %w", p.volume(i), err)
	}
	if err := allocate(file, size); err != nil {
		return writeError(p.volume(i), err)
	}
	return nil
}

// writeError says what a failed write means for the run.
func writeError(path string, err error) error {
	if errors.Is(err, noSpace) {
		return fmt.Errorf("write %s: %w: free some and run the same command again, it continues: %w", path, ErrSpace, err)
	}
	return fmt.Errorf("write %s: %w; what is written stays, and the same command continues", path, err)
}

// finish moves the files to their final names and removes the rest.
func (p *partial) finish(files []envelope.File) error {
	for _, f := range files {
		if err := os.Rename(filepath.Join(p.path, f.Name), filepath.Join(p.dir, f.Name)); err != nil {
			return fmt.Errorf("finish volume: %w", err)
		}
	}
	if err := durable.SyncDir(p.dir); err != nil {
		return fmt.Errorf("finish volumes: %w", err)
	}
	if err := os.RemoveAll(p.path); err != nil {
		return fmt.Errorf("remove the directory of the unfinished bundle: %w", err)
	}
	return nil
}

func (p *partial) close() error {
	var err error
	if p.journal != nil {
		err = p.journal.close()
	}
	return errors.Join(err, p.lock.Close())
}

// openRegular opens a regular file for reading and nothing else: no link, FIFO
// or device. What is checked is the open file, which is the one that is read.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|noFollow|nonblock, 0) //nolint:gosec // G304: a name that the caller derived from the bundle's
	if err != nil {
		if info, statErr := os.Lstat(path); statErr == nil && !info.Mode().IsRegular() {
			return nil, nil, irregular(path, info)
		}
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	if !info.Mode().IsRegular() || !sameFile(path, info) {
		return nil, nil, errors.Join(irregular(path, info), file.Close())
	}
	return file, info, nil
}

// ErrIrregular is the error of a file of a bundle that is a link, directory,
// FIFO or device.
var ErrIrregular = errors.New("is not a regular file")

func irregular(path string, info os.FileInfo) error {
	return fmt.Errorf("%s: %w (%s): copy the bundle itself, without links", path, ErrIrregular, info.Mode().Type())
}
