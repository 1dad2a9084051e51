package platform

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// The reasons for which data is not given out that are none of a marking.
const (
	denyUnknownPort = "unknown_port"
	denyInactive    = "inactive"         // neither active nor deprecated
	denyPortChanged = "port_changed"     // it is another one than was opened
	denyTooLong     = "too_long"         // open for maxGrantAge
	denyTooMany     = "too_many_streams" // maxGrants run
)

// data opens output ports for one caller.
type data struct{ *session }

var _ catalog.Data = data{}

// Data opens the output ports of products for this caller. A caller without a
// subject is nobody: catalog.CodeUnauthenticated.
func (p *Platform) Data(caller catalog.Caller) catalog.Data {
	return data{&session{Platform: p, caller: caller}}
}

// Open implements [catalog.Data].
func (d data) Open(ctx context.Context, asked catalog.DataRequest) (catalog.Grant, error) {
	if err := d.authenticated(); err != nil {
		return nil, d.fail(ctx, err)
	}
	if !recordable(asked.Resource, catalog.MaxResource) || !recordable(asked.Range, catalog.MaxRange) {
		return nil, d.fail(ctx, refuse(catalog.CodeInvalid, "The request names a part of the data that cannot be recorded."))
	}
	opened, err := d.open(ctx, d.demand(asked))
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return opened, nil
}

// recordable reports whether a text goes into an entry as it is. What was read
// is never cut short: who asks for enough would hide the rest.
func recordable(text string, limit int) bool { return len(text) <= limit && utf8.ValidString(text) }

// demand is what is wanted of one output port, and the parties that must all
// be let in to it.
type demand struct {
	asked            catalog.Evaluation
	port             string
	resource, extent string // below the port, for the log alone
	parties          []catalog.Caller
}

// demand puts a request as a question of the caller about itself.
func (d data) demand(asked catalog.DataRequest) demand {
	q := demand{port: asked.Port, resource: asked.Resource, extent: asked.Range, asked: catalog.Evaluation{
		Subject:  catalog.Entity{Type: catalog.EntityUser, ID: d.caller.Subject},
		Action:   catalog.Operation{Name: asked.Action},
		Resource: catalog.Entity{Type: catalog.EntityProduct, ID: asked.Product},
		Purpose:  asked.Purpose,
	}}
	if asked.Action == "" {
		q.asked.Action.Name = string(marking.ActionRead)
	}
	q.parties = d.parties(q.asked.Subject)
	return q
}

// open decides, records and registers the grant in one transaction. When that
// fails there was no grant.
func (d data) open(ctx context.Context, q demand) (*grant, error) {
	var opened *grant
	var refusal *catalog.Error
	undo := func() { d.streams.remove(opened) }
	err := d.store.Update(ctx, func(w store.Writer) (err error) {
		opened, refusal = nil, nil
		defer func() {
			if err != nil {
				undo() // before the next change looks at what runs
			}
		}()
		h, err := d.inquiry(ctx, w)
		if err == nil {
			opened, refusal, err = d.decided(w, h, q)
		}
		return err
	})
	if err != nil {
		undo()
		return nil, err
	}
	if refusal != nil {
		return nil, refusal
	}
	opened.begin()
	return opened, nil
}

// decided is the grant, in force and recorded, or what the caller is told instead.
func (d data) decided(w store.Writer, h *inquiry, q demand) (*grant, *catalog.Error, error) {
	product, decision, err := h.opens(q)
	if err != nil {
		return nil, nil, err
	}
	var opened *grant
	if decision.Permit {
		if opened, err = d.grant(h, q, product); err != nil {
			return nil, nil, err
		}
		if !d.streams.add(opened) {
			opened, decision = nil, marking.Decision{Code: denyTooMany, Vocabulary: decision.Vocabulary}
		}
	}
	entry, err := h.entry(q.asked, q.parties, product, decision)
	if err != nil {
		return opened, nil, err
	}
	entry.Event, entry.Port, entry.Resource, entry.Range = "query", worded(q.port), q.resource, q.extent
	if opened != nil {
		opened.record = entry
	}
	if err := w.Append(h.before.ctx, entry); err != nil || decision.Permit {
		return opened, nil, err
	}
	refusal, err := h.refusal(q, decision)
	return nil, refusal, err
}

// opens decides on an output port: that there is one, that the product gives
// out data, and on the product as for every other door.
func (h *inquiry) opens(q demand) (*catalog.Product, marking.Decision, error) {
	product, err := h.product(q.asked.Resource)
	if err != nil {
		return nil, marking.Decision{}, err
	}
	if product != nil {
		if _, there := product.OutputPorts[q.port]; !there {
			return product, marking.Decision{Code: denyUnknownPort}, nil
		}
		if product.Status != catalog.StatusActive && product.Status != catalog.StatusDeprecated {
			return product, marking.Decision{Code: denyInactive}, nil
		}
	}
	d, err := h.decide(q.parties, product, q.asked.Action.Name, q.asked.Purpose)
	return product, d, err
}

// refusal is what the caller is told of a denial: of what it does not see
// nothing, and of what it sees no reason that lies in who it is.
func (h *inquiry) refusal(q demand, d marking.Decision) (*catalog.Error, error) {
	_, seen, err := h.shows(q.asked.Resource)
	if err != nil {
		return nil, err
	}
	product := catalog.Ref{Kind: catalog.KindProduct, ID: clip(q.asked.Resource.ID)}
	switch {
	case d.Code == denyTooMany: // to whom everything else would be permitted
		return refuse(catalog.CodeUnavailable, fmt.Sprintf("The platform serves %d streams of data and no more. Try again later.", maxGrants)), nil
	case !seen:
		return notFound(product), nil
	case d.Code == denyUnknownPort:
		return refuse(catalog.CodeNotFound, fmt.Sprintf("The %s has no output port %s.", product, quote(q.port))), nil
	case d.Code == denyInactive:
		return refuse(catalog.CodeConflict, fmt.Sprintf("The %s gives out no data: it is neither active nor deprecated.", product)), nil
	}
	return refuse(catalog.CodeForbidden, fmt.Sprintf("You may not have the data of the %s.", product)), nil
}
