package platform

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// AuditLog is the audit log as this caller sees it. Every authenticated caller
// reads hashes; they give nothing away, because each entry has its salt.
// Entries are read by administrators only: a bundle is hashed whole and has no
// place for an entry that is left out. Reading them, and being refused to, is
// itself an entry, durable before the answer. A part that the log does not have
// is catalog.CodeNotFound.
func (p *Platform) AuditLog(caller catalog.Caller) audit.Source {
	return auditLog{&session{Platform: p, caller: caller}}
}

type auditLog struct{ session *session }

// Hashes implements [audit.Source].
func (l auditLog) Hashes(ctx context.Context, t audit.Tile) ([]byte, error) {
	if err := l.session.authenticated(); err != nil {
		return nil, l.session.fail(ctx, err)
	}
	hashes, err := l.session.store.Tile(ctx, t)
	if errors.Is(err, store.ErrNotFound) {
		err = noPart(t)
	}
	return audit.HashBytes(hashes), l.session.fail(ctx, err)
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
	if !l.session.caller.Administrator {
		problems := forbidden("", "Only administrators read the entries of the audit log.", "Ask an administrator of the platform. Hashes and checkpoints are open to you.")
		if err := l.record(ctx, t, audit.Deny, catalog.RuleForbidden); err != nil {
			return nil, err
		}
		return nil, refuse(catalog.CodeForbidden, "You may not read the entries of the audit log.", problems...)
	}
	records, err := l.session.store.Audit(ctx, t.Index*audit.TileWidth, t.Width)
	if err != nil {
		return nil, err
	}
	if len(records) != t.Width {
		return nil, noPart(t)
	}
	var bundle []byte
	for _, r := range records {
		if bundle, err = audit.AppendBundled(bundle, r.Entry); err != nil {
			return nil, err
		}
	}
	return bundle, l.record(ctx, t, audit.Permit)
}

func (l auditLog) record(ctx context.Context, t audit.Tile, decision string, reasons ...string) error {
	return l.session.store.Update(ctx, func(w store.Writer) error {
		at, err := l.session.bound(ctx, w)
		if err != nil {
			return err
		}
		entry := at.account(at.now().UTC(), "read", catalog.Ref{}, decision)
		entry.Event, entry.ReasonCodes = "audit_read", reasons
		first := t.Index*audit.TileWidth + 1
		entry.Object = fmt.Sprintf("audit/entries/%d-%d", first, first+int64(t.Width)-1)
		return w.Append(ctx, entry)
	})
}

func noPart(t audit.Tile) error {
	return refuse(catalog.CodeNotFound, fmt.Sprintf("The audit log has no %s: it is not that long.", t.Path()))
}
