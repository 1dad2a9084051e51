package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var errDisk = errors.New("disk /secret/path is full")

// faulty is a store whose calls fail from the n-th on.
type faulty struct {
	store.Store
	left int
}

func (f *faulty) fails() error {
	f.left--
	if f.left < 0 {
		return errDisk
	}
	return nil
}

func (f *faulty) View(ctx context.Context, do func(store.Reader) error) error {
	return f.Store.View(ctx, func(r store.Reader) error { return do(faultyReader{f, faultyRegistry{f, r}, r}) })
}

func (f *faulty) Update(ctx context.Context, do func(store.Writer) error) error {
	return f.Store.Update(ctx, func(w store.Writer) error {
		return do(faultyWriter{faultyReader{f, faultyRegistry{f, w}, w}, faultyShelf{f, w}, w})
	})
}

func (f *faulty) Append(ctx context.Context, e audit.Entry) error { return appendBy(ctx, f.Update, e) }

// appendBy appends in a transaction of a store that stands before another, and
// that would otherwise be passed by.
func appendBy(ctx context.Context, update func(context.Context, func(store.Writer) error) error, e audit.Entry) error {
	return update(ctx, func(w store.Writer) error { return w.Append(ctx, e) })
}

type faultyReader struct {
	*faulty
	faultyRegistry
	r store.Reader
}

func (f faultyReader) Get(ctx context.Context, ref catalog.Ref) (store.Record, error) {
	if err := f.fails(); err != nil {
		return store.Record{}, err
	}
	return f.r.Get(ctx, ref)
}

func (f faultyReader) List(ctx context.Context, q store.Query) ([]store.Record, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.r.List(ctx, q)
}

func (f faultyReader) Dependants(ctx context.Context, ref catalog.Ref) ([]catalog.Ref, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.r.Dependants(ctx, ref)
}

func (f faultyReader) InForce(ctx context.Context) (store.Enactment, error) {
	return failing(f.faulty, func() (store.Enactment, error) { return f.r.InForce(ctx) })
}

func (f faultyReader) Vocabulary(ctx context.Context, version string) (store.Vocabulary, error) {
	return failing(f.faulty, func() (store.Vocabulary, error) { return f.r.Vocabulary(ctx, version) })
}

func (f faultyReader) Enactments(ctx context.Context, limit int) ([]store.Enactment, error) {
	return failing(f.faulty, func() ([]store.Enactment, error) { return f.r.Enactments(ctx, limit) })
}

type faultyWriter struct {
	faultyReader
	faultyShelf
	w store.Writer
}

func (f faultyWriter) Put(ctx context.Context, r store.Record) error {
	return errors.Join(f.fails(), f.w.Put(ctx, r)) // it is written, and then the call fails
}

func (f faultyWriter) Delete(ctx context.Context, ref catalog.Ref) error {
	return errors.Join(f.fails(), f.w.Delete(ctx, ref))
}

func (f faultyWriter) Enact(ctx context.Context, v store.Vocabulary, e store.Enactment) error {
	return errors.Join(f.fails(), f.w.Enact(ctx, v, e))
}

func (f faultyWriter) Append(ctx context.Context, e audit.Entry) error {
	return errors.Join(f.fails(), f.w.Append(ctx, e))
}

// everything is all that the store holds, to compare.
func everything(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := s.View(context.Background(), func(r store.Reader) error {
		for _, kind := range catalog.Kinds() {
			records, err := r.List(context.Background(), store.Query{Kind: kind, Limit: 1000})
			if err != nil {
				return err
			}
			for _, record := range records {
				all[record.Ref.String()] = record.Revision + string(record.Body)
			}
		}
		versions, err := r.Registrations(context.Background(), catalog.RegistryQuery{Context: "*", Deleted: true, Limit: 1000})
		for _, scope := range []catalog.Scope{{}, {Name: "alpha.kept"}} {
			settings, err := r.Settings(context.Background(), scope)
			if err != nil {
				return err
			}
			all["settings of "+scope.String()] = fmt.Sprintf("%+v", settings)
		}
		for _, v := range versions {
			all[fmt.Sprintf("version %d of %s", v.Version, v.Subject)] = fmt.Sprintf("%+v", v)
		}
		return err
	})
	if err != nil {
		t.Fatalf("read everything: %v", err)
	}
	records, err := s.Audit(context.Background(), 0, 1000)
	if err != nil {
		t.Fatalf("read the log: %v", err)
	}
	for _, r := range records {
		all["entry "+string(r.Entry)] = ""
	}
	return all
}

