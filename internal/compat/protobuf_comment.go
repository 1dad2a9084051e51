package compat

import (
	"strings"

	"github.com/bufbuild/protocompile/ast"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoComments are the comments that document fields, messages and
// enumerations, by full name. They are taken from the syntax tree: the
// library's own source information takes time that grows with the square of
// the length of a line.
type protoComments struct {
	file *ast.FileNode
	text map[protoreflect.FullName]protoComment
}

// protoComment is what the comment of one declaration says. A line that starts
// with "Marking:", "Reference:" or "Aliases:" is for programs.
type protoComment struct{ description, marking, reference, aliases string }

func readComment(text string) protoComment {
	var c protoComment
	var prose []string
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		rest = strings.TrimSpace(rest)
		switch word {
		case "Marking":
			c.marking = rest
		case "Reference":
			c.reference = rest
		case "Aliases":
			c.aliases = rest
		default:
			prose = append(prose, strings.Fields(line)...)
		}
	}
	c.description = strings.Join(prose, " ")
	return c
}

func collectComments(file *ast.FileNode, pkg protoreflect.FullName) map[protoreflect.FullName]protoComment {
	c := protoComments{file, map[protoreflect.FullName]protoComment{}}
	c.walk(nodes(file.Decls), pkg)
	return c.text
}

func (c *protoComments) walk(list []ast.Node, scope protoreflect.FullName) {
	for _, n := range list {
		switch n := n.(type) {
		case *ast.MessageNode:
			name := c.add(scope, n.Name.Val, n, false)
			c.walk(nodes(n.Decls), name)
		case *ast.GroupNode:
			name := c.add(scope, n.Name.Val, n, false)
			c.text[scope.Append(protoreflect.Name(strings.ToLower(n.Name.Val)))] = c.text[name]
			c.walk(nodes(n.Decls), name)
		case *ast.EnumNode:
			c.add(scope, n.Name.Val, n, false)
		case *ast.FieldNode:
			c.add(scope, n.Name.Val, n, true)
		case *ast.MapFieldNode:
			c.add(scope, n.Name.Val, n, true)
		case *ast.OneofNode:
			c.walk(nodes(n.Decls), scope)
		case *ast.ExtendNode:
			c.walk(nodes(n.Decls), scope)
		}
	}
}

// add records the comment right above a declaration and, for a field, the one
// behind it on the same line.
func (c *protoComments) add(scope protoreflect.FullName, name string, n ast.Node, trailing bool) protoreflect.FullName {
	full := scope.Append(protoreflect.Name(name))
	info := c.file.NodeInfo(n)
	text := attached(info)
	if trailing {
		for i := range info.TrailingComments().Len() {
			text += "\n" + bareComment(info.TrailingComments().Index(i).RawText())
		}
	}
	c.text[full] = readComment(text)
	return full
}

// attached is the block of comments that ends on the line above the
// declaration: a blank line cuts off what stands before it.
func attached(info ast.NodeInfo) string {
	comments := info.LeadingComments()
	gap, text := info.LeadingWhitespace(), ""
	for i := comments.Len() - 1; i >= 0 && strings.Count(gap, "\n") < 2; i-- {
		text = bareComment(comments.Index(i).RawText()) + "\n" + text
		gap = comments.Index(i).LeadingWhitespace()
	}
	return text
}

// bareComment is a comment without the characters that make it one.
func bareComment(raw string) string {
	if text, line := strings.CutPrefix(raw, "//"); line {
		return strings.TrimSpace(strings.TrimLeft(text, "/"))
	}
	lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(raw, "/*"), "*/"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "*"))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
