// Package auditcopy keeps a copy of the audit log where nobody can change it: in
// an S3 bucket with Object Lock, each object in compliance mode until its day.
// The copy is a log in the form of C2SP tlog-tiles, and can be checked when it
// was downloaded, without the platform.
//
// # What is copied
//
//	tile/{level}/{n}, tile/entries/{n}          whole tiles, once
//	tile/{level}/{n}.p/{w}, tile/entries/{n}.p/{w}   the rest, as of a checkpoint
//	checkpoints/{size}                          the published checkpoint, last
//
// A checkpoint is written after all that it fixes, so whoever finds one finds
// the rest. Names are written once: what is there already is read back and
// compared, never written over, since nothing in the bucket is trusted. That
// happens once for each object after a start, and tells a forged object as well;
// and to each object that was written, since a bucket may say so and lie.
//
// Nor is the log trusted: what is copied was first held to the checkpoint, so
// that a database that somebody has changed is not locked in for years.
//
// Copying goes on in a goroutine of its own and in no request. A bucket that
// cannot be reached makes the copy late, and nothing else.
package auditcopy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var (
	// ErrForged is the error of an object in the bucket that is not what this
	// log has under its name: one of the two was changed.
	ErrForged = errors.New("an object of the copy is not what the log says")
	// ErrUnlocked is the error of a bucket or an object that somebody can
	// change.
	ErrUnlocked = errors.New("it is not under Object Lock in compliance mode for as long as it must be")
)

// The headers that tell how an object is locked, and until when.
const (
	lockMode  = "X-Amz-Object-Lock-Mode"
	lockUntil = "X-Amz-Object-Lock-Retain-Until-Date"
)

// lockSlack is how much shorter than asked for an object may be locked: clocks
// of two machines differ.
const lockSlack = time.Hour

// requestTimeout bounds the transfer of one object.
const requestTimeout = 2 * time.Minute

// Options are what is copied, and where to. All are needed but Prefix and Now.
type Options struct {
	Client    *minio.Client
	Bucket    string // with Object Lock enabled
	Prefix    string // put before each name
	Retention time.Duration
	Log       store.Log
	// Checkpoint is the published checkpoint and what it says.
	Checkpoint func() (audit.Checkpoint, []byte, error)
	Now        func() time.Time // nil for time.Now
}

// Copier copies one log. Copy is called once at a time.
type Copier struct {
	Options
	checked bool          // the bucket
	whole   map[int]int64 // by level, how many whole tiles are there
	size    int64         // of the last checkpoint that is there
}

// New makes a copier, which connects to nothing yet.
func New(o Options) *Copier {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Copier{Options: o, whole: map[int]int64{}}
}

// Copy brings the copy up to the published checkpoint. What it has done stays
// done when it fails; the next call goes on from there.
func (c *Copier) Copy(ctx context.Context) error {
	now, signed, err := c.Checkpoint()
	if err != nil || now.Size == c.size {
		return err
	}
	if err := c.checkLog(ctx, now); err != nil {
		return err
	}
	if err := c.checkBucket(ctx); err != nil {
		return err
	}
	if err := c.tiles(ctx, audit.EntryLevel, now.Size); err != nil {
		return err
	}
	for level, n := 0, now.Size; n > 0; level, n = level+1, n/audit.TileWidth {
		if err := c.tiles(ctx, level, n); err != nil {
			return err
		}
	}
	if err := c.put(ctx, CheckpointName(now.Size), signed); err != nil {
		return err
	}
	c.size = now.Size
	return nil
}

// CheckpointName is the object of the checkpoint of this many entries: names
// have the order of sizes.
func CheckpointName(size int64) string { return fmt.Sprintf("checkpoints/%020d", size) }

// checkLog holds the uppermost hashes of the log to a checkpoint; those below are
// held to them as they are copied.
func (c *Copier) checkLog(ctx context.Context, now audit.Checkpoint) error {
	root, err := audit.RootAt(ctx, now.Size, c.Log.Tile)
	if err == nil && root != now.Root {
		err = fmt.Errorf("%w: its hashes are not those of the checkpoint of %d entries", audit.ErrTampered, now.Size)
	}
	return err
}

