package platform

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// The reasons for which a question is denied before any marking is looked at.
const (
	denyUnknownAction   = "unknown_action"
	denyUnknownResource = "unknown_resource"
	denyRecordMarking   = "record_marking" // its records carry marks, and the asker leaves out none
)

// operations are the actions that can be decided on.
var operations = []string{string(marking.ActionRead), string(marking.ActionDisplay), string(marking.ActionDownload)}

// decisions is the platform's answer to one caller's questions about data.
type decisions struct{ *session }

var _ catalog.Decisions = decisions{}

// Decisions answers questions about access to data, as this caller may ask
// them. A caller without a subject is nobody: catalog.CodeUnauthenticated.
func (p *Platform) Decisions(caller catalog.Caller) catalog.Decisions {
	return decisions{&session{Platform: p, caller: caller}}
}

// Evaluate implements [catalog.Decisions].
func (d decisions) Evaluate(ctx context.Context, e catalog.Evaluation) (catalog.Decision, error) {
	answers, err := d.EvaluateMany(ctx, []catalog.Evaluation{e}, catalog.ExecuteAll)
	if err != nil {
		return catalog.Decision{}, err
	}
	return answers[0], nil
}

// EvaluateMany implements [catalog.Decisions]. What cannot be decided, or not
// recorded, is denied; the cause goes to the log.
func (d decisions) EvaluateMany(ctx context.Context, asked []catalog.Evaluation, semantic catalog.Semantic) ([]catalog.Decision, error) {
	if err := d.askable(len(asked), semantic); err != nil {
		return nil, d.fail(ctx, err)
	}
	answers, err := d.evaluate(ctx, asked, semantic)
	if err == nil {
		return answers, nil
	}
	d.log.LogAttrs(ctx, slog.LevelError, "denied what could not be decided or recorded",
		slog.String("cause", err.Error()), slog.String("request_id", d.caller.RequestID))
	if semantic == catalog.DenyOnFirstDeny {
		return make([]catalog.Decision, min(1, len(asked))), nil
	}
	return make([]catalog.Decision, len(asked)), nil
}

func (d decisions) askable(n int, semantic catalog.Semantic) error {
	if err := d.authenticated(); err != nil {
		return err
	}
	if n > catalog.MaxEvaluations {
		return refuse(catalog.CodeTooLarge, "There are too many questions.", catalog.Problem{Field: "/evaluations", Rule: catalog.RuleLimit,
			Detail: fmt.Sprintf("There are %d, the limit is %d.", n, catalog.MaxEvaluations), Fix: "Ask them in several requests."})
	}
	if !semantic.Known() {
		return refuse(catalog.CodeInvalid, "The question makes no sense.", catalog.Problem{Field: "/options/evaluations_semantic", Rule: catalog.RuleUnknownValue,
			Detail: fmt.Sprintf("%s is no semantic.", quote(clip(string(semantic)))),
			Fix:    fmt.Sprintf("Write %s, %s or %s.", catalog.ExecuteAll, catalog.DenyOnFirstDeny, catalog.PermitOnFirstPermit)})
	}
	return nil
}

// evaluate decides and records in one transaction, so that nothing changes
// between the two and no answer leaves before its entry is durable.
func (d decisions) evaluate(ctx context.Context, asked []catalog.Evaluation, semantic catalog.Semantic) ([]catalog.Decision, error) {
	var answers []catalog.Decision
	err := d.store.Update(ctx, func(w store.Writer) error {
		answers = nil
		h, err := d.inquiry(ctx, w)
		if err != nil {
			return err
		}
		for _, e := range asked {
			if err := ctx.Err(); err != nil { // nobody else decides meanwhile
				return err
			}
			answer, entry, err := h.answer(e)
			if err != nil {
				return err
			}
			if err := w.Append(ctx, entry); err != nil {
				return err
			}
			answers = append(answers, answer)
			if semantic.Ends(answer.Permit) {
				break
			}
		}
		return nil
	})
	return answers, err
}

// inquiry decides questions on one state: those of [Platform.Decisions], of
// [Platform.Data], and of the grants that run when the state changes.
type inquiry struct {
	*judge
	cleared map[clearing]*sight
}

// clearing is whom a sight of data is for, and to do what.
type clearing struct {
	subject       string
	administrator bool
	attributes    string // digest, purposes included
	action        string
	purpose       string
}

