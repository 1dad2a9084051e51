-- The audit log as a Merkle tree. Each entry has its leaf hash beside it, full
-- tiles of 256 hashes are written once, and one row has the tree's right edge.
-- Tiles and head follow from the entries; whoever checks the log computes them.

ALTER TABLE audit RENAME TO audit_unhashed;
DROP TRIGGER audit_no_update;
DROP TRIGGER audit_no_delete;
DROP TRIGGER audit_in_order;

CREATE TABLE audit (
	seq   INTEGER PRIMARY KEY,
	entry BLOB NOT NULL,
	leaf  BLOB NOT NULL CHECK (length(leaf) = 32)
) STRICT;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- INSERT OR REPLACE deletes without firing a delete trigger, so an insert may
-- only take the next number. That also keeps the numbers free of gaps.
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit)
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only: wrong sequence number');
END;

-- The root of a tile stands before its hashes: a tile of the level above is
-- made of the roots without reading those.
CREATE TABLE audit_tiles (
	level  INTEGER NOT NULL CHECK (level >= 0),
	n      INTEGER NOT NULL CHECK (n >= 0),
	root   BLOB NOT NULL CHECK (length(root) = 32),
	hashes BLOB NOT NULL CHECK (length(hashes) = 8192),
	PRIMARY KEY (level, n)
) STRICT;

CREATE TABLE audit_head (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	size INTEGER NOT NULL CHECK (size >= 0),
	edge BLOB NOT NULL
) STRICT;

INSERT INTO audit_head (one, size, edge) VALUES (1, 0, x'');

-- What is written to find out whether an entry of any length could be.
CREATE TABLE write_probe (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	filler BLOB NOT NULL
) STRICT;
