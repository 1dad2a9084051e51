package compat

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bufbuild/protocompile/ast"
)

// canonical prints the syntax tree without comments, in one layout, with
// literals in one spelling and declarations in one order where their order has
// no meaning: imports and options by name, fields by number. Messages keep
// their order, because the Confluent wire format addresses them by it; values
// of an enumeration keep it, because the first one is the default.
func (s *protoSchema) canonical() string {
	p := protoPrinter{s.file}
	syntax := "proto2"
	if s.file.Syntax != nil {
		syntax = s.file.Syntax.Syntax.AsString()
	}
	lines := []string{"syntax = " + protoQuote(syntax) + ";"}
	return strings.Join(append(lines, p.decls(nodes(s.file.Decls), 0)...), "\n") + "\n"
}

type protoPrinter struct{ file *ast.FileNode }

// decl is a printed declaration and what it is sorted by.
type decl struct {
	rank   int
	number uint64
	name   string
	text   string
}

// The order of declarations in one body. Equal ranks are sorted by number,
// then by name; declarations that keep their order have neither.
const (
	rankPackage = iota
	rankImport
	rankOption
	rankField
	rankReserved
	rankKept
)

func nodes[N ast.Node](list []N) []ast.Node {
	out := make([]ast.Node, 0, len(list))
	for _, n := range list {
		out = append(out, n)
	}
	return out
}

func (p protoPrinter) decls(list []ast.Node, depth int) []string {
	var sorted []decl
	for _, n := range list {
		if _, empty := n.(*ast.EmptyDeclNode); !empty {
			sorted = append(sorted, p.decl(n, depth))
		}
	}
	slices.SortStableFunc(sorted, func(a, b decl) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.number, b.number), strings.Compare(a.name, b.name))
	})
	lines := make([]string, 0, len(sorted))
	for _, d := range sorted {
		lines = append(lines, strings.Repeat("  ", depth)+d.text)
	}
	return lines
}

func (p protoPrinter) decl(n ast.Node, depth int) decl {
	text := p.text(n, depth)
	switch n := n.(type) {
	case *ast.PackageNode:
		return decl{rank: rankPackage, text: text}
	case *ast.ImportNode:
		return decl{rank: rankImport, name: text, text: text}
	case *ast.OptionNode:
		return decl{rank: rankOption, name: p.text(n.Name, depth), text: text}
	case *ast.ReservedNode, *ast.ExtensionRangeNode:
		return decl{rank: rankReserved, name: text, text: text}
	}
	if number, ok := fieldNumber(n); ok {
		return decl{rank: rankField, number: number, text: text}
	}
	return decl{rank: rankKept, text: text}
}

// fieldNumber is the number of a field, or the least in a oneof.
func fieldNumber(n ast.Node) (uint64, bool) {
	switch n := n.(type) {
	case *ast.FieldNode:
		return n.Tag.Val, true
	case *ast.MapFieldNode:
		return n.Tag.Val, true
	case *ast.GroupNode:
		return n.Tag.Val, true
	case *ast.OneofNode:
		least := uint64(math.MaxInt32)
		for _, d := range n.Decls {
			if number, ok := fieldNumber(d); ok {
				least = min(least, number)
			}
		}
		return least, true
	}
	return 0, false
}

// text prints one node and all below it.
func (p protoPrinter) text(n ast.Node, depth int) string {
	switch n := n.(type) {
	case ast.StringValueNode:
		return protoQuote(n.AsString())
	case *ast.UintLiteralNode:
		return strconv.FormatUint(n.Val, 10)
	case *ast.FloatLiteralNode:
		if !math.IsInf(n.Val, 0) {
			return strconv.FormatFloat(n.Val, 'g', -1, 64)
		}
	case ast.IdentValueNode:
		return string(n.AsIdentifier())
	case *ast.CompactOptionsNode:
		return p.options(n, depth)
	case *ast.MessageLiteralNode:
		return p.literal(n, depth)
	case *ast.MessageFieldNode:
		return p.text(n.Name, depth) + ": " + p.text(n.Val, depth)
	}
	composite, ok := n.(ast.CompositeNode)
	if !ok {
		return p.file.NodeInfo(n).RawText()
	}
	return p.composite(composite, depth)
}

func (p protoPrinter) composite(n ast.CompositeNode, depth int) string {
	body, isBlock := blockOf(n)
	var parts []string
	for _, c := range n.Children() {
		if r, ok := c.(*ast.RuneNode); ok && r.Rune == '{' && isBlock {
			return glue(parts) + p.block(body, depth)
		}
		parts = append(parts, p.text(c, depth))
	}
	return glue(parts)
}

func (p protoPrinter) block(body []ast.Node, depth int) string {
	lines := p.decls(body, depth+1)
	if len(lines) == 0 {
		return " {}"
	}
	return " {\n" + strings.Join(lines, "\n") + "\n" + strings.Repeat("  ", depth) + "}"
}

func blockOf(n ast.Node) ([]ast.Node, bool) {
	switch n := n.(type) {
	case *ast.MessageNode:
		return nodes(n.Decls), true
	case *ast.GroupNode:
		return nodes(n.Decls), true
	case *ast.OneofNode:
		return nodes(n.Decls), true
	case *ast.EnumNode:
		return nodes(n.Decls), true
	case *ast.ExtendNode:
		return nodes(n.Decls), true
	case *ast.ServiceNode:
		return nodes(n.Decls), true
	case *ast.RPCNode:
		return nodes(n.Decls), n.OpenBrace != nil
	}
	return nil, false
}

func (p protoPrinter) options(n *ast.CompactOptionsNode, depth int) string {
	list := slices.Clone(n.Options)
	slices.SortStableFunc(list, func(a, b *ast.OptionNode) int {
		return strings.Compare(p.text(a.Name, depth), p.text(b.Name, depth))
	})
	texts := make([]string, 0, len(list))
	for _, option := range list {
		texts = append(texts, p.text(option, depth))
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func (p protoPrinter) literal(n *ast.MessageLiteralNode, depth int) string {
	parts := make([]string, 0, len(n.Elements))
	for _, field := range n.Elements {
		parts = append(parts, p.text(field, depth))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// glue joins printed tokens with the spaces that a reader expects.
func glue(parts []string) string {
	const opening, closing = "([.-<", ";,)].<>" // no space after these, none before those
	var b strings.Builder
	before := "("
	for _, part := range parts {
		if !strings.Contains(opening, before) && !strings.Contains(closing, part[:1]) {
			b.WriteByte(' ')
		}
		b.WriteString(part)
		before = part[len(part)-1:]
	}
	return b.String()
}

// protoQuote spells a string literal in one way. Bytes that are no UTF-8 text
// become octal escapes.
func protoQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"), r < 0x20, r == 0x7f:
			fmt.Fprintf(&b, `\%03o`, s[i])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
