package cli

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load/containerd"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load/layout"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load/registry"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/placement"
)

// errTo is the error of a --to that names no target.
var errTo = errors.New("write registry://HOST[/PREFIX], dir://PATH or containerd://DIR?registry=NAME")

// target is where a load goes, as --to says.
type target struct {
	scheme string
	path   string // a host and a prefix, or a directory
	name   string // of the registry that images for containerd are called after
}

// parseTarget reads --to. A path is taken as it is written, so that a directory
// may have any name.
func parseTarget(text string) (target, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || rest == "" {
		return target{}, errTo
	}
	t := target{scheme: scheme, path: rest}
	switch scheme {
	case "registry":
		t.path = strings.TrimSuffix(rest, "/")
	case "dir":
	case "containerd":
		path, query, _ := strings.Cut(rest, "?")
		values, err := url.ParseQuery(query)
		if err != nil || values.Get("registry") == "" || path == "" {
			return target{}, errTo
		}
		t.path, t.name = path, values.Get("registry")
	default:
		return target{}, errTo
	}
	return t, nil
}

// prefix is the start of every repository in a registry.
func (t target) prefix() string {
	if t.scheme != "registry" {
		return ""
	}
	_, prefix, _ := strings.Cut(t.path, "/")
	return prefix
}

// opener is an open target and how to close it.
type opener struct {
	load.Target
	holder load.Holder // nil for a target that cannot be asked
	close  func() error
}

// open opens the target for these items. A registry is first contacted by what is
// loaded.
func (t target) open(source artifact.Source, items []lock.Item, places map[string]string, l *lines) (*opener, error) {
	switch t.scheme {
	case "dir":
		d, err := layout.Open(t.path, source)
		if err != nil {
			return nil, err
		}
		return &opener{d, d, d.Close}, nil
	case "containerd":
		d, err := containerd.Open(t.path, t.name, source)
		if err != nil {
			return nil, err
		}
		return &opener{d, nil, d.Close}, nil
	}
	return t.openRegistry(source, items, places, l)
}

func (t target) openRegistry(source artifact.Source, items []lock.Item, places map[string]string, l *lines) (*opener, error) {
	host, _, _ := strings.Cut(t.path, "/")
	tokens, err := l.tokens()
	if err != nil {
		return nil, err
	}
	connection, err := registry.Connect(registry.ConnectionOptions{
		Host: host, Transfer: l.transfer(), TokenHosts: tokens[host], Repositories: placement.Paths(places),
	})
	if err != nil {
		return nil, fmt.Errorf("--to registry://%s: %w", t.path, err)
	}
	r := registry.New(registry.Options{Connector: connection, Source: source, Elsewhere: registry.Sharing(items, places), Parallel: int(l.parallel)})
	return &opener{r, r, func() error { connection.Close(); return nil }}, nil
}

// placing are the flags of where items are found on the far side.
type placing struct {
	keepRegistry bool
	rewrites     []string
}

func (p *placing) add(f flags) {
	f.BoolVar(&p.keepRegistry, "keep-registry", false, "keep the registry of an item as the first part of its path")
	f.StringSliceVar(&p.rewrites, "rewrite", nil, "place what starts with FROM below TO instead: `FROM=TO`, such as registry.example/team=approved/team")
}

func (p *placing) rules(prefix string) (placement.Rules, error) {
	rules := placement.Rules{Prefix: prefix, KeepRegistry: p.keepRegistry}
	for _, text := range p.rewrites {
		r, err := placement.ParseRewrite(text)
		if err != nil {
			return rules, err
		}
		rules.Rewrites = append(rules.Rewrites, r)
	}
	return rules, nil
}
