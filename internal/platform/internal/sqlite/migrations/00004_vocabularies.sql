-- The marking vocabularies that were ever in force. Decisions were made by them,
-- so none is changed or removed.

-- +goose Up
CREATE TABLE vocabularies (
	version TEXT NOT NULL CHECK (version <> ''),
	digest  TEXT NOT NULL,
	text    BLOB NOT NULL,
	PRIMARY KEY (version)
) STRICT;

-- The last row says which vocabulary is in force.
CREATE TABLE vocabulary_enactments (
	seq      INTEGER PRIMARY KEY,
	version  TEXT NOT NULL REFERENCES vocabularies (version),
	revision TEXT NOT NULL UNIQUE CHECK (revision <> ''),
	subject  TEXT NOT NULL,
	issuer   TEXT NOT NULL,
	time     TEXT NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER vocabularies_no_update BEFORE UPDATE ON vocabularies
BEGIN
	SELECT RAISE(ABORT, 'the vocabularies are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER vocabularies_no_delete BEFORE DELETE ON vocabularies
BEGIN
	SELECT RAISE(ABORT, 'the vocabularies are append-only');
END;
-- +goose StatementEnd

-- INSERT OR REPLACE deletes without firing a delete trigger.
-- +goose StatementBegin
CREATE TRIGGER vocabularies_once BEFORE INSERT ON vocabularies
WHEN EXISTS (SELECT 1 FROM vocabularies WHERE version = NEW.version)
BEGIN
	SELECT RAISE(ABORT, 'the vocabularies are append-only: the version is taken');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER vocabulary_enactments_no_update BEFORE UPDATE ON vocabulary_enactments
BEGIN
	SELECT RAISE(ABORT, 'the vocabularies are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER vocabulary_enactments_no_delete BEFORE DELETE ON vocabulary_enactments
BEGIN
	SELECT RAISE(ABORT, 'the vocabularies are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER vocabulary_enactments_in_order BEFORE INSERT ON vocabulary_enactments
WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM vocabulary_enactments)
	OR EXISTS (SELECT 1 FROM vocabulary_enactments WHERE revision = NEW.revision)
BEGIN
	SELECT RAISE(ABORT, 'the vocabularies are append-only: wrong sequence number or revision');
END;
-- +goose StatementEnd
