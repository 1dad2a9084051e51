package platformd

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditsearch"
)

// keepers are those who keep the audit log beside the database. Each works in a
// goroutine of its own and in no request, and its trouble delays nothing but
// itself. A nil one is not configured.
type keepers struct {
	cosigning *cosigning
	copying   *copying
	search    *auditsearch.Index
	clock     *clock
}

// keeper works until ctx ends and reports what goes wrong on the way.
type keeper interface {
	run(ctx context.Context, log *slog.Logger)
	trouble() error
}

func (s *Server) openKeepers(ctx context.Context) (err error) {
	s.keepers.search = auditsearch.New(filepath.Join(s.dir, SearchName), s.store)
	if s.keepers.clock, err = openClock(ctx, s.store, s.config.Node); err != nil {
		return err
	}
	if s.keepers.cosigning, err = openCosigning(ctx, s.config.Audit.Witnesses, s.dir, s.log); err != nil {
		return err
	}
	s.keepers.copying, err = openCopying(s.config.Audit.Copy, s.store, s.copiedCheckpoint)
	return err
}

func (k *keepers) all() []keeper {
	var all []keeper
	if k.search != nil {
		all = append(all, follower{k.search}, k.clock)
	}
	if k.cosigning != nil {
		all = append(all, k.cosigning)
	}
	if k.copying != nil {
		all = append(all, k.copying)
	}
	return all
}

// run starts them and returns what ends them and waits for it.
func (k *keepers) run(ctx context.Context, log *slog.Logger) (rest func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, one := range k.all() {
		running.Go(func() { one.run(ctx, log) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// trouble is why the log is not kept as the operator wants it.
func (k *keepers) trouble() error {
	var errs []error
	for _, one := range k.all() {
		errs = append(errs, one.trouble())
	}
	return errors.Join(errs...)
}

// SearchName is the folder in a data directory in which a running server has the
// database that the audit log is searched by, in a file without a name.
const SearchName = "auditsearch"

// follower is what searches of the log are answered from.
type follower struct{ index *auditsearch.Index }

func (f follower) run(ctx context.Context, log *slog.Logger) { f.index.Run(ctx, log) }

// trouble of a search keeps nobody from anything else: those who search are
// told, and readiness is for what everybody needs.
func (f follower) trouble() error { return nil }

// auditHandler is the door to the audit log.
func (s *Server) auditHandler() http.Handler {
	reading := s.platform.AuditReading(s.keepers.search, s.provenCheckpoint)
	return auditapi.New(auditapi.Options{
		Logs:         s.platform.AuditLog,
		Reading:      reading.For,
		Checkpoint:   s.publishedCheckpoint,
		Signed:       s.log.current,
		Key:          s.log.key.Public(),
		Authenticate: s.authenticate,
		Log:          s.config.Log,
	})
}

// provenCheckpoint is the published checkpoint and what it says.
func (s *Server) provenCheckpoint() (audit.Checkpoint, []byte, error) {
	signed, err := s.publishedCheckpoint()
	if err != nil {
		return audit.Checkpoint{}, nil, err
	}
	public, err := audit.ParsePublicKey(s.log.key.Public())
	if err != nil {
		return audit.Checkpoint{}, nil, err
	}
	checkpoint, err := public.Open(signed)
	return checkpoint, signed, err
}

// copiedCheckpoint is provenCheckpoint, and that of an empty log, which nobody
// cosigns and nobody has to copy.
func (s *Server) copiedCheckpoint() (audit.Checkpoint, []byte, error) {
	if last, signed := s.log.latest(); last.Size == 0 {
		return last, signed, nil
	}
	return s.provenCheckpoint()
}

// publishedCheckpoint is the newest that enough witnesses have cosigned, or,
// without witnesses, the newest that is signed. Never one after the other: the
// published log would seem to have become shorter.
func (s *Server) publishedCheckpoint() ([]byte, error) {
	if s.keepers.cosigning == nil {
		return s.log.current(), nil
	}
	return s.keepers.cosigning.published()
}
