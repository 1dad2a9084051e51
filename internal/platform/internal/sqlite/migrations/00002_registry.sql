-- The schema registry. It replaces schema_versions, whose rows are carried
-- over into the default context.

-- +goose Up
CREATE TABLE registered_schemas (
	context     TEXT NOT NULL,
	id          INTEGER NOT NULL CHECK (id > 0),
	guid        TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	type        TEXT NOT NULL,
	definition  TEXT NOT NULL,
	links       TEXT NOT NULL, -- what the text refers to, as JSON
	PRIMARY KEY (context, id),
	UNIQUE (context, fingerprint)
) STRICT;

CREATE INDEX registered_schemas_by_guid ON registered_schemas (guid, context);

-- A row of state "removed" has no schema: it only keeps its number taken.
CREATE TABLE subject_versions (
	context   TEXT NOT NULL,
	subject   TEXT NOT NULL,
	version   INTEGER NOT NULL CHECK (version > 0),
	schema_id INTEGER,
	state     TEXT NOT NULL CHECK (state IN ('live', 'deleted', 'removed')),
	created   TEXT NOT NULL,
	PRIMARY KEY (context, subject, version),
	CHECK ((schema_id IS NULL) = (state = 'removed')),
	FOREIGN KEY (context, schema_id) REFERENCES registered_schemas (context, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX subject_versions_by_schema ON subject_versions (context, schema_id);

CREATE TABLE schema_uses (
	context    TEXT NOT NULL,
	subject    TEXT NOT NULL,
	version    INTEGER NOT NULL,
	to_context TEXT NOT NULL,
	to_subject TEXT NOT NULL,
	to_version INTEGER NOT NULL,
	PRIMARY KEY (context, subject, version, to_context, to_subject, to_version),
	FOREIGN KEY (context, subject, version) REFERENCES subject_versions (context, subject, version),
	FOREIGN KEY (to_context, to_subject, to_version) REFERENCES subject_versions (context, subject, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX schema_uses_by_target ON schema_uses (to_context, to_subject, to_version);

-- The whole registry is the row whose context and subject are both ''.
CREATE TABLE registry_settings (
	context       TEXT NOT NULL,
	subject       TEXT NOT NULL,
	compatibility TEXT NOT NULL,
	mode          TEXT NOT NULL,
	normalize     INTEGER,
	PRIMARY KEY (context, subject)
) STRICT, WITHOUT ROWID;

-- SQL cannot compute a fingerprint or a GUID: both are placeholders here that
-- no schema registered later can have, and the ids count from 1. A body always
-- names the type of its schema. What was a version of a deleted schema has lost
-- its type with it, so that only its number is kept.
-- +goose StatementBegin
INSERT INTO registered_schemas (context, id, guid, fingerprint, type, definition, links)
SELECT '', n, printf('00000000-0000-8000-8000-%012x', n), 'unknown:' || n, type, definition, '[]'
FROM (
	SELECT row_number() OVER (ORDER BY v.schema_id, v.version) AS n, v.definition AS definition,
		COALESCE(json_extract(CAST(o.body AS TEXT), '$.type'), 'AVRO') AS type
	FROM schema_versions v JOIN objects o ON o.kind = 'schemas' AND o.id = v.schema_id
);
-- +goose StatementEnd

-- +goose StatementBegin
INSERT INTO subject_versions (context, subject, version, schema_id, state, created)
SELECT '', replace(v.schema_id, '/', '.'), v.version,
	CASE WHEN o.id IS NOT NULL THEN row_number() OVER (ORDER BY o.id IS NULL, v.schema_id, v.version) END,
	CASE WHEN o.id IS NOT NULL THEN 'live' ELSE 'removed' END, v.created
FROM schema_versions v LEFT JOIN objects o ON o.kind = 'schemas' AND o.id = v.schema_id;
-- +goose StatementEnd

DROP TABLE schema_versions;
