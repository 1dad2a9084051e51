package platform

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditsearch"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// AuditReading reads entries of the audit log one by one, each caller those
// that it is let in to. Safe for concurrent use.
type AuditReading struct {
	platform   *Platform
	index      *auditsearch.Index
	checkpoint func() (audit.Checkpoint, []byte, error)
	seal       cipher.AEAD // of cursors; they end with the process
}

// AuditReading reads the log through a follower that finds entries. Checkpoint
// is the newest published one, which proofs lead to.
func (p *Platform) AuditReading(index *auditsearch.Index, checkpoint func() (audit.Checkpoint, []byte, error)) *AuditReading {
	key := make([]byte, 32)
	_, _ = rand.Read(key)                          // never fails
	block, _ := aes.NewCipher(key)                 // a key of this length: cannot fail
	seal, _ := cipher.NewGCMWithRandomNonce(block) // a block of AES: cannot fail
	return &AuditReading{p, index, checkpoint, seal}
}

// For is the log as this caller may read it.
func (a *AuditReading) For(caller catalog.Caller) audit.Reader {
	return auditReader{AuditReading: a, session: &session{Platform: a.platform, caller: caller}}
}

type auditReader struct {
	*AuditReading
	session *session
}

// auditBatch is how many entries are judged on one state.
const auditBatch = 200

// Entries implements [audit.Reader].
func (r auditReader) Entries(ctx context.Context, q audit.Query) (audit.Page, error) {
	object := "audit/entries?" + criteria(q)
	if err := r.may(ctx, object); err != nil {
		return audit.Page{}, r.session.fail(ctx, err)
	}
	page, err := r.entries(ctx, q)
	if err == nil {
		err = r.session.recordRead(ctx, object, audit.Permit)
	}
	if err != nil {
		return audit.Page{}, r.session.fail(ctx, unsearchable(err))
	}
	return page, nil
}

// may refuses who is no auditor, and records it.
func (r auditReader) may(ctx context.Context, object string) error {
	if err := r.session.authenticated(); err != nil {
		return err
	}
	if r.session.caller.Audits() {
		return nil
	}
	if err := r.session.recordRead(ctx, object, audit.Deny, catalog.RuleForbidden); err != nil {
		return err
	}
	return refuse(catalog.CodeForbidden, "You may not read the entries of the audit log.",
		forbidden("", "Only administrators and auditors read entries.", "Ask for group "+catalog.AuditGroup+".")...)
}

// unsearchable tells a follower that is behind from a log that fails.
func unsearchable(err error) error {
	if errors.Is(err, auditsearch.ErrBehind) {
		return refuse(catalog.CodeUnavailable, "The audit log is not yet searchable. It is whole, and it goes on; ask again later.")
	}
	return err
}

func (r auditReader) entries(ctx context.Context, q audit.Query) (audit.Page, error) {
	after, err := r.resumed(q)
	if err != nil {
		return audit.Page{}, err
	}
	if err := checkAuditQuery(q); err != nil {
		return audit.Page{}, err
	}
	limit := q.Limit
	if limit == 0 {
		limit = audit.DefaultLimit
	}
	found, err := r.fill(ctx, q, after, limit+1)
	if err != nil {
		return audit.Page{}, err
	}
	page := audit.Page{Entries: found}
	if len(found) > limit {
		page.Entries = found[:limit]
		page.Next = r.cursor(q, found[limit-1].Number)
	}
	if !r.session.caller.Administers() {
		for i := range page.Entries {
			page.Entries[i].Number = 0
		}
	}
	return page, nil
}

// fill collects entries that the caller is let in to until there are enough or
// no more.
func (r auditReader) fill(ctx context.Context, q audit.Query, after int64, enough int) ([]audit.Found, error) {
	var found []audit.Found
	for {
		matches, err := r.index.Find(ctx, q, after, auditBatch)
		if err != nil {
			return nil, err
		}
		entries, err := r.read(ctx, matches)
		if err != nil {
			return nil, err
		}
		if found, err = r.admitted(ctx, found, entries, enough); err != nil {
			return nil, err
		}
		if len(matches) < auditBatch || len(found) == enough {
			return found, nil
		}
		after = matches[len(matches)-1].Number
	}
}

