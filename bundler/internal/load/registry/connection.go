package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

// maxScopes is how many repositories one token may be asked for: scopes stand in
// a URL. Mounts from the others are refused by the registry, and their blobs
// sent.
const maxScopes = 100

// ConnectionOptions are how a registry is reached.
type ConnectionOptions struct {
	Host string // host:port
	// Keychain holds the credentials; nil for those of the docker
	// configuration and its helpers.
	Keychain authn.Keychain
	Transfer transfer.Options
	// TokenHosts are hosts of a token service that the credentials may be sent
	// to, beside those of the registry's own domain.
	TokenHosts []string
	// Repositories are those that are loaded into: blobs are mounted from one
	// to the other, so that each token must be good for all of them.
	Repositories []string
}

// Connection is a [Connector] over the network. Safe for concurrent use.
type Connection struct {
	options  ConnectionOptions
	line     *transfer.Line
	registry name.Registry

	mu      sync.Mutex
	host    *host // nil until the registry has answered
	clients map[string]*http.Client
}

// host is what the registry answered to the first ping.
type host struct {
	transport http.RoundTripper // guarded and retried, without credentials
	challenge *transport.Challenge
	auth      authn.Authenticator
}

// Connect prepares the way to a registry; it is contacted by the first load. The
// error names the option that is wrong.
func Connect(o ConnectionOptions) (*Connection, error) {
	registry, err := name.NewRegistry(o.Host, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("registry %.200q: %w", o.Host, err)
	}
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	line, err := transfer.New(o.Transfer)
	if err != nil {
		return nil, err
	}
	return &Connection{options: o, line: line, registry: registry, clients: map[string]*http.Client{}}, nil
}

// Close gives up idle connections.
func (c *Connection) Close() { c.line.Close() }

// Connect implements [Connector]. A failure is tried again at the next call.
func (c *Connection) Connect(ctx context.Context, repository string) (*http.Client, *url.URL, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.host == nil {
		h, err := c.ping(ctx)
		if err != nil {
			return nil, nil, err
		}
		c.host = h
	}
	base := &url.URL{Scheme: "https", Host: c.registry.RegistryStr(), Path: "/"}
	if c.host.challenge.Insecure {
		base.Scheme = "http"
	}
	if client, ok := c.clients[repository]; ok {
		return client, base, nil
	}
	authenticated, err := c.authenticate(ctx, repository)
	if err != nil {
		return nil, nil, fmt.Errorf("logging in: %w", transfer.Plain(err))
	}
	client := &http.Client{Transport: authenticated, CheckRedirect: transfer.Redirects}
	c.clients[repository] = client
	return client, base, nil
}

func (c *Connection) ping(ctx context.Context) (*host, error) {
	auth, err := authn.Resolve(ctx, c.options.Keychain, c.registry)
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	home := transfer.Home{Host: c.registry.RegistryStr(), TokenHosts: c.options.TokenHosts}
	guarded := transport.NewUserAgent(c.line.Transport(home), "datamesh-bundler")
	challenge, err := transport.Ping(ctx, c.registry, guarded)
	if err != nil {
		return nil, fmt.Errorf("registry %s does not answer: %w; check its name, the proxy and the certificate authority", c.registry, transfer.Plain(err))
	}
	return &host{guarded, challenge, auth}, nil
}

func (c *Connection) authenticate(ctx context.Context, repository string) (http.RoundTripper, error) {
	token := &transport.Token{}
	if strings.EqualFold(c.host.challenge.Scheme, "bearer") {
		var err error
		token, err = transport.Exchange(ctx, c.registry, c.host.auth, c.host.transport, c.scopes(repository), c.host.challenge)
		if err != nil {
			return nil, err
		}
		if token.Token == "" {
			token.Token = token.AccessToken // the name that OAuth 2 gives it
		}
	}
	return transport.FromToken(c.registry, c.host.auth, c.host.transport, c.host.challenge, token)
}

func (c *Connection) scopes(repository string) []string {
	scopes := []string{"repository:" + repository + ":pull,push"}
	for _, other := range c.options.Repositories {
		if other != repository && len(scopes) < maxScopes {
			scopes = append(scopes, "repository:"+other+":pull")
		}
	}
	return scopes
}
