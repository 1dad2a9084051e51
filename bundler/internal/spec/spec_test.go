package spec

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBundleIsRead(t *testing.T) {
	t.Parallel()
	s, err := Parse(sample(t, "bundle.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(s.Name, s.Stream, s.Marking.Banner(), s.ValidFor, s.Volumes, len(s.Images), len(s.Artifacts), len(s.Files), len(s.Mesh))
	if want := fmt.Sprint("ops-monthly", "ops", "SECRET//REL TO USA, FVEY", 90*24*time.Hour, Volumes{4617089843, 2}, 5, 3, 2, 1); got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	first, second := s.Images[0], s.Images[1]
	if first.Where != "images[0]" || first.Ref.Name() != "registry.example/team/app:1.4.2" || first.Trust != "vendor-a" || first.Marking.Banner() != "UNCLASSIFIED" {
		t.Errorf("first image: %+v", first)
	}
	if second.Single() || second.Repository.String() != "registry.example/team/tool" || second.Platforms[1].Variant != "v8" || !second.Marking.Equal(s.Marking) {
		t.Errorf("second image: %+v", second)
	}
	if f := s.Files[0]; f.Name != "tools/kubectl" || f.SHA256.Hex() != strings.Repeat("b", 64) {
		t.Errorf("first file: %+v", f)
	}
	if !s.Mesh[0].Products[0].Matches("sigint/track") || s.Mesh[0].Products[0].Matches("geoint/track") {
		t.Errorf("mesh: %+v", s.Mesh[0])
	}
}

func TestPolicyIsRead(t *testing.T) {
	t.Parallel()
	p, err := ParsePolicy(sample(t, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if p.BundleSigners.Threshold != 2 || p.RollbackSigners.Threshold != 1 || p.Limits.Blob != 8<<30 || p.MaximumAge != 400*24*time.Hour {
		t.Errorf("read %+v", p)
	}
	if c := p.Trust["vendor-c"].CA; c.ValidAt != ValidAtSigning || c.TimestampAuthorities[0] != "tsa.pem" || !c.Identity.Matches("build@vendor-c.example") {
		t.Errorf("vendor-c: %+v", c)
	}
	// An expression that is not anchored covers the whole name all the same.
	if i := p.Trust["vendor-c2"].CA.Identity; !i.Matches("a@vendor-c.example") || i.Matches("a@vendor-c.example.evil.example") {
		t.Errorf("identity %s", i)
	}
	source, ok := p.Source("registry.example/team/deep/app:1.0")
	if !ok || source.SignatureOn != OnChildren || source.Require[1].Trust != "vendor-a" || source.Require[2].Trust != "" {
		t.Errorf("source: %+v", source)
	}
	if _, ok := p.Source("registry.example/other/app:1.0"); ok {
		t.Error("an item that no source matches has one")
	}
}

// TestAllMistakesAtOnce: an author who must run once for each mistake stops
// reading the messages.
func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Parse(sample(t, "mistakes.yaml"))
	var all Errors
	if !errors.As(err, &all) {
		t.Fatalf("%T is no Errors", err)
	}
	want := strings.Split(strings.TrimSpace(string(sample(t, "mistakes.txt"))), "\n")
	got := strings.Split(err.Error(), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("mistake %d:\ngot\n%s", i+1, strings.Join(got[min(i, len(got)):], "\n"))
		}
	}
	var first *Error
	if !errors.As(err, &first) || first.Line == 0 || first.Fix == "" {
		t.Errorf("the first mistake is %+v", first)
	}
}

const head = "apiVersion: datamesh-bundler/v1\nkind: Bundle\nname: b\nmarking: UNCLASSIFIED\n"

const policyHead = "apiVersion: datamesh-bundler/v1\nkind: Policy\nceiling: UNCLASSIFIED\n"

// refused wants the text to be refused at the place, as "line:column path", for
// the reason.
func refused(t *testing.T, text, place, reason string) {
	t.Helper()
	_, err := Parse([]byte(text))
	if strings.HasPrefix(text, policyHead) {
		_, err = ParsePolicy([]byte(text))
	}
	var mistake *Error
	if !errors.As(err, &mistake) {
		t.Errorf("%.300q is read, want it refused: %v", text, err)
		return
	}
	if got := fmt.Sprintf("%d:%d %s", mistake.Line, mistake.Column, mistake.Path); got != place || !strings.Contains(mistake.Error(), reason) {
		t.Errorf("%.300q\nrefused at %s: %v\nwant         %s: %s", text, got, mistake, place, reason)
	}
}

// TestASecondReadingIsRefused: each of these texts means one thing to us and
// another to somebody's reviewer or tool.
func TestASecondReadingIsRefused(t *testing.T) {
	t.Parallel()
	image := head + "images:\n  - ref: registry.example/a:1\n"
	for _, tt := range []struct{ text, place, reason string }{
		{image + "name: c\n", "7:1 name", "first on line 3"},
		{image + "    ref: registry.example/b:1\n", "7:5 images[0].ref", "first on line 6"},
		{image + "Name: c\n", "7:1 Name", "unknown key"},
		{image + "\"n\\u0061me\": c\n", "7:1 name", "twice"},
		{image + "---\n" + image, "7:1 ", "second document"},
		{image + "...\n" + image, "7:1 ", "not YAML"},
		{head + "images: &a\n  - ref: registry.example/a:1\n", "5:9 images", "anchor"},
		{head + "images: [{ref: &a registry.example/a:1}, {ref: *a}]\n", "5:16 images[0].ref", "anchor"},
		{image + "<<: {stream: x}\n", "7:1 ", "plain text"},
		{head + "images: !!seq\n  - ref: registry.example/a:1\n", "5:9 images", "tag"},
		{head + "images: [{ref: !custom registry.example/a:1}]\n", "5:16 images[0].ref", "tag"},
		{head + "? [a, b]\n: c\n" + image[len(head):], "5:3 ", "plain text"},
		{head + "1: c\n" + image[len(head):], "5:1 ", "plain text"},
		{head + "images: [{repo: registry.example/a, versions: 1.10}]\n", "5:47 images[0].versions", "quotes"},
		{head + "images: [{repo: registry.example/a, tags: 2026-01-01}]\n", "5:43 images[0].tags", "quotes"},
		{head + "images: [{repo: registry.example/a, tags: no}]\n", "5:43 images[0].tags", "quotes"},
		{head + "images: [{repo: registry.example/a, tags: Off}]\n", "5:43 images[0].tags", "quotes"},
		{head + "images: [{repo: registry.example/a, tags: 1:30:00}]\n", "5:43 images[0].tags", "quotes"},
		{head + "images: [{repo: registry.example/a, tags: ~}]\n", "5:43 images[0].tags", "quotes"},
		{head + "images:\n", "5:8 images", "must be a list"},
		{"\ufeff" + image, "0:0 ", "byte order mark"},
		{image + "stream: \"a\x00\"\n", "0:0 ", "NUL"},
		{image + "stream: \"a\xff\"\n", "0:0 ", "UTF-8"},
		{head + "images: [{ref: \"registry.example/a:1\\e[2J\"}]\n", "5:16 images[0].ref", "cannot be seen"},
		{head + "images: [{ref: \"registry.example/a:1\u202e\"}]\n", "5:16 images[0].ref", `\u202e`},
		{"", "0:0 ", "empty"},
		{"# nothing\n", "0:0 ", "empty"},
		{"- a\n", "1:1 ", "must be a mapping"},
		{head + "images: [}\n", "4:1 ", "not YAML"},
	} {
		refused(t, tt.text, tt.place, tt.reason)
	}
}

func TestWhatASpecMayNotSay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, place, reason string }{
		{head, "1:1 ", "asks for nothing"},
		{head + "images: []\n", "5:9 images", "empty list"},
		{head + "images: [{ref: app}]\n", "5:16 images[0].ref", "names no registry"},
		{head + "images: [{ref: registry.example/app}]\n", "5:16 images[0].ref", "neither tag nor digest"},
		{head + "images: [{ref: \"registry.example/app@sha256:00\"}]\n", "5:16 images[0].ref", "not a digest"},
		{head + "images: [{ref: \"registry.example/app:1\", versions: \">1\"}]\n", "5:10 images[0]", "versions beside ref"},
		{head + "images: [{ref: \"registry.example/app:1\", repo: registry.example/app, tags: a}]\n", "5:10 images[0]", "ref and repo"},
		{head + "images: [{repo: registry.example/app}]\n", "5:10 images[0]", "none of versions, tags"},
		{head + "images: [{repo: registry.example/app, versions: \">1\", tags: a}]\n", "5:10 images[0]", "versions and tags"},
		{head + "images: [{repo: registry.example/app, versions: \"newest\"}]\n", "5:49 images[0].versions", "range"},
		{head + "images: [{repo: registry.example/app, tags: \"(\"}]\n", "5:45 images[0].tags", "RE2"},
		{head + "images: [{repo: registry.example/app, tags: \"a)|(b\"}]\n", "5:45 images[0].tags", "RE2"},
		{head + "images: [{ref: \"registry.example/app:1\", platforms: [amd64]}]\n", "5:54 images[0].platforms[0]", "platform"},
		{head + "images: [{ref: \"registry.example/app:1\", platforms: [linux/amd64, linux/amd64]}]\n", "5:67 images[0].platforms[1]", "twice"},
		{head + "images: [{ref: \"registry.example/app:1\"}, {ref: \"registry.example/app:1\"}]\n", "5:43 images[1]", "as line 5"},
		{head + "images: [{ref: \"registry.example/app:1\"}]\nartifacts: [{ref: \"registry.example/app:1\"}]\n", "6:13 artifacts[0]", "as line 5"},
		{head + "images: [{ref: \"registry.example/app:1\", marking: SECRET}]\n", "5:51 images[0].marking", "above the bundle's UNCLASSIFIED"},
		{head + "images: [{ref: \"registry.example/app:1\", trust: checksum}]\n", "5:49 images[0].trust", "trust entry"},
		{head + "artifacts: [{ref: \"registry.example/app:1\", platforms: [linux/amd64]}]\n", "5:45 artifacts[0].platforms", "unknown key"},
		{head + "files: [{name: a}]\n", "5:9 files[0]", "none of url, path"},
		{head + "files: [{name: a, url: \"https://h/a\"}]\n", "5:9 files[0]", "without sha256"},
		{head + "files: [{name: a, url: \"https://u:p@h/a\", sha256: " + strings.Repeat("a", 64) + "}]\n", "5:24 files[0].url", "holds a user"},
		{head + "files: [{name: a, url: \"file:///etc/passwd\", sha256: " + strings.Repeat("a", 64) + "}]\n", "5:24 files[0].url", "not a URL"},
		{head + "files: [{name: a, path: x, sha256: AB}]\n", "5:36 files[0].sha256", "64 lower-case"},
		{head + "files: [{name: a, path: x}, {name: A, path: y}]\n", "5:36 files[1].name", "as line 5"},
		{head + "mesh: [{endpoint: \"http://mesh.example\", products: [\"a/*\"]}]\n", "5:19 mesh[0].endpoint", "in the clear"},
		{head + "mesh: [{endpoint: \"https://mesh.example\", products: [\"a**\"]}]\n", "5:54 mesh[0].products[0]", "segment of its own"},
		{head + "volumes: {size: 10}\nfiles: [{name: a, path: x}]\n", "5:17 volumes.size", "quotes"},
		{head + "volumes: {size: 10KB}\nfiles: [{name: a, path: x}]\n", "5:17 volumes.size", "too small"},
		{head + "volumes: {parity: 33}\nfiles: [{name: a, path: x}]\n", "5:19 volumes.parity", "0 to 32"},
		{head + "volumes: {parity: 0x2}\nfiles: [{name: a, path: x}]\n", "5:19 volumes.parity", "0 to 32"},
		{head + "validFor: forever\nfiles: [{name: a, path: x}]\n", "5:11 validFor", "duration"},
		{strings.Replace(head, "name: b", "name: con", 1) + "files: [{name: a, path: x}]\n", "3:7 name", "not a name"},
		{strings.Replace(head, "UNCLASSIFIED", "SECRET//REL TO ATLANTIS", 1) + "files: [{name: a, path: x}]\n", "4:10 marking", "ATLANTIS"},
		{strings.Replace(head, "Bundle", "Policy", 1), "1:1 ", "asks for nothing"},
	} {
		refused(t, tt.text, tt.place, tt.reason)
	}
}

