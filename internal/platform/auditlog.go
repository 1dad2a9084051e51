package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// AuditLog is the audit log in tiles as this caller sees it. Who monitors it
// reads hashes, which give away how much happens and, because each entry has
// its salt, nothing of what; for everybody else there is no log. Bundles of
// entries are read by administrators only: one is hashed whole and has no place
// for an entry that is left out. Others read entries by [AuditReading]. Reading
// them, and being refused to, is itself an entry, durable before the answer. A
// part that the log does not have is catalog.CodeNotFound.
func (p *Platform) AuditLog(caller catalog.Caller) audit.Source {
	return auditLog{&session{Platform: p, caller: caller}}
}

type auditLog struct{ session *session }

// Hashes implements [audit.Source].
func (l auditLog) Hashes(ctx context.Context, t audit.Tile) ([]byte, error) {
	if err := l.session.monitors(); err != nil {
		return nil, l.session.fail(ctx, err)
	}
	hashes, err := l.session.store.Tile(ctx, t)
	return audit.HashBytes(hashes), l.session.fail(ctx, l.lacking(ctx, t, err))
}

// Bundle implements [audit.Source].
func (l auditLog) Bundle(ctx context.Context, t audit.Tile) ([]byte, error) {
	if err := l.session.authenticated(); err != nil {
		return nil, l.session.fail(ctx, err)
	}
	bundle, err := l.bundle(ctx, t)
	return bundle, l.session.fail(ctx, err)
}

func (l auditLog) bundle(ctx context.Context, t audit.Tile) ([]byte, error) {
	if !l.session.caller.Administers() {
		problems := forbidden("", "Only administrators read whole bundles of entries.", "Read the entries that you are cleared for one by one, below /audit/entries.")
		if err := l.session.recordRead(ctx, entriesOf(t), audit.Deny, catalog.RuleForbidden); err != nil {
			return nil, err
		}
		return nil, refuse(catalog.CodeForbidden, "You may not read bundles of entries.", problems...)
	}
	records, err := l.session.store.Audit(ctx, t.Index*audit.TileWidth, t.Width)
	if err == nil && len(records) != t.Width {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, l.lacking(ctx, t, err)
	}
	var bundle []byte
	for _, r := range records {
		if bundle, err = audit.AppendBundled(bundle, r.Entry); err != nil {
			return nil, err
		}
	}
	return bundle, l.session.recordRead(ctx, entriesOf(t), audit.Permit)
}

// monitors refuses who may not know of the log.
func (s *session) monitors() error {
	if err := s.authenticated(); err != nil || s.caller.Monitors() {
		return err
	}
	return refuse(catalog.CodeNotFound, "There is no audit log.")
}

// lacking tells a log that does not have a part from one that cannot be read. An
// auditor whose checkpoint covers the part knows what to make of either.
func (l auditLog) lacking(ctx context.Context, t audit.Tile, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refuse(catalog.CodeNotFound, fmt.Sprintf("The audit log has no %s: it is not that long.", t.Path()))
	case errors.Is(err, audit.ErrTampered):
		l.session.log.LogAttrs(ctx, slog.LevelError, "the audit log was changed from outside, or is damaged",
			slog.String("part", t.Path()), slog.String("cause", err.Error()), slog.String("request_id", l.session.caller.RequestID))
		return refuse(catalog.CodeNotFound, fmt.Sprintf("The audit log has no %s: what it has in its place was not written by this server.", t.Path()))
	}
	return err
}
