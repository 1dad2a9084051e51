package registrytest

import (
	"context"
	"errors"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var authorityScenes = []scene{
	{"who may write which subject", whoMayWrite},
	{"who may configure what", whoMayConfigure},
	{"everybody who is known may read", everybodyReads},
	{"nobody may do nothing", nobody},
}

func whoMayWrite(t *testing.T, m *mesh) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		s   catalog.Subject
		may map[string]bool
	}{
		"a schema of the domain":         {named("alpha.track"), map[string]bool{"alpha.owner": true}},
		"one of another context":         {catalog.Subject{Context: "lab", Name: "alpha.track"}, map[string]bool{"alpha.owner": true}},
		"a subject of nobody":            {named("orders-value"), nil},
		"one of another context, too":    {catalog.Subject{Context: "lab", Name: "orders"}, nil},
		"a name that looks like the one": {named("alpha.Track"), nil},
		"a name of three parts":          {named("alpha.track.value"), nil},
	} {
		for _, who := range []catalog.Caller{owner("alpha"), owner("bravo"), stranger(), board()} {
			_, err := m.Registry(who).Register(ctx, c.s, avro(track()))
			if c.may[who.Subject] {
				if err != nil {
					t.Errorf("%s, %s: got %v, want it permitted", name, who.Subject, err)
				}
				continue
			}
			t.Log(name, who.Subject)
			wantRule(t, err, catalog.RuleForbidden)
			if !errors.Is(err, catalog.ErrForbidden) {
				t.Errorf("got %v, want code forbidden", err)
			}
			_, err = m.Registry(who).Remove(ctx, c.s, 1, false) // told the same whether it exists or not
			wantRule(t, err, catalog.RuleForbidden)
		}
		m.register(t, c.s, avro(track("speed")), 1+len(c.may))
	}
}

func whoMayConfigure(t *testing.T, m *mesh) {
	ctx, level := context.Background(), catalog.SettingsChange{Set: catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull}}
	for _, scope := range []catalog.Scope{{}, {Context: "lab"}, named("orders-value")} {
		for _, who := range []catalog.Caller{owner("alpha"), stranger(), board()} {
			wantRule(t, m.Registry(who).Configure(ctx, scope, level), catalog.RuleForbidden)
		}
	}
	wantRule(t, m.Registry(owner("bravo")).Configure(ctx, named("alpha.track"), level), catalog.RuleForbidden)
	if err := m.Registry(owner("alpha")).Configure(ctx, named("alpha.track"), level); err != nil {
		t.Errorf("owner: got %v, want it permitted", err)
	}
	m.level(t, catalog.Scope{}, catalog.CompatibilityNone)
}

func everybodyReads(t *testing.T, m *mesh) {
	s := named("alpha.track")
	text := m.register(t, s, avro(track()), 1).Schema
	if err := errors.Join(questions(m.Registry(stranger()), s, text)...); err != nil {
		t.Errorf("got %v, want every question answered", err)
	}
}

// questions asks everything that changes nothing about the first version of a
// subject, and returns the errors, one a question.
func questions(r catalog.Registry, s catalog.Subject, text catalog.RegisteredSchema) []error {
	ctx := context.Background()
	_, byID := r.SchemaByID(ctx, s, text.ID)
	_, _, byGUID := r.SchemaByGUID(ctx, text.GUID)
	_, one := r.Registration(ctx, s, 1, false)
	_, all := r.Registrations(ctx, catalog.RegistryQuery{})
	_, found := r.Find(ctx, s, avro(track()), false)
	_, compatible := r.Compatible(ctx, s, catalog.AllVersions, avro(track("speed")))
	_, users := r.ReferencedBy(ctx, s, 1)
	_, contexts := r.Contexts(ctx)
	_, settings := r.Settings(ctx, s)
	_, effective := r.Effective(ctx, s)
	return []error{byID, byGUID, one, all, found, compatible, users, contexts, settings, effective}
}

func nobody(t *testing.T, m *mesh) {
	ctx, s, r := context.Background(), named("alpha.track"), m.Registry(catalog.Caller{Administrator: true})
	text := m.register(t, s, avro(track()), 1).Schema
	_, err := m.registry.SchemaByID(ctx, s, text.ID) // it may be remembered for others
	if err != nil {
		t.Fatal(err)
	}
	_, registered := r.Register(ctx, s, avro(track()))
	_, removed := r.Remove(ctx, s, 1, false)
	configured := r.Configure(ctx, s, catalog.SettingsChange{ClearMode: true})
	for i, err := range append(questions(r, s, text), registered, removed, configured) {
		if !errors.Is(err, catalog.ErrUnauthenticated) {
			t.Errorf("question %d: got %v, want code unauthenticated", i, err)
		}
	}
}
