package wire

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Proposal is the body of a validate call: a [catalog.Proposal] whose objects
// say their kind.
type Proposal struct {
	Puts    []Change `json:"puts,omitempty"`
	Deletes []Name   `json:"deletes,omitempty"`
	Only    []Name   `json:"only,omitempty"`
}

// Change is one object to be put.
type Change struct {
	Kind   catalog.Kind    `json:"kind"`
	Object json.RawMessage `json:"object"`
}

// Name names one object.
type Name struct {
	Kind catalog.Kind `json:"kind"`
	ID   string       `json:"id"`
}

// Verdict is the answer to a validate call.
type Verdict struct {
	Findings []Finding `json:"findings"`
}

// Finding is the judgement on one object.
type Finding struct {
	Kind     catalog.Kind      `json:"kind"`
	ID       string            `json:"id"`
	Object   json.RawMessage   `json:"object"` // null when it would be deleted or does not exist
	Problems []catalog.Problem `json:"problems"`
	Warnings []catalog.Problem `json:"warnings"`
}

// EncodeProposal is the body of a validate call. The pointer of an error names
// the place in the body.
func EncodeProposal(proposal catalog.Proposal) ([]byte, error) {
	var p Proposal
	for i, object := range proposal.Puts {
		if object == nil {
			return nil, Refuse(http.StatusUnprocessableEntity, fmt.Sprintf("Object %d of the proposal is missing.", i))
		}
		body, err := EncodeObject(object)
		if problems, err := problemsIn(err); err != nil || problems != nil {
			return nil, inside(problems, "puts", strconv.Itoa(i), "object")
		}
		p.Puts = append(p.Puts, Change{object.Ref().Kind, body})
	}
	p.Deletes, p.Only = namesOf(proposal.Deletes), namesOf(proposal.Only)
	return encode(p)
}

func inside(problems []catalog.Problem, at ...string) error {
	moved := make([]catalog.Problem, len(problems))
	for i, problem := range problems {
		problem.Field = catalog.PointerTo(at...) + problem.Field
		moved[i] = problem
	}
	return Refuse(http.StatusUnprocessableEntity, "The proposal cannot be written as JSON.", moved...)
}

func namesOf(refs []catalog.Ref) (list []Name) {
	for _, ref := range refs {
		list = append(list, Name{ref.Kind, ref.ID})
	}
	return list
}

// DecodeProposal reads the body of a validate call. The error is a *[Refusal]
// for a body that does not have the form of a proposal; what else is wrong
// with an object is for the verdict to say.
func DecodeProposal(body []byte) (catalog.Proposal, error) {
	var wire Proposal
	if err := decodeBody(body, &wire, strict); err != nil {
		return catalog.Proposal{}, err
	}
	if n := len(wire.Puts) + len(wire.Deletes); n > catalog.MaxProposal || len(wire.Only) > catalog.MaxProposal {
		return catalog.Proposal{}, Refuse(http.StatusUnprocessableEntity, "The proposal is too large.", catalog.Problem{
			Rule: catalog.RuleLimit, Detail: fmt.Sprintf("A proposal names at most %d objects.", catalog.MaxProposal), Fix: "Split it."})
	}
	r := proposalReader{}
	proposal := catalog.Proposal{Puts: r.puts(wire.Puts), Deletes: r.refs("deletes", wire.Deletes), Only: r.refs("only", wire.Only)}
	switch {
	case r.failure != nil:
		return catalog.Proposal{}, r.failure
	case r.problems != nil:
		return catalog.Proposal{}, Refuse(http.StatusUnprocessableEntity, "The body does not have the form of a proposal.", r.problems...)
	}
	return proposal, nil
}

// proposalReader turns names and bodies into references and objects, and
// gathers what is wrong with them.
type proposalReader struct {
	problems []catalog.Problem
	failure  error
}

func (r *proposalReader) full() bool { return r.failure != nil || len(r.problems) >= maxProblems }

func (r *proposalReader) puts(changes []Change) (objects []catalog.Object) {
	for i, change := range changes {
		if r.full() {
			return nil
		}
		at := []string{"puts", strconv.Itoa(i)}
		object := change.Kind.New()
		switch {
		case object == nil:
			r.unknownKind(at, change.Kind)
		case isNull(change.Object):
			r.problems = append(r.problems, catalog.Problem{Field: catalog.PointerTo(append(at, "object")...),
				Rule: catalog.RuleRequired, Detail: "The object is missing.", Fix: "Write the object to be put."})
		default:
			problems, err := problemsIn(decodeAt(change.Object, object, strict, append(at, "object")...))
			r.problems, r.failure = append(r.problems, problems...), err
			objects = append(objects, object)
		}
	}
	return objects
}

func (r *proposalReader) refs(list string, wanted []Name) (refs []catalog.Ref) {
	for i, name := range wanted {
		if r.full() {
			return nil
		}
		if name.Kind.New() == nil {
			r.unknownKind([]string{list, strconv.Itoa(i)}, name.Kind)
		}
		refs = append(refs, catalog.Ref{Kind: name.Kind, ID: name.ID})
	}
	return refs
}

func (r *proposalReader) unknownKind(at []string, kind catalog.Kind) {
	p := catalog.Problem{Field: catalog.PointerTo(append(at, "kind")...), Rule: catalog.RuleUnknownValue,
		Detail: "There is no such kind of object.", Fix: fmt.Sprintf("The kinds are %v.", catalog.Kinds())}
	if kind == "" {
		p.Rule, p.Detail = catalog.RuleRequired, "The kind is missing."
	}
	r.problems = append(r.problems, p)
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// EncodeVerdict is the answer to a validate call.
func EncodeVerdict(verdict catalog.Verdict) ([]byte, error) {
	answer := Verdict{Findings: make([]Finding, len(verdict.Findings))}
	for i, f := range verdict.Findings {
		answer.Findings[i] = Finding{Kind: f.Ref.Kind, ID: f.Ref.ID, Problems: list(f.Problems), Warnings: list(f.Warnings)}
		if f.Object == nil {
			continue
		}
		body, err := EncodeObject(f.Object)
		if err != nil {
			return nil, err
		}
		answer.Findings[i].Object = body
	}
	return encode(answer)
}

// list is never null on the wire.
func list(problems []catalog.Problem) []catalog.Problem {
	if problems == nil {
		return []catalog.Problem{}
	}
	return problems
}

// DecodeVerdict reads the answer to a validate call.
func DecodeVerdict(body []byte) (catalog.Verdict, error) {
	var answer Verdict
	if err := decodeBody(body, &answer, lenient); err != nil {
		return catalog.Verdict{}, err
	}
	var verdict catalog.Verdict
	for i, f := range answer.Findings {
		finding := catalog.Finding{Ref: catalog.Ref{Kind: f.Kind, ID: f.ID}, Problems: some(f.Problems), Warnings: some(f.Warnings)}
		object := f.Kind.New()
		if object == nil {
			return catalog.Verdict{}, fmt.Errorf("finding %d: no kind is called %q", i, f.Kind)
		}
		if !isNull(f.Object) {
			if err := decodeAt(f.Object, object, lenient, "findings", strconv.Itoa(i), "object"); err != nil {
				return catalog.Verdict{}, err
			}
			finding.Object = object
		}
		verdict.Findings = append(verdict.Findings, finding)
	}
	return verdict, nil
}

// some is nil for an empty list, as services give it.
func some(problems []catalog.Problem) []catalog.Problem {
	if len(problems) == 0 {
		return nil
	}
	return problems
}
