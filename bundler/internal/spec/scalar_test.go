package spec

import (
	"strings"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0B": 0, "512B": 512, "1KB": 1000, "1kB": 1000, "700MB": 700_000_000, "25GB": 25_000_000_000, "1KiB": 1024,
		"4.3GiB": 4617089843, "4.7 GB": 4_700_000_000, "0.000001TiB": 1099511, "0.5B": 0, "1024TiB": MaxSize, "1023.999999TiB": MaxSize - 1099512,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "1", "GiB", "-1GB", "1.GB", ".5GB", "1e3GB", "1,5GB", "1GIB", "1gb", "1 GB ", "1  GB", "1025TiB", "9999999999999999TB", "1.1234567GB", "١GB", "1B\n", "1iB", "1kiB",
	} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
	for _, size := range []int64{0, 1, 1000, 1024, 4617089843, 3 << 30, MaxSize} {
		if again, err := ParseSize(FormatSize(size)); err != nil || again != size {
			t.Errorf("%d is written %s and read as %d, %v", size, FormatSize(size), again, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"36h": 36 * time.Hour, "90d": 90 * day, "6w": 42 * day, "36525d": maxDays * day} {
		got, err := ParseDuration(text)
		if again, errAgain := ParseDuration(FormatDuration(got)); err != nil || errAgain != nil || got != want || again != want {
			t.Errorf("%s is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0d", "01d", "1", "1m", "1y", "-1d", "1.5d", "1d12h", "36526d", "9999999w", "9999999h", "1d "} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	tags := []string{"2.0.0", "1.10.0", "1.4.2", "v1.5.0", "1.4", "latest", "1.4.2-alpine", "1.9.0-rc1", "1.3.9", "1.4.2", "2", "sha256-abc.sig"}
	for _, tt := range []struct{ versions, tags, want string }{
		{">=1.4 <2", "", "1.4 1.4.2 v1.5.0 1.10.0"},
		{"~1.4", "", "1.4 1.4.2"},
		{">=1.9.0-0 <2", "", "1.9.0-rc1 1.10.0"},
		{"1.3.x || ^2", "", "1.3.9 2 2.0.0"},
		{">=3", "", ""},
		{"", `v?1\.[0-9]+\.0`, "1.10.0 v1.5.0"},
		{"", `^2`, "2"},
		{"", `1\.4|2`, "1.4 2"},
	} {
		text := head + "images: [{repo: registry.example/a, tags: '" + tt.tags + "'}]\n"
		if tt.versions != "" {
			text = head + "images: [{repo: registry.example/a, versions: '" + tt.versions + "'}]\n"
		}
		s, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Images[0].Select(tags), " "); got != tt.want {
			t.Errorf("%s%s selects %q, want %q", tt.versions, tt.tags, got, tt.want)
		}
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"registry.example/team/**", "registry.example/team/app:1.0", true},
		{"registry.example/team/**", "registry.example/team/a/b/c@sha256:00", true},
		{"registry.example/team/**", "registry.example/team", false},
		{"registry.example/team/**", "registry.example/teams/app:1", false},
		{"registry.example/team/**", "evil.example/registry.example/team/app:1", false},
		{"registry.example/team/**", "registry.example.evil.example/team/app:1", false},
		{"registry.example/team/*", "registry.example/team/app:1.0", true},
		{"registry.example/team/*", "registry.example/team/a/b:1", false},
		{"registry.example/team/app", "registry.example/team/app:1.0", true},
		{"registry.example/team/app", "registry.example/team/app@sha256:00", true},
		{"registry.example/team/app", "registry.example/team/app2:1.0", false},
		{"registry.example/team/app:1.*", "registry.example/team/app:1.5", true},
		{"registry.example/team/app:1.*", "registry.example/team/app:2.1.5", false},
		{"localhost:5000/app", "localhost:5000/app:1", true},
		{"localhost:*/app", "localhost:5000/app:1", true},
		{"*.example/**/app", "registry.example/app:1", true},
		{"*.example/**/app", "registry.example/a/b/app:1", true},
		{"**/app", "registry.example/a/app:1", true},
		{"**", "files/x", true},
		{"**", "", false},
		{"files/**", "files/tools/kubectl", true},
		{"files/*.pem", "files/a.pem", true},
		{"a*b*c/x", "a-b-b-c/x:1", true},
		{"a*b*c/x", "a-c-b/x:1", false},
		{"a*a/x", "a/x:1", false},
		{"sigint/*", "sigint/track", true},
		{"Registry.example/**", "registry.example/a:1", false},
	} {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Matches(tt.name); got != tt.want {
			t.Errorf("%s matches %s: %t, want %t", tt.pattern, tt.name, got, tt.want)
		}
	}
	for _, text := range []string{"", "/a", "a/", "a//b", "a**", "**/**", "a b", "a?b", "{a,b}", `a\b`, strings.Repeat("a", maxPattern+1)} {
		if p, err := ParsePattern(text); err == nil {
			t.Errorf("%q is read as the pattern %s", text, p)
		}
	}
	if (Pattern{}).Matches("a") {
		t.Error("no pattern matches something")
	}
}

// TestPatternsTakeNoExponentialTime: the worst pattern against the worst name.
func TestPatternsTakeNoExponentialTime(t *testing.T) {
	t.Parallel()
	stars, err := ParsePattern(strings.Repeat("*a", 200) + "b")
	if err != nil {
		t.Fatal(err)
	}
	many, err := ParsePattern(strings.Repeat("**/a/", 100) + "b")
	if err != nil {
		t.Fatal(err)
	}
	if stars.Matches(strings.Repeat("a", 1000)) || many.Matches(strings.Repeat("a/", 1000)+"a") {
		t.Error("matches")
	}
}
