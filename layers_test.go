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

const (
	module  = "github.com/meshwright/terraform-provider-datamesh"
	bundler = module + "/bundler/internal"
)

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
		from:   "internal/access/...",
		never:  []string{"third-party", module + "/...", "net/...", "os/...", "database/sql/...", "log/slog"},
		except: []string{module + "/internal/catalog", module + "/internal/marking"},
		why:    "the decision is a pure function: it is the same wherever it is asked",
	},
	{
		from:   "internal/endorsement/...",
		never:  []string{"third-party", module + "/...", "net/...", "os/...", "database/sql/...", "log/slog"},
		except: []string{module + "/internal/catalog", module + "/internal/marking", "golang.org/x/mod/sumdb/note"},
		why:    "a signature is made and checked anywhere, without storage or network",
	},
	{
		from:   "internal/audit/...",
		never:  []string{"third-party", module + "/...", "net/http/...", "os/...", "database/sql/..."},
		except: []string{module + "/internal/audit/...", module + "/internal/strictjson", "golang.org/x/mod/sumdb/note", "golang.org/x/mod/sumdb/tlog"},
		why:    "an audit log can be checked anywhere, without storage or network; its tree and its signatures are those of Go's checksum database",
	},
	{
		from:   "internal/records/...",
		never:  []string{"third-party", module + "/...", "net/...", "os/...", "database/sql/...", "log/slog"},
		except: []string{module + "/internal/strictjson", "github.com/hamba/avro/v2", "github.com/hamba/avro/v2/ocf", "github.com/klauspost/compress/zstd"},
		why:    "a filter is bytes in, bytes out: who may see a mark is told to it",
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
		from:   "internal/strictyaml/...",
		never:  []string{"third-party", module + "/...", "net/...", "os/..."},
		except: []string{"go.yaml.in/yaml/v3", module + "/internal/strictjson"},
		why:    "a parser stands alone",
	},
	{
		from:   "internal/platform/configfile/...",
		never:  []string{"third-party", module + "/..."},
		except: []string{module + "/internal/strictyaml"},
		why:    "what an operator writes is text until somebody uses it",
	},
	{
		from:   "internal/platform/identity/...",
		never:  []string{module + "/..."},
		except: []string{module + "/internal/platform/identity/...", module + "/internal/platform/configfile", module + "/internal/platform/keyfile", module + "/internal/catalog", module + "/internal/marking", module + "/internal/strictjson"},
		why:    "who calls is found out before anything of the platform is asked",
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
		except: []string{module + "/internal/client/...", module + "/internal/outbound", module + "/internal/wire", module + "/internal/catalog", module + "/internal/marking"},
		why:    "the client speaks to any server",
	},
	{
		from:  "internal/outbound/...",
		never: []string{"third-party", module + "/..."},
		why:   "how a server is reached does not depend on what it is asked",
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
		from:   "internal/platform/authzen/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/authzen/...", module + "/internal/platform/door"},
		why:    "it serves an interface, so tests can serve anything",
	},
	{
		from:   "internal/platform/opa/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/opa/...", module + "/internal/platform/door"},
		why:    "it serves an interface, so tests can serve anything",
	},
	{
		from:   "internal/platform/extauthz/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/extauthz/..."},
		why:    "it serves an interface, so tests can serve anything",
	},
	{
		from:   "internal/platform/auditapi/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/auditapi/...", module + "/internal/platform/door"},
		why:    "it serves an interface, so tests can serve anything",
	},
	{
		from:   "internal/platform/gateway/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/gateway/...", module + "/internal/platform/door", module + "/internal/platform/configfile"},
		why:    "it serves an interface, so tests can serve anything",
	},
	{
		from:   "internal/platform/metrics/...",
		never:  []string{module + "/internal/platform/..."},
		except: []string{module + "/internal/platform/metrics/...", module + "/internal/platform/door"},
		why:    "what counts requests sees requests, and nothing of what is stored",
	},
	{
		from:   "internal/platform/witness/...",
		never:  []string{"third-party", module + "/...", "os/...", "database/sql/..."},
		except: []string{module + "/internal/audit"},
		why:    "what a witness says is checked by the form of the log alone",
	},
	{
		from:  "internal/platform/auditcopy/...",
		never: []string{"database/sql/...", "os/...", module + "/internal/platform/platformd", module + "/internal/catalog"},
		why:   "a copy is made from the log as it is, whatever it says",
	},
	{
		from:  "internal/platform/auditsearch/...",
		never: []string{"net/http/...", module + "/internal/catalog", module + "/internal/marking", module + "/internal/platform/internal/sqlite/..."},
		why:   "the follower has a database of its own, and who may read what is decided elsewhere",
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
	{
		from:   "bundler/internal/artifact/...",
		never:  []string{"third-party", module + "/...", "net/http/...", "os/...", "database/sql/..."},
		except: []string{bundler + "/artifact"},
		why:    "everything of the bundler stands on its vocabulary",
	},
	{
		from:   "bundler/internal/lock/...",
		never:  []string{"third-party", module + "/...", "net/http/...", "os/...", "database/sql/..."},
		except: []string{bundler + "/lock", bundler + "/artifact"},
		why:    "a lock is judged on both sides by the standard library alone",
	},
	{
		from:   "bundler/internal/spec/...",
		never:  []string{module + "/...", "net/http/...", "os/...", "database/sql/..."},
		except: []string{bundler + "/spec", bundler + "/lock", bundler + "/artifact", module + "/internal/marking", module + "/internal/strictjson", module + "/internal/strictyaml"},
		why:    "reading what people wrote does nothing",
	},
	{
		from:   "bundler/internal/archive/...",
		never:  []string{"third-party", module + "/...", "net/...", "os/...", "database/sql/..."},
		except: []string{bundler + "/archive", bundler + "/lock", bundler + "/artifact", module + "/internal/strictjson"},
		why:    "where a byte lies is arithmetic",
	},
	{
		from:   "bundler/internal/signing/...",
		never:  []string{module + "/...", "net/...", "database/sql/..."},
		except: []string{bundler + "/signing"},
		why:    "a key signs bytes, whatever they are",
	},
	{
		from:   "bundler/internal/envelope/...",
		never:  []string{module + "/...", "net/...", "database/sql/..."},
		except: []string{bundler + "/envelope", bundler + "/durable", bundler + "/signing", bundler + "/lock", bundler + "/artifact", module + "/internal/strictjson"},
		why:    "the envelope is read before anything else of a bundle is",
	},
	{
		from:   "bundler/internal/volume/...",
		never:  []string{module + "/...", "net/...", "database/sql/...", "archive/..."},
		except: []string{bundler + "/volume", bundler + "/durable", bundler + "/archive", bundler + "/envelope", bundler + "/lock", bundler + "/artifact"},
		why:    "volumes are bytes at computed places: nothing is fetched, loaded or judged, and no archive is parsed",
	},
	{
		from:   "bundler/internal/review/...",
		never:  []string{module + "/...", "os/...", "database/sql/..."},
		except: []string{bundler + "/review", bundler + "/archive", bundler + "/envelope", bundler + "/lock", bundler + "/artifact"},
		why:    "a review follows from lock and layout",
	},
	{
		from:   "bundler/internal/receipt/...",
		never:  []string{module + "/...", "net/...", "os/...", "database/sql/..."},
		except: []string{bundler + "/receipt", bundler + "/signing", bundler + "/lock", bundler + "/artifact"},
		why:    "a receipt can be checked anywhere",
	},
	{
		from:   "bundler/internal/importer/...",
		never:  []string{module + "/...", "net/...", "os/...", "database/sql/..."},
		except: []string{bundler + "/importer", bundler + "/spec", bundler + "/lock", bundler + "/artifact"},
		why:    "a foreign manifest becomes a text and does nothing else",
	},
	{
		from:  "bundler/internal/durable/...",
		never: []string{"third-party", module + "/...", "net/...", "database/sql/..."},
		why:   "what is flushed does not matter to the disk",
	},
	{
		from:   "bundler/internal/cas/...",
		never:  []string{module + "/...", "net/...", "database/sql/..."},
		except: []string{bundler + "/cas", bundler + "/durable", bundler + "/artifact"},
		why:    "a store keeps bytes under their digests",
	},
	{
		from:   "bundler/internal/fetch/...",
		never:  []string{bundler + "/..."},
		except: []string{bundler + "/artifact", bundler + "/cas", bundler + "/lock", bundler + "/spec", bundler + "/transfer"},
		why:    "a kind of source can be added or dropped alone",
	},
	{
		from:   "bundler/internal/transfer/...",
		never:  []string{bundler + "/..."},
		except: []string{bundler + "/artifact"},
		why:    "reading over HTTP knows neither registries nor files",
	},
	{
		from:  "bundler/internal/assemble/...",
		never: []string{bundler + "/trust/...", bundler + "/load/...", bundler + "/serve/...", bundler + "/cli/..."},
		why:   "who judges is given to it, and what becomes of a bundle is not its business",
	},
	{
		from:   "bundler/internal/load/...",
		never:  []string{bundler + "/..."},
		except: []string{bundler + "/load", bundler + "/artifact", bundler + "/cas", bundler + "/lock", bundler + "/spec", bundler + "/transfer"},
		why:    "a target can be added or dropped alone",
	},
	{
		from:   "bundler/internal/serve/...",
		never:  []string{bundler + "/..."},
		except: []string{bundler + "/artifact", bundler + "/cas", bundler + "/lock", bundler + "/spec"},
		why:    "a protocol serves what has been verified, wherever it lies",
	},
	{
		from:   "bundler/internal/trust/...",
		never:  []string{bundler + "/...", "net/http/...", "database/sql/..."},
		except: []string{bundler + "/trust/...", bundler + "/artifact", bundler + "/lock", bundler + "/spec", bundler + "/signing"},
		why:    "evidence is judged offline, from what was carried",
	},
	{
		from:   "bundler/internal/placement/...",
		never:  []string{"third-party", bundler + "/...", "os/...", "net/..."},
		except: []string{bundler + "/artifact", bundler + "/lock"},
		why:    "where an item is found is arithmetic",
	},
	{
		from:   "bundler/internal/bundle/...",
		never:  []string{bundler + "/...", "net/..."},
		except: []string{bundler + "/archive", bundler + "/artifact", bundler + "/envelope", bundler + "/lock", bundler + "/receipt", bundler + "/signing", bundler + "/volume"},
		why:    "the far side opens a bundle without a network",
	},
	{
		from:  "bundler/internal/assemble/...",
		never: []string{bundler + "/load/...", bundler + "/serve/...", bundler + "/bundle", bundler + "/cli"},
		why:   "the near side does without the far side",
	},
	{
		from:  "internal/commandline",
		never: []string{module + "/..."},
		why:   "what all programs have in common knows none of them",
	},
	{
		from:  "internal/...",
		never: []string{module + "/bundler/..."},
		why:   "the platform does without the bundler",
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
		{"internal/access", module + "/internal/platform"},
		{"internal/access", "net/http"},
		{"internal/records", module + "/internal/marking"},
		{"internal/records", "net/http"},
		{"internal/records", "github.com/klauspost/compress/s2"},
		{"internal/wire", module + "/internal/client"},
		{"internal/client", module + "/internal/platform"},
		{"internal/outbound", module + "/internal/client"},
		{"internal/platform/httpapi", module + "/internal/platform"},
		{"internal/platform/registryapi", module + "/internal/platform"},
		{"internal/platform/authzen", module + "/internal/platform"},
		{"internal/platform/auditapi", module + "/internal/platform/internal/store"},
		{"internal/platform/gateway", module + "/internal/platform"},
		{"internal/platform/opa", module + "/internal/platform"},
		{"internal/platform/extauthz", module + "/internal/platform"},
		{"internal/audit", "golang.org/x/mod/sumdb"},
		{"internal/endorsement", module + "/internal/audit"},
		{"internal/platform/witness", module + "/internal/platform/platformd"},
		{"internal/platform/auditcopy", module + "/internal/platform/platformd"},
		{"internal/platform/auditsearch", module + "/internal/platform/internal/sqlite"},
		{"internal/strictyaml", module + "/internal/marking"},
		{"internal/platform/configfile", module + "/internal/marking"},
		{"internal/platform/identity", module + "/internal/platform"},
		{"internal/platform/door", module + "/internal/platform/registryapi"},
		{"internal/platform", module + "/provider"},
		{"provider/product", module + "/internal/platform/platformtest"},
		{"provider", "database/sql"},
		{"internal/cmd/datamesh", module + "/internal/platform/platformtest"},
		{"internal/cmd/datamesh", bundler + "/cli"},
		{"bundler/internal/artifact", bundler + "/lock"},
		{"bundler/internal/lock", "go.yaml.in/yaml/v3"},
		{"bundler/internal/lock", module + "/internal/marking"},
		{"bundler/internal/spec", "net/http"},
		{"bundler/internal/volume", "archive/tar"},
		{"bundler/internal/archive", bundler + "/load/registry"},
		{"bundler/internal/volume", bundler + "/fetch/oci"},
		{"bundler/internal/volume", bundler + "/trust"},
		{"bundler/internal/envelope", bundler + "/load/registry"},
		{"bundler/internal/review", bundler + "/trust"},
		{"bundler/internal/receipt", bundler + "/envelope"},
		{"bundler/internal/importer", "os"},
		{"bundler/internal/cas", bundler + "/fetch/oci"},
		{"bundler/internal/durable", bundler + "/artifact"},
		{"bundler/internal/fetch/oci", bundler + "/fetch/file"},
		{"bundler/internal/load/registry", bundler + "/load/layout"},
		{"bundler/internal/serve/oci", bundler + "/load/registry"},
		{"bundler/internal/trust", bundler + "/fetch/oci"},
		{"bundler/internal/placement", "os"},
		{"bundler/internal/transfer", bundler + "/fetch/oci"},
		{"bundler/internal/bundle", bundler + "/load/registry"},
		{"bundler/internal/assemble", bundler + "/serve/oci"},
		{"internal/commandline", module + "/internal/catalog"},
		{"bundler/internal/cli", bundler + "/bundlertest"},
	} {
		if len(forbidden(arrow.folder, arrow.imported, false)) == 0 {
			t.Errorf("%s may import %s, want it refused", arrow.folder, arrow.imported)
		}
	}
	if why := forbidden("internal/client", module+"/internal/wire", false); why != nil {
		t.Errorf("internal/client may not import internal/wire: %v, want it allowed", why)
	}
}
