package spec

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// file is one of the two files: its sample uses every field there is.
type file struct {
	sample string
	parse  func([]byte) error
	schema *jsonschema.Schema
	tree   map[string]any // the schema as a document
}

func files(t testing.TB) []file {
	t.Helper()
	bundle := file{sample: "bundle.yaml", parse: func(text []byte) error { _, err := Parse(text); return err }}
	policy := file{sample: "policy.yaml", parse: func(text []byte) error { _, err := ParsePolicy(text); return err }}
	bundle.schema, bundle.tree = schema(t, "bundle.schema.json")
	policy.schema, policy.tree = schema(t, "policy.schema.json")
	return []file{bundle, policy}
}

func schema(t testing.TB, name string) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	text, err := os.Open("../../../docs/bundler/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	document, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return compiled, document.(map[string]any)
}

func (f file) validates(t testing.TB, text []byte) bool {
	t.Helper()
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return f.schema.Validate(document) == nil
}

// TestSchemasKnowTheFieldsOfTheParser puts an unknown key into every mapping of
// the samples: the keys that the parser then says it knows are those of the
// schema, and the samples use each of them.
func TestSchemasKnowTheFieldsOfTheParser(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		used := map[string]map[string]bool{}
		mappings(t, f, func(path string, mapping *yaml.Node, text func() []byte) {
			for i := 0; i < len(mapping.Content); i += 2 {
				at := f.definition(t, path)
				if used[at] == nil {
					used[at] = map[string]bool{}
				}
				used[at][mapping.Content[i].Value] = true
			}
			plain := mapping.Content
			mapping.Content = append(slices.Clone(plain), scalar("zzz"), scalar("x"))
			got, want := known(f.parse(text())), f.properties(t, f.definition(t, path))
			mapping.Content = plain
			if got != "" && got != want {
				t.Errorf("%s %s: the parser knows %s, the schema %s", f.sample, path, got, want)
			}
			if got == "" && path != "trust" {
				t.Errorf("%s %s: an unknown key is not refused", f.sample, path)
			}
		})
		for at, keys := range used {
			if got, want := sorted(maps.Keys(keys)), f.properties(t, at); want != "" && got != want {
				t.Errorf("%s: the sample uses %s of %s, there are %s", f.sample, got, at, want)
			}
		}
	}
}

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// known are the keys that an unknown key is told of, sorted.
func known(err error) string {
	var all Errors
	if errors.As(err, &all) {
		for _, e := range all {
			if names, ok := strings.CutPrefix(e.Fix, "known here: "); ok {
				return sorted(slices.Values(strings.Split(names, ", ")))
			}
		}
	}
	return ""
}

func sorted(names func(func(string) bool)) string { return strings.Join(slices.Sorted(names), " ") }

// mappings visits every mapping of a file's sample; text writes the sample as it
// then is.
func mappings(t *testing.T, f file, visit func(path string, mapping *yaml.Node, text func() []byte)) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal(sample(t, f.sample), &root); err != nil {
		t.Fatal(err)
	}
	text := func() []byte {
		written, err := yaml.Marshal(&root)
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			visit(path, n, text)
			for i := 0; i < len(n.Content); i += 2 {
				walk(strictyaml.Join(path, n.Content[i].Value), n.Content[i+1])
			}
		case yaml.SequenceNode:
			for i, item := range n.Content {
				walk(fmt.Sprintf("%s.%d", path, i), item)
			}
		}
	}
	walk("", root.Content[0])
}

// definition is the pointer of the schema for a path of the sample.
func (f file) definition(t *testing.T, path string) string {
	t.Helper()
	at := "#"
	for step := range strings.SplitSeq(path, ".") {
		node := f.at(t, at)
		switch {
		case step == "":
		case strings.Trim(step, "0123456789") == "":
			at += "/items"
		case node["additionalProperties"] == false:
			at += "/properties/" + step
		default:
			at += "/additionalProperties"
		}
		for ref, ok := f.at(t, at)["$ref"].(string); ok; ref, ok = f.at(t, at)["$ref"].(string) {
			if f.at(t, at)["properties"] != nil {
				break // a reference beside properties is a condition
			}
			at = ref
		}
	}
	return at
}