func (s *session) inquiry(ctx context.Context, r store.Reader) (*inquiry, error) {
	j, err := s.judge(ctx, r)
	return &inquiry{judge: j, cleared: map[clearing]*sight{}}, err
}

// answer decides one question and says what is recorded of it.
func (h *inquiry) answer(e catalog.Evaluation) (catalog.Decision, audit.Entry, error) {
	parties := h.session.parties(e.Subject)
	product, err := h.product(e.Resource)
	if err != nil {
		return catalog.Decision{}, audit.Entry{}, err
	}
	d, err := h.decide(parties, product, e.Action.Name, e.Purpose)
	if err != nil {
		return catalog.Decision{}, audit.Entry{}, err
	}
	d = recordwise(d, product, e.Whole)
	entry, err := h.entry(e, parties, product, d)
	if err != nil {
		return catalog.Decision{}, audit.Entry{}, err
	}
	answer := catalog.Decision{Permit: d.Permit, Obligations: slices.Clone(d.Obligations)}
	if !d.Permit {
		told, err := h.mayKnow(e.Resource)
		if err != nil {
			return catalog.Decision{}, audit.Entry{}, err
		}
		if told {
			answer.Reason = d.Code
		}
	}
	return answer, entry, nil
}

// recordwise is a decision on a product as it holds for records with marks of
// their own, which may be above that of the product: whoever hands them out has to
// leave some out, and who cannot is denied.
func recordwise(d marking.Decision, product *catalog.Product, whole bool) marking.Decision {
	if !d.Permit || !marksRecords(product) {
		return d
	}
	if whole {
		return marking.Decision{Code: denyRecordMarking, Vocabulary: d.Vocabulary}
	}
	d.Obligations = union(d.Obligations, []string{catalog.FilterRecords})
	return d
}

func marksRecords(product *catalog.Product) bool {
	for _, port := range product.OutputPorts {
		if port.RecordMarking != "" {
			return true
		}
	}
	return false
}

// product is the one that a resource names, nil when there is none.
func (h *inquiry) product(resource catalog.Entity) (*catalog.Product, error) {
	if resource.Type != catalog.EntityProduct {
		return nil, nil
	}
	return find[*catalog.Product](h.before, catalog.KindProduct, resource.ID)
}

// decide lets the parties in when each of them is, and binds all to what one of
// them must not do: the data goes through each.
func (h *inquiry) decide(parties []catalog.Caller, product *catalog.Product, action, purpose string) (marking.Decision, error) {
	switch {
	case len(parties) == 0:
		return marking.Decision{Code: marking.DenyMissingClaim}, nil
	case !slices.Contains(operations, action):
		return marking.Decision{Code: denyUnknownAction}, nil
	case product == nil:
		return marking.Decision{Code: denyUnknownResource}, nil
	}
	var first marking.Decision
	for i, party := range parties {
		d, err := h.admits(party, product, action, purpose)
		if err != nil || !d.Permit {
			return d, err
		}
		if i == 0 {
			first = d
		}
		first.Obligations = obliged(first.Obligations, d.Obligations)
	}
	return first, nil
}

// obliged joins obligations. What is shared is not changed.
func obliged(some, others []string) []string {
	for _, o := range others {
		if !slices.Contains(some, o) {
			return union(some, others)
		}
	}
	return some
}

// admits decides on one party. An administrator is let in to whatever has a
// marking and may be on this system.
func (h *inquiry) admits(party catalog.Caller, product *catalog.Product, action, purpose string) (marking.Decision, error) {
	s, err := h.clear(party, action, purpose)
	if err != nil {
		return marking.Decision{}, err
	}
	d, err := s.decide(product)
	return eased(d, party.Administrator), err
}

// eased is a decision as it counts for the party that it is on.
func eased(d marking.Decision, administrator bool) marking.Decision {
	if d.Permit || !administrator || d.Code == access.DenySystemHigh || d.Code == marking.DenyUnknownMarking {
		return d
	}
	return marking.Decision{Permit: true, Vocabulary: d.Vocabulary}
}

// clear is a party's sight of data, one for each action and purpose. A purpose
// that is not given to the party is none: whatever else somebody writes there, the
// lineage is not walked through for it once more.
func (h *inquiry) clear(party catalog.Caller, action, purpose string) (*sight, error) {
	if !slices.Contains(party.Purposes, purpose) {
		purpose = ""
	}
	digest, err := digestOf(claimsOf(party))
	if err != nil {
		return nil, err
	}
	key := clearing{party.Subject, party.Administrator, digest, action, purpose}
	if s, known := h.cleared[key]; known {
		return s, nil
	}
	holder := party
	holder.Administrator = false // data goes by claims, for administrators too: see admits
	s := newSight(authority{caller: party, world: h.before, days: h.days, admission: h.session.admission(h.before, &holder)})
	s.use, s.data = access.Use{Action: marking.Action(action), Purpose: purpose, Given: party.Purposes}, true
	h.cleared[key] = s
	return s, nil
}

