package compat

import (
	"encoding/hex"
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
	file     *ast.FileNode
	desc     linker.File
	imports  map[string]string       // path of the file by the name that the text imports
	files    map[string]*protoSchema // what it refers to, directly or not, by path
	comments map[protoreflect.FullName]protoComment
}

// protoFile is what messages call the text. It is no path.
const protoFile = "schema.proto"

// protoPath is the name of a text among linked files: the library links each
// name once, while two schemas may call different ones by the same name.
func protoPath(id schemaID) string { return hex.EncodeToString(id[:]) + ".proto" }

func parseProtobuf(text string, id schemaID, refs references) (model, error) {
	if err := strictjson.CheckText(text); err != nil {
		return nil, err
	}
	if err := checkProtoText(text); err != nil {
		return nil, err
	}
	s := &protoSchema{}
	if err := s.refer(refs); err != nil {
		return nil, err
	}
	names := protoNames(id, refs)
	var err error
	if s.file, err = parser.Parse(protoPath(id), strings.NewReader(text), reporter.NewHandler(nil)); err != nil {
		return nil, protoPlace(err, names)
	}
	if err := s.checkFile(); err != nil {
		return nil, err
	}
	if err := s.link(refs); err != nil {
		return nil, protoPlace(err, names)
	}
	s.comments = collectComments(s.file, s.desc.Package())
	return s, nil
}

// wellKnown resolves google/protobuf/* from the library itself and nothing
// from anywhere else.
var wellKnown = protocompile.WithStandardImports(protocompile.ResolverFunc(func(string) (protocompile.SearchResult, error) {
	return protocompile.SearchResult{}, protoregistry.NotFound
}))

func (s *protoSchema) checkFile() error {
	file := s.file
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
		name := imp.Name.AsString()
		if _, err := wellKnown.FindFileByPath(name); err != nil && s.imports[name] == "" {
			return protoRefuse(file, imp.Name, fmt.Sprintf("missing import %q: without a reference of this name, only google/protobuf/*.proto can be imported", name))
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

// protoPlace finds where in the text an error of the library belongs.
func protoPlace(err error, names *strings.Replacer) error {
	var at reporter.ErrorWithPos
	if errors.As(err, &at) {
		return &strictjson.Error{Offset: at.GetPosition().Offset, Reason: names.Replace(at.Unwrap().Error())}
	}
	var crash protocompile.PanicError
	var placed *strictjson.Error
	switch {
	case errors.As(err, &crash):
		return fmt.Errorf("the parser gave up on this text: %v", crash.Value)
	case errors.As(err, &placed):
		return placed
	}
	return errors.New(names.Replace(err.Error()))
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
	l := protoLister{schema: s}
	l.messages(s.desc.Messages(), "")
	l.extensions(s.desc.Extensions(), "")
	return l.fields
}

type protoLister struct {
	schema *protoSchema
	fields []Field
}

// comment is what the text, or one that it refers to, says about a declaration.
func (s *protoSchema) comment(d protoreflect.Descriptor) protoComment {
	if other := s.files[d.ParentFile().Path()]; other != nil {
		return other.comments[d.FullName()]
	}
	return s.comments[d.FullName()]
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
	t := l.schema.traits(f)
	if f.Parent() == f.ContainingMessage() {
		t = t.merge(traits{marking: l.schema.marking(f.ContainingMessage())})
	}
	l.fields = append(l.fields, newField(join(path, name), name, protoType(f), t))
}

// traits is what the text, and the type of the field, say about a field.
func (s *protoSchema) traits(f protoreflect.FieldDescriptor) traits {
	own := traits{description: s.comment(f).description, unit: stringOption(f, "unit"), marking: s.marking(f)}
	return own.merge(s.typeTraits(f))
}

// marking is that of a declaration: its comment's, or its option's.
func (s *protoSchema) marking(d protoreflect.Descriptor) string {
	if mark := s.comment(d).marking; mark != "" {
		return mark
	}
	return stringOption(d, "marking")
}

// stringOption is the string of a custom option of that name.
func stringOption(d protoreflect.Descriptor, name protoreflect.Name) string {
	text := ""
	d.Options().ProtoReflect().Range(func(o protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if o.IsExtension() && o.Name() == name && o.Kind() == protoreflect.StringKind && !o.IsList() {
			text = v.String()
		}
		return text == ""
	})
	return text
}

func (s *protoSchema) typeTraits(f protoreflect.FieldDescriptor) traits {
	if f.IsMap() {
		value := s.typeTraits(f.MapValue())
		value.description, value.marking = "", ""
		return value
	}
	switch f.Kind() {
	case protoreflect.EnumKind:
		return traits{description: s.comment(f.Enum()).description}
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return traits{description: s.comment(f.Message()).description, marking: s.marking(f.Message()), numeric: isNumberWrapper(f.Message().FullName())}
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
