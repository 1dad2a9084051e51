package compat

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// protoSchema is one linked Protobuf file and its syntax tree.
type protoSchema struct {
	file *ast.FileNode
	desc protoreflect.FileDescriptor
}

// protoFile is the name of the text among its imports. It is no path.
const protoFile = "schema.proto"

func parseProtobuf(text string) (model, error) {
	if err := strictjson.CheckText(text); err != nil {
		return nil, err
	}
	if err := checkProtoText(text); err != nil {
		return nil, err
	}
	file, err := parser.Parse(protoFile, strings.NewReader(text), reporter.NewHandler(nil))
	if err != nil {
		return nil, protoPlace(err)
	}
	if err := checkProtoFile(file); err != nil {
		return nil, err
	}
	desc, err := compileProto(file)
	if err != nil {
		return nil, protoPlace(err)
	}
	return &protoSchema{file, desc}, nil
}

// wellKnown resolves google/protobuf/* from the library itself and nothing
// from anywhere else.
var wellKnown = protocompile.WithStandardImports(protocompile.ResolverFunc(func(string) (protocompile.SearchResult, error) {
	return protocompile.SearchResult{}, protoregistry.NotFound
}))

func checkProtoFile(file *ast.FileNode) error {
	if file.Edition != nil {
		return protoRefuse(file, file.Edition, "editions are not supported: write syntax = \"proto3\" or \"proto2\"")
	}
	proto3 := file.Syntax != nil && file.Syntax.Syntax.AsString() == "proto3"
	if n := countOneofs(nodes(file.Decls), proto3); n > MaxOneofs {
		return fmt.Errorf("has %d oneofs and proto3 optional fields, the limit is %d: too complex", n, MaxOneofs)
	}
	for _, decl := range file.Decls {
		imp, ok := decl.(*ast.ImportNode)
		if !ok {
			continue
		}
		if _, err := wellKnown.FindFileByPath(imp.Name.AsString()); err != nil {
			return protoRefuse(file, imp.Name, fmt.Sprintf("missing import %q: only google/protobuf/*.proto can be imported", imp.Name.AsString()))
		}
	}
	return nil
}

// MaxOneofs is the most oneofs of one Protobuf file, a proto3 optional field
// counted as one: linking takes time that grows with their square.
const MaxOneofs = 10_000

func countOneofs(list []ast.Node, proto3 bool) int {
	n := 0
	for _, d := range list {
		switch d := d.(type) {
		case *ast.OneofNode:
			n++
		case *ast.FieldNode:
			if proto3 && d.Label.IsPresent() && d.Label.Val == "optional" {
				n++
			}
		case *ast.MessageNode:
			n += countOneofs(nodes(d.Decls), proto3)
		case *ast.GroupNode:
			n += countOneofs(nodes(d.Decls), proto3)
		}
	}
	return n
}

func protoRefuse(file *ast.FileNode, n ast.Node, reason string) error {
	return &strictjson.Error{Offset: file.NodeInfo(n).Start().Offset, Reason: reason}
}

func compileProto(file *ast.FileNode) (linker.File, error) {
	compiler := protocompile.Compiler{
		MaxParallelism: 1,
		Resolver: protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
			if path == protoFile {
				return protocompile.SearchResult{AST: file}, nil
			}
			return wellKnown.FindFileByPath(path)
		}),
	}
	files, err := compiler.Compile(context.Background(), protoFile)
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

// protoPlace finds where in the text an error of the library belongs.
func protoPlace(err error) error {
	var at reporter.ErrorWithPos
	if errors.As(err, &at) {
		return &strictjson.Error{Offset: at.GetPosition().Offset, Reason: at.Unwrap().Error()}
	}
	var crash protocompile.PanicError
	if errors.As(err, &crash) {
		return fmt.Errorf("the parser gave up on this text: %v", crash.Value)
	}
	return err
}

// maxCommentWork bounds the sum over all comments of the bytes that stand
// before them on their line: the library's lexer reads those bytes again for
// each comment.
const maxCommentWork = 1 << 28

