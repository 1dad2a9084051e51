// Package strictyaml reads a YAML file that people write and that security
// depends on: one meaning for each text or none at all, and every mistake with
// its place.
//
// A text is one YAML 1.2 document. Duplicate keys, aliases, anchors and tags
// are refused, and so is a plain text that other readers take for a number or a
// truth value. Size and nesting are limited before the library sees the text.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// Node is a YAML node and its path in the file, such as "images[2].ref".
type Node struct {
	*yaml.Node
	Path string
}

// Limits bound what is read.
type Limits struct {
	Bytes int // longest text
	Depth int // lists and mappings within each other
	// First is how a file starts, for who has an empty one: "listen: …".
	First string
}

// Document reads the text into its one value. Nothing in it is expanded: the
// library keeps an alias as a node of its own, and it is refused as such
// ("billion laughs"). The error is an [Errors].
func Document(text []byte, limits Limits) (Node, error) {
	if err := checkText(text, limits); err != nil {
		return Node{}, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		return Node{}, mistake("the file is empty", "start it with "+limits.First)
	} else if err != nil {
		return Node{}, notYAML(err)
	}
	if err := onlyDocument(decoder); err != nil {
		return Node{}, err
	}
	top := Node{root.Content[0], ""}
	return top, checkTree(top, limits.Depth)
}

// checkText limits the text before the library sees it. Its recursion and its
// time depend on the nesting, which block style pays for with columns and flow
// style with brackets.
func checkText(text []byte, limits Limits) error {
	if len(text) > limits.Bytes {
		return mistake(fmt.Sprintf("the file is %d bytes long", len(text)), fmt.Sprintf("the limit is %d", limits.Bytes))
	}
	if err := strictjson.CheckText(string(text)); err != nil {
		return mistake("the text "+err.Error(), "save it as UTF-8")
	}
	open := 0
	for i, line := range bytes.Split(text, []byte("\n")) {
		open += bytes.Count(line, []byte("[")) + bytes.Count(line, []byte("{"))
		open = max(0, open-bytes.Count(line, []byte("]"))-bytes.Count(line, []byte("}")))
		if nesting(line) > maxNesting || open > maxNesting {
			return Errors{{Line: i + 1, Column: 1, Reason: "nested too deeply", Fix: fmt.Sprintf("the deepest field is %d levels down", limits.Depth)}}
		}
	}
	return nil
}

// maxNesting is what one line may open: more than any valid file needs and less
// than what hurts.
const maxNesting = 256

// nesting is how many levels a line can open at most: indentation, dashes and
// question marks before the first other character, and opening brackets.
func nesting(line []byte) int {
	indicators := len(line) - len(bytes.TrimLeft(line, " -?:"))
	return max(indicators, bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")))
}

func onlyDocument(decoder *yaml.Decoder) error {
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return notYAML(err)
	}
	return Errors{{Line: second.Line, Column: second.Column, Reason: "a second document starts here", Fix: "one file is one document: remove the ---"}}
}

func mistake(reason, fix string) Errors { return Errors{{Reason: reason, Fix: fix}} }

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)

// notYAML keeps the line that the library names in its text. It counts some of
// them from zero.
func notYAML(err error) error {
	first, _, _ := strings.Cut(err.Error(), "\n")
	found := yamlLine.FindStringSubmatch(first)
	if found == nil {
		return mistake("the file is not YAML", "")
	}
	line, _ := strconv.Atoi(found[1]) // "" is no line
	e := &Error{Line: line, Reason: "not YAML: " + Printable(found[2])}
	if line > 0 {
		e.Column, e.Fix = 1, "look here and on the next line"
	}
	return Errors{e}
}

// checkTree refuses what has more than one reading, wherever it stands. The
// first finding ends the reading: fields below it mean nothing.
func checkTree(top Node, depth int) error {
	c := treeCheck{deepest: depth}
	c.node(top, 0)
	if len(c.errs) > 0 {
		return c.errs
	}
	return nil
}

type treeCheck struct {
	deepest int
	errs    Errors
}

func (c *treeCheck) fail(n Node, reason, fix string) {
	c.errs = append(c.errs, &Error{Line: n.Line, Column: n.Column, Path: n.Path, Reason: reason, Fix: fix})
}

func (c *treeCheck) node(n Node, depth int) {
	switch {
	case len(c.errs) >= maxErrors:
	case depth > c.deepest:
		c.fail(n, "nested too deeply", fmt.Sprintf("the limit is %d levels", c.deepest))
	case n.Kind == yaml.AliasNode:
		c.fail(n, "an alias", "write the value itself: aliases hide what a reviewer reads")
	case n.Anchor != "":
		c.fail(n, "an anchor", "remove &"+Printable(n.Anchor)+": aliases are refused")
	case n.Style&yaml.TaggedStyle != 0:
		c.fail(n, "a tag", "remove "+Printable(n.Tag))
	case n.Kind == yaml.MappingNode:
		c.mapping(n, depth)
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			c.node(Node{item, n.Path + "[" + strconv.Itoa(i) + "]"}, depth+1)
		}
	}
}

func (c *treeCheck) mapping(n Node, depth int) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := Node{n.Content[i], n.Path}
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 {
			c.fail(key, "a key that is no plain text", "write the name of a field")
			continue
		}
		below := Join(n.Path, key.Value)
		if line, twice := lines[key.Value]; twice {
			c.fail(Node{key.Node, below}, fmt.Sprintf("the key stands here twice, first on line %d", line), "keep one of them")
		}
		lines[key.Value] = key.Line
		c.node(Node{n.Content[i+1], below}, depth+1)
	}
}

// Join is the path of a field.
func Join(path, key string) string {
	if path == "" {
		return Printable(key)
	}
	return path + "." + Printable(key)
}

// Printable is text from a file as an error may print it: short, and without
// anything that a terminal would act on.
func Printable(text string) string {
	const longest = 80
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	quoted := strconv.QuoteToGraphic(text)
	return quoted[1 : len(quoted)-1]
}
