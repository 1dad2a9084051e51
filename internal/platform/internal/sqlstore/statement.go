package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// The queries whose text never changes. Parsing one takes SQLite as long as
// answering it, so they are prepared once for each connection.
const (
	selectObject     = `SELECT ` + objectColumns + ` FROM objects WHERE kind = ? AND id = ?`
	selectReferences = `SELECT to_kind, to_id FROM refs WHERE from_kind = ? AND from_id = ?`
	selectDependants = `SELECT from_kind, from_id FROM refs
		WHERE to_kind = ? AND to_id = ? AND NOT (from_kind = to_kind AND from_id = to_id)`
	selectVersions = `SELECT version, definition, created FROM schema_versions WHERE schema_id = ? ORDER BY version`
	upsertObject   = `INSERT INTO objects (kind, id, domain, name, revision, status, text, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision,
		status = excluded.status, text = excluded.text, body = excluded.body`
	insertAudit = `INSERT INTO audit (seq, entry) SELECT COALESCE(MAX(seq), 0) + 1, ? FROM audit`
)

func fixedReads() []string {
	return []string{selectObject, selectReferences, selectDependants, selectVersions, edgesOf(1), missingOf(1)}
}

func fixedWrites() []string { return append(fixedReads(), upsertObject, insertAudit) }

// statements are the prepared queries of one pool, by their text before
// placeholders are numbered.
type statements map[string]*sql.Stmt

// prepare must run while no transaction holds the only connection of a pool.
func prepare(ctx context.Context, db *sql.DB, d Dialect, queries []string) (statements, error) {
	all := make(statements, len(queries))
	for _, query := range queries {
		one, err := db.PrepareContext(ctx, d.bind(query)) //nolint:sqlclosecheck // the store closes it
		if err != nil {
			return nil, errors.Join(fmt.Errorf("prepare %q: %w", query, err), all.close())
		}
		all[query] = one
	}
	return all, nil
}

func (s statements) close() error {
	var failed []error
	for _, one := range s {
		failed = append(failed, one.Close())
	}
	return errors.Join(failed...)
}
