package compat

import (
	"context"
	"fmt"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
)

// refer takes the files that the text may import. A reference under the name of
// a file of the library is never used: no schema may stand in for that.
func (s *protoSchema) refer(refs references) error {
	s.imports, s.files = map[string]string{}, map[string]*protoSchema{}
	for _, ref := range refs.all {
		m, ok := ref.model.(*protoSchema)
		if !ok {
			return fmt.Errorf("refers to a schema of type %s", ref.typ)
		}
		s.files[m.file.Name()] = m
	}
	for _, ref := range refs.direct {
		if _, err := wellKnown.FindFileByPath(ref.Name); err != nil {
			s.imports[ref.Name] = protoPath(ref.Schema.id)
		}
	}
	return nil
}

// link links the text with what it imports. Files of the same text that were
// parsed apart are different files to the library, so one of them stands for
// all, and a file that was linked with another is linked again.
func (s *protoSchema) link(refs references) (err error) {
	linked := map[string]linker.File{}
	for _, ref := range refs.all {
		path := protoPath(ref.id)
		m := s.files[path]
		linked[path] = m.desc
		if m.linkedOtherwise(linked) {
			if linked[path], err = m.compile(linked); err != nil {
				return err
			}
		}
	}
	s.desc, err = s.compile(linked)
	return err
}

// linkedOtherwise reports whether a file imports another than the one that was
// chosen for its path.
func (s *protoSchema) linkedOtherwise(linked map[string]linker.File) bool {
	for i := range s.desc.Imports().Len() {
		imported := s.desc.Imports().Get(i)
		if chosen := linked[imported.Path()]; chosen != nil && s.desc.FindImportByPath(imported.Path()) != chosen {
			return true
		}
	}
	return false
}

func (s *protoSchema) compile(linked map[string]linker.File) (linker.File, error) {
	parsed, err := s.imported()
	if err != nil {
		return nil, err
	}
	path := s.file.Name()
	compiler := protocompile.Compiler{
		MaxParallelism: 1,
		Resolver: protocompile.ResolverFunc(func(name string) (protocompile.SearchResult, error) {
			if name == path {
				return parsed, nil
			}
			if file := linked[name]; file != nil {
				return protocompile.SearchResult{Desc: file}, nil
			}
			return wellKnown.FindFileByPath(name)
		}),
	}
	files, err := compiler.Compile(context.Background(), path)
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

// imported is the text with the paths of what it imports in place of the names.
func (s *protoSchema) imported() (protocompile.SearchResult, error) {
	if len(s.imports) == 0 {
		return protocompile.SearchResult{AST: s.file}, nil
	}
	result, err := parser.ResultFromAST(s.file, true, reporter.NewHandler(nil))
	if err != nil {
		return protocompile.SearchResult{}, err
	}
	names := result.FileDescriptorProto().Dependency
	seen := map[string]string{}
	for i, name := range names {
		path := s.imports[name]
		if path == "" {
			continue
		}
		if other, twice := seen[path]; twice {
			return protocompile.SearchResult{}, protoRefuse(s.file, s.importOf(name), fmt.Sprintf("imports the same schema twice, as %q and as %q", other, name))
		}
		seen[path], names[i] = name, path
	}
	return protocompile.SearchResult{ParseResult: result}, nil
}

// importOf is where the text imports a name.
func (s *protoSchema) importOf(name string) ast.Node {
	for _, decl := range s.file.Decls {
		if imp, ok := decl.(*ast.ImportNode); ok && imp.Name.AsString() == name {
			return imp.Name
		}
	}
	return s.file
}

// protoNames puts the names that the author knows into messages of the library.
func protoNames(id schemaID, refs references) *strings.Replacer {
	pairs := []string{protoPath(id), protoFile}
	for _, ref := range refs.direct {
		pairs = append(pairs, protoPath(ref.Schema.id), ref.Name)
	}
	for _, s := range refs.all {
		pairs = append(pairs, protoPath(s.id), "a referenced schema")
	}
	return strings.NewReplacer(pairs...)
}
