package placement

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

func item(repository string) lock.Item {
	return lock.Item{Name: repository + ":1", Repository: repository}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	items := []lock.Item{item("registry.example:5000/team/app"), item("other.example/base"), item("files/tools/kubectl")}
	for name, c := range map[string]struct {
		rules Rules
		want  []string
	}{
		"default":  {Rules{}, []string{"base", "files/tools/kubectl", "team/app"}},
		"prefix":   {Rules{Prefix: "/mirror/"}, []string{"mirror/base", "mirror/files/tools/kubectl", "mirror/team/app"}},
		"registry": {Rules{KeepRegistry: true, Prefix: "m"}, []string{"m/files/tools/kubectl", "m/other.example/base", "m/registry.example_5000/team/app"}},
		"longest rewrite wins": {Rules{Prefix: "m", Rewrites: []Rewrite{
			{"registry.example:5000", "a"}, {"registry.example:5000/team", "b"}, {"registry.example:5000/te", "c"},
		}}, []string{"b/app", "m/base", "m/files/tools/kubectl"}},
		"whole repository": {Rules{Rewrites: []Rewrite{{"other.example/base", "approved/base"}}}, []string{"approved/base", "files/tools/kubectl", "team/app"}},
	} {
		places, err := c.rules.Place(items)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, Paths(places)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPlaceRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules Rules
		items []lock.Item
		want  string
	}{
		"two registries, one place":   {Rules{}, []lock.Item{item("a.example/app"), item("b.example/app")}, "keep the registry"},
		"a rewrite onto another item": {Rules{Rewrites: []Rewrite{{"a.example/x", "app"}}}, []lock.Item{item("a.example/x"), item("b.example/app")}, "both be placed at app"},
		"a prefix that is no path":    {Rules{Prefix: "Mirror"}, []lock.Item{item("a.example/app")}, "no repository path"},
		"a way out of the repository": {Rules{Rewrites: []Rewrite{{"a.example", "../../v2"}}}, []lock.Item{item("a.example/app")}, "no repository path"},
	} {
		if places, err := c.rules.Place(c.items); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", name, places, err, c.want)
		}
	}
}

func TestParseRewrite(t *testing.T) {
	t.Parallel()
	got, err := ParseRewrite("registry.example/team/=approved/team")
	if diff := cmp.Diff(Rewrite{"registry.example/team", "approved/team"}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, text := range []string{"", "a", "=b", "a=", "/=/"} {
		if _, err := ParseRewrite(text); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}