func (f file) at(t *testing.T, pointer string) map[string]any {
	t.Helper()
	node := f.tree
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "#"), "/") {
		if step == "" {
			continue
		}
		next, ok := node[step].(map[string]any)
		if !ok {
			t.Fatalf("%s: no %s", pointer, step)
		}
		node = next
	}
	return node
}

func (f file) properties(t *testing.T, pointer string) string {
	t.Helper()
	properties, _ := f.at(t, pointer)["properties"].(map[string]any)
	return sorted(maps.Keys(properties))
}

// TestSchemasAcceptWhatTheParserAccepts: an editor that underlines a valid file
// teaches people to ignore it. Each scalar of the samples becomes each of the
// oddities, each key goes missing once.
func TestSchemasAcceptWhatTheParserAccepts(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		if !f.validates(t, sample(t, f.sample)) {
			t.Errorf("%s is not valid by its schema", f.sample)
		}
		tried := 0
		mappings(t, f, func(path string, mapping *yaml.Node, text func() []byte) {
			plain := mapping.Content
			for i := 0; i < len(plain); i += 2 {
				mapping.Content = slices.Delete(slices.Clone(plain), i, i+2)
				accepted, valid := f.parse(text()) == nil, f.validates(t, text())
				mapping.Content = plain
				if accepted != valid && !semantic[plain[i].Value] {
					t.Errorf("%s: without %s: parsed %t, valid %t", f.sample, strictyaml.Join(path, plain[i].Value), accepted, valid)
				}
				for _, value := range oddities {
					tried++
					f.compare(t, strictyaml.Join(path, plain[i].Value), plain[i+1], value, text)
				}
			}
		})
		if tried < 1000 {
			t.Errorf("%s: tried %d texts only", f.sample, tried)
		}
	}
}

// semantic are keys that others in the file refer to.
var semantic = map[string]bool{"marking": true, "vendor-a": true, "vendor-b": true, "trust": true}

var oddities = []*yaml.Node{
	scalar(""), scalar("a"), scalar("A"), scalar("checksum"), scalar("a/b"), scalar("../a"), scalar("/a"), scalar("a/.."), scalar("1MiB"), scalar("2.5 GB"),
	scalar("1kiB"), scalar("0B"), scalar("10d"), scalar("0d"), scalar("now"), scalar("UNCLASSIFIED"), scalar("linux/arm/v7"), scalar("registry.example/a:1"),
	scalar("registry.example:5000/a/b"), scalar("localhost/a"), scalar("[::1]:5000/a:b"), scalar("a\tb"), scalar(strings.Repeat("a", 65)), scalar(strings.Repeat("a", 3000)),
	scalar("registry.example/a@sha256:" + strings.Repeat("a", 64)), scalar("registry.example/a:1@sha256:" + strings.Repeat("a", 64)),
	scalar("files/a@sha256:" + strings.Repeat("a", 64)), scalar(strings.Repeat("a", 64)), scalar("https://h/a"), scalar("http://localhost:1"), scalar("HTTPS://h"), scalar("https://h/?a=b"),
	{Kind: yaml.ScalarNode, Tag: "!!int", Value: "1"}, {Kind: yaml.ScalarNode, Tag: "!!int", Value: "0"}, {Kind: yaml.ScalarNode, Tag: "!!int", Value: "-1"},
	{Kind: yaml.ScalarNode, Tag: "!!float", Value: "1.5"}, {Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}, {Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"},
	{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, {Kind: yaml.SequenceNode}, {Kind: yaml.MappingNode},
	{Kind: yaml.SequenceNode, Content: []*yaml.Node{scalar("a")}}, {Kind: yaml.SequenceNode, Content: []*yaml.Node{scalar("linux/amd64")}},
	{Kind: yaml.SequenceNode, Content: []*yaml.Node{scalar("a/b"), scalar("a/b")}}, {Kind: yaml.MappingNode, Content: []*yaml.Node{scalar("a"), scalar("b")}},
}

func (f file) compare(t *testing.T, path string, n, value *yaml.Node, text func() []byte) {
	t.Helper()
	plain := *n
	*n = *value
	written := text()
	*n = plain
	if f.parse(written) == nil && !f.validates(t, written) {
		t.Errorf("%s: %s = %s %q is parsed, but not valid by the schema", f.sample, path, value.Tag, value.Value)
	}
}