// mayKnow reports whether the caller is told why access to a resource is
// denied. Who does not see it is not, or the reason would tell that it exists.
func (h *inquiry) mayKnow(resource catalog.Entity) (bool, error) {
	if h.caller.Administers() {
		return true, nil
	}
	role, seen, err := h.shows(resource)
	return seen && (role == catalog.RoleOwner || h.caller.InGroup(catalog.AuditGroup)), err
}

// shows reports whether the caller sees a resource, and the caller's role in
// its domain. The store is read as often for what is hidden as for what is
// absent, or the time would tell.
func (h *inquiry) shows(resource catalog.Entity) (catalog.Role, bool, error) {
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: resource.ID}
	role, err := h.role(ref.Domain())
	if err != nil || resource.Type != catalog.EntityProduct {
		return "", false, err
	}
	seen, err := h.sight.sees(ref)
	return role, seen, err
}

// entry is what is recorded of a decision, permitted or not.
func (h *inquiry) entry(e catalog.Evaluation, parties []catalog.Caller, product *catalog.Product, d marking.Decision) (audit.Entry, error) {
	decision := audit.Permit
	if !d.Permit {
		decision = audit.Deny
	}
	entry := h.session.account(h.now, worded(e.Action.Name), catalog.Ref{}, decision)
	entry.Event, entry.Object = "decision", asObject(e.Resource)
	if product != nil {
		label, err := h.labelOf(product.Domain, product)
		if err != nil {
			return audit.Entry{}, err
		}
		entry.MarkingAccessed, entry.Version = label, product.Version
	}
	if e.Purpose != "" {
		entry.Purpose = worded(e.Purpose)
	}
	if !d.Permit {
		entry.ReasonCodes = []string{d.Code}
	}
	if len(parties) != len(h.caller.Parties()) {
		entry.Consumer.OnBehalfOf = worded(e.Subject.Type) + "/" + worded(e.Subject.ID)
	}
	var err error
	if entry.PolicyVersion, err = h.policyVersion(e.Resource, product, d); err != nil || len(parties) == 0 {
		return entry, err
	}
	entry.SubjectAttributes, err = h.attributes(parties)
	return entry, err
}

// asObject is what a question was about as the log names it: a product that is
// there and one that is not in one form, whole.
func asObject(resource catalog.Entity) string {
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: resource.ID}
	switch {
	case resource.Type != catalog.EntityProduct:
	case ref.Kind.CheckID(ref.ID) == nil:
		return string(ref.Kind) + "/" + ref.ID
	default:
		return string(ref.Kind) + "/" + worded(ref.ID)
	}
	return worded(resource.Type) + "/" + worded(resource.ID)
}

// policyVersion is the revision of the product's own caveat policy, "" for
// none. On a denial one policy is always looked for, or the time would tell
// that there is a product, and that it has a policy.
func (h *inquiry) policyVersion(resource catalog.Entity, product *catalog.Product, d marking.Decision) (string, error) {
	ref := catalog.Ref{Kind: catalog.KindCaveatPolicy, ID: resource.ID}
	if product != nil && product.CaveatPolicy != "" {
		ref.ID = product.CaveatPolicy
		policy, err := h.before.entry(ref)
		return policy.Revision, err
	}
	if d.Permit {
		return "", nil
	}
	_, err := h.before.entry(ref)
	return "", err
}

// attributes is the digest of what was decided on: the claims of whom the
// question is about; with those of the service, as a list, where one acts for
// the caller.
func (h *inquiry) attributes(parties []catalog.Caller) (string, error) {
	if h.caller.Via == nil {
		return digestOf(claimsOf(parties[0]))
	}
	return digestOf([]claimed{claimsOf(parties[0]), claimsOf(*h.caller.Via)})
}

// worded is a word of a question as the log holds it: whatever it is, it can be
// recorded, or an attempt would leave no trace.
func worded(text string) string {
	if text == "" {
		return "-"
	}
	return strings.ToValidUTF8(clip(text), "\uFFFD")
}
