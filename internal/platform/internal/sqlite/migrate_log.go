package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"

	"github.com/pressly/goose/v3"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

//go:embed migrations/log/tables.sql
var logTables string

// logFormat is the format in which the audit log became a tree. SQL cannot
// hash, so the step from the one before is written here.
const logFormat = 3

func logMigration() *goose.Migration {
	return goose.NewGoMigration(logFormat, &goose.GoFunc{RunTx: hashLog}, nil)
}

// hashBatch is how many entries are in memory at once, at most 64 KiB each.
const hashBatch = 500

// hashLog moves the entries into tables with their hashes, in the transaction
// of the step: when it is cut off, nothing has happened. A million entries take
// about half a minute.
func hashLog(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, logTables); err != nil {
		return err
	}
	m := logMove{tx: tx}
	for {
		n, err := m.batch(ctx)
		if err != nil {
			return fmt.Errorf("hash the audit log after entry %d: %w", m.edge.Size(), err)
		}
		if n == 0 {
			break
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE audit_head SET size = ?, edge = ?`, m.edge.Size(), m.edge.Bytes()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DROP TABLE audit_unhashed`)
	return err
}

// logMove is the state of hashLog.
type logMove struct {
	tx   *sql.Tx
	edge audit.Edge
	open [][]audit.Hash // of each level: the hashes of the tile that is not full
}

func (m *logMove) batch(ctx context.Context) (int, error) {
	rows, err := m.tx.QueryContext(ctx, `SELECT entry FROM audit_unhashed WHERE seq > ? ORDER BY seq LIMIT ?`, m.edge.Size(), hashBatch)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below has said what there is to say
	var entries [][]byte
	for rows.Next() {
		var entry []byte
		if err := rows.Scan(&entry); err != nil {
			return 0, err
		}
		entries = append(entries, entry)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if err := m.move(ctx, entry); err != nil {
			return 0, err
		}
	}
	return len(entries), nil
}

func (m *logMove) move(ctx context.Context, entry []byte) error {
	leaf := audit.LeafHash(entry)
	m.edge.Append(leaf)
	if _, err := m.tx.ExecContext(ctx, `INSERT INTO audit (seq, entry, leaf) VALUES (?, ?, ?)`, m.edge.Size(), entry, leaf[:]); err != nil {
		return err
	}
	return m.add(ctx, 0, leaf)
}

// add puts the next hash into the open tile of a level, and the root of that
// into the level above when it is full.
func (m *logMove) add(ctx context.Context, level int, hash audit.Hash) error {
	if level == len(m.open) {
		m.open = append(m.open, nil)
	}
	m.open[level] = append(m.open[level], hash)
	if len(m.open[level]) < audit.TileWidth {
		return nil
	}
	root := audit.TileRoot(m.open[level])
	_, err := m.tx.ExecContext(ctx, `INSERT INTO audit_tiles (level, n, root, hashes)
		SELECT ?1, count(*), ?2, ?3 FROM audit_tiles WHERE level = ?1`, level, root[:], audit.HashBytes(m.open[level]))
	if err != nil {
		return err
	}
	m.open[level] = nil
	return m.add(ctx, level+1, root)
}
