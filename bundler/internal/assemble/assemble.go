// Package assemble turns a bundle.yaml into a bundle: [Resolve] finds out what it
// means, [NewPlan] what it costs, [Collect] fetches it, [Pack] writes the volumes
// and [Create] does all of that in one pass.
//
// # Order
//
// Evidence comes first. An item's manifests and evidence are fetched and judged
// before a byte of its layers is, and everything is judged again whenever it
// moves on: a lock is no proof. All items are looked at before the run fails, so
// one run names everything that is wrong.
//
// # One pass
//
// [Create] streams blobs from their registries straight to their places in the
// volumes: they cross the network once and are written once. Only metadata is
// kept beside it, in DIR/.NAME.work, together with the lock, so that a run that
// was killed continues with the same bundle.
package assemble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/fetch/file"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/fetch/oci"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Content gives verified bytes of manifests and evidence, each of at most
// [artifact.MaxMetadata].
type Content interface {
	Fetch(ctx context.Context, d artifact.Descriptor) ([]byte, error)
}

// Judge says who vouches for an item, by the policy and at the time of the run.
// An item that the policy does not let pass is an error.
type Judge func(ctx context.Context, item *lock.Item, content Content) (lock.Verdict, error)

// Options are what a bundle is made of and under which policy.
type Options struct {
	Spec   *spec.Spec
	Policy *spec.Policy
	// Vocabulary is that of the markings in Spec and Policy; nil for the
	// embedded one.
	Vocabulary *marking.Vocabulary
	// Judge is required: there is no way to pass without one.
	Judge Judge

	// Registries is how registries are reached; its Cache is not used.
	Registries oci.Options
	// Folder is where local files lie: that of bundle.yaml.
	Folder string
	// Files is how files on web servers are reached.
	Files transfer.Options
	// Mesh connects to the platform at an endpoint; needed for entries of mesh.
	Mesh func(endpoint string) (catalog.Reader, error)

	// Parallel is how many items are resolved and how many large blobs fetched
	// at once, 4 when 0.
	Parallel int
	// Progress is told of every event; nil for nobody. It is called from several
	// goroutines at once and must not block.
	Progress func(Event)
}

func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Spec == nil || o.Policy == nil:
		return o, errors.New("assemble: spec and policy are required")
	case o.Judge == nil:
		return o, errors.New("assemble: nobody judges the items")
	}
	if o.Vocabulary == nil {
		o.Vocabulary = marking.Default()
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	if o.Registries.Transfer.Parallel == 0 {
		o.Registries.Transfer.Parallel = 4 * o.Parallel
	}
	return o, nil
}

// run is one run over a store. With it, metadata is fetched once.
type run struct {
	Options
	store      *cas.Store
	registries *oci.Registries
	files      *file.Files
}

func open(o Options, store *cas.Store) (*run, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	o.Registries.Cache = store
	registries, err := oci.New(o.Registries)
	if err != nil {
		return nil, err
	}
	folder := o.Folder
	if folder == "" {
		folder = "."
	}
	files, err := file.New(folder, o.Files)
	if err != nil {
		registries.Close()
		return nil, err
	}
	return &run{Options: o, store: store, registries: registries, files: files}, nil
}

func (r *run) close() error {
	r.registries.Close()
	return r.files.Close()
}

// with runs do on a run over the store.
func with(o Options, store *cas.Store, do func(*run) error) (err error) {
	r, err := open(o, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	return do(r)
}

// scratch runs do with a store that is gone afterwards, for what writes nothing.
func scratch(do func(*cas.Store) error) (err error) {
	dir, err := os.MkdirTemp("", "datamesh-bundler-")
	if err != nil {
		return fmt.Errorf("temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := cas.Open(dir, cas.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return do(store)
}

// timestamp is a time as an envelope has it: whole seconds, UTC.
func timestamp(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