// TestAFilesPathStaysBelowTheFolder (CVE-2024-0406 and its kin).
func TestAFilesPathStaysBelowTheFolder(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"../x", "a/../../x", "/etc/passwd", "..", ".", `a\..\b`, "C:/x", "a:stream"} {
		refused(t, head+"files: [{name: a, path: '"+path+"'}]\n", "5:25 files[0].path", "below the folder")
	}
	for _, name := range []string{"../x", "/x", ".hidden", "-rf", "a/", "a//b", "nul", "docs/COM1.txt", "a.", "a b", "a/./b"} {
		_, err := Parse([]byte(head + "files: [{name: '" + name + "', path: x}]\n"))
		if err == nil {
			t.Errorf("a file may be called %q", name)
		}
	}
}

func TestWhatAPolicyMayNotSay(t *testing.T) {
	t.Parallel()
	const trust = "trust: {a: {cosign: {keys: [a.pub]}}}\n"
	digest := "@sha256:" + strings.Repeat("a", 64)
	for _, tt := range []struct{ text, place, reason string }{
		{policyHead + "bundleSigners: {keys: [a.pub], threshold: 0}\n", "4:43 bundleSigners.threshold", "1 to 1"},
		{policyHead + "bundleSigners: {keys: [a.pub], threshold: 2}\n", "4:43 bundleSigners.threshold", "1 to 1"},
		{policyHead + "bundleSigners: {keys: [a.pub, a.pub], threshold: 2}\n", "4:31 bundleSigners.keys[1]", "twice"},
		{policyHead + "bundleSigners: {keys: [a.pub, ./a.pub], threshold: 2}\n", "4:31 bundleSigners.keys[1]", "below the folder"},
		{policyHead + "bundleSigners: {keys: []}\n", "4:23 bundleSigners.keys", "empty list"},
		{policyHead + "bundleSigners: {keys: [../a.pub]}\n", "4:24 bundleSigners.keys[0]", "below the folder"},
		{policyHead + "bundleSigners: {threshold: 1}\n", "4:16 bundleSigners", "lacks keys"},
		{policyHead + "trust: {}\n", "4:8 trust", "mapping"},
		{policyHead + "trust: {a: {}}\n", "4:12 trust.a", "none of cosign"},
		{policyHead + "trust: {checksum: {cosign: {keys: [a.pub]}}}\n", "4:9 trust.checksum", "not the name"},
		{policyHead + "trust: {a: {cosign: {keys: [a.pub]}, notation: {roots: [a], identities: [b], validAt: now}}}\n", "4:12 trust.a", "cosign and notation"},
		{policyHead + "trust: {a: {keyless: {trustedRoot: r.json, issuer: i}}}\n", "4:22 trust.a.keyless", "none of identity"},
		{policyHead + "trust: {a: {ca: {roots: [r.pem], identity: i}}}\n", "4:17 trust.a.ca", "when a certificate"},
		{policyHead + "trust: {a: {ca: {roots: [r.pem], identity: i, validAt: always}}}\n", "4:56 trust.a.ca.validAt", "one of signing, now"},
		{policyHead + trust + "sources: [{match: \"**\", signature: b}]\n", "5:36 sources[0].signature", "not an entry of trust"},
		{policyHead + trust + "sources: [{match: \"**\"}]\n", "5:11 sources[0]", "none of signature, checksum"},
		{policyHead + trust + "sources: [{match: \"**\", checksum: false}]\n", "5:35 sources[0].checksum", "only be true"},
		{policyHead + trust + "sources: [{match: \"**\", checksum: true, require: [{artifactType: a/b}]}]\n", "5:11 sources[0]", "asks for evidence"},
		{policyHead + trust + "sources: [{match: \"**\", signature: a}, {match: \"files/**\", checksum: true}]\n", "5:48 sources[1].match", "never reached"},
		{policyHead + trust + "sources: [{match: \"**\", signature: a, require: [{trust: a}]}]\n", "5:49 sources[0].require[0]", "none of predicateType"},
		{policyHead + "unsigned: [\"registry.example/a:1\"]\n", "4:12 unsigned[0]", "no digest"},
		{policyHead + "unsigned: [\"registry.example/*" + digest + "\"]\n", "4:12 unsigned[0]", "repository path"},
		{policyHead + "unsigned: [\"files/../a" + digest + "\"]\n", "4:12 unsigned[0]", "name of a file"},
		{policyHead + "limits: {items: 0}\n", "4:17 limits.items", "1 to"},
		{policyHead + "limits: {blob: 0B}\n", "4:16 limits.blob", "nothing"},
		{policyHead + "mediaTypes: [tar]\n", "4:14 mediaTypes[0]", "media type"},
		{policyHead + "strict: \"yes\"\n", "4:9 strict", "true or false"},
	} {
		refused(t, tt.text, tt.place, tt.reason)
	}
}
