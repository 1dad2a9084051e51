package platformd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
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
	path := filepath.Join(dir, DatabaseName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not a data directory: it has no %s", dir, DatabaseName)
	}
	log, err := sqlite.OpenForReading(ctx, path)
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
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
