package platform

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// Settings implements [catalog.RegistrySettings].
func (r registry) Settings(ctx context.Context, scope catalog.Scope) (catalog.SubjectSettings, error) {
	var held catalog.SubjectSettings
	err := r.scoped(ctx, scope, func(j *judge) (err error) {
		held, err = j.ownSettings(scope)
		return err
	})
	return held, err
}

// Effective implements [catalog.RegistrySettings].
func (r registry) Effective(ctx context.Context, scope catalog.Scope) (catalog.SubjectSettings, error) {
	var held catalog.SubjectSettings
	err := r.scoped(ctx, scope, func(j *judge) (err error) {
		held, err = j.heldSettings(scope)
		return err
	})
	return held, err
}

// ownSettings are the settings at exactly a scope, as far as the caller may know of it.
func (j *judge) ownSettings(scope catalog.Scope) (catalog.SubjectSettings, error) {
	hidden, err := j.sight.hidesSubject(scope)
	if hidden || err != nil {
		return catalog.SubjectSettings{}, err
	}
	if ref, ok := scope.Schema(); ok {
		seen, err := j.visible(ref)
		if err != nil {
			return catalog.SubjectSettings{}, err
		}
		if !seen {
			return j.before.row(scope)
		}
	}
	return j.before.settings(scope)
}

// heldSettings are the settings that hold at a scope, as far as the caller may know of it.
func (j *judge) heldSettings(scope catalog.Scope) (catalog.SubjectSettings, error) {
	if scope.Context == catalog.ReferenceContext {
		return j.before.effective(scope)
	}
	own, err := j.ownSettings(scope)
	if err != nil {
		return catalog.SubjectSettings{}, err
	}
	return j.before.within(scope, own)
}

func (r registry) scoped(ctx context.Context, scope catalog.Scope, f func(*judge) error) error {
	if err := r.askedScope(scope); err != nil {
		return r.fail(ctx, err)
	}
	return r.view(ctx, f)
}

// askedScope is asked for a scope, which may be a context or the registry.
func (r registry) askedScope(scope catalog.Scope) error {
	if scope.Name == "" {
		scope.Name = "any"
	}
	return r.asked(scope)
}

// Configure implements [catalog.RegistrySettings].
func (r registry) Configure(ctx context.Context, scope catalog.Scope, change catalog.SettingsChange) error {
	if err := r.askedScope(scope); err != nil {
		return r.fail(ctx, err)
	}
	_, err := r.carryOut(ctx, false, func(j *judge) (outcome, error) { return j.decideConfigure(scope, change) })
	return r.fail(ctx, err)
}

func (j *judge) decideConfigure(scope catalog.Scope, change catalog.SettingsChange) (outcome, error) {
	if out, err := j.mayWrite(scope, actionConfigure); out.refused() || err != nil {
		return out, err
	}
	problems, err := j.settingProblems(scope, change)
	if err != nil {
		return outcome{}, err
	}
	if len(problems) > 0 {
		return outcome{refusal: refuse(catalog.CodeInvalid, "The settings were not changed.", problems...)}, nil
	}
	scopes := []catalog.Scope{scope}
	if change.Recursive {
		below, err := j.below(scope)
		if err != nil {
			return outcome{}, err
		}
		scopes = append(scopes, below...)
	}
	return j.configure(scopes, change)
}

// below are the scopes with settings below this one. Only a transaction that
// writes can ask.
func (j *judge) below(scope catalog.Scope) ([]catalog.Scope, error) {
	w, ok := j.before.reader.(store.SettingsWriter)
	if !ok {
		return nil, fmt.Errorf("the scopes below %q: the transaction cannot write", scope)
	}
	return w.ScopesBelow(j.before.ctx, scope)
}

// settingProblems: the values exist, the mode permits the change, and an import
// starts from nothing.
func (j *judge) settingProblems(scope catalog.Scope, change catalog.SettingsChange) ([]catalog.Problem, error) {
	problems := unknownSettings(scope, change.Set)
	held, err := j.before.effective(scope)
	if err != nil {
		return nil, err
	}
	readOnly := held.Mode == catalog.ModeReadOnly || held.Mode == catalog.ModeReadOnlyOverride
	levels := change.Set.Compatibility != "" || change.Set.Normalize != nil || change.ClearCompatibility
	if readOnly && levels || scope.Context == catalog.ReferenceContext {
		problems = append(problems, wrongMode(scope, held.Mode)...)
	}
	if change.Set.Mode != catalog.ModeImport || change.Force || held.Mode == catalog.ModeImport {
		return problems, nil
	}
	taken, err := j.before.reader.Registrations(j.before.ctx, within(scope))
	if err != nil {
		return nil, err
	}
	if len(taken) > 0 {
		problems = append(problems, catalog.Problem{Field: "/mode", Rule: catalog.RuleMode,
			Detail: fmt.Sprintf("There are versions already in %s.", inWords(scope)), Fix: "Import into an empty context, or force it."})
	}
	return problems, nil
}

