package gateway

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for escaped, want := range map[string]target{
		"/data/sigint/tracks/p":              {product: "sigint/tracks", port: "p"},
		"/data/sigint/tracks/p/":             {product: "sigint/tracks", port: "p", folder: true},
		"/data/sigint/tracks/p/a/b%20c/":     {product: "sigint/tracks", port: "p", below: []string{"a", "b c"}, folder: true},
		"/data/sigint/tracks/p/%C3%A9.x":     {product: "sigint/tracks", port: "p", below: []string{"é.x"}},
		"/data/sigint/tracks/p/100%25":       {product: "sigint/tracks", port: "p", below: []string{"100%"}},
		"/data/sigint/tracks/p/" + longest:   {product: "sigint/tracks", port: "p", below: strings.Split(longest, "/")},
		"/data/sigint/tracks/p/.hidden/...x": {product: "sigint/tracks", port: "p", below: []string{".hidden", "...x"}},
	} {
		got, ok := parseTarget(escaped)
		if !ok || got.product != want.product || got.port != want.port || got.folder != want.folder || !slices.Equal(got.below, want.below) {
			t.Errorf("%s: got %+v %v, want %+v", escaped, got, ok, want)
		}
	}
}

// longest is what is as long as the log holds.
var longest = strings.Repeat(strings.Repeat("a", 204)+"/", 4) + strings.Repeat("a", 204)

// TestResourceOfATarget is what the log says of it.
func TestResourceOfATarget(t *testing.T) {
	t.Parallel()
	for below, want := range map[string]string{"": "", "/": "/", "/a/b%20c": "a/b c", "/a/b%20c/": "a/b c/", "/%C3%A9.x": "é.x", "/" + longest: longest} {
		got, ok := parseTarget("/data/sigint/tracks/p" + below)
		if !ok || got.resource() != want {
			t.Errorf("%q: got %q %v, want %q", below, got.resource(), ok, want)
		}
	}
}

// tricks are paths below a port that somebody, somewhere, takes for another.
var tricks = []string{
	"..", ".", "../x", "a/../b", "a/..", "a/./b", "%2e%2e", "%2E%2e/x", ".%2e", "..%2fx", "a%2fb", "a%2Fb", "a%5cb", "a%5C..%5Cb",
	"%252e%252e", "%252e%252e/x", "a%252fb", "a%255cb", "a%2500", "%25252e",
	"a//b", "/a", "//", "a//", "%00", "a%00b", "a%0ab", "a%0d%0aHost:%20x", "a%7f", "a%c2%85",
	"%c0%ae%c0%ae", "%e0%80%ae", "%ff", "..;", "..;x", "..;/x", ".;a=b/x", ";x", "%2e%2e%3bx", "...", "..%20", "%20", "%20..", ". ",
	"%", "%2", "%zz",
	longest + "/", longest + "a", strings.Repeat(strings.Repeat("%c3%a9", 100)+"/", 6),
	strings.Repeat("a", maxSegment+1), strings.Repeat("a/", maxSegments+1), strings.Repeat("a/", maxPath/2),
}

func TestPathTricksAreRefused(t *testing.T) {
	t.Parallel()
	for _, trick := range tricks {
		if got, ok := parseTarget("/data/sigint/tracks/p/" + trick); ok {
			t.Errorf("%.80q: got %+v, want it refused", trick, got)
		}
	}
	for _, escaped := range []string{
		"", "/", "/data", "/data/", "/data/sigint", "/data/sigint/tracks", "/data//tracks/p", "/data/sigint//p", "/data/sigint/tracks//", "/data/../sigint/tracks/p",
		"/data/SIGINT/tracks/p", "/data/s%69gint/tracks/p", "/data/sigint/%2e%2e/p", "/data/sigint/tracks/p%2fx", "/data/sigint/tracks/p\x00", "//data/sigint/tracks/p",
		"/data/sigint/tracks/" + strings.Repeat("a", 64),
	} {
		if got, ok := parseTarget(escaped); ok {
			t.Errorf("%.80q: got %+v, want it refused", escaped, got)
		}
	}
}

// FuzzTarget: what is accepted names the same resource however often it is
// decoded and cleaned, and it is below the port.
func FuzzTarget(f *testing.F) {
	for _, trick := range tricks {
		f.Add(trick)
	}
	f.Add("a/b%20c/é.x")
	f.Fuzz(func(t *testing.T, below string) {
		got, ok := parseTarget("/data/sigint/tracks/p/" + below)
		if !ok {
			return
		}
		if r := got.resource(); len(r) > catalog.MaxResource || !utf8.ValidString(r) || !slices.Equal(strings.FieldsFunc(r, func(c rune) bool { return c == '/' }), got.below) {
			t.Fatalf("%q is %q in the log", below, r)
		}
		sent := "/base" + strings.TrimSuffix(escapedPath(got.below, false), "/")
		for range 3 {
			if cleaned := path.Clean(sent); cleaned != sent || sent != "/base" && !strings.HasPrefix(sent, "/base/") {
				t.Fatalf("%q becomes %q, which is cleaned to %q", below, sent, cleaned)
			}
			decoded, err := url.PathUnescape(sent)
			if err != nil {
				break // a name with a percent sign, which nobody decodes again
			}
			if strings.Count(decoded, "/") != len(got.below)+1 || strings.ContainsAny(decoded, "\\\x00\r\n") {
				t.Fatalf("%q becomes %q, which is decoded to %q", below, sent, decoded)
			}
			sent = decoded
		}
	})
}
