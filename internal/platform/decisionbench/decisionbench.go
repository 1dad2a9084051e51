// Package decisionbench serves decisions that nobody records: what a platform
// without an audit log would do, to measure what the log costs. No program but
// the benchmark carries it.
package decisionbench

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/authzen"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// Server answers AuthZEN over HTTP to whoever bears its token, as the
// administrator of a development server is answered, and records nothing.
type Server struct {
	http.Handler

	store store.Store
}

// Open makes a server on a fresh database in the folder, with these objects.
func Open(ctx context.Context, dir, token string, log *slog.Logger, objects ...catalog.Object) (*Server, error) {
	opened, err := sqlite.Open(ctx, filepath.Join(dir, "datamesh.db"))
	if err != nil {
		return nil, err
	}
	s := &Server{store: opened}
	if err := s.serve(ctx, token, log, objects); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes the database.
func (s *Server) Close() error { return s.store.Close() }

func (s *Server) serve(ctx context.Context, token string, log *slog.Logger, objects []catalog.Object) error {
	caller := catalog.Caller{Subject: "dev-administrator", Issuer: "bench", Administrator: true, Attributes: marking.Subject{
		Clearance: "TS", CountryOfAffiliation: []string{"USA"}, DutyOrganization: "USA.DEV", EmploymentType: "gov",
	}}
	recorded, err := platform.New(platform.Config{Store: s.store, Log: log})
	if err != nil {
		return err
	}
	for _, object := range objects {
		if _, err := recorded.As(caller).Put(ctx, object, catalog.WriteOptions{}); err != nil {
			return err
		}
	}
	points := []platform.EnforcementPoint{{Issuer: caller.Issuer, Subject: caller.Subject}}
	p, err := platform.New(platform.Config{Store: unrecorded{s.store}, Log: log, EnforcementPoints: points})
	if err != nil {
		return err
	}
	s.Handler = authzen.New(authzen.Options{
		Decisions: p.Decisions,
		Authenticate: func(r *http.Request) (catalog.Caller, error) {
			if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) == 0 {
				return catalog.Caller{}, errors.New("not the benchmark")
			}
			return caller, nil
		},
		Log: log,
	})
	return nil
}

// unrecorded is a store whose changes are none: they read, and what they append
// to the log is dropped.
type unrecorded struct{ store.Store }

func (u unrecorded) Update(ctx context.Context, f func(store.Writer) error) error {
	return u.View(ctx, func(r store.Reader) error { return f(dropping{Reader: r}) })
}

// dropping has of a writer what a decision needs: it reads, and what is appended
// is dropped. Nothing else is called.
type dropping struct {
	store.Reader
	changes // nil
}

// changes are the methods of a writer that change something else than the log.
type changes interface {
	Put(context.Context, store.Record) error
	Delete(context.Context, catalog.Ref) error
	store.RegistryWriter
	store.VocabularyWriter
}

func (d dropping) Append(context.Context, audit.Entry) error { return nil }
