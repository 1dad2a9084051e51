package spec

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

// node is a YAML node and its path in the file.
type node struct {
	*yaml.Node
	path string
}

// document reads the text into the one mapping that it must be. Nothing in it
// is expanded: the library keeps an alias as a node of its own, and it is
// refused as such ("billion laughs").
func document(text []byte) (node, error) {
	if err := checkText(text); err != nil {
		return node{}, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		return node{}, notYAML(err)
	}
	if err := onlyDocument(decoder); err != nil {
		return node{}, err
	}
	top := node{root.Content[0], ""}
	return top, checkTree(top)
}

// checkText limits the text before the library sees it. Its recursion and its
// time depend on the nesting, which block style pays for with columns and flow
// style with brackets.
func checkText(text []byte) error {
	if len(text) > MaxBytes {
		return mistake(fmt.Sprintf("the file is %d bytes long", len(text)), fmt.Sprintf("the limit is %d; split the bundle", MaxBytes))
	}
	if err := strictjson.CheckText(string(text)); err != nil {
		return mistake("the text "+err.Error(), "save it as UTF-8")
	}
	open := 0
	for i, line := range bytes.Split(text, []byte("\n")) {
		open += bytes.Count(line, []byte("[")) + bytes.Count(line, []byte("{"))
		open = max(0, open-bytes.Count(line, []byte("]"))-bytes.Count(line, []byte("}")))
		if nesting(line) > maxNesting || open > maxNesting {
			return Errors{{Line: i + 1, Column: 1, Reason: "nested too deeply", Fix: fmt.Sprintf("the deepest field is %d levels down", MaxDepth)}}
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
	if errors.Is(err, io.EOF) {
		return mistake("the file is empty", "start it with apiVersion: "+APIVersion)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	found := yamlLine.FindStringSubmatch(first)
	if found == nil {
		return mistake("the file is not YAML", "")
	}
	line, _ := strconv.Atoi(found[1]) // "" is no line
	e := &Error{Line: line, Reason: "not YAML: " + printable(found[2])}
	if line > 0 {
		e.Column, e.Fix = 1, "look here and on the next line"
	}
	return Errors{e}
}

// checkTree refuses what has more than one reading, wherever it stands. The
// first finding ends the reading: fields below it mean nothing.
func checkTree(top node) error {
	var c treeCheck
	c.node(top, 0)
	if len(c.errs) > 0 {
		return c.errs
	}
	return nil
}

type treeCheck struct{ errs Errors }

func (c *treeCheck) fail(n node, reason, fix string) {
	c.errs = append(c.errs, &Error{Line: n.Line, Column: n.Column, Path: n.path, Reason: reason, Fix: fix})
}

func (c *treeCheck) node(n node, depth int) {
	switch {
	case len(c.errs) >= maxErrors:
	case depth > MaxDepth:
		c.fail(n, "nested too deeply", fmt.Sprintf("the limit is %d levels", MaxDepth))
	case n.Kind == yaml.AliasNode:
		c.fail(n, "an alias", "write the value itself: aliases hide what a reviewer reads")
	case n.Anchor != "":
		c.fail(n, "an anchor", "remove &"+printable(n.Anchor)+": aliases are refused")
	case n.Style&yaml.TaggedStyle != 0:
		c.fail(n, "a tag", "remove "+printable(n.Tag))
	case n.Kind == yaml.MappingNode:
		c.mapping(n, depth)
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			c.node(node{item, n.path + "[" + strconv.Itoa(i) + "]"}, depth+1)
		}
	}
}

func (c *treeCheck) mapping(n node, depth int) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := node{n.Content[i], n.path}
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 {
			c.fail(key, "a key that is no plain text", "write the name of a field")
			continue
		}
		below := join(n.path, key.Value)
		if line, twice := lines[key.Value]; twice {
			c.fail(node{key.Node, below}, fmt.Sprintf("the key stands here twice, first on line %d", line), "keep one of them")
		}
		lines[key.Value] = key.Line
		c.node(node{n.Content[i+1], below}, depth+1)
	}
}

// join is the path of a field.
func join(path, key string) string {
	if path == "" {
		return printable(key)
	}
	return path + "." + printable(key)
}

// printable is text from a file as an error may print it: short, and without
// anything that a terminal would act on.
func printable(text string) string {
	const longest = 80
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	quoted := strconv.QuoteToGraphic(text)
	return quoted[1 : len(quoted)-1]
}
