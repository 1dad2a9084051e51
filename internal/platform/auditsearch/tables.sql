BEGIN;
CREATE TABLE entries (
	seq        INTEGER PRIMARY KEY,
	leaf       BLOB NOT NULL,
	at         INTEGER NOT NULL,
	subject    TEXT NOT NULL,
	object     TEXT NOT NULL,
	event      TEXT NOT NULL,
	decision   TEXT NOT NULL,
	request_id TEXT NOT NULL
) STRICT;
CREATE INDEX entries_leaf ON entries (leaf);
CREATE INDEX entries_at ON entries (at);
CREATE INDEX entries_subject ON entries (subject);
CREATE INDEX entries_object ON entries (object);
CREATE INDEX entries_event ON entries (event);
CREATE INDEX entries_decision ON entries (decision);
CREATE INDEX entries_request_id ON entries (request_id);

CREATE TABLE head (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	size INTEGER NOT NULL,
	edge BLOB NOT NULL
) STRICT;
INSERT INTO head (one, size, edge) VALUES (1, 0, x'');
PRAGMA user_version = 1;
COMMIT;
