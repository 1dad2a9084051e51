package compat

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// avroSchema is an Avro schema as its tree and its resolved types.
type avroSchema struct {
	tree     *strictjson.Value
	root     *avroType
	defined  map[string]*avroType // named types of the text
	imported map[string]*avroType // named types of what it refers to
	cache    *avro.SchemaCache    // the library's view of both
}

// avroType is one type. References to a named type share one value, so types
// may form cycles.
type avroType struct {
	kind     string // a primitive, record, enum, fixed, array, map or union
	name     string // full name of a named type
	doc      string
	logical  string
	unit     string
	marking  string
	shared   bool // a named type that the text uses more than once
	size     int  // of fixed
	symbols  []string
	spare    bool      // of an enum: a default stands for symbols it does not know
	aliases  []string  // full names that a named type had before
	items    *avroType // of an array or map
	branches []*avroType
	fields   []*avroField
}

type avroField struct {
	name, doc, unit string
	marking         string
	reference       string // the path in a reference schema that the field stands for
	typ             *avroType
	def             *strictjson.Value // nil when there is no default
	aliases         []string          // names that the field had before
}

var (
	avroPrimitives = wordSet(`null boolean int long float double bytes string`)
	avroName       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	avroFullName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
)

// parseAvro reads the text twice: our reader knows places and bounds the work,
// the library knows the rest of the rules.
func parseAvro(text string, refs references) (model, error) {
	tree, err := strictjson.Parse(text, jsonLimits)
	if err != nil {
		return nil, err
	}
	s := &avroSchema{tree: tree, defined: map[string]*avroType{}}
	if err := s.importTypes(refs); err != nil {
		return nil, err
	}
	r := avroReader{named: s.defined, imported: s.imported}
	if s.root, err = r.read(tree, "", ""); err != nil {
		return nil, err
	}
	if err := r.checkDefaults(); err != nil {
		return nil, err
	}
	if _, err := avro.ParseWithCache(text, "", s.cache); err != nil {
		return nil, refuse(tree, "", "%s", strings.TrimPrefix(err.Error(), "avro: "))
	}
	return s, nil
}

// importTypes makes the named types of all referenced schemas known. The
// library's cache is the schema's own: its default one is shared by the
// process, so that one team's text could use or replace another's types.
func (s *avroSchema) importTypes(refs references) error {
	s.cache, s.imported = &avro.SchemaCache{}, map[string]*avroType{}
	for _, ref := range refs.all {
		m, ok := ref.model.(*avroSchema)
		if !ok {
			return fmt.Errorf("refers to a schema of type %s", ref.typ)
		}
		for name, t := range m.defined {
			if s.imported[name] != nil {
				return fmt.Errorf("refers to two schemas that define type %s: refer to one of them", name)
			}
			s.imported[name] = t
		}
		s.cache.AddAll(m.cache)
	}
	return nil
}

// canonical sorts keys and prints by RFC 8785 with exact numbers. It keeps
// docs, defaults and aliases, which Avro's own Parsing Canonical Form drops.
func (s *avroSchema) canonical() string { return s.tree.Print(strictjson.Decimal) }

type avroReader struct {
	named    map[string]*avroType // that the text has defined so far
	imported map[string]*avroType // that the references define
	fields   int
	defaults []avroDefault
}

func (r *avroReader) read(v *strictjson.Value, namespace, path string) (*avroType, error) {
	switch v.Kind {
	case strictjson.String:
		return r.reference(v, v.Text, namespace, path)
	case strictjson.Array:
		return r.union(v, namespace, path)
	case strictjson.Object:
		return r.complex(v, namespace, path)
	}
	return nil, refuse(v, path, "a schema is a name, an object or an array")
}

func (r *avroReader) reference(v *strictjson.Value, name, namespace, path string) (*avroType, error) {
	if avroPrimitives[name] {
		return &avroType{kind: name}, nil
	}
	full := qualified(name, namespace)
	if t := r.named[full]; t != nil {
		t.shared = true
		return t, nil
	}
	if t := r.imported[full]; t != nil {
		return t, nil
	}
	return nil, refuse(v, path, "unknown type %q: refer to the schema that defines it, use a primitive type or define the named type before this place", name)
}

