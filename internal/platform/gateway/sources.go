package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// errNoUpstream says that the configuration names no way to a port.
var errNoUpstream = errors.New("no upstream is configured for the URL of this port and its domain")

// Sources are the upstreams that a configuration names, and the memory in which
// their records are filtered. Safe for concurrent use.
type Sources struct {
	all    []source
	memory *memory
}

// source is an upstream and whose products may be served from it.
type source struct {
	types   []catalog.PortType
	domains []string
	from    upstream
}

// NewSources reads the configuration, and once the files that it names, so that
// what is wrong with them is said at the start. With loopbackOnly, as in
// development mode, servers are called on loopback addresses alone.
func NewSources(config configfile.Gateway, loopbackOnly bool) (*Sources, error) {
	shared, err := newMemory(config.FilterMemoryMiB)
	s, errs := &Sources{memory: shared}, []error{err}
	add := func(key string, i int, made source, err error) {
		if err == nil {
			err = checkDomains(made.domains)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("gateway: %s[%d]: %w", key, i, err))
		}
		s.all = append(s.all, made)
	}
	for i, c := range config.HTTP {
		up, err := newWeb(c, loopbackOnly)
		add("http", i, source{[]catalog.PortType{catalog.PortHTTP, catalog.PortSTIXTAXII}, c.Domains, up}, err)
	}
	for i, c := range config.S3 {
		up, err := newObjectStore(c, loopbackOnly)
		add("s3", i, source{[]catalog.PortType{catalog.PortS3}, c.Domains, up}, err)
	}
	for i, c := range config.Directories {
		up, err := newDirectory(c)
		add("directories", i, source{[]catalog.PortType{catalog.PortFile}, c.Domains, up}, err)
	}
	return s, errors.Join(errs...)
}

// open asks the first upstream that has the port among what it may serve.
func (s *Sources) open(ctx context.Context, domain string, kind catalog.PortType, wanted resource) (*answer, error) {
	for _, one := range s.all {
		if !slices.Contains(one.types, kind) || !slices.Contains(one.domains, domain) && !slices.Contains(one.domains, "*") {
			continue
		}
		if a, err := one.from.open(ctx, wanted); !errors.Is(err, errNoUpstream) {
			return a, err
		}
	}
	return nil, errNoUpstream
}

func checkDomains(domains []string) error {
	if len(domains) == 0 {
		return errors.New(`domains is missing: name those whose products may be served from here, or "*" for all`)
	}
	for _, name := range domains {
		if name != "*" && catalog.CheckName(name) != nil {
			return fmt.Errorf("domains: %.80q is not the name of a domain", name)
		}
	}
	return nil
}

func newWeb(c configfile.HTTPSource, loopbackOnly bool) (*web, error) {
	base, err := parseServer(c.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	apart, err := takeApart(base)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	n, err := newNetwork(base, c.CAFiles, c.Networks, loopbackOnly)
	if err != nil {
		return nil, err
	}
	n.cert, n.key = c.CertificateFile, c.KeyFile
	if _, err := n.tlsConfig(); err != nil {
		return nil, err
	}
	return &web{apart, n.transport()}, nil
}

func parseServer(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("write https://host[:port] and a path, without user, query and fragment")
	}
	return u, nil
}

func newObjectStore(c configfile.S3Source, loopbackOnly bool) (*objectStore, error) {
	endpoint, err := parseServer(c.Endpoint)
	switch {
	case err != nil || strings.Trim(endpoint.Path, "/") != "":
		return nil, errors.New("endpoint: write https://host[:port] and no path")
	case c.Region == "":
		return nil, errors.New("region is missing: requests are signed for it; most stores take us-east-1")
	case len(c.Buckets) == 0:
		return nil, errors.New("buckets is missing: name those that may be read")
	}
	n, err := newNetwork(endpoint, c.CAFiles, c.Networks, loopbackOnly)
	if err != nil {
		return nil, err
	}
	if _, err := n.tlsConfig(); err != nil {
		return nil, err
	}
	for _, file := range []string{c.AccessKeyFile, c.SecretKeyFile} {
		if _, err := secretLine(file); err != nil {
			return nil, fmt.Errorf("access_key_file, secret_key_file: %w", err)
		}
	}
	store := &objectStore{c, endpoint, n.transport()}
	return store, store.rehearse()
}

func newDirectory(c configfile.DirectorySource) (*directory, error) {
	root, ok := pathSegments(c.Path)
	if !ok {
		return nil, fmt.Errorf("path: %q is not an absolute path below / without empty and dotted parts", c.Path)
	}
	return &directory{root}, nil
}
