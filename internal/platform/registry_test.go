package platform

import (
	"context"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newPlatform(t, openStore(t))
	mustPut(t, p.As(admin), domain("alpha"))
	r := p.Registry(admin)
	s := catalog.Subject{Name: "alpha.s"}
	one, err := r.Register(ctx, s, catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"T","fields":[]}`})
	t.Logf("%+v %v", one, err)
	again, err := r.Register(ctx, s, catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"T", "fields":[]}`})
	t.Logf("%+v %v", again, err)
	two, err := r.Register(ctx, s, catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"T","fields":[{"name":"a","type":"int"}]}`})
	t.Logf("%+v %v", two, err)
	two, err = r.Register(ctx, s, catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"T","fields":[{"name":"a","type":"int","default":0}]}`})
	t.Logf("%+v %v", two, err)
	two, err = r.Register(ctx, catalog.Subject{Name: "orders-value"}, catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"T","fields":[{"name":"a","type":"int","default":0}]}`})
	t.Logf("%+v %v", two, err)
	by, err := r.SchemaByID(ctx, s, two.Schema.ID)
	t.Logf("%+v %v", by, err)
	by, ids, err := r.SchemaByGUID(ctx, two.Schema.GUID)
	t.Logf("%+v %v %v", by, ids, err)
	f, err := r.Find(ctx, s, catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"T","fields":[]}`}, false)
	t.Logf("%+v %v", f, err)
	vs, err := p.As(admin).SchemaVersions(ctx, "alpha/s")
	t.Logf("%+v %v", vs, err)
	all, err := r.Registrations(ctx, catalog.RegistryQuery{Context: "*"})
	t.Logf("%d %v", len(all), err)
	gone, err := r.Remove(ctx, s, 2, false)
	t.Logf("%v %v", gone, err)
	e, err := p.As(admin).Get(ctx, catalog.Ref{Kind: catalog.KindSchema, ID: "alpha/s"})
	t.Logf("%+v %v", e.Object, err)
	gone, err = r.Remove(ctx, s, catalog.AllVersions, false)
	t.Logf("%v %v", gone, err)
	e, err = p.As(admin).Get(ctx, catalog.Ref{Kind: catalog.KindSchema, ID: "alpha/s"})
	t.Logf("%+v %v", e.Object, err)
	gone, err = r.Remove(ctx, s, catalog.AllVersions, true)
	t.Logf("%v %v", gone, err)
}
