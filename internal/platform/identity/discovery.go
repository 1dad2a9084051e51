package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

const (
	// fetchTimeout is how long an issuer has for one document.
	fetchTimeout = 5 * time.Second
	// minRefresh is the least time between two questions to an issuer that tokens
	// cause, whatever tokens come in, and between two that nothing but time does.
	minRefresh = time.Minute
	// refreshInterval is how often an issuer is asked anyway: a key that it
	// removed ends its tokens.
	refreshInterval = 5 * time.Minute
	// maxKeyAge is how long keys are good for without an answer. Who keeps the
	// issuer from us must not keep a removed key alive.
	maxKeyAge = 24 * time.Hour
	// maxWaiting is how many callers wait while an issuer is asked for the key of
	// their tokens: each holds up a place for requests, and anybody can name a key
	// that is not known.
	maxWaiting = 16
)

// discovery finds the keys of an issuer by OpenID Connect Discovery 1.0: its
// document below the issuer's URL, and the key set that it names.
type discovery struct {
	issuer     string
	anchors    *watched[anchors]
	now        func() time.Time
	log        *slog.Logger
	generation *atomic.Uint64
	found      atomic.Pointer[foundKeys]
	waiting    chan struct{} // one for each caller who waits

	mu        sync.Mutex // guards what follows; held while the issuer is asked
	attempted time.Time
	prompted  time.Time // when a token was the reason

	failed atomic.Pointer[error]
}

type foundKeys struct {
	keys keySet
	at   time.Time
}

func (v *Verifier) discover(ctx context.Context, name string, files []string) (*discovery, error) {
	w, err := watch(func() (anchors, error) { return loadAnchors(files) }, files...)
	if err != nil {
		return nil, err
	}
	d := &discovery{issuer: name, anchors: w, now: v.Now, log: v.log, generation: &v.generation, waiting: make(chan struct{}, maxWaiting)}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ask(ctx)
	return d, nil
}

// anchors are those of the connections to an issuer.
type anchors struct {
	pool *x509.CertPool
	all  []*x509.Certificate
}

func loadAnchors(files []string) (anchors, error) {
	a := anchors{pool: x509.NewCertPool()}
	for _, path := range files {
		found, err := readAuthorities(path)
		if err != nil {
			return anchors{}, err
		}
		for _, anchor := range found {
			a.pool.AddCert(anchor)
		}
		a.all = append(a.all, found...)
	}
	return a, nil
}

// holds reports whether all of others are among these.
func (a anchors) holds(others anchors) bool {
	return !slices.ContainsFunc(others.all, func(other *x509.Certificate) bool { return !slices.ContainsFunc(a.all, other.Equal) })
}

func (d *discovery) current() keySet {
	found := d.found.Load()
	if found == nil || d.now().Sub(found.at) > maxKeyAge {
		return nil
	}
	return found.keys
}

func (d *discovery) lasts() time.Time {
	if found := d.found.Load(); found != nil {
		return found.at.Add(maxKeyAge)
	}
	return d.now() // there are none any more
}

// renewed asks the issuer unless a token made it be asked within the last minute.
// What was asked for by time does not count: an issuer that changes its keys just
// behind it would have its tokens refused for the rest of the minute. Tokens with
// keys that are known do not wait, and of those with others no more than
// maxWaiting.
func (d *discovery) renewed() keySet {
	select {
	case d.waiting <- struct{}{}:
		defer func() { <-d.waiting }()
	default:
		return d.current()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.now(); now.Sub(d.prompted) >= minRefresh {
		d.prompted = now
		d.ask(context.Background()) // what one caller's token began serves all
	}
	return d.current()
}

func (d *discovery) follow(ctx context.Context) {
	ticker := time.NewTicker(minRefresh)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			d.refresh(ctx)
		}
	}
}

