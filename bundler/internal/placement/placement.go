// Package placement says where the items of a bundle are found on the far side:
// in the registry that they are loaded into, and in the one that serves them
// from the bundle. It is pure.
//
// Without rules an item keeps its repository and loses its registry:
// "registry.example/team/app" is found at "team/app", because the far side has
// one registry where the near side had many.
package placement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Rules change where items go. The zero value is the default.
type Rules struct {
	// Prefix is put before every repository: "mirror" makes "mirror/team/app".
	Prefix string
	// KeepRegistry keeps the registry as the first part of the path, its port
	// after an underscore: "registry.example_5000/team/app".
	KeepRegistry bool
	// Rewrites replace the start of a repository, registry included, up to the
	// end of a path segment. The longest that fits wins, and neither Prefix nor
	// KeepRegistry touches the outcome.
	Rewrites []Rewrite
}

// Rewrite replaces one start of a repository by another.
type Rewrite struct {
	From string // "registry.example/team"
	To   string // "approved/team"
}

// ParseRewrite reads FROM=TO.
func ParseRewrite(text string) (Rewrite, error) {
	from, to, ok := strings.Cut(text, "=")
	from, to = strings.Trim(from, "/"), strings.Trim(to, "/")
	if !ok || from == "" || to == "" {
		return Rewrite{}, fmt.Errorf("%.200q is not a rewrite: write FROM=TO, such as registry.example/team=approved/team", text)
	}
	return Rewrite{from, to}, nil
}

// Place returns the repository path of each item, by the item's name. It is an
// error when a path is none that a registry can hold, and when two items that
// come from different repositories would share one: whoever pulls by tag could
// not tell them apart.
func (r Rules) Place(items []lock.Item) (map[string]string, error) {
	places := make(map[string]string, len(items))
	owners := map[string]string{}
	for _, item := range items {
		path := r.path(item.Repository)
		if _, err := artifact.ParseRepository("localhost/" + path); err != nil {
			return nil, fmt.Errorf("%s would be placed at %.200q, which is no repository path: give it another place with a rewrite", item.Name, path)
		}
		if owner, taken := owners[path]; taken && owner != item.Repository {
			return nil, fmt.Errorf("%s and %s would both be placed at %s: keep the registry in the path, or give one of them another place with a rewrite", owner, item.Repository, path)
		}
		owners[path] = item.Repository
		places[item.Name] = path
	}
	return places, nil
}

func (r Rules) path(repository string) string {
	if to, ok := r.rewritten(repository); ok {
		return to
	}
	host, path, _ := strings.Cut(repository, "/")
	switch {
	case !isRegistry(host): // a file
		path = repository
	case r.KeepRegistry:
		path = strings.ReplaceAll(strings.ToLower(host), ":", "_") + "/" + path
	}
	return strings.TrimPrefix(strings.Trim(r.Prefix, "/")+"/"+path, "/")
}

// isRegistry tells the registry of "registry.example/app" from the first segment
// of "files/app", as artifact.ParseRepository does.
func isRegistry(host string) bool { return strings.ContainsAny(host, ".:") || host == "localhost" }

func (r Rules) rewritten(repository string) (string, bool) {
	fits := func(w Rewrite) bool { return repository == w.From || strings.HasPrefix(repository, w.From+"/") }
	longest := -1
	for i, w := range r.Rewrites {
		if fits(w) && (longest < 0 || len(w.From) > len(r.Rewrites[longest].From)) {
			longest = i
		}
	}
	if longest < 0 {
		return "", false
	}
	w := r.Rewrites[longest]
	return w.To + strings.TrimPrefix(repository, w.From), true
}

// Paths lists the places, each once, sorted.
func Paths(places map[string]string) []string {
	paths := make([]string, 0, len(places))
	for _, path := range places {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
