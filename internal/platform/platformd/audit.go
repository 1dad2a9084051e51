package platformd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// auditPage is how many entries are read at once.
const auditPage = 500

// ExportAudit writes the audit entries of a data directory after the sequence
// number to w, oldest first, as JSON Lines: each line is the canonical form
// (RFC 8785) of one entry, as it was recorded. Numbers have no gaps, so line n
// is entry after+n. A server may run on the directory meanwhile; what it
// commits during the export may or may not be part of it.
func ExportAudit(ctx context.Context, dir string, after int64, w io.Writer) error {
	return exportAudit(ctx, dir, after, auditPage, w)
}

func exportAudit(ctx context.Context, dir string, after int64, page int, w io.Writer) (err error) {
	log, err := openLog(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	for {
		records, err := log.Audit(ctx, after, page)
		if err != nil {
			return fmt.Errorf("read the audit log after entry %d: %w", after, err)
		}
		for _, record := range records {
			if _, err := w.Write(append(record.Entry, '\n')); err != nil {
				return fmt.Errorf("write entry %d: %w", record.Sequence, err)
			}
			after = record.Sequence
		}
		if len(records) < page {
			return nil
		}
	}
}

func openLog(ctx context.Context, dir string) (store.Store, error) {
	path := filepath.Join(dir, DatabaseName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not a data directory: it has no %s", dir, DatabaseName)
	}
	log, err := sqlite.OpenForReading(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return log, nil
}

// AuditLog is the audit log of a data directory, as an auditor reads it. A
// server may run on the directory meanwhile.
type AuditLog struct {
	dir string
	log store.Store
}

var _ audit.Source = (*AuditLog)(nil)

// OpenAuditLog opens the log of a data directory for reading. Close must be
// called.
func OpenAuditLog(ctx context.Context, dir string) (*AuditLog, error) {
	log, err := openLog(ctx, dir)
	if err != nil {
		return nil, err
	}
	return &AuditLog{dir, log}, nil
}

// Close closes the database.
func (l *AuditLog) Close() error { return l.log.Close() }

// Checkpoint is the last signed checkpoint.
func (l *AuditLog) Checkpoint(context.Context) ([]byte, error) {
	signed, err := readCheckpoint(filepath.Join(l.dir, CheckpointName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the audit log was never signed: %w: start the server on %s once", err, l.dir)
	}
	return signed, err
}

// Whole is the log as it stands, with what was recorded since the last checkpoint.
// Nobody has signed it: it is what the database says of itself.
func (l *AuditLog) Whole(ctx context.Context, origin string) (audit.Checkpoint, error) {
	edge, err := l.log.Head(ctx)
	return audit.Checkpoint{Origin: origin, Size: edge.Size(), Root: edge.Root()}, err
}

// Cosigned is the last checkpoint that enough of the server's witnesses have
// cosigned.
func (l *AuditLog) Cosigned(context.Context) ([]byte, error) {
	signed, err := readCheckpoint(filepath.Join(l.dir, CosignedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no checkpoint in %s was cosigned: %w: configure witnesses", l.dir, err)
	}
	return signed, err
}

// Key is the public key that belongs to the log's own.
func (l *AuditLog) Key(context.Context) (string, error) {
	key, err := loadLogKey(l.dir)
	if err != nil {
		return "", err
	}
	return key.Public(), nil
}

// Bundle implements [audit.Source].
func (l *AuditLog) Bundle(ctx context.Context, t audit.Tile) (bundle []byte, err error) {
	records, err := l.log.Audit(ctx, t.Index*audit.TileWidth, t.Width)
	if err != nil {
		return nil, err
	}
	if len(records) != t.Width {
		return nil, fmt.Errorf("%w: it has no %s", audit.ErrTampered, t.Path())
	}
	for i, r := range records {
		if want := t.Index*audit.TileWidth + int64(i) + 1; r.Sequence != want {
			return nil, fmt.Errorf("%w: entry %d is missing", audit.ErrTampered, want)
		}
		if bundle, err = audit.AppendBundled(bundle, r.Entry); err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", audit.ErrTampered, r.Sequence, err)
		}
	}
	return bundle, nil
}

// Hashes implements [audit.Source].
func (l *AuditLog) Hashes(ctx context.Context, t audit.Tile) ([]byte, error) {
	hashes, err := l.log.Tile(ctx, t)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: %w", audit.ErrTampered, err)
	}
	return audit.HashBytes(hashes), err
}
