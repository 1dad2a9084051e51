package platform

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// The limits of one check against the versions before.
const (
	maxIncompatible  = 100      // that one refusal lists
	maxCompared      = 1_000    // versions
	maxComparedBytes = 64 << 20 // of their texts
)

// compatible: a fresh version may follow the live ones of its subject, under
// the mode that the schema declares.
func (j *judge) compatible(s *catalog.Schema, c contract) ([]catalog.Problem, error) {
	number, err := j.number(c)
	if err != nil || !number.fresh || j.importing {
		return nil, err
	}
	mode := s.Compatibility
	if mode == catalog.CompatibilityGlobal {
		above, err := j.before.inherited(c.subject)
		if err != nil {
			return nil, err
		}
		mode = above.Compatibility
	}
	return j.follows(mode, c)
}

// follows reports what stops a text from following the live versions of its
// subject, and whom it would break. A text that cannot be read has problems of
// its own.
func (j *judge) follows(mode catalog.Compatibility, c contract) ([]catalog.Problem, error) {
	candidate, err := j.read(c.text)
	if err != nil || candidate.err != nil {
		return nil, err
	}
	older, err := j.before.older(c.subject, mode)
	if err != nil {
		return nil, err
	}
	found, err := j.compare(mode, older, candidate)
	if refused := (&catalog.Error{}); errors.As(err, &refused) {
		return refused.Problems, nil
	}
	if len(found) == 0 || err != nil {
		return nil, err
	}
	broken, err := j.consumers(c.subject)
	return append(incompatibilities(found), broken...), err
}

// older are the live versions that a mode looks at, oldest first, without
// those that are beyond the limits of a check by one.
func (s *stored) older(subject catalog.Subject, mode catalog.Compatibility) ([]catalog.Registration, error) {
	q := catalog.RegistryQuery{Subject: subject, Limit: maxCompared + 1}
	switch mode {
	case catalog.CompatibilityNone:
		return nil, nil
	case catalog.CompatibilityBackward, catalog.CompatibilityForward, catalog.CompatibilityFull:
		q.LatestOnly = true
	}
	return s.reader.Registrations(s.ctx, q)
}

// compare is compat.Check, one older version after the other, so that a
// request that ends is noticed. What cannot be compared is a *catalog.Error.
func (j *judge) compare(mode catalog.Compatibility, older []catalog.Registration, candidate *reading) ([]catalog.Incompatibility, error) {
	var all []catalog.Incompatibility
	bytes := 0
	for i, version := range older {
		bytes += len(version.Schema.Definition)
		if i >= maxCompared || bytes > maxComparedBytes {
			return nil, tooComplex("There are too many versions to compare it with: more than %d, or %d bytes of text.", maxCompared, maxComparedBytes)
		}
		found, err := j.compareOne(mode, version, candidate)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (j *judge) compareOne(mode catalog.Compatibility, version catalog.Registration, candidate *reading) ([]catalog.Incompatibility, error) {
	if err := j.before.ctx.Err(); err != nil {
		return nil, err
	}
	was, err := j.read(version.Schema)
	if err != nil {
		return nil, err
	}
	if was.err != nil { // this program reads less than the one that took it
		return nil, tooComplex("Version %d of subject %s cannot be read any more, so nothing can be compared with it.", version.Version, quote(version.Subject.String()))
	}
	found, err := compat.Check(mode, []*compat.Schema{was.schema}, candidate.schema)
	if errors.Is(err, compat.ErrTooComplex) {
		return nil, tooComplex("Version %d and this text: %v.", version.Version, err)
	}
	for i := range found {
		found[i].Version = version.Version
	}
	return found, err
}

func tooComplex(format string, args ...any) *catalog.Error {
	return refuse(catalog.CodeInvalid, "The schema cannot be compared with the versions before it.", catalog.Problem{
		Field: "/definition", Rule: catalog.RuleTooComplex, Detail: fmt.Sprintf(format, args...),
		Fix: "Delete the versions that nobody reads any more, split the schema, or choose a mode that compares less.",
	})
}

// incompatibilities turns them into problems, a hundred at most and then one
// that counts the rest.
func incompatibilities(found []catalog.Incompatibility) []catalog.Problem {
	var problems []catalog.Problem
	for _, i := range found[:min(len(found), maxIncompatible)] {
		fix := i.Fix
		i.Fix = ""
		problems = append(problems, catalog.Problem{Field: "/definition", Rule: catalog.RuleCompatibility,
			Detail: "At " + strings.TrimSuffix(i.String(), "; ") + ".", Fix: fix})
	}
	if more := len(found) - maxIncompatible; more > 0 {
		problems = append(problems, catalog.Problem{Field: "/definition", Rule: catalog.RuleCompatibility,
			Detail: fmt.Sprintf("There are %d more incompatibilities; correct those above first.", more)})
	}
	return problems
}

// consumers names the products that serve the schema, and those made from
// them, which the caller sees. What it does not see is neither named nor
// counted.
func (j *judge) consumers(s catalog.Subject) ([]catalog.Problem, error) {
	ref, ok := s.Schema()
	if !ok {
		return nil, nil
	}
	users, err := j.before.dependants(ref)
	if err != nil {
		return nil, err
	}
	serving := productIDs(users)
	derived, err := j.past.downstream(serving)
	if err != nil {
		return nil, err
	}
	for _, n := range derived {
		serving = append(serving, n.product.Ref().ID)
	}
	names, more, err := j.visibleProducts(serving)
	if len(names) == 0 || err != nil {
		return nil, err
	}
	if more {
		names = append(names, "others")
	}
	return []catalog.Problem{{Field: "/definition", Rule: catalog.RuleCompatibility,
		Detail: fmt.Sprintf("It would break the consumers of %s: register the schema under another name and move them to it, or keep to what they can read.",
			strings.Join(names, ", "))}}, nil
}

// visibleProducts are those that the caller sees, each once, maxNamed at most,
// and whether there are more of them.
func (j *judge) visibleProducts(ids []string) (names []string, more bool, err error) {
	met := map[string]bool{}
	for _, id := range ids {
		if met[id] {
			continue
		}
		met[id] = true
		ref := catalog.Ref{Kind: catalog.KindProduct, ID: id}
		seen, err := j.sight.sees(ref)
		if err != nil {
			return nil, false, err
		}
		if seen && len(names) == maxNamed {
			return names, true, nil
		}
		if seen {
			names = append(names, ref.String())
		}
	}
	return names, false, nil
}