// within asks for one version within a scope.
func within(scope catalog.Scope) catalog.RegistryQuery {
	q := catalog.RegistryQuery{Context: scope.Context, WithoutText: true, Limit: 1}
	switch {
	case scope == catalog.Scope{}:
		q.Context = "*"
	case scope.Name != "":
		q.Subject = scope
	}
	return q
}

func unknownSettings(scope catalog.Scope, set catalog.SubjectSettings) []catalog.Problem {
	levels := []catalog.Compatibility{"", catalog.CompatibilityNone, catalog.CompatibilityBackward, catalog.CompatibilityBackwardTransitive,
		catalog.CompatibilityForward, catalog.CompatibilityForwardTransitive, catalog.CompatibilityFull, catalog.CompatibilityFullTransitive}
	modes := []catalog.RegistryMode{"", catalog.ModeReadWrite, catalog.ModeReadOnly, catalog.ModeImport}
	if scope == (catalog.Scope{}) {
		modes = append(modes, catalog.ModeReadOnlyOverride)
	}
	var problems []catalog.Problem
	if !slices.Contains(levels, set.Compatibility) {
		problems = append(problems, catalog.Problem{Field: "/compatibility", Rule: catalog.RuleUnknownValue,
			Detail: fmt.Sprintf("%s is no compatibility level.", quote(string(set.Compatibility))), Fix: fmt.Sprintf("Choose one of %v.", levels[1:])})
	}
	if !slices.Contains(modes, set.Mode) {
		problems = append(problems, catalog.Problem{Field: "/mode", Rule: catalog.RuleUnknownValue,
			Detail: fmt.Sprintf("%s is no mode of %s.", quote(string(set.Mode)), inWords(scope)), Fix: fmt.Sprintf("Choose one of %v.", modes[1:])})
	}
	return problems
}

// configure changes the first scope as asked, and takes from the others what is
// cleared.
func (j *judge) configure(scopes []catalog.Scope, change catalog.SettingsChange) (outcome, error) {
	out, declared, err := j.declare(scopes[0], change)
	if out.refused() || err != nil {
		return out, err
	}
	if declared {
		change.Set.Compatibility = ""
	}
	for i, scope := range scopes {
		if i == 1 {
			change.Set = catalog.SubjectSettings{}
		}
		was, err := j.before.row(scope)
		if err != nil {
			return outcome{}, err
		}
		if will := changed(was, change); !equalSettings(was, will) {
			out.registry.settings = append(out.registry.settings, setting{scope, was, will})
		}
	}
	return out, nil
}

// declare changes the level of a schema of the catalogue, which is a field of
// the schema; false when the scope is none.
func (j *judge) declare(scope catalog.Scope, change catalog.SettingsChange) (outcome, bool, error) {
	level := change.Set.Compatibility
	if level == "" && change.ClearCompatibility {
		level = catalog.CompatibilityGlobal
	}
	ref, _ := scope.Schema()
	current, err := j.before.entry(ref)
	schema, ok := current.Object.(*catalog.Schema)
	if !ok || level == "" || err != nil {
		return outcome{}, ok, err
	}
	next := *schema
	next.Compatibility = level
	out, err := j.decidePut(&next, current)
	return out, true, err
}

// changed is what a change makes of settings.
func changed(was catalog.SubjectSettings, change catalog.SettingsChange) catalog.SubjectSettings {
	if change.ClearCompatibility {
		was.Compatibility, was.Normalize = "", nil
	}
	if change.ClearMode {
		was.Mode = ""
	}
	return over(change.Set, was)
}

func equalSettings(a, b catalog.SubjectSettings) bool {
	return a.Compatibility == b.Compatibility && a.Mode == b.Mode &&
		(a.Normalize == nil) == (b.Normalize == nil) && (a.Normalize == nil || *a.Normalize == *b.Normalize)
}