// read reads entries from the log itself, those that follow each other at once;
// each must be the one that the follower has read.
func (r auditReader) read(ctx context.Context, matches []auditsearch.Match) ([]audit.Found, error) {
	var entries []audit.Found
	for len(matches) > 0 {
		n := consecutive(matches)
		records, err := r.session.store.Audit(ctx, matches[0].Number-1, n)
		if err != nil {
			return nil, err
		}
		for i, m := range matches[:n] {
			if i >= len(records) || records[i].Sequence != m.Number || audit.LeafHash(records[i].Entry) != m.Leaf {
				return nil, fmt.Errorf("%w: entry %d is not what it was", audit.ErrTampered, m.Number)
			}
			entries = append(entries, audit.Found{Entry: records[i].Entry, Number: m.Number})
		}
		matches = matches[n:]
	}
	return entries, nil
}

// consecutive is how many of the first matches have one number after the other.
func consecutive(matches []auditsearch.Match) int {
	n := 1
	for n < len(matches) && matches[n].Number == matches[n-1].Number+1 {
		n++
	}
	return n
}

// admitted adds those entries that the caller is let in to.
func (r auditReader) admitted(ctx context.Context, found, entries []audit.Found, enough int) ([]audit.Found, error) {
	err := r.session.store.View(ctx, func(s store.Reader) error {
		reader, err := r.session.entryReader(ctx, s)
		if err != nil {
			return err
		}
		for _, e := range entries {
			entry, err := audit.ParseEntry(e.Entry)
			if err != nil {
				return fmt.Errorf("%w: entry %d: %w", audit.ErrTampered, e.Number, err)
			}
			admits, err := reader.admits(entry)
			if err != nil {
				return err
			}
			if admits {
				found = append(found, e)
			}
			if len(found) == enough {
				return nil
			}
		}
		return nil
	})
	return found, err
}

// Proof implements [audit.Reader].
func (r auditReader) Proof(ctx context.Context, leaf audit.Hash) (audit.Proof, error) {
	object := "audit/proof/" + hex.EncodeToString(leaf[:])
	if err := r.may(ctx, object); err != nil {
		return audit.Proof{}, r.session.fail(ctx, err)
	}
	proof, err := r.proof(ctx, leaf)
	absent := (*catalog.Error)(nil)
	switch {
	case err == nil:
		err = r.session.recordRead(ctx, object, audit.Permit)
	case errors.As(err, &absent) && absent.Code == catalog.CodeNotFound:
		err = errors.Join(r.session.recordRead(ctx, object, audit.Deny, "not_found"), err)
	}
	if err != nil {
		return audit.Proof{}, r.session.fail(ctx, unsearchable(err))
	}
	return proof, nil
}

func (r auditReader) proof(ctx context.Context, leaf audit.Hash) (audit.Proof, error) {
	matches, err := r.index.ByHash(ctx, leaf)
	if err != nil {
		return audit.Proof{}, err
	}
	entries, err := r.read(ctx, matches)
	if err == nil {
		entries, err = r.admitted(ctx, nil, entries, 1)
	}
	if err != nil {
		return audit.Proof{}, err
	}
	if len(entries) == 0 {
		return audit.Proof{}, refuse(catalog.CodeNotFound, "There is no such entry.")
	}
	checkpoint, signed, err := r.checkpoint()
	if err != nil {
		return audit.Proof{}, err
	}
	index := entries[0].Number - 1
	if index >= checkpoint.Size {
		return audit.Proof{}, refuse(catalog.CodeUnavailable, "No checkpoint covers the entry yet. Ask again in a second.")
	}
	hashes, err := audit.ProveInclusion(ctx, checkpoint, index, r.session.store.Tile)
	return audit.Proof{Index: index, Hashes: hashes, Checkpoint: signed}, err
}

