package importer

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pair is a key of a mapping and its value.
type pair struct{ key, value *yaml.Node }

// pairs are those of a mapping, none of anything else.
func pairs(n *yaml.Node) []pair {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	all := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		all = append(all, pair{n.Content[i], n.Content[i+1]})
	}
	return all
}

// at follows keys down; nil when one is not there.
func at(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		var next *yaml.Node
		for _, p := range pairs(n) {
			if p.key.Value == key {
				next = p.value
			}
		}
		n = next
	}
	return n
}

// items are those of a list, none of anything else.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// text is a scalar as it is written.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

func textAt(n *yaml.Node, keys ...string) string { return text(at(n, keys...)) }

// line is where a node stands.
func line(n *yaml.Node) int {
	if n == nil {
		return 0
	}
	return n.Line
}

// shown is text of a manifest as a note or comment may hold it: one short line
// of visible ASCII.
func shown(text string) string {
	const longest = 200
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	quoted := strconv.QuoteToASCII(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
