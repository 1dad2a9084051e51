package platformd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/keyfile"
)

const (
	// LogKeyName is the file in a data directory that holds the key of the
	// audit log, secret, in the text form of signed notes.
	LogKeyName = "audit-log.key"
	// CheckpointName is the file that holds the last signed checkpoint.
	CheckpointName = "audit-log.checkpoint"
	// signInterval is how long an entry may wait for the checkpoint that
	// covers it: until then nobody could tell if it was changed.
	signInterval = time.Second
)

// checkpoints signs what the audit log has become. Safe for concurrent use.
type checkpoints struct {
	log  store.Store
	key  *audit.Key
	path string

	mu     sync.RWMutex // guards what follows
	last   audit.Checkpoint
	signed []byte
	failed error // of the last attempt to sign
}

// openCheckpoints loads the key of a data directory, or makes one, refuses a log
// that is not the one that was signed last, and signs what has come since.
func openCheckpoints(ctx context.Context, dir string, log store.Store) (*checkpoints, error) {
	key, err := openLogKey(dir)
	if err != nil {
		return nil, err
	}
	c := &checkpoints{log: log, key: key, path: filepath.Join(dir, CheckpointName)}
	if err := c.load(ctx); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if err := c.sign(ctx); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return c, nil
}

func openLogKey(dir string) (*audit.Key, error) {
	key, err := loadLogKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	secret, err := audit.GenerateKey()
	if err == nil {
		err = keyfile.Create(filepath.Join(dir, LogKeyName), []byte(secret+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("create the key of the audit log: %w", err)
	}
	return loadLogKey(dir)
}

func loadLogKey(dir string) (*audit.Key, error) {
	path := filepath.Join(dir, LogKeyName)
	raw, err := keyfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("load the key of the audit log: %w", err)
	}
	key, err := audit.ParseKey(string(raw))
	if err != nil {
		return nil, fmt.Errorf("load the key of the audit log: %s: %w: restore it from a backup", path, err)
	}
	return key, nil
}

// load reads the last checkpoint and holds the log to it: a database put back
// from a backup would otherwise grow into a second log of the same name, and
// the proof against whoever did it would be against us.
func (c *checkpoints) load(ctx context.Context) error {
	signed, err := readCheckpoint(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	public, err := audit.ParsePublicKey(c.key.Public())
	if err != nil {
		return err
	}
	last, err := public.Open(signed)
	if err != nil {
		return fmt.Errorf("%s: %w: its key was replaced, restore %s", c.path, err, LogKeyName)
	}
	switch err := sameLog(ctx, c.log, last); {
	case err == nil:
	case !errors.Is(err, audit.ErrTampered): // told to end, or the disk fails: nothing is known of what is in it
		return fmt.Errorf("compare the audit log with %s: %w", c.path, err)
	default:
		return fmt.Errorf("%w: restore the database that belongs to %s; to begin a new log, with a new name, move %s and %s away",
			err, c.path, LogKeyName, CheckpointName)
	}
	c.last, c.signed = last, signed
	return nil
}

// sameLog reports whether the log begins with what a checkpoint fixed.
func sameLog(ctx context.Context, log store.Log, c audit.Checkpoint) error {
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	if head.Size() < c.Size {
		return fmt.Errorf("%w: it has %d entries, and %d were signed", audit.ErrTampered, head.Size(), c.Size)
	}
	root, err := audit.RootAt(ctx, c.Size, log.Tile)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: some of its first %d entries are missing: %w", audit.ErrTampered, c.Size, err)
	}
	if err != nil {
		return err
	}
	if root != c.Root {
		return fmt.Errorf("%w: its first %d entries are not those that were signed", audit.ErrTampered, c.Size)
	}
	return nil
}

func readCheckpoint(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > audit.MaxCheckpoint {
		return nil, fmt.Errorf("%s is no checkpoint: a checkpoint is a file of at most %d bytes", path, audit.MaxCheckpoint)
	}
	return os.ReadFile(path) //nolint:gosec // the operator names the file
}

// sign makes the checkpoint of what is committed, unless nothing has come since
// the last one. What it returns is in its file already, so that no restart
// forgets what somebody may have seen.
func (c *checkpoints) sign(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = c.signLocked(ctx)
	return c.failed
}

func (c *checkpoints) signLocked(ctx context.Context) error {
	head, err := c.log.Head(ctx)
	if err != nil {
		return err
	}
	now := audit.Checkpoint{Origin: c.key.Origin(), Size: head.Size(), Root: head.Root()}
	if c.signed != nil && now == c.last {
		return nil
	}
	if err := c.goesOn(ctx, now); err != nil {
		return fmt.Errorf("sign the audit log: %w", err)
	}
	signed, err := c.key.Sign(now.Size, now.Root)
	if err == nil {
		err = keyfile.Replace(c.path, signed)
	}
	if err != nil {
		return fmt.Errorf("sign the audit log: %w", err)
	}
	c.signed, c.last = signed, now
	return nil
}

// goesOn refuses a tree that is not that of the log's own tiles, or does not
// begin with what was signed last: whoever changes the database must not find
// the server's signature below it.
func (c *checkpoints) goesOn(ctx context.Context, now audit.Checkpoint) error {
	if c.signed == nil || c.last.Size == 0 {
		return sameLog(ctx, c.log, now)
	}
	if now.Size <= c.last.Size {
		return audit.CheckConsistency(c.last, now, nil)
	}
	proof, err := audit.ProveConsistency(ctx, c.last.Size, now, c.log.Tile)
	if err != nil {
		return err
	}
	return audit.CheckConsistency(c.last, now, proof)
}

// current is the last signed checkpoint.
func (c *checkpoints) current() []byte {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.signed
}

// latest is the last signed checkpoint and what it says.
func (c *checkpoints) latest() (audit.Checkpoint, []byte) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.last, c.signed
}

// trouble is why the last attempt to sign failed.
func (c *checkpoints) trouble() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.failed
}

// run signs on a timer until ctx ends, and once more then. It ends early, with
// store.ErrStopped, when the database has failed for good: a process that can
// record nothing must not go on.
func (c *checkpoints) run(ctx context.Context, report func(error)) error {
	ticker := time.NewTicker(signInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return c.sign(context.WithoutCancel(ctx))
		case <-ticker.C:
		}
		if err := c.sign(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		if err := c.log.Ready(ctx); errors.Is(err, store.ErrStopped) {
			return err
		}
	}
}