func qualified(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

func (r *avroReader) union(v *strictjson.Value, namespace, path string) (*avroType, error) {
	u := &avroType{kind: "union"}
	seen := map[string]bool{}
	for i, item := range v.Items {
		at := path + "/" + strconv.Itoa(i)
		branch, err := r.read(item, namespace, at)
		if err != nil {
			return nil, err
		}
		key := branch.kind + " " + branch.name
		switch {
		case branch.kind == "union":
			return nil, refuse(item, at, "a union stands directly in a union")
		case seen[key]:
			return nil, refuse(item, at, "the union has two branches of type %s", strings.TrimSpace(key))
		}
		seen[key] = true
		u.branches = append(u.branches, branch)
	}
	if len(u.branches) == 0 {
		return nil, refuse(v, path, "a union without branches holds no value")
	}
	return u, nil
}

func (r *avroReader) complex(v *strictjson.Value, namespace, path string) (*avroType, error) {
	typ := v.Get("type")
	if typ == nil || typ.Kind != strictjson.String {
		return nil, refuse(orSelf(typ, v), path, `"type" must be the name of a type; a union or nested schema stands in its place, not inside it`)
	}
	t := &avroType{kind: typ.Text, doc: v.StringAt("doc"), logical: v.StringAt("logicalType"), unit: avroExtra(v, "unit"), marking: avroExtra(v, "marking")}
	switch {
	case avroPrimitives[t.kind]:
		return t, nil
	case t.kind == "array":
		return t, r.element(t, v, "items", namespace, path)
	case t.kind == "map":
		return t, r.element(t, v, "values", namespace, path)
	case t.kind == "record", t.kind == "error", t.kind == "enum", t.kind == "fixed":
		return t, r.define(t, v, namespace, path)
	}
	return r.reference(typ, t.kind, namespace, path+"/type")
}

func orSelf(v, self *strictjson.Value) *strictjson.Value {
	if v == nil {
		return self
	}
	return v
}

// avroExtra is an attribute that Avro leaves to its users, under its name or
// under that of JSON Schema.
func avroExtra(v *strictjson.Value, name string) string {
	if text := v.StringAt(name); text != "" {
		return text
	}
	return v.StringAt("x-" + name)
}

func (r *avroReader) element(t *avroType, v *strictjson.Value, key, namespace, path string) (err error) {
	sub := v.Get(key)
	if sub == nil {
		return refuse(v, path, "%s without %q", t.kind, key)
	}
	t.items, err = r.read(sub, namespace, path+"/"+key)
	return err
}

// define reads a named type. Its name is known inside it.
func (r *avroReader) define(t *avroType, v *strictjson.Value, namespace, path string) error {
	name, space := v.StringAt("name"), v.StringAt("namespace")
	if !avroFullName.MatchString(name) || space != "" && !avroFullName.MatchString(space) {
		return refuse(orSelf(v.Get("name"), v), path, "%s needs a name of letters, digits and _, not starting with a digit; got %q in namespace %q", t.kind, name, space)
	}
	if v.Get("namespace") == nil {
		space = namespace
	}
	t.name = qualified(name, space)
	if r.named[t.name] != nil {
		return refuse(v.Get("name"), path+"/name", "type %s is defined twice", t.name)
	}
	if r.imported[t.name] != nil {
		return refuse(v.Get("name"), path+"/name", "type %s is defined by a referenced schema already: use it, or take another name", t.name)
	}
	r.named[t.name] = t
	inner := ""
	if i := strings.LastIndexByte(t.name, '.'); i >= 0 {
		inner = t.name[:i]
	}
	for _, alias := range avroAliases(v) {
		t.aliases = append(t.aliases, qualified(alias, inner))
	}
	switch t.kind {
	case "enum":
		return r.enum(t, v, path)
	case "fixed":
		return r.fixed(t, v, path)
	}
	return r.record(t, v, inner, path)
}

func (r *avroReader) enum(t *avroType, v *strictjson.Value, path string) error {
	symbols := v.Get("symbols")
	if symbols == nil || symbols.Kind != strictjson.Array || len(symbols.Items) == 0 {
		return refuse(orSelf(symbols, v), path, `enum needs "symbols", a list that is not empty`)
	}
	seen := map[string]bool{}
	for i, item := range symbols.Items {
		at := path + "/symbols/" + strconv.Itoa(i)
		if item.Kind != strictjson.String || !avroName.MatchString(item.Text) {
			return refuse(item, at, "a symbol is a name of letters, digits and _, not starting with a digit")
		}
		if seen[item.Text] {
			return refuse(item, at, "symbol %q stands here twice", item.Text)
		}
		seen[item.Text] = true
		t.symbols = append(t.symbols, item.Text)
	}
	if def := v.Get("default"); def != nil && (def.Kind != strictjson.String || !seen[def.Text]) {
		return refuse(def, path+"/default", "the default of an enum is one of its symbols")
	}
	t.spare = v.Get("default") != nil
	return nil
}

// avroAliases is the list under "aliases", as it is written.
func avroAliases(v *strictjson.Value) []string {
	list := v.Get("aliases")
	if list == nil {
		return nil
	}
	var names []string
	for _, item := range list.Items {
		if item.Kind == strictjson.String {
			names = append(names, item.Text)
		}
	}
	return names
}

func (r *avroReader) fixed(t *avroType, v *strictjson.Value, path string) error {
	size := v.Get("size")
	if size == nil {
		return refuse(v, path, `fixed needs a "size" in bytes`)
	}
	n, err := strconv.ParseInt(size.Text, 10, 32)
	if size.Kind != strictjson.Number || err != nil || n < 1 {
		return refuse(size, path+"/size", "the size of a fixed type is a whole number of bytes, from 1 to 2147483647")
	}
	t.size = int(n)
	return nil
}

func (r *avroReader) record(t *avroType, v *strictjson.Value, namespace, path string) error {
	t.kind = "record" // an error is a record in all that matters here
	fields := v.Get("fields")
	if fields == nil || fields.Kind != strictjson.Array {
		return refuse(orSelf(fields, v), path, `record needs "fields", a list`)
	}
	seen := map[string]bool{}
	for i, item := range fields.Items {
		at := path + "/fields/" + strconv.Itoa(i)
		f, err := r.field(item, namespace, at)
		if err != nil {
			return err
		}
		if seen[f.name] {
			return refuse(item.Get("name"), at+"/name", "record %s has two fields %q", t.name, f.name)
		}
		seen[f.name] = true
		t.fields = append(t.fields, f)
	}
	return nil
}

func (r *avroReader) field(v *strictjson.Value, namespace, path string) (*avroField, error) {
	if r.fields++; r.fields > MaxFields {
		return nil, refuse(v, path, "more than %d fields", MaxFields)
	}
	f := &avroField{name: v.StringAt("name"), doc: v.StringAt("doc"), unit: avroExtra(v, "unit"), marking: avroExtra(v, "marking"), reference: avroExtra(v, "reference"), def: v.Get("default"), aliases: avroAliases(v)}
	if !avroName.MatchString(f.name) {
		return nil, refuse(orSelf(v.Get("name"), v), path, "a field needs a name of letters, digits and _, not starting with a digit; got %q", f.name)
	}
	typ := v.Get("type")
	if typ == nil {
		return nil, refuse(v, path, `field %q has no "type"`, f.name)
	}
	t, err := r.read(typ, namespace, path+"/type")
	if err != nil {
		return nil, err
	}
	f.typ = t
	if f.def != nil {
		r.defaults = append(r.defaults, avroDefault{t, f.def, path + "/default"})
	}
	return f, nil
}