// criteria is a query as the log names it, without its page.
func criteria(q audit.Query) string {
	values := url.Values{}
	for name, value := range map[string]string{"subject": q.Subject, "object": q.Object, "event": q.Event, "decision": q.Decision, "request_id": q.RequestID,
		"from": instant(q.From), "until": instant(q.Until)} {
		if value != "" {
			values.Set(name, value[:min(len(value), audit.MaxCriterion)])
		}
	}
	return values.Encode()
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func checkAuditQuery(q audit.Query) error {
	var problems []catalog.Problem
	for name, value := range map[string]string{"subject": q.Subject, "object": q.Object, "event": q.Event, "decision": q.Decision, "request_id": q.RequestID} {
		if len(value) > audit.MaxCriterion {
			problems = append(problems, catalog.Problem{Field: "/" + name, Rule: catalog.RuleLimit, Detail: fmt.Sprintf("It has %d bytes, the limit is %d.", len(value), audit.MaxCriterion)})
		}
	}
	if q.Limit < 0 || q.Limit > audit.MaxLimit {
		problems = append(problems, catalog.Problem{Field: "/limit", Rule: catalog.RuleLimit, Detail: fmt.Sprintf("A page has 1 to %d entries, not %d.", audit.MaxLimit, q.Limit)})
	}
	if len(problems) > 0 {
		return refuse(catalog.CodeInvalid, "The query makes no sense.", problems...)
	}
	return nil
}

// cursor is the place after an entry in the answer to one caller's query. It is
// sealed: in clear, two of them would tell how many entries lie between.
func (r auditReader) cursor(q audit.Query, after int64) string {
	return base64.RawURLEncoding.EncodeToString(r.seal.Seal(nil, nil, binary.BigEndian.AppendUint64(nil, uint64(after)), r.whose(q))) //nolint:gosec // above zero
}

// whose is what a cursor belongs to.
func (r auditReader) whose(q audit.Query) []byte {
	q.Cursor, q.Limit = "", 0
	text, _ := json.Marshal([]string{r.session.caller.Issuer, r.session.caller.Subject, criteria(q)}) // strings: cannot fail
	sum := sha256.Sum256(text)
	return sum[:]
}

func (r auditReader) resumed(q audit.Query) (int64, error) {
	if q.Cursor == "" {
		return 0, nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor[:min(len(q.Cursor), maxCursor)])
	var opened []byte
	if err == nil {
		opened, err = r.seal.Open(nil, nil, sealed, r.whose(q))
	}
	if err != nil {
		return 0, refuse(catalog.CodeInvalid, "The query makes no sense.", catalog.Problem{Field: "/cursor", Rule: catalog.RuleFormat,
			Detail: "The cursor does not belong to this query, or is of a server that was restarted.", Fix: "Start again without a cursor."})
	}
	return int64(binary.BigEndian.Uint64(opened)), nil //nolint:gosec // what was sealed
}

// recordRead records a reading of the log before it is answered.
func (s *session) recordRead(ctx context.Context, object, decision string, reasons ...string) error {
	return s.store.Update(ctx, func(w store.Writer) error {
		at, err := s.bound(ctx, w)
		if err != nil {
			return err
		}
		entry := at.account(at.now().UTC(), "read", catalog.Ref{}, decision)
		entry.Event, entry.Object, entry.ReasonCodes = "audit_read", object, reasons
		return w.Append(ctx, entry)
	})
}

// entriesOf names a range of entries.
func entriesOf(t audit.Tile) string {
	first := t.Index*audit.TileWidth + 1
	return "audit/entries/" + strconv.FormatInt(first, 10) + "-" + strconv.FormatInt(first+int64(t.Width)-1, 10)
}