// TestNothingHalfWritten fails each call of a change to the store in turn. The
// change must fail and leave no trace, until no call fails any more.
func TestNothingHalfWritten(t *testing.T) {
	t.Parallel()
	schema := &catalog.Schema{Domain: "alpha", Name: "s", Type: catalog.SchemaJSON, Definition: `{"type":"object"}`}
	kept, bare := catalog.Subject{Name: "alpha.kept"}, catalog.Subject{Name: "bare"}
	for name, change := range map[string]func(*Platform) error{
		"a marking with two products downstream": func(p *Platform) error {
			_, err := p.As(admin).Put(context.Background(), product("alpha/in", "SECRET//NOFORN"), catalog.WriteOptions{})
			return err
		},
		"a schema with its version": func(p *Platform) error {
			_, err := p.As(admin).Put(context.Background(), schema, catalog.WriteOptions{})
			return err
		},
		"a deletion": func(p *Platform) error {
			return p.As(admin).Delete(context.Background(), product("alpha/alone", "").Ref(), catalog.WriteOptions{})
		},
		"a registration that makes a schema": func(p *Platform) error {
			_, err := p.Registry(admin).Register(context.Background(), catalog.Subject{Name: "alpha.new"}, avroText)
			return err
		},
		"a registration with a reference": func(p *Platform) error {
			text := catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"U","fields":[{"name":"t","type":"T"}]}`,
				References: []catalog.SubjectReference{{Name: "T", Subject: bare, Version: 1}}}
			_, err := p.Registry(admin).Register(context.Background(), catalog.Subject{Context: "lab", Name: "new"}, text)
			return err
		},
		"a deletion through the registry": func(p *Platform) error {
			_, err := p.Registry(admin).Remove(context.Background(), kept, catalog.AllVersions, false)
			return err
		},
		"a removal for ever": func(p *Platform) error {
			_, err := p.Registry(admin).Remove(context.Background(), catalog.Subject{Name: "deleted"}, 1, true)
			return err
		},
		"a configuration of a schema and of its subject": func(p *Platform) error {
			return p.Registry(admin).Configure(context.Background(), kept, catalog.SettingsChange{Set: catalog.SubjectSettings{
				Compatibility: catalog.CompatibilityNone, Normalize: new(true)}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			mustPut(t, newPlatform(t, s).As(admin), domain("alpha"), product("alpha/in", "CONFIDENTIAL//NOFORN"), product("alpha/alone", "SECRET"),
				product("alpha/mid", "", "alpha/in"), product("alpha/out", "", "alpha/mid"))
			r := newPlatform(t, s).Registry(admin)
			for _, subject := range []catalog.Subject{kept, bare, {Name: "deleted"}} {
				mustRegister(t, r, subject, avroText)
			}
			if _, err := r.Remove(context.Background(), catalog.Subject{Name: "deleted"}, 1, false); err != nil {
				t.Fatal(err)
			}
			before := everything(t, s)
			for n := 0; ; n++ {
				err := change(newPlatform(t, &faulty{s, n}))
				if err == nil {
					if n < 3 {
						t.Errorf("got success with the store failing after %d calls, want a failure", n)
					}
					return
				}
				if !errors.Is(err, catalog.ErrUnavailable) {
					t.Fatalf("call %d: got %v, want unavailable", n, err)
				}
				if diff := cmp.Diff(before, everything(t, s)); diff != "" {
					t.Fatalf("call %d left a trace (-before +after):\n%s", n, diff)
				}
				if n > 100 {
					t.Fatal("got no success after 100 calls, want the change to end")
				}
			}
		})
	}
}

// TestNoPermissionIsRefusedWithoutItsEntry: a denial that cannot be recorded
// is an outage, not a denial.
func TestNoPermissionIsRefusedWithoutItsEntry(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	mustPut(t, newPlatform(t, s).As(admin), domain("alpha"))
	stranger := catalog.Caller{Subject: "stranger"}
	for n := range 50 {
		_, err := newPlatform(t, &faulty{s, n}).As(stranger).Put(context.Background(), product("alpha/p", "SECRET"), catalog.WriteOptions{})
		if errors.Is(err, catalog.ErrForbidden) {
			if got := entries(t, s, 1); len(got) != 1 || got[0].Decision != audit.Deny {
				t.Errorf("got %v, want one denial recorded", told(got))
			}
			return
		}
		if !errors.Is(err, catalog.ErrUnavailable) {
			t.Fatalf("got %v, want unavailable or forbidden", err)
		}
		if got := entries(t, s, 1); len(got) != 0 {
			t.Fatalf("got %v after a failure, want nothing", told(got))
		}
	}
	t.Fatal("got no denial after 50 calls")
}

func TestCausesStayInTheLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p, err := New(Config{Store: &faulty{openStore(t), 0}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.As(admin).Get(context.Background(), domain("alpha").Ref())
	var refusal *catalog.Error
	if !errors.As(err, &refusal) || refusal.Code != catalog.CodeUnavailable || refusal.RequestID != "req-1" {
		t.Fatalf("got %#v, want unavailable with the request id", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("got %q, want no cause in it", err)
	}
	if !strings.Contains(log.String(), "/secret/path") || !strings.Contains(log.String(), "req-1") {
		t.Errorf("got log %q, want cause and request id", log.String())
	}
}

func TestARequestThatEnds(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := newPlatform(t, s).As(admin).Put(ctx, domain("alpha"), catalog.WriteOptions{})
	if !errors.Is(err, catalog.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want unavailable because of the cancellation", err)
	}
	if got := everything(t, s); len(got) != 2 { // the settings of two scopes
		t.Errorf("got %v stored, want nothing", got)
	}
}

func TestAPlatformNeedsAStore(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("got a platform without a store, want an error")
	}
}