func (c *Copier) checkBucket(ctx context.Context) error {
	if c.checked {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	enabled, _, _, _, err := c.Client.GetObjectLockConfig(ctx, c.Bucket)
	if err != nil {
		return fmt.Errorf("bucket %s: read its Object Lock: %w", c.Bucket, err)
	}
	if enabled != "Enabled" {
		return fmt.Errorf("bucket %s: %w: make it with Object Lock", c.Bucket, ErrUnlocked)
	}
	c.checked = true
	return nil
}

// tiles copies the tiles of a level that has n hashes or entries.
func (c *Copier) tiles(ctx context.Context, level int, n int64) error {
	for ; c.whole[level] < n/audit.TileWidth; c.whole[level]++ {
		if err := c.tile(ctx, audit.Tile{Level: level, Index: c.whole[level], Width: audit.TileWidth}); err != nil {
			return err
		}
	}
	if rest := int(n % audit.TileWidth); rest > 0 {
		return c.tile(ctx, audit.Tile{Level: level, Index: n / audit.TileWidth, Width: rest})
	}
	return nil
}

func (c *Copier) tile(ctx context.Context, t audit.Tile) error {
	if t.Level != audit.EntryLevel {
		hashes, err := c.hashes(ctx, t)
		if err != nil {
			return err
		}
		return c.put(ctx, t.Path(), audit.HashBytes(hashes))
	}
	bundle, err := c.bundle(ctx, t)
	if err != nil {
		return err
	}
	return c.put(ctx, t.Path(), bundle)
}

// hashes reads a tile of hashes and holds it to the one above. What is not whole
// was held to the checkpoint.
func (c *Copier) hashes(ctx context.Context, t audit.Tile) ([]audit.Hash, error) {
	hashes, err := c.Log.Tile(ctx, t)
	if err != nil || t.Width < audit.TileWidth {
		return hashes, err
	}
	above, err := c.Log.Tile(ctx, audit.Tile{Level: t.Level + 1, Index: t.Index / audit.TileWidth, Width: int(t.Index%audit.TileWidth) + 1})
	if err != nil {
		return nil, err
	}
	if above[len(above)-1] != audit.TileRoot(hashes) {
		return nil, fmt.Errorf("%w: %s is not what the hash above it says", audit.ErrTampered, t.Path())
	}
	return hashes, nil
}

// bundle reads entries and holds them to their hashes.
func (c *Copier) bundle(ctx context.Context, t audit.Tile) ([]byte, error) {
	records, err := c.Log.Audit(ctx, t.Index*audit.TileWidth, t.Width)
	if err != nil {
		return nil, err
	}
	var bundle []byte
	var leaves []audit.Hash
	for _, r := range records {
		if bundle, err = audit.AppendBundled(bundle, r.Entry); err != nil {
			return nil, err
		}
		leaves = append(leaves, audit.LeafHash(r.Entry))
	}
	hashes, err := c.hashes(ctx, audit.Tile{Level: 0, Index: t.Index, Width: t.Width})
	if err == nil && !slices.Equal(leaves, hashes) {
		err = fmt.Errorf("%w: the entries of %s are not those of their hashes", audit.ErrTampered, t.Path())
	}
	return bundle, err
}

// put writes an object unless it is there, and holds it to what it must be then.
func (c *Copier) put(ctx context.Context, name string, raw []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	name = path.Join(c.Prefix, name)
	err := c.same(ctx, name, raw)
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
		err = c.write(ctx, name, raw)
		if err == nil || minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed { // somebody was quicker
			err = c.same(ctx, name, raw)
		}
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return nil
}

func (c *Copier) write(ctx context.Context, name string, raw []byte) error {
	options := minio.PutObjectOptions{
		ContentType:      "application/octet-stream",
		Mode:             minio.Compliance,
		RetainUntilDate:  c.Now().UTC().Add(c.Retention).Truncate(time.Second),
		SendContentMd5:   true, // S3 asks for it under Object Lock
		DisableMultipart: true,
	}
	options.SetMatchETagExcept("*")
	_, err := c.Client.PutObject(ctx, c.Bucket, name, bytes.NewReader(raw), int64(len(raw)), options)
	return err
}

// same reads an object back. ErrForged, ErrUnlocked, or the store's error for
// one that is not there.
func (c *Copier) same(ctx context.Context, name string, raw []byte) error {
	object, err := c.Client.GetObject(ctx, c.Bucket, name, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }() // read to its end, or given up
	there, err := io.ReadAll(io.LimitReader(object, int64(len(raw))+1))
	if err != nil {
		return err
	}
	if sha256.Sum256(there) != sha256.Sum256(raw) {
		return ErrForged
	}
	info, err := c.Client.StatObject(ctx, c.Bucket, name, minio.StatObjectOptions{})
	if err == nil && !c.locked(info) {
		return ErrUnlocked
	}
	return err
}

// locked reports whether an object is locked as it would be if it had been
// written by this copier.
func (c *Copier) locked(info minio.ObjectInfo) bool {
	until, err := time.Parse(time.RFC3339, info.Metadata.Get(lockUntil))
	return err == nil && info.Metadata.Get(lockMode) == string(minio.Compliance) &&
		!until.Before(info.LastModified.Add(c.Retention-lockSlack))
}
