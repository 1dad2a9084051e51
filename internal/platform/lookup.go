package platform

import (
	"context"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Find implements [catalog.SubjectWriter]. It changes nothing.
func (r registry) Find(ctx context.Context, s catalog.Subject, asked catalog.Registering, deleted bool) (catalog.Registration, error) {
	if err := r.asked(s); err != nil {
		return catalog.Registration{}, r.fail(ctx, err)
	}
	var found catalog.Registration
	err := r.view(ctx, func(j *judge) error {
		if _, err := j.one(s, catalog.LatestVersion, deleted); err != nil {
			return err
		}
		c, problems, err := j.received(s, asked)
		if err != nil {
			return err
		}
		if len(problems) > 0 {
			return unregistered(problems).refusal
		}
		holding, there, err := j.holding(c, deleted)
		if err != nil {
			return err
		}
		if !there {
			return refuse(catalog.CodeNotFound, "There is no such schema.", catalog.Problem{Rule: catalog.RuleSchemaNotFound,
				Detail: fmt.Sprintf("No version of subject %s is this schema.", quote(s.String())), Fix: "Register it."})
		}
		found = holding
		return nil
	})
	return found, err
}

// Compatible implements [catalog.SubjectWriter]. It changes nothing.
func (r registry) Compatible(ctx context.Context, s catalog.Subject, version int, asked catalog.Registering) ([]catalog.Incompatibility, error) {
	if err := r.asked(s); err != nil {
		return nil, r.fail(ctx, err)
	}
	var found []catalog.Incompatibility
	err := r.view(ctx, func(j *judge) error {
		c, problems, err := j.received(s, asked)
		if err != nil {
			return err
		}
		if len(problems) > 0 {
			return unregistered(problems).refusal
		}
		found, err = j.stops(c, version)
		return err
	})
	return found, err
}

// stops is what stops a text from following a version, or those that the mode
// of its subject looks at.
func (j *judge) stops(c contract, version int) ([]catalog.Incompatibility, error) {
	held, err := j.heldSettings(c.subject)
	if err != nil {
		return nil, err
	}
	older, err := j.comparedWith(c.subject, version, held.Compatibility)
	if err != nil {
		return nil, err
	}
	candidate, err := j.read(c.text)
	if err != nil {
		return nil, err
	}
	return j.compare(held.Compatibility, older, candidate)
}

func (j *judge) comparedWith(s catalog.Subject, version int, mode catalog.Compatibility) ([]catalog.Registration, error) {
	if version == catalog.LatestVersion {
		mode = catalog.CompatibilityBackward
	}
	if version == catalog.AllVersions || version == catalog.LatestVersion {
		if hidden, err := j.sight.hidesSubject(s); hidden || err != nil {
			return nil, err
		}
		older, err := j.before.older(s, mode)
		if err != nil {
			return nil, err
		}
		return j.onlyShown(older)
	}
	one, err := j.one(s, version, false)
	return []catalog.Registration{one}, err
}
