package compat

import "testing"

// TestProtobufEvolution follows "Updating A Message Type" of the Protocol
// Buffers guide as Confluent's registry judges it.
func TestProtobufEvolution(t *testing.T) {
	t.Parallel()
	proto3 := func(body string) string { return `syntax="proto3"; message T { ` + body + ` }` }
	proto2 := func(body string) string { return `syntax="proto2"; message T { ` + body + ` }` }
	const scalar, kind, named, label = "#/T/1 FIELD_SCALAR_KIND_CHANGED", "#/T/1 FIELD_KIND_CHANGED", "#/T/1 FIELD_NAMED_TYPE_CHANGED", "#/T/1 FIELD_NUMERIC_LABEL_CHANGED"
	both := func(name, old, new, finding string) change {
		var want []string
		if finding != "" {
			want = []string{finding}
		}
		return change{name, old, new, want, want}
	}
	const timestamp, duration = `import "google/protobuf/timestamp.proto"; `, `import "google/protobuf/duration.proto"; `
	const timestampOwn = ` message Timestamp {}`
	imported := func(imports, body string) string { return `syntax="proto3"; ` + imports + `message T { ` + body + ` }` }

	runChanges(t, protoT, []change{
		both("field added", proto3(`int32 a = 1;`), proto3(`int32 a = 1; T b = 2;`), ""),
		both("field renamed", proto3(`int32 a = 1;`), proto3(`int32 b = 1;`), ""),
		both("field number changed", proto3(`int32 a = 1;`), proto3(`int32 a = 2;`), ""),
		both("number reserved", proto3(`int32 a = 1; int32 b = 2;`), proto3(`int32 a = 1; reserved 2; reserved "b";`), ""),
		both("json name, default and packing", proto2(`repeated int32 a = 1;`), proto2(`repeated int32 a = 1 [packed = true, json_name = "x"];`), ""),
		both("syntax", proto2(`optional int32 a = 1;`), proto3(`optional int32 a = 1;`), ""),

		both("bool to uint64", proto3(`bool a = 1;`), proto3(`uint64 a = 1;`), ""),
		both("enum to int32", proto3(`E a = 1; enum E { X = 0; }`), proto3(`int32 a = 1;`), ""),
		both("enum to another", proto3(`E a = 1; enum E { X = 0; } enum F { Y = 0; }`), proto3(`F a = 1; enum F { Z = 0; W = 7; }`), ""),
		both("sint32 to sint64", proto3(`sint32 a = 1;`), proto3(`sint64 a = 1;`), ""),
		both("fixed64 to sfixed64", proto3(`fixed64 a = 1;`), proto3(`sfixed64 a = 1;`), ""),
		both("string to bytes", proto3(`string a = 1;`), proto3(`bytes a = 1;`), ""),
		both("int32 to sint32", proto3(`int32 a = 1;`), proto3(`sint32 a = 1;`), scalar),
		both("int32 to fixed32", proto3(`int32 a = 1;`), proto3(`fixed32 a = 1;`), scalar),
		both("fixed32 to fixed64", proto3(`fixed32 a = 1;`), proto3(`fixed64 a = 1;`), scalar),
		both("float to double", proto3(`float a = 1;`), proto3(`double a = 1;`), scalar),
		both("float to fixed32", proto3(`float a = 1;`), proto3(`fixed32 a = 1;`), scalar),
		both("string to message", proto3(`string a = 1;`), proto3(`T a = 1;`), kind),
		both("message to enum of the same name", proto3(`E a = 1; message E {}`), proto3(`E a = 1; enum E { X = 0; }`), "").
			finds([]string{kind, "#/T/E MESSAGE_REMOVED"}, []string{kind}),
		both("message to another", proto3(`A a = 1; message A {} message B {}`), proto3(`B a = 1; message A {} message B {}`), named),
		both("qualified name", `syntax="proto3"; package p; message T { T a = 1; }`, `syntax="proto3"; package p; message T { .p.T a = 1; }`, ""),
		both("bytes to message", proto3(`bytes a = 1;`), proto3(`T a = 1;`), kind),

		both("imported message", imported(timestamp, `google.protobuf.Timestamp a = 1;`), imported(timestamp, `.google.protobuf.Timestamp a = 1;`), ""),
		both("imported message to another", imported(timestamp, `google.protobuf.Timestamp a = 1;`), imported(duration, `google.protobuf.Duration a = 1;`), named),
		both("imported to local message", imported(timestamp, `google.protobuf.Timestamp a = 1;`)+timestampOwn, proto3(`Timestamp a = 1;`)+timestampOwn, named),
		both("import added", proto3(`int32 a = 1;`), imported(duration, `int32 a = 1; google.protobuf.Duration b = 2;`), ""),

		both("optional to repeated number", proto3(`optional int32 a = 1;`), proto3(`repeated int32 a = 1;`), label),
		both("optional to repeated enum", proto2(`optional E a = 1; enum E { X = 0; }`), proto2(`repeated E a = 1; enum E { X = 0; }`), label),
		both("optional to repeated string", proto2(`optional string a = 1;`), proto2(`repeated bytes a = 1;`), ""),
		both("optional to repeated message", proto2(`optional T a = 1;`), proto2(`repeated T a = 1;`), ""),
		both("no label to repeated number", proto3(`int32 a = 1;`), proto3(`repeated int32 a = 1;`), ""),
		both("no label to optional", proto3(`int32 a = 1;`), proto3(`optional int32 a = 1;`), ""),
		both("optional to required number", proto2(`optional int32 a = 1;`), proto2(`required int32 a = 1;`), label),

		both("map of a value that reads the old", proto3(`map<string, int32> a = 1;`), proto3(`map<string, int64> a = 1;`), ""),
		both("map of another value", proto3(`map<string, int32> a = 1;`), proto3(`map<string, string> a = 1;`), scalar),
		both("map of another key", proto3(`map<string, int32> a = 1;`), proto3(`map<int32, int32> a = 1;`), scalar),
		both("map of messages", proto3(`map<string, int32> a = 1;`), proto3(`map<string, T> a = 1;`), kind),
		both("map of another message", proto3(`map<int32, A> a = 1; message A {} message B {}`), proto3(`map<int32, B> a = 1; message A {} message B {}`), named),
		both("map to repeated message", proto3(`map<string, int32> a = 1; message A {}`), proto3(`repeated A a = 1; message A {}`), kind),
		both("map removed", proto3(`map<string, int32> a = 1;`), proto3(``), ""),

		{"required added", proto2(``), proto2(`required string a = 1;`), []string{"#/T/1 REQUIRED_FIELD_ADDED"}, []string{"#/T/1 REQUIRED_FIELD_REMOVED"}},
		{"required removed", proto2(`required int32 a = 1;`), proto2(``), []string{"#/T/1 REQUIRED_FIELD_REMOVED"}, []string{"#/T/1 REQUIRED_FIELD_ADDED"}},

		{"package", `syntax="proto3"; package a; message T {}`, `syntax="proto3"; message T {}`, []string{"#/ PACKAGE_CHANGED"}, []string{"#/ PACKAGE_CHANGED"}},
		{"package of a field's type", `syntax="proto3"; package a; message T { T a = 1; }`, `syntax="proto3"; package b; message T { T a = 1; }`,
			[]string{"#/ PACKAGE_CHANGED"}, []string{"#/ PACKAGE_CHANGED"}},
		{"message added", proto3(``), proto3(``) + ` message U {}`, nil, []string{"#/U MESSAGE_REMOVED"}},
		{"nested message removed", proto3(`message N { message M {} }`), proto3(`message N {}`), []string{"#/T/N/M MESSAGE_REMOVED"}, nil},
		{"message renamed", proto3(``), `syntax="proto3"; message U {}`, []string{"#/T MESSAGE_REMOVED"}, []string{"#/U MESSAGE_REMOVED"}},
		both("nested field retyped", proto3(`message N { int32 a = 1; }`), proto3(`message N { string a = 1; }`), "#/T/N/1 FIELD_SCALAR_KIND_CHANGED"),
		both("enumeration", proto3(`enum E { X = 0; Y = 1; }`), proto3(`enum E { Z = 0; W = 2; } enum F { V = 0; }`), ""),
		both("enumeration removed", proto3(`enum E { X = 0; }`), proto3(``), ""),
		both("services", proto3(``)+`service S { rpc R(T) returns (T); }`, proto3(``), ""),

		{"oneof member added", proto3(`oneof o { int32 a = 1; }`), proto3(`oneof o { int32 a = 1; int32 b = 2; }`), nil, []string{"#/T/o/2 ONEOF_FIELD_REMOVED"}},
		both("oneof added", proto3(``), proto3(`oneof o { int32 a = 1; int32 b = 2; }`), ""),
		both("oneof renamed", proto3(`oneof o { int32 a = 1; int32 b = 2; }`), proto3(`oneof p { int32 a = 1; int32 b = 2; }`), ""),
		{"oneof renamed, member dropped", proto3(`oneof o { int32 a = 1; int32 b = 2; }`), proto3(`oneof p { int32 a = 1; }`), []string{"#/T/o/2 ONEOF_FIELD_REMOVED"}, nil},
		{"oneof of other members", proto3(`oneof o { int32 a = 1; }`), proto3(`oneof o { int32 b = 2; }`), []string{"#/T/o/1 ONEOF_FIELD_REMOVED"}, []string{"#/T/o/2 ONEOF_FIELD_REMOVED"}},
		both("one field into a new oneof", proto3(`int32 a = 1; int32 b = 2;`), proto3(`oneof o { int32 a = 1; } int32 b = 2;`), ""),
		{"two fields into a new oneof", proto3(`int32 a = 1; int32 b = 2;`), proto3(`oneof o { int32 a = 1; int32 b = 2; }`), []string{"#/T/o MULTIPLE_FIELDS_MOVED_TO_ONEOF"}, nil},
		{"one field into an old oneof", proto3(`int32 a = 1; oneof o { int32 b = 2; }`), proto3(`oneof o { int32 a = 1; int32 b = 2; }`), []string{"#/T/o FIELD_MOVED_TO_EXISTING_ONEOF"}, nil},
		{"two oneofs into one", proto3(`oneof o { int32 a = 1; } oneof p { int32 b = 2; }`), proto3(`oneof o { int32 a = 1; int32 b = 2; }`), []string{"#/T/o FIELD_MOVED_TO_EXISTING_ONEOF"}, nil},
		both("retyped on the way into a oneof", proto3(`int32 a = 1;`), proto3(`oneof o { string a = 1; }`), "").
			finds([]string{"#/T/o/1 FIELD_SCALAR_KIND_CHANGED"}, []string{scalar}),
		both("optional field is no oneof", proto3(`optional int32 a = 1; optional int32 b = 2;`), proto3(`optional int32 a = 1;`), ""),

		both("group", proto2(`optional group G = 1 { optional int32 x = 2; }`), proto2(`optional group G = 1 { optional string x = 2; }`), "#/T/1/2 FIELD_SCALAR_KIND_CHANGED"),
		both("group to message", proto2(`optional group G = 1 {}`), proto2(`optional T g = 1;`), kind),
		both("group removed", proto2(`optional group G = 1 {}`), proto2(``), ""),
		both("group renamed", proto2(`optional group G = 1 {}`), proto2(`optional group H = 1 {}`), ""),
	})
}

// finds states what each direction finds.
func (c change) finds(backward, forward []string) change {
	c.backward, c.forward = backward, forward
	return c
}
