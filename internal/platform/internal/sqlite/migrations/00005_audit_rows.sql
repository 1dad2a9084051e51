-- The entries of one transaction in one row: a row for each takes ten times as
-- long to write, and every act of the platform waits for it.

-- +goose Up
ALTER TABLE audit RENAME TO audit_single;
DROP TRIGGER audit_no_update;
DROP TRIGGER audit_no_delete;
DROP TRIGGER audit_in_order;

-- The entries with the numbers first to last: their hashes, and they themselves
-- as a bundle of C2SP's tlog-tiles, a length of 16 bits before each.
CREATE TABLE audit (
	last    INTEGER PRIMARY KEY,
	first   INTEGER NOT NULL CHECK (first BETWEEN last - 255 AND last),
	leaves  BLOB NOT NULL CHECK (length(leaves) = 32 * (last - first + 1)),
	entries BLOB NOT NULL CHECK (length(entries) > 2 * (last - first + 1))
) STRICT;

INSERT INTO audit (last, first, leaves, entries)
SELECT seq, seq, leaf, CAST(unhex(printf('%04X', length(entry))) || entry AS BLOB) FROM audit_single ORDER BY seq;

DROP TABLE audit_single;

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
-- only take the next numbers. That also keeps the numbers free of gaps.
-- +goose StatementBegin
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
WHEN NEW.first IS NOT (SELECT COALESCE(MAX(last), 0) + 1 FROM audit) OR NEW.last < NEW.first
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only: wrong sequence numbers');
END;
-- +goose StatementEnd
