package compat

import (
	"fmt"
	"strings"

	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// CanonicalText is [Schema.Canonical] for a text whose references are not at
// hand: the grammar of the language is checked and nothing that needs to know
// what a name stands for. So it accepts texts that are no schema, and gives the
// canonical form of every text that is one. The error is a *[ParseError].
func CanonicalText(t catalog.SchemaType, text string) (canonical string, err error) {
	defer func() {
		if p := recover(); p != nil {
			canonical, err = "", &ParseError{Type: t, Reason: excerpt(fmt.Sprintf("the parser gave up on this text: %v", p))}
		}
	}()
	if len(text) > MaxBytes {
		return "", &ParseError{Type: t, Reason: fmt.Sprintf("is %d bytes long, the limit is %d", len(text), MaxBytes)}
	}
	canonical, err = canonicalText(t, text)
	if err != nil {
		return "", located(t, text, err)
	}
	return canonical, nil
}

func canonicalText(t catalog.SchemaType, text string) (string, error) {
	if t == catalog.SchemaProtobuf {
		return canonicalProtobuf(text)
	}
	tree, err := strictjson.Parse(text, jsonLimits)
	if err != nil {
		return "", err
	}
	switch t {
	case catalog.SchemaAvro:
		return (&avroSchema{tree: tree}).canonical(), nil
	case catalog.SchemaJSON:
		return (&jsonSchema{root: tree}).canonical(), nil
	}
	return "", fmt.Errorf("unknown schema type %q: use AVRO, JSON or PROTOBUF", string(t))
}

func canonicalProtobuf(text string) (string, error) {
	if err := strictjson.CheckText(text); err != nil {
		return "", err
	}
	if err := checkProtoText(text); err != nil {
		return "", err
	}
	file, err := parser.Parse(protoFile, strings.NewReader(text), reporter.NewHandler(nil))
	if err != nil {
		return "", protoPlace(err, strings.NewReplacer()) // the grammar names no file
	}
	if file.Edition != nil {
		return "", protoRefuse(file, file.Edition, "editions are not supported: write syntax = \"proto3\" or \"proto2\"")
	}
	return (&protoSchema{file: file}).canonical(), nil
}
