package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/meshwright/terraform-provider-datamesh"

// layer says what the packages below a folder must never import. A folder or
// import ending in "/..." stands for everything below it as well; "third-party"
// stands for every module but ours and the standard library. Imports of tests
// do not count, save for testOnly packages.
type layer struct {
	from   string
	never  []string
	except []string
	why    string
}

var layers = []layer{
	{
		from:  "internal/marking/...",
		never: []string{"third-party", module + "/..."},
		except: []string{
			module + "/internal/marking/...",
		},
		why: "everything stands on the algebra, so it stands on nothing",
	},
	{
		from:  "internal/marking/...",
		never: []string{"net/...", "os/...", "database/sql/...", "log/slog"},
		why:   "mathematics has no I/O",
	},
	{
		from:   "internal/catalog/...",
		never:  []string{"third-party", module + "/..."},
		except: []string{module + "/internal/catalog/...", module + "/internal/marking"},
		why:    "the domain knows markings and nothing else",
	},
	{
		from:  "internal/catalog/...",
		never: []string{"net/http/...", "os/...", "database/sql/...", "log/slog"},
		why:   "the domain has no I/O",
	},
	{
		from:   "internal/audit/...",
		never:  []string{"third-party", module + "/...", "net/http/...", "os/...", "database/sql/..."},
		except: []string{module + "/internal/audit/...", module + "/internal/strictjson", "golang.org/x/mod/sumdb/note", "golang.org/x/mod/sumdb/tlog"},
		why:    "an audit log can be checked anywhere, without storage or network; its tree and its signatures are those of Go's checksum database",
	},
	{
		from:   "internal/compat/...",
		never:  []string{module + "/...", "net/http/...", "os/...", "database/sql/..."},
		except: []string{module + "/internal/compat/...", module + "/internal/strictjson", module + "/internal/catalog", module + "/internal/marking"},
		why:    "schema verdicts are pure: parsers only",
	},
	{
		from:  "internal/strictjson/...",
		never: []string{"third-party", module + "/...", "net/...", "os/..."},
		why:   "a parser stands alone",
	},
	{
		from:   "internal/wire/...",
		never:  []string{module + "/..."},
		except: []string{module + "/internal/wire/...", module + "/internal/strictjson", module + "/internal/catalog", module + "/internal/marking"},
		why:    "client and server meet in the wire format, not in each other",
	},
	{
		from:   "internal/client/...",
		never:  []string{module + "/..."},
		except: []string{module + "/internal/client/...", module + "/internal/wire", module + "/internal/catalog", module + "/internal/marking"},
		why:    "the client speaks to any server",
	},
	{
		from:   "internal/platform/httpapi/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/httpapi/...", module + "/internal/platform/door"},
		why:    "it serves an interface, so tests can serve anything",
	},
	{
		from:   "internal/platform/registryapi/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/registryapi/...", module + "/internal/platform/door"},
		why:    "it serves an interface, so tests can serve anything",
	},
	{
		from:   "internal/platform/auditapi/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/auditapi/...", module + "/internal/platform/door"},
		why:    "it serves an interface, so tests can serve anything",
	},
	{
		from:   "internal/platform/door/...",
		never:  []string{"third-party", module + "/..."},
		except: []string{module + "/internal/catalog", module + "/internal/wire"},
		why:    "what stands in front of every interface knows none of them",
	},
	{
		from:  "internal/platform/internal/store/...",
		never: []string{"third-party", "database/sql/..."},
		why:   "the interface of storage is not storage",
	},
	{
		from:   "provider/...",
		never:  []string{module + "/internal/platform/...", module + "/bundler/...", "database/sql/..."},
		except: nil,
		why:    "users download the provider for every workspace, and there is one way into the platform",
	},
	{
		from:  "internal/platform/...",
		never: []string{module + "/provider/...", module + "/internal/client/..."},
		why:   "the platform does not know who calls it",
	},
}

// testOnly packages are fakes and suites: no program may carry them.
func testOnly(pkg string) bool {
	last := path.Base(pkg)
	return strings.HasPrefix(pkg, module+"/") && strings.HasSuffix(last, "test") && last != "test"
}

// TestNoArrowPointsTheWrongWay reads the import lines itself, so the test cache
// notices every change of them: go test watches the files that a test opens,
// not those that a child process of it opens.
func TestNoArrowPointsTheWrongWay(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipFolder(file, entry.Name())
		}
		if strings.HasSuffix(file, ".go") {
			files++
			checkFile(t, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("read %d Go files: the walk does not see the tree", files)
	}
}

func skipFolder(file, name string) error {
	if file != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || file == filepath.FromSlash("internal/tools")) {
		return fs.SkipDir
	}
	return nil
}

func checkFile(t *testing.T, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatalf("reading the imports of %s: %v", file, err)
	}
	isTest := strings.HasSuffix(file, "_test.go")
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s imports %s: %v", file, spec.Path.Value, err)
		}
		for _, complaint := range forbidden(path.Dir(file), imported, isTest) {
			t.Errorf("%s imports %s: %s", file, imported, complaint)
		}
	}
}

// forbidden lists the reasons why a file of the folder must not import this.
func forbidden(folder, imported string, isTest bool) []string {
	if isTest {
		return nil
	}
	var why []string
	if testOnly(imported) && !testOnly(module+"/"+folder) {
		why = append(why, "fakes and suites stay out of binaries")
	}
	if testOnly(module + "/" + folder) {
		return why
	}
	for _, l := range layers {
		if below(folder, l.from) && matches(imported, l.never) && !matches(imported, l.except) {
			why = append(why, l.why)
		}
	}
	return why
}

func matches(imported string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if pattern == "third-party" {
			first, _, _ := strings.Cut(imported, "/")
			return strings.Contains(first, ".") && imported != module && !strings.HasPrefix(imported, module+"/")
		}
		return below(imported, pattern)
	})
}

func below(name, pattern string) bool {
	root, all := strings.CutSuffix(pattern, "/...")
	return name == root || all && strings.HasPrefix(name, root+"/")
}

// TestForbiddenArrowsAreSeen keeps the table honest: each of these arrows was
// once drawn on purpose, and each must be refused.
func TestForbiddenArrowsAreSeen(t *testing.T) {
	t.Parallel()
	for _, arrow := range []struct{ folder, imported string }{
		{"internal/marking", "github.com/spf13/cobra"},
		{"internal/marking", module + "/internal/catalog"},
		{"internal/catalog", "net/http"},
		{"internal/catalog", module + "/internal/compat"},
		{"internal/wire", module + "/internal/client"},
		{"internal/client", module + "/internal/platform"},
		{"internal/platform/httpapi", module + "/internal/platform"},
		{"internal/platform/registryapi", module + "/internal/platform"},
		{"internal/platform/auditapi", module + "/internal/platform/internal/store"},
		{"internal/audit", "golang.org/x/mod/sumdb"},
		{"internal/platform/door", module + "/internal/platform/registryapi"},
		{"internal/platform", module + "/provider"},
		{"provider/product", module + "/internal/platform/platformtest"},
		{"provider", "database/sql"},
		{"internal/cmd/datamesh", module + "/internal/platform/platformtest"},
	} {
		if len(forbidden(arrow.folder, arrow.imported, false)) == 0 {
			t.Errorf("%s may import %s, want it refused", arrow.folder, arrow.imported)
		}
	}
	if why := forbidden("internal/client", module+"/internal/wire", false); why != nil {
		t.Errorf("internal/client may not import internal/wire: %v, want it allowed", why)
	}
}
