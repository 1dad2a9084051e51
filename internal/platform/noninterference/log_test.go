package noninterference_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// page is an answer with entries of the log.
type page struct {
	Entries []struct {
		Number int64           `json:"number"`
		Hash   string          `json:"hash"`
		Entry  json.RawMessage `json:"entry"`
	} `json:"entries"`
	Next string `json:"next"`
}

// entries has the administrator read entries.
func (w *world) entries(t *testing.T, p *pair, query url.Values) []audit.Entry {
	t.Helper()
	_, _, entries := w.page(t, p, call{who: administrator, method: http.MethodGet, path: "/audit/entries?" + query.Encode()})
	return entries
}

// page reads one page of the log. Of its entries, salts and the issuer's name
// are random; cursors and hashes are too, and are compared by their length.
func (w *world) page(t *testing.T, p *pair, c call) (answer, page, []audit.Entry) {
	t.Helper()
	a, got, entries, err := w.tryPage(t.Context(), p, c)
	if err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	return a, got, entries
}

func (w *world) tryPage(ctx context.Context, p *pair, c call) (a answer, got page, entries []audit.Entry, err error) {
	if a, err = w.try(ctx, p.client, p.calls, c); err != nil || a.Status != http.StatusOK {
		return a, got, nil, err
	}
	err = json.Unmarshal([]byte(a.Body), &got)
	for _, one := range got.Entries {
		e, unread := audit.ParseEntry(one.Entry)
		err = errors.Join(err, unread)
		e.Salt, e.Consumer.Issuer = "", strings.Replace(e.Consumer.Issuer, w.issuer, "the issuer", 1)
		entries = append(entries, e)
	}
	return a, got, entries, err
}

// log asks for entries by every criterion, page by page, and for proofs.
func (p *pair) log(t *testing.T, who string) {
	t.Helper()
	for _, query := range []string{
		"limit=200", "subject=reader", "subject=administrator", "subject=dev-administrator&limit=200", "subject=hidden.outsider", "object=products/hidden/p", "object=products/hidden-none/p",
		"object=products/alpha/tracks", "object=products/late/p&limit=200", "object=domains/late", "object=products/alpha/ghost", "object=subjects/hidden.track/versions/1", "object=domains/hidden",
		"event=catalogue", "event=schema", "event=decision&decision=permit", "event=decision&decision=deny", "event=query", "event=policy", "event=audit_read",
		"decision=deny&limit=7", "decision=permit&limit=7", "request_id=call-12", "from=2026-03-01T08:00:00Z&until=2026-03-01T08:10:00Z", "until=2026-01-01T00:00:00Z", "from=2027-01-01T00:00:00Z",
		"cursor=x", "limit=0", "unknown=1", "subject=a&subject=b", "object=vocabularies/2",
	} {
		p.turns(t, who, query)
	}
	for _, hash := range []string{strings.Repeat("0", 64), "x", strings.ToUpper(strings.Repeat("a", 64))} {
		p.ask(t, call{who: who, method: http.MethodGet, path: "/audit/proof/" + hash})
	}
	p.ask(t, call{who: who, method: http.MethodGet, path: "/audit/signed-checkpoint", statusOnly: "as the published one"})
	p.hiddenProofs(t, who)
}

// turns follows a query over some pages.
func (p *pair) turns(t *testing.T, who, query string) {
	t.Helper()
	cursors := [2]string{}
	for range 3 {
		p.calls++
		c := call{who: who, method: http.MethodGet, path: "/audit/entries?" + query}
		p.makes(c)
		var answers [2]answer
		var pages [2]page
		var entries [2][]audit.Entry
		p.both(t, c, func(i int, w *world) (err error) {
			c := c
			if cursors[i] != "" {
				c.path += "&cursor=" + url.QueryEscape(cursors[i])
			}
			answers[i], pages[i], entries[i], err = w.tryPage(t.Context(), p, c)
			return err
		})
		p.statuses[answers[0].Status]++
		if answers[0].Status == http.StatusOK && answers[1].Status == http.StatusOK {
			p.read += len(entries[0])
			p.samePage(t, c, pages, entries)
			answers[0].Body, answers[1].Body = "", ""
			for _, a := range answers { // salts have one length, the cursor as well
				a.Header.Del("Content-Length")
			}
		}
		p.compare(t, c, answers[0], answers[1])
		if cursors = [2]string{pages[0].Next, pages[1].Next}; cursors[0] == "" || cursors[1] == "" {
			return
		}
	}
}

func (p *pair) samePage(t *testing.T, c call, pages [2]page, entries [2][]audit.Entry) {
	t.Helper()
	if diff := cmp.Diff(entries[0], entries[1]); diff != "" {
		p.differs(t, c, diff)
		return
	}
	if len(pages[0].Next) != len(pages[1].Next) {
		p.differs(t, c, "cursors of other lengths: "+pages[0].Next+" "+pages[1].Next)
	}
	for i, one := range pages[0].Entries {
		if other := pages[1].Entries[i]; one.Number != other.Number || len(one.Entry) != len(other.Entry) {
			p.differs(t, c, "entry "+strconv.Itoa(i)+" has another number or length")
		}
	}
}

// hiddenProofs asks for proofs of entries that are about what is hidden, whose
// hashes somebody might have learnt, as for those of nothing.
func (p *pair) hiddenProofs(t *testing.T, who string) {
	t.Helper()
	_, hidden, _ := p.haunted.page(t, p, call{who: administrator, method: http.MethodGet, path: "/audit/entries?limit=3&object=products/hidden/p"})
	for _, one := range hidden.Entries {
		p.ask(t, call{who: who, method: http.MethodGet, path: "/audit/proof/" + one.Hash})
	}
}
