// Package catalogtest is the suite that every catalog.Service must pass: the
// platform itself, and the platform as seen through client and server, which
// proves that the wire loses nothing.
//
// Each test opens a fresh, empty catalogue, fills it as an administrator and
// then speaks for other callers. It compares codes, rules and the fields that
// problems point at, never the words of a message, save where a name must or
// must not be in it.
package catalogtest

import (
	"context"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Fixture is one empty catalogue under the embedded vocabulary and the clock
// of the machine.
type Fixture struct {
	// As is the catalogue as this caller sees it. Subject, Groups, Administrator
	// and Attributes must reach the platform as they are; it may be called often,
	// for the same caller too, and from several goroutines.
	As func(catalog.Caller) catalog.Service
}

// TestService runs the suite. open makes a fresh catalogue and has it cleaned
// up when t ends; the subtests run in parallel.
func TestService(t *testing.T, open func(t *testing.T) Fixture) {
	for _, group := range [][]scene{
		objectScenes, conditionScenes, listScenes, authorityScenes, sightScenes, domainScenes, markedScenes,
		schemaScenes, evolutionScenes, schemaReferenceScenes, conformanceScenes, lineageScenes, derivationScenes, caveatScenes, productScenes, deletionScenes, proposalScenes, hostileScenes,
	} {
		for _, s := range group {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				f := open(t)
				s.run(t, &mesh{Fixture: f, admin: f.As(administrator())})
			})
		}
	}
}

// scene is one test on a catalogue of its own.
type scene struct {
	name string
	run  func(*testing.T, *mesh)
}

// mesh is a catalogue under test.
type mesh struct {
	Fixture
	admin catalog.Service
}

// put stores an object as the administrator, who may, and returns the entry.
func (m *mesh) put(t *testing.T, o catalog.Object) catalog.Entry {
	t.Helper()
	entry, err := m.admin.Put(context.Background(), o, catalog.WriteOptions{})
	if err != nil {
		t.Fatalf("Put %s: got %v, want it stored", o.Ref(), err)
	}
	return entry
}

// fill stores objects in this order.
func (m *mesh) fill(t *testing.T, objects ...catalog.Object) {
	t.Helper()
	for _, o := range objects {
		m.put(t, o)
	}
}

// refused asks the administrator's Put for this problem.
func (m *mesh) refused(t *testing.T, o catalog.Object, field, rule string) catalog.Problem {
	t.Helper()
	_, err := m.admin.Put(context.Background(), o, catalog.WriteOptions{})
	return wantProblem(t, err, catalog.CodeInvalid, field, rule)
}

// entry reads an object as the administrator.
func (m *mesh) entry(t *testing.T, ref catalog.Ref) catalog.Entry {
	t.Helper()
	entry, err := m.admin.Get(context.Background(), ref)
	if err != nil {
		t.Fatalf("Get %s: got %v, want the object", ref, err)
	}
	return entry
}

// product reads a product as the administrator.
func (m *mesh) product(t *testing.T, id string) *catalog.Product {
	t.Helper()
	return as[*catalog.Product](t, m.entry(t, productRef(id)).Object)
}
