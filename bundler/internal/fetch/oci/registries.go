// Package oci reads registries that speak the OCI distribution specification
// 1.1: it resolves tags, walks what hangs below a manifest and what speaks about
// it, and opens blobs at any offset.
//
// # What a caller can rely on
//
// A tag is resolved once; everything after that is asked for by digest, and
// metadata is checked against its digest before it is parsed, so an answer that
// changes changes nothing. Blobs are streamed unverified: whoever reads them
// hashes them ([artifact.Source]). A broken transfer goes on by Range where it
// broke.
//
// # What it defends against
//
// Credentials go to the registry that they belong to and to its token service,
// never where a redirect or a foreign realm points. Descriptors' URLs are never
// followed. A document that two readers could read differently is refused. Every
// answer, list, page and graph is bounded, and a transfer that crawls is ended.
package oci

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

// Limits of what a registry may send.
const (
	MaxTags      = 100_000 // of one repository
	maxTagPages  = 2_000
	maxManifests = 2_000 // below one root
	maxDepth     = 4     // of indexes in indexes
	maxEntries   = 2_000 // layers of a manifest or manifests of an index
	maxRedirects = 5
)

// Options are how registries are reached. The zero value uses the docker
// configuration's credentials, the system's authorities and the environment's
// proxy.
type Options struct {
	// Keychain holds the credentials; nil for those of the docker
	// configuration and its helpers.
	Keychain authn.Keychain
	// Transfer is how their servers are reached. Its Parallel bounds how many
	// requests for metadata run at once.
	Transfer transfer.Options
	// TokenHosts names, for a registry's host, the hosts of a token service that
	// its credentials may be sent to, beside those of its own domain.
	TokenHosts map[string][]string

	// Cache, if set, keeps metadata from one run to the next.
	Cache Cache
}

// Cache keeps metadata by digest. What it returns is hashed again.
type Cache interface {
	// Load returns the bytes of a blob of at most [artifact.MaxMetadata].
	Load(ctx context.Context, blob artifact.Blob) ([]byte, bool)
	// Save keeps them; an error ends the run, because it is the disk's.
	Save(ctx context.Context, blob artifact.Blob, content []byte) error
}

// Registries is the way to all registries of a run. Safe for concurrent use.
type Registries struct {
	options  Options
	line     *transfer.Line
	slots    chan struct{} // of metadata requests; blobs are bounded by who reads them
	evidence atomic.Int64  // found so far in this run

	mu           sync.Mutex
	hosts        map[string]*host
	repositories map[artifact.Repository]*Repository
}

// New prepares the way. The error names the option that is wrong. Nothing is
// contacted yet.
func New(o Options) (*Registries, error) {
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.Transfer.Parallel == 0 {
		o.Transfer.Parallel = 8
	}
	line, err := transfer.New(o.Transfer)
	if err != nil {
		return nil, err
	}
	return &Registries{
		options: o, line: line, slots: make(chan struct{}, o.Transfer.Parallel),
		hosts: map[string]*host{}, repositories: map[artifact.Repository]*Repository{},
	}, nil
}

// Close gives up idle connections.
func (r *Registries) Close() { r.line.Close() }

// Repository is one repository of a registry. Safe for concurrent use.
type Repository struct {
	all  *Registries
	name artifact.Repository

	once   sync.Mutex
	client *http.Client
	scheme string
	// noReferrersAPI is set by the first 404: a registry that has the API
	// answers with an empty list (distribution-spec 1.1).
	noReferrersAPI atomic.Bool
}

// Repository returns the repository, the same one for the same name.
func (r *Registries) Repository(n artifact.Repository) *Repository {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.repositories[n]; !ok {
		r.repositories[n] = &Repository{all: r, name: n}
	}
	return r.repositories[n]
}

// host is what one registry answered to the first ping.
type host struct {
	once      sync.Mutex
	registry  name.Registry
	transport http.RoundTripper // guarded and retried, without credentials
	challenge *transport.Challenge
	auth      authn.Authenticator
}

func (r *Registries) host(address string) *host {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.hosts[address]; !ok {
		r.hosts[address] = &host{}
	}
	return r.hosts[address]
}

// connect pings the registry of the repository once and authenticates to the
// repository once. A failure is tried again at the next call.
func (r *Repository) connect(ctx context.Context) (*http.Client, string, error) {
	r.once.Lock()
	defer r.once.Unlock()
	if r.client != nil {
		return r.client, r.scheme, nil
	}
	h, err := r.all.ping(ctx, r.name)
	if err != nil {
		return nil, "", err
	}
	authenticated, err := h.authenticate(ctx, r.name)
	if err != nil {
		return nil, "", fmt.Errorf("%s: logging in: %w; log in with docker login or podman login", r.name, transfer.Plain(err))
	}
	r.scheme = "https"
	if h.challenge.Insecure {
		r.scheme = "http"
	}
	r.client = &http.Client{Transport: authenticated, CheckRedirect: transfer.Redirects}
	return r.client, r.scheme, nil
}

func (r *Registries) ping(ctx context.Context, n artifact.Repository) (*host, error) {
	h := r.host(n.Host)
	h.once.Lock()
	defer h.once.Unlock()
	if h.challenge != nil {
		return h, nil
	}
	registry, err := name.NewRegistry(n.Host, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n, err)
	}
	h.auth, err = authn.Resolve(ctx, r.options.Keychain, registry)
	if err != nil {
		return nil, fmt.Errorf("%s: reading credentials: %w", n, err)
	}
	h.registry = registry
	home := transfer.Home{Host: n.Host, TokenHosts: r.options.TokenHosts[n.Host]}
	h.transport = transport.NewUserAgent(r.line.Transport(home), "datamesh-bundler")
	challenge, err := transport.Ping(ctx, registry, h.transport)
	if err != nil {
		return nil, fmt.Errorf("%s: the registry does not answer: %w; check its name, the proxy and the certificate authority", n, transfer.Plain(err))
	}
	h.challenge = challenge
	return h, nil
}

func (h *host) authenticate(ctx context.Context, n artifact.Repository) (http.RoundTripper, error) {
	token := &transport.Token{}
	if strings.EqualFold(h.challenge.Scheme, "bearer") {
		var err error
		scope := "repository:" + n.Path + ":pull"
		token, err = transport.Exchange(ctx, h.registry, h.auth, h.transport, []string{scope}, h.challenge)
		if err != nil {
			return nil, err
		}
		if token.Token == "" {
			token.Token = token.AccessToken // the name that OAuth 2 gives it
		}
	}
	return transport.FromToken(h.registry, h.auth, h.transport, h.challenge, token)
}
