package platform

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// Limits of a search.
const (
	maxQueryText  = 256 // bytes
	maxQueryWords = 16
	maxCursor     = 512 // bytes
)

// List implements [catalog.Reader]. What the caller may not see neither
// shortens a page nor makes a next one: the page is filled up to its limit, and
// Next is set only when one more visible object follows.
func (s *session) List(ctx context.Context, q catalog.Query) (catalog.Page, error) {
	var page catalog.Page
	err := s.view(ctx, func(j *judge) error {
		query, err := s.storeQuery(q)
		if err != nil {
			return err
		}
		if hidden, err := j.sight.hides(catalog.Ref{Kind: catalog.KindDomain, ID: q.Domain}); hidden || err != nil {
			return err // an empty page, as of a domain that is not there
		}
		entries, err := j.fill(query, limit(q)+1)
		if err != nil {
			return err
		}
		page = cut(entries, q)
		return nil
	})
	return page, err
}

func limit(q catalog.Query) int {
	if q.Limit == 0 {
		return catalog.DefaultLimit
	}
	return q.Limit
}

// fill collects visible entries until there are enough or no more. It reads more
// at once where much is hidden, but not behind a hidden domain: how many records
// are read and dropped there would tell how much is in it.
func (j *judge) fill(query store.Query, enough int) ([]catalog.Entry, error) {
	var entries []catalog.Entry
	for query.Limit = enough; ; {
		records, err := j.before.reader.List(j.before.ctx, query)
		if err != nil {
			return nil, err
		}
		seen, after, err := j.seenOf(records, enough-len(entries))
		if err != nil {
			return nil, err
		}
		entries = append(entries, seen...)
		if len(entries) == enough || after == "" && len(records) < query.Limit {
			return entries, nil
		}
		query.After, query.Limit = after, enough
		if after == "" {
			query.After, query.Limit = records[len(records)-1].Ref.ID, catalog.MaxLimit
		}
	}
}

// seenOf keeps those of the records that the caller sees, at most so many. It
// stops at the first in a hidden domain and says behind what to go on: of such a
// domain one object is met, however many are in it.
func (j *judge) seenOf(records []store.Record, enough int) (entries []catalog.Entry, after string, err error) {
	for _, record := range records {
		entry, err := j.before.keep(record) // a domain is not read twice
		if err != nil {
			return nil, "", err
		}
		hidden, err := j.sight.hides(record.Ref)
		if err != nil {
			return nil, "", err
		}
		if hidden && record.Ref.Kind.Owned() {
			return entries, behindDomain(record.Ref.Domain()), nil
		}
		seen, err := j.sight.sees(record.Ref)
		if err != nil {
			return nil, "", err
		}
		if seen {
			if entry.Object, err = j.withoutHidden(entry.Object); err != nil {
				return nil, "", err
			}
			entries = append(entries, entry)
		}
		if len(entries) == enough {
			return entries, "", nil
		}
	}
	return entries, "", nil
}

// behindDomain is behind the ids of all objects in a domain and before all
// others that follow: '0' is the character after '/'.
func behindDomain(domain string) string { return domain + "0" }

// cut drops the entry that only shows that there is a next page.
func cut(entries []catalog.Entry, q catalog.Query) catalog.Page {
	if len(entries) <= limit(q) {
		return catalog.Page{Entries: entries}
	}
	entries = entries[:limit(q)]
	return catalog.Page{Entries: entries, Next: encodeCursor(q, entries[len(entries)-1].Object.Ref().ID)}
}

// storeQuery checks a query and translates it.
func (s *session) storeQuery(q catalog.Query) (store.Query, error) {
	words := strings.Fields(strings.ToLower(q.Text))
	problems := checkQuery(q, words)
	after, err := decodeCursor(q)
	if err != nil {
		problems = append(problems, catalog.Problem{Field: "/cursor", Rule: catalog.RuleFormat,
			Detail: "The cursor does not belong to this query.", Fix: "Start again without a cursor."})
	}
	if len(problems) > 0 {
		return store.Query{}, refuse(catalog.CodeInvalid, "The query makes no sense.", problems...)
	}
	return store.Query{Kind: q.Kind, Domain: q.Domain, Words: words, Status: string(q.Status), After: after}, nil
}

func checkQuery(q catalog.Query, words []string) []catalog.Problem {
	var problems []catalog.Problem
	report := func(field, rule, format string, args ...any) {
		problems = append(problems, catalog.Problem{Field: field, Rule: rule, Detail: fmt.Sprintf(format, args...)})
	}
	if q.Kind.New() == nil {
		report("/kind", catalog.RuleUnknownValue, "%s is not among %v.", quote(string(q.Kind)), catalog.Kinds())
	}
	if q.Domain != "" && catalog.CheckName(q.Domain) != nil {
		report("/domain", catalog.RuleFormat, "%s is not the name of a domain.", quote(q.Domain))
	}
	if len(q.Text) > maxQueryText || len(words) > maxQueryWords {
		report("/q", catalog.RuleLimit, "A search has at most %d words and %d bytes.", maxQueryWords, maxQueryText)
	}
	if q.Status != "" && q.Kind != catalog.KindProduct {
		report("/status", catalog.RuleUnknownValue, "Only products have a status.")
	} else if q.Status != "" && !slices.Contains(statusOrder, q.Status) {
		report("/status", catalog.RuleUnknownValue, "%s is not among %v.", quote(string(q.Status)), statusOrder)
	}
	if q.Limit < 0 || q.Limit > catalog.MaxLimit {
		report("/limit", catalog.RuleLimit, "A page has 1 to %d objects, not %d.", catalog.MaxLimit, q.Limit)
	}
	return problems
}

// cursor is the place after an object in the answer to one query. It holds
// nothing that its bearer has not seen, so it needs no seal.
type cursor struct {
	Query string `json:"q"` // fingerprint
	After string `json:"a"`
}

// fingerprint tells queries apart that have different answers; the page size
// may change on the way.
func fingerprint(q catalog.Query) string {
	text := strings.Join(strings.Fields(strings.ToLower(q.Text)), " ")
	sum := sha256.Sum256([]byte(strings.Join([]string{string(q.Kind), q.Domain, text, string(q.Status)}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

func encodeCursor(q catalog.Query, after string) string {
	text, _ := json.Marshal(cursor{fingerprint(q), after}) // two strings: cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeCursor(q catalog.Query) (string, error) {
	if q.Cursor == "" {
		return "", nil
	}
	if len(q.Cursor) > maxCursor {
		return "", fmt.Errorf("longer than %d bytes", maxCursor)
	}
	text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return "", err
	}
	var c cursor
	if err := json.Unmarshal(text, &c); err != nil {
		return "", err
	}
	if c.Query != fingerprint(q) {
		return "", fmt.Errorf("made for another query")
	}
	return c.After, q.Kind.CheckID(c.After)
}
