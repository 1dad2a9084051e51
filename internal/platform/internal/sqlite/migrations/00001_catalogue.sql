-- The catalogue and its audit log. The default collation, BINARY, compares
-- bytes, which is the order of ids that the store promises.

-- +goose Up
CREATE TABLE objects (
	kind     TEXT NOT NULL CHECK (kind <> ''),
	id       TEXT NOT NULL CHECK (id <> ''),
	domain   TEXT NOT NULL,
	name     TEXT NOT NULL,
	revision TEXT NOT NULL,
	status   TEXT NOT NULL,
	text     TEXT NOT NULL,
	body     BLOB NOT NULL,
	PRIMARY KEY (kind, id)
) STRICT;

CREATE INDEX objects_by_domain ON objects (kind, domain, id);

CREATE TABLE refs (
	from_kind TEXT NOT NULL,
	from_id   TEXT NOT NULL,
	to_kind   TEXT NOT NULL,
	to_id     TEXT NOT NULL,
	PRIMARY KEY (from_kind, from_id, to_kind, to_id),
	FOREIGN KEY (from_kind, from_id) REFERENCES objects (kind, id) DEFERRABLE,
	FOREIGN KEY (to_kind, to_id) REFERENCES objects (kind, id) ON DELETE RESTRICT DEFERRABLE
) STRICT, WITHOUT ROWID;

CREATE INDEX refs_by_target ON refs (to_kind, to_id);

-- No foreign key: numbers are never used again, so rows outlive their schema.
CREATE TABLE schema_versions (
	schema_id  TEXT NOT NULL,
	version    INTEGER NOT NULL CHECK (version > 0),
	definition TEXT NOT NULL,
	created    TEXT NOT NULL,
	PRIMARY KEY (schema_id, version)
) STRICT;

CREATE TABLE audit (
	seq   INTEGER PRIMARY KEY,
	entry BLOB NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- INSERT OR REPLACE deletes without firing a delete trigger, so an insert may
-- only take the next number. That also keeps the numbers free of gaps.
-- +goose StatementBegin
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit)
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only: wrong sequence number');
END;
-- +goose StatementEnd
