package platform

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// SearchSubjects implements [catalog.DecisionSearch]. The mesh keeps no
// directory of people and services: it knows whoever asks, and finds that one.
func (d decisions) SearchSubjects(ctx context.Context, q catalog.Search) (catalog.Found[catalog.Entity], error) {
	if err := d.searchable(q); err != nil {
		return catalog.Found[catalog.Entity]{}, d.fail(ctx, err)
	}
	q.Subject.ID, q.Subject.Properties = d.caller.Subject, nil
	answers, err := d.evaluate(ctx, []catalog.Evaluation{q.Evaluation}, catalog.ExecuteAll)
	if err != nil || !answers[0].Permit {
		return catalog.Found[catalog.Entity]{}, d.fail(ctx, err)
	}
	return catalog.Found[catalog.Entity]{Items: []catalog.Entity{{Type: q.Subject.Type, ID: q.Subject.ID}}}, nil
}

// SearchActions implements [catalog.DecisionSearch].
func (d decisions) SearchActions(ctx context.Context, q catalog.Search) (catalog.Found[string], error) {
	if err := d.searchable(q); err != nil {
		return catalog.Found[string]{}, d.fail(ctx, err)
	}
	var asked []catalog.Evaluation
	for _, name := range operations {
		asked = append(asked, catalog.Evaluation{Subject: q.Subject, Action: catalog.Operation{Name: name}, Resource: q.Resource, Purpose: q.Purpose})
	}
	answers, err := d.evaluate(ctx, asked, catalog.ExecuteAll)
	var found catalog.Found[string]
	for i, answer := range answers {
		if err == nil && answer.Permit {
			found.Items = append(found.Items, operations[i])
		}
	}
	return found, d.fail(ctx, err)
}

// SearchResources implements [catalog.DecisionSearch]. It reads one state and
// records then what it found, so that a long search stops no writer.
func (d decisions) SearchResources(ctx context.Context, q catalog.Search) (catalog.Found[catalog.Entity], error) {
	err := d.searchable(q)
	var after string
	if err == nil {
		after, err = d.resumed(q)
	}
	if err != nil {
		return catalog.Found[catalog.Entity]{}, d.fail(ctx, err)
	}
	var found []*catalog.Product
	var entry audit.Entry
	err = d.store.View(ctx, func(r store.Reader) error {
		h, err := d.inquiry(ctx, r)
		if err != nil {
			return err
		}
		parties := d.parties(q.Subject)
		if found, err = h.permitted(parties, q, after); err == nil {
			entry, err = h.queried(q, parties, found)
		}
		return err
	})
	if err == nil {
		err = d.store.Append(ctx, entry)
	}
	if err != nil {
		return catalog.Found[catalog.Entity]{}, d.fail(ctx, err)
	}
	return page(q, found), nil
}

func (d decisions) searchable(q catalog.Search) error {
	if err := d.authenticated(); err != nil {
		return err
	}
	if q.Limit < 0 || q.Limit > catalog.MaxLimit {
		return refuse(catalog.CodeInvalid, "The search makes no sense.", catalog.Problem{Field: "/page/limit", Rule: catalog.RuleLimit,
			Detail: fmt.Sprintf("A page has 1 to %d results, not %d.", catalog.MaxLimit, q.Limit), Fix: "Ask for fewer."})
	}
	return nil
}

// permitted collects products in the order of their ids, one more than the
// page has when there are so many. Nothing is read for a question that is
// denied whatever the product.
func (h *inquiry) permitted(parties []catalog.Caller, q catalog.Search, after string) ([]*catalog.Product, error) {
	if len(parties) == 0 || q.Resource.Type != catalog.EntityProduct || !slices.Contains(operations, q.Action.Name) {
		return nil, nil
	}
	var found []*catalog.Product
	query := store.Query{Kind: catalog.KindProduct, After: after, Limit: pageSize(q)}
	for {
		records, err := h.before.reader.List(h.before.ctx, query)
		if err != nil {
			return nil, err
		}
		more, after, err := h.permittedOf(records, parties, q)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		switch {
		case len(found) > pageSize(q):
			return found[:pageSize(q)+1], nil
		case after != "": // no more at once than before, see fill
			query.After, query.Limit = after, pageSize(q)
		case len(records) < query.Limit:
			return found, nil
		default:
			query.After, query.Limit = records[len(records)-1].Ref.ID, catalog.MaxLimit
		}
	}
}