// checkProtoText bounds brackets, because the library's walks recurse, and the
// work that comments cause, before the parser sees the text.
func checkProtoText(text string) error {
	depth, line, work := 0, 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\n':
			line = i + 1
		case '{', '[', '(', '<':
			if depth++; depth > MaxDepth {
				return &strictjson.Error{Offset: i, Reason: fmt.Sprintf("is nested deeper than %d levels", MaxDepth)}
			}
		case '}', ']', ')', '>':
			depth--
		case '"', '\'':
			i = skipProtoString(text, i)
		case '/':
			if work += i - line; work > maxCommentWork {
				return &strictjson.Error{Offset: i, Reason: "has too many comments on one long line: break the line"}
			}
			i = skipProtoComment(text, i)
		}
	}
	return nil
}

// skipProtoString returns the offset of the closing quote, or of the end of
// the line or text when there is none.
func skipProtoString(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case text[start], '\n':
			return i
		case '\\':
			i++
		}
	}
	return len(text)
}

func skipProtoComment(text string, start int) int {
	switch {
	case strings.HasPrefix(text[start:], "//"):
		if n := strings.IndexByte(text[start:], '\n'); n >= 0 {
			return start + n - 1 // the caller counts the end of the line
		}
		return len(text)
	case strings.HasPrefix(text[start:], "/*"):
		if n := strings.Index(text[start+2:], "*/"); n >= 0 {
			return start + 2 + n + 1
		}
		return len(text)
	}
	return start
}

// fields lists the fields of all messages where the messages are declared,
// then extensions.
func (s *protoSchema) fields() []Field {
	l := protoLister{comments: collectComments(s.file, s.desc.Package())}
	l.messages(s.desc.Messages(), "")
	l.extensions(s.desc.Extensions(), "")
	return l.fields
}

type protoLister struct {
	comments map[protoreflect.FullName]string
	fields   []Field
}

func (l *protoLister) messages(list protoreflect.MessageDescriptors, path string) {
	for i := range list.Len() {
		m := list.Get(i)
		if m.IsMapEntry() {
			continue
		}
		at := join(path, string(m.Name()))
		for j := range m.Fields().Len() {
			l.field(m.Fields().Get(j), at)
		}
		l.messages(m.Messages(), at)
		l.extensions(m.Extensions(), at)
	}
}

func (l *protoLister) extensions(list protoreflect.ExtensionDescriptors, path string) {
	for i := range list.Len() {
		l.field(list.Get(i), path)
	}
}

func (l *protoLister) field(f protoreflect.FieldDescriptor, path string) {
	name := string(f.Name())
	own := traits{description: l.comments[f.FullName()], unit: unitOption(f)}
	l.fields = append(l.fields, newField(join(path, name), name, protoType(f), own.merge(l.typeTraits(f))))
}

// unitOption is the string of a custom option named unit.
func unitOption(f protoreflect.FieldDescriptor) string {
	unit := ""
	f.Options().ProtoReflect().Range(func(o protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if o.IsExtension() && o.Name() == "unit" && o.Kind() == protoreflect.StringKind && !o.IsList() {
			unit = v.String()
		}
		return unit == ""
	})
	return unit
}

func (l *protoLister) typeTraits(f protoreflect.FieldDescriptor) traits {
	if f.IsMap() {
		value := l.typeTraits(f.MapValue())
		value.description = ""
		return value
	}
	switch f.Kind() {
	case protoreflect.EnumKind:
		return traits{description: l.comments[f.Enum().FullName()]}
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return traits{description: l.comments[f.Message().FullName()], numeric: isNumberWrapper(f.Message().FullName())}
	case protoreflect.BoolKind, protoreflect.StringKind, protoreflect.BytesKind:
		return traits{}
	}
	return traits{numeric: true}
}

func isNumberWrapper(name protoreflect.FullName) bool {
	switch name {
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value",
		"google.protobuf.UInt64Value", "google.protobuf.Int32Value", "google.protobuf.UInt32Value":
		return true
	}
	return false
}

func protoType(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "map<" + protoType(f.MapKey()) + ", " + protoType(f.MapValue()) + ">"
	case f.Kind() == protoreflect.EnumKind:
		return string(f.Enum().FullName())
	case f.Kind() == protoreflect.MessageKind:
		return string(f.Message().FullName())
	}
	return f.Kind().String()
}
