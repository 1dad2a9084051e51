package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// sources are the files whose types the API shows. Of the marking package it is
// one: others of its types have names that the catalogue has too.
var sources = []string{"internal/marking/compare.go", "internal/catalog/*.go", "internal/wire/*.go"}

// comments is what the source says about types and their fields.
type comments struct {
	text   map[string]string // "Product" or "Product.Status" to its comment
	values map[string][]any  // "Status" to its constants, in order
}

// readComments parses the packages below the module root.
func readComments(root string) (comments, error) {
	c := comments{text: map[string]string{}, values: map[string][]any{}}
	for _, source := range sources {
		files, err := filepath.Glob(filepath.Join(root, source))
		if err != nil || len(files) == 0 {
			return c, fmt.Errorf("no Go files in %s: is -root the root of the module?", filepath.Join(root, source))
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return c, fmt.Errorf("parse: %w", err)
			}
			c.read(tree)
		}
	}
	return c, nil
}

func (c comments) read(tree *ast.File) {
	for _, declaration := range tree.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				c.readType(s, general.Doc)
			case *ast.ValueSpec:
				c.readConstant(s)
			}
		}
	}
}

func (c comments) readType(spec *ast.TypeSpec, doc *ast.CommentGroup) {
	c.text[spec.Name.Name] = plain(doc)
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range structure.Fields.List {
		text := strings.TrimSpace(plain(field.Doc) + " " + plain(field.Comment))
		for _, name := range field.Names {
			c.text[spec.Name.Name+"."+name.Name] = text
		}
	}
}

// readConstant notes a string constant of a named type.
func (c comments) readConstant(spec *ast.ValueSpec) {
	kind, ok := spec.Type.(*ast.Ident)
	if !ok || len(spec.Values) != 1 {
		return
	}
	if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
		if value, err := strconv.Unquote(literal.Value); err == nil {
			c.values[kind.Name] = append(c.values[kind.Name], value)
		}
	}
}

// plain is a comment on one line, without the brackets of doc links.
func plain(group *ast.CommentGroup) string {
	text := strings.Join(strings.Fields(group.Text()), " ")
	return strings.NewReplacer("[", "", "]", "").Replace(text)
}