// permittedOf keeps those of the records that the parties may have. It stops at
// the first in a domain that is hidden from one of them and says behind what to go
// on, or the time of a search would tell how many products are in there.
func (h *inquiry) permittedOf(records []store.Record, parties []catalog.Caller, q catalog.Search) (found []*catalog.Product, after string, err error) {
	for _, record := range records {
		shut, err := h.shut(record.Ref, parties, q)
		if err != nil {
			return nil, "", err
		}
		if shut {
			return found, behindDomain(record.Ref.Domain()), nil
		}
		entry, err := h.before.keep(record)
		if err != nil {
			return nil, "", err
		}
		product, _ := entry.Object.(*catalog.Product)
		d, err := h.decide(parties, product, q.Action.Name, q.Purpose)
		if err != nil {
			return nil, "", err
		}
		if d.Permit {
			found = append(found, product)
		}
	}
	return found, "", nil
}

// shut reports whether one of the parties is not let in to the domain of a
// product. Administrators are, see admits.
func (h *inquiry) shut(ref catalog.Ref, parties []catalog.Caller, q catalog.Search) (bool, error) {
	for _, party := range parties {
		if party.Administrator {
			continue
		}
		s, err := h.clear(party, q.Action.Name, q.Purpose)
		if err != nil {
			return false, err
		}
		if hidden, err := s.hides(ref); hidden || err != nil {
			return hidden, err
		}
	}
	return false, nil
}

func pageSize(q catalog.Search) int {
	if q.Limit == 0 {
		return catalog.DefaultLimit
	}
	return q.Limit
}

func page(q catalog.Search, found []*catalog.Product) catalog.Found[catalog.Entity] {
	var answer catalog.Found[catalog.Entity]
	for i, product := range found {
		if i == pageSize(q) {
			text, _ := json.Marshal(cursor{searchFingerprint(q), answer.Items[i-1].ID}) // two strings: cannot fail
			answer.Next = base64.RawURLEncoding.EncodeToString(text)
			break
		}
		answer.Items = append(answer.Items, catalog.Entity{Type: catalog.EntityProduct, ID: product.Ref().ID})
	}
	return answer
}

// queried is what is recorded of a search: who asked for what, and the marking
// of all that the answer names.
func (h *inquiry) queried(q catalog.Search, parties []catalog.Caller, found []*catalog.Product) (audit.Entry, error) {
	q.Resource.ID = "" // no part of the question
	entry, err := h.entry(q.Evaluation, parties, nil, marking.Decision{Permit: true})
	entry.Event, entry.Object = "query", worded(q.Resource.Type)
	var markings []marking.Marking
	for _, product := range found[:min(len(found), pageSize(q))] {
		label, err := h.labelOf(product.Domain, product)
		if err != nil {
			return audit.Entry{}, err
		}
		markings = appendMarked(markings, h.past.parse(label))
	}
	entry.MarkingAccessed = h.past.rollup(markings).Banner()
	return entry, err
}

// resumed is the product after which the page begins.
func (d decisions) resumed(q catalog.Search) (string, error) {
	if q.Cursor == "" {
		return "", nil
	}
	var c cursor
	text, err := base64.RawURLEncoding.DecodeString(q.Cursor[:min(len(q.Cursor), maxCursor)])
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil || c.Query != searchFingerprint(q) || catalog.KindProduct.CheckID(c.After) != nil {
		return "", refuse(catalog.CodeInvalid, "The search makes no sense.", catalog.Problem{Field: "/page/token", Rule: catalog.RuleFormat,
			Detail: "The token does not belong to this search.", Fix: "Start again without a token."})
	}
	return c.After, nil
}

// searchFingerprint tells searches apart that have different answers.
func searchFingerprint(q catalog.Search) string {
	q.Resource.ID, q.Cursor, q.Limit = "", "", 0
	text, err := json.Marshal(q)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