// refresh asks when it is time to, more often while there is no answer.
func (d *discovery) refresh(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	wait := refreshInterval
	if d.failed.Load() != nil {
		wait = minRefresh
	}
	if d.now().Sub(d.attempted) >= wait {
		d.ask(ctx)
	}
}

// ask asks the issuer; mu is held. A failure leaves the keys that are known.
func (d *discovery) ask(ctx context.Context) {
	d.attempted = d.now()
	keys, err := d.fetch(ctx)
	if err != nil {
		d.fail(err)
		return
	}
	d.failed.Store(nil)
	if len(keys) == 0 {
		d.fail(errNoKeys)
	}
	before := d.found.Swap(&foundKeys{keys, d.attempted})
	if before == nil || !before.keys.equal(keys) {
		d.generation.Add(1)
	}
}

func (d *discovery) fail(err error) {
	err = fmt.Errorf("keys of issuer %s: %w", d.issuer, err)
	d.failed.Store(&err)
	d.log.Error("an issuer's keys could not be discovered", "error", err)
}

// poll looks at the anchors. Where one of them is gone, the issuer is asked by
// those that are left, and has no keys when that fails: whoever had a certificate of
// the one that is gone may have sent those that are known.
func (d *discovery) poll() (bool, error) {
	before := d.anchors.get()
	changed, err := d.anchors.poll()
	if !changed || d.anchors.get().holds(before) {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ask(context.Background()); d.failed.Load() != nil {
		d.found.Store(nil)
	}
	return true, nil
}

// trouble is what makes an issuer useless, not what only delays new keys.
func (d *discovery) trouble() error {
	if err := d.anchors.trouble(); err != nil {
		return err
	}
	if failure := d.failed.Load(); failure != nil && len(d.current()) == 0 {
		return *failure
	}
	return nil
}

// fetch reads both documents over connections of its own.
func (d *discovery) fetch(ctx context.Context) (keySet, error) {
	client := d.client()
	defer client.CloseIdleConnections()
	text, err := get(ctx, client, strings.TrimSuffix(d.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	address, err := d.keysAddress(text)
	if err != nil {
		return nil, err
	}
	if text, err = get(ctx, client, address); err != nil {
		return nil, err
	}
	return parseKeys(text)
}

// keysAddress reads the discovery document. It must be the issuer's own
// (section 4.3), and the keys must lie where the document does: an issuer that
// points elsewhere would make that place an issuer.
func (d *discovery) keysAddress(text []byte) (string, error) {
	document, err := strictjson.Parse(string(text), documentLimits)
	if err != nil {
		return "", fmt.Errorf("discovery document: %w", err)
	}
	if name := member(document, "issuer"); name == nil || name.Kind != strictjson.String || name.Text != d.issuer {
		return "", errors.New("discovery document: it names another issuer")
	}
	address := member(document, "jwks_uri")
	if address == nil || address.Kind != strictjson.String {
		return "", errors.New("discovery document: it has no jwks_uri")
	}
	at, err := url.Parse(address.Text)
	if err != nil {
		return "", errors.New("discovery document: its jwks_uri is no URL")
	}
	home, err := url.Parse(d.issuer)
	if err != nil || at.Scheme != "https" || at.Host != home.Host || at.User != nil {
		return "", fmt.Errorf("discovery document: its jwks_uri is at %.100q, not at the issuer's own host: if that is right, fetch the keys to a file and name it as jwks_file", at.Host)
	}
	return at.String(), nil
}

// client follows no redirect, uses no proxy and believes the operator's anchors
// only.
func (d *discovery) client() *http.Client {
	return &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("it redirects, which is not followed") },
		Transport: &http.Transport{
			TLSClientConfig:        &tls.Config{RootCAs: d.anchors.get().pool, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// get reads a document of at most maxDocument bytes.
func get(ctx context.Context, client *http.Client, address string) (text []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d, want 200", address, response.StatusCode)
	}
	text, err = io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = fmt.Errorf("GET %s: the document is larger than %d bytes", address, maxDocument)
	}
	return text, err
}
