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
	selectSchema       = `SELECT ` + schemaColumns + ` FROM registered_schemas WHERE context = ? AND id = ?`
	selectFingerprint  = `SELECT ` + schemaColumns + ` FROM registered_schemas WHERE context = ? AND fingerprint = ?`
	selectGUID         = `SELECT ` + textlessColumns + ` FROM registered_schemas WHERE guid = ? ORDER BY context`
	selectFirstContext = `SELECT context FROM subject_versions WHERE context >= '' AND state <> 'removed' ORDER BY context LIMIT 1`
	selectNextContext  = `SELECT context FROM subject_versions WHERE context > ? AND state <> 'removed' ORDER BY context LIMIT 1`
	selectVersion      = `SELECT ` + wholeColumns + fromVersions + ` WHERE v.context = ? AND v.subject = ? AND v.version = ?`
	selectByGUID       = `SELECT ` + shortColumns + ` FROM (SELECT context, subject, version FROM subject_versions
		WHERE schema_id IN (SELECT id FROM registered_schemas WHERE guid = ? AND context = ?) AND context = ? AND subject = ?) AS k` + joinVersions + `
		WHERE v.state <> 'removed' ORDER BY k.version LIMIT ?`
	selectLast      = `SELECT COALESCE(MAX(version), 0) FROM subject_versions WHERE context = ? AND subject = ?`
	selectUsed      = `SELECT count(*) FROM subject_versions WHERE context = ? AND subject = ? AND version = ?`
	selectReferring = `SELECT ` + shortColumns + fromVersions + `
		JOIN schema_uses u ON u.context = v.context AND u.subject = v.subject AND u.version = v.version
		WHERE u.to_context = ? AND u.to_subject = ? AND u.to_version = ?
		ORDER BY v.context, v.subject, v.version LIMIT ?`
	selectReferringAny = `SELECT ` + shortColumns + fromVersions + `
		JOIN (SELECT DISTINCT context, subject, version FROM schema_uses WHERE to_context = ? AND to_subject = ?) AS found
		ON found.context = v.context AND found.subject = v.subject AND found.version = v.version
		ORDER BY v.context, v.subject, v.version LIMIT ?`
	selectSettings = `SELECT compatibility, mode, normalize FROM registry_settings WHERE context = ? AND subject = ?`
	selectScopesOf = `SELECT context, subject FROM registry_settings WHERE context = ? AND subject > '' ORDER BY subject LIMIT ?`
	selectScopes   = `SELECT context, subject FROM registry_settings WHERE context >= '' AND NOT (context = '' AND subject = '')
		ORDER BY context, subject LIMIT ?`
	upsertSettings = `INSERT INTO registry_settings (context, subject, compatibility, mode, normalize) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (context, subject) DO UPDATE SET compatibility = excluded.compatibility,
		mode = excluded.mode, normalize = excluded.normalize`
	upsertObject = `INSERT INTO objects (kind, id, domain, name, revision, status, text, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision,
		status = excluded.status, text = excluded.text, body = excluded.body`
	selectVocabulary = `SELECT version, digest, text FROM vocabularies WHERE version = ?`
	insertVocabulary = `INSERT INTO vocabularies (version, digest, text) VALUES (?, ?, ?)`
	selectEnactments = `SELECT ` + enactmentColumns + fromEnactments + ` WHERE e.seq > 0 ORDER BY e.seq DESC LIMIT ?`
	insertEnactment  = `INSERT INTO vocabulary_enactments (seq, version, revision, subject, issuer, time)
		SELECT COALESCE(MAX(seq), 0) + 1, ?, ?, ?, ?, ? FROM vocabulary_enactments`
	insertAudit   = `INSERT INTO audit (last, first, leaves, entries) VALUES (?, ?, ?, ?)`
	selectLastRow = `SELECT COALESCE(MAX(last), 0) FROM audit`
	// What is longer than this store writes is not read: NULL is no row of its.
	selectAudit  = `SELECT first, last, CASE WHEN length(entries) <= ? THEN entries END` + fromAudit
	selectLeaves = `SELECT first, last, CASE WHEN length(leaves) <= 8192 THEN leaves END` + fromAudit
	// The rows with entries after one number, up to another: the second bound
	// lies as far above that as a row is wide, so that the key finds both ends.
	fromAudit     = ` FROM audit WHERE last > ? AND last < ? AND first <= ? ORDER BY last`
	selectHead    = `SELECT size, CASE WHEN length(edge) <= 1792 THEN edge END FROM audit_head WHERE one = 1`
	updateHead    = `UPDATE audit_head SET size = ?, edge = ? WHERE one = 1 AND size = ? AND edge = ?`
	writeProbe    = `INSERT INTO write_probe (one, filler) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET filler = excluded.filler`
	commitWrite   = `COMMIT`
	insertTile    = `INSERT INTO audit_tiles (level, n, root, hashes) VALUES (?, ?, ?, ?)`
	selectTile    = `SELECT CASE WHEN length(hashes) <= 8192 THEN hashes END FROM audit_tiles WHERE level = ? AND n = ?`
	selectTileTop = `SELECT CASE WHEN length(root) <= 32 THEN root END FROM audit_tiles WHERE level = ? AND n >= ? AND n < ? ORDER BY n`
)

func fixedReads() []string {
	return []string{
		selectObject, selectReferences, selectDependants, missingOf(1),
		selectSchema, selectFingerprint, selectGUID, selectFirstContext, selectNextContext, selectVersion, selectByGUID, selectLast, selectUsed,
		selectReferring, selectReferringAny, selectSettings, selectScopesOf, selectScopes,
		selectVocabulary, selectEnactments, selectAudit, selectLeaves, selectHead, selectTile, selectTileTop,
	}
}

func fixedWrites() []string {
	return append(fixedReads(), upsertObject, upsertSettings, insertVocabulary, insertEnactment, insertAudit, updateHead, writeProbe, insertTile)
}

// statements are the prepared queries of one pool, by their text before
// placeholders are numbered.
type statements map[string]*sql.Stmt

// preparer is a pool, or one connection of it.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// prepare must run while no transaction holds the only connection of a pool.
func prepare(ctx context.Context, db preparer, d Dialect, queries []string) (statements, error) {
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
