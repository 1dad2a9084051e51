package platformd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/keyfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/witness"
)

const (
	// CosignedName is the file that holds the last checkpoint that enough
	// witnesses have cosigned.
	CosignedName = "audit-log.cosigned"
	// defaultPatience is how long entries may be without a quorum before the
	// server is not ready.
	defaultPatience = 10 * time.Minute
)

// cosigning has the checkpoints of the log cosigned. Safe for concurrent use.
type cosigning struct {
	log      *checkpoints
	group    *witness.Group
	path     string
	patience time.Duration

	mu       sync.RWMutex // guards what follows
	cosigned []byte
	size     int64     // that cosigned fixes
	waiting  time.Time // since when something newer is without a quorum, zero when nothing is
	failed   error     // of the last round
}

// openCosigning reads what was cosigned last and refuses a log that does not go
// on from it. Without witnesses it is nil.
func openCosigning(ctx context.Context, config configfile.Witnesses, dir string, log *checkpoints) (*cosigning, error) {
	if len(config.Members) == 0 {
		return nil, nil
	}
	c := &cosigning{log: log, path: filepath.Join(dir, CosignedName), patience: defaultPatience}
	var err error
	if config.Patience != "" {
		if c.patience, err = time.ParseDuration(config.Patience); err != nil || c.patience <= 0 {
			return nil, fmt.Errorf("patience with witnesses: %q is no time such as 10m", config.Patience)
		}
	}
	if c.group, err = witnesses(config, log); err != nil {
		return nil, err
	}
	if err := c.load(ctx); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return c, nil
}

// witnesses makes the group that the operator configured.
func witnesses(config configfile.Witnesses, log *checkpoints) (*witness.Group, error) {
	var members []*witness.Witness
	for _, m := range config.Members {
		key, err := audit.ParseWitnessKey(m.Key)
		if err != nil {
			return nil, fmt.Errorf("witness %s: %w", m.URL, err)
		}
		client, err := outboundClient(m.URL, m.CAFiles, witness.Timeout)
		if err != nil {
			return nil, fmt.Errorf("witness %s: %w", key.Name(), err)
		}
		members = append(members, witness.New(witness.Options{URL: m.URL, Key: key, Client: client, Prove: log.prove}))
	}
	quorum := config.Quorum
	if quorum == 0 {
		quorum = len(members)
	}
	return witness.NewGroup(quorum, nil, members...)
}

// prove makes the proof that the log begins with its first old entries.
func (c *checkpoints) prove(ctx context.Context, old int64, now audit.Checkpoint) ([]audit.Hash, error) {
	return audit.ProveConsistency(ctx, old, now, c.log.Tile)
}

// load reads the last cosigned checkpoint and holds the log to it: it catches
// who puts back the database together with the log's own checkpoint. One that
// the witnesses of today do not satisfy is published no more.
func (c *cosigning) load(ctx context.Context) error {
	signed, err := readCheckpoint(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	public, err := audit.ParsePublicKey(c.log.key.Public())
	if err != nil {
		return err
	}
	cosigned, err := public.Open(signed)
	if err == nil {
		err = sameLog(ctx, c.log.log, cosigned)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: restore the data directory that belongs to it", c.path, err)
	}
	if _, err := c.group.Policy().Satisfied(signed); err == nil {
		c.cosigned, c.size = signed, cosigned.Size
	}
	return nil
}

// run asks the witnesses whenever there is something new, until ctx ends.
func (c *cosigning) run(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(signInterval)
	defer ticker.Stop()
	for {
		for _, err := range c.round(ctx) {
			level := slog.LevelWarn
			if errors.Is(err, witness.ErrForked) {
				level = slog.LevelError
			}
			log.Log(ctx, level, "no cosignature for the audit log", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// round has the newest checkpoint cosigned, unless it is. What is published is
// in its file before.
func (c *cosigning) round(ctx context.Context) []error {
	now, signed := c.log.latest()
	begun := time.Now()
	if !c.due(now, begun) {
		return nil
	}
	cosigned, failures, err := c.group.Round(ctx, now, signed)
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		if err = keyfile.Replace(c.path, cosigned); err != nil {
			err = fmt.Errorf("keep the cosigned checkpoint: %w", err)
			failures = append(failures, err)
		}
	}
	c.settle(now, begun, cosigned, err)
	return failures
}

func (c *cosigning) due(now audit.Checkpoint, begun time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Size == c.size { // that of the empty log says nothing
		c.waiting = time.Time{}
		return false
	}
	if c.waiting.IsZero() {
		c.waiting = begun
	}
	return true
}

func (c *cosigning) settle(now audit.Checkpoint, begun time.Time, cosigned []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed = err; err == nil {
		c.cosigned, c.size, c.waiting = cosigned, now.Size, begun
	}
}

// published is the newest checkpoint with enough cosignatures.
func (c *cosigning) published() ([]byte, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.cosigned == nil {
		return nil, &catalog.Error{Code: catalog.CodeUnavailable, Message: "No checkpoint has been cosigned by enough witnesses yet. /audit/signed-checkpoint has the log's own signature only."}
	}
	return c.cosigned, nil
}

// trouble says that entries have been without a quorum for too long.
func (c *cosigning) trouble() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.failed == nil || c.waiting.IsZero() || time.Since(c.waiting) < c.patience {
		return nil
	}
	return fmt.Errorf("the audit log has been without a quorum of witnesses for %s: %w", time.Since(c.waiting).Round(time.Second), c.failed)
}
