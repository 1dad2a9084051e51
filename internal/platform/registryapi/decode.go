package registryapi

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// bodyLimit is the longest body, in bytes: a schema's text of the longest kind
// with room for the escapes of its quotes and line ends.
const bodyLimit = 2 << 20

// bodyLimits are those of a body's JSON, far above what a request needs.
var bodyLimits = strictjson.Limits{Bytes: bodyLimit, Depth: 16, Values: 10_000}

// object reads the body of the call, a JSON object.
func (c *call) object() (*strictjson.Value, error) {
	body, err := door.ReadBody(c.request, bodyLimit, bodyTypes...)
	if err != nil {
		return nil, err
	}
	return parseObject(string(body))
}

func parseObject(body string) (*strictjson.Value, error) {
	value, err := strictjson.Parse(body, bodyLimits)
	switch {
	case err != nil:
		return nil, badRequest("The body is not acceptable: " + err.Error() + ".")
	case value.Kind != strictjson.Object:
		return nil, badRequest("The body is not a JSON object.")
	}
	return value, nil
}

// schema reads the body of a registration, a lookup or a compatibility check.
func (c *call) schema() (catalog.Registering, error) {
	body, err := c.object()
	if err != nil {
		return catalog.Registering{}, err
	}
	r, err := decodeSchema(body, c.subject)
	if err != nil {
		return catalog.Registering{}, err
	}
	q := c.query()
	q.plain()
	r.Normalize = q.flag("normalize")
	return r, q.err
}

// echoes are members of the registry's answers, which a client may send back:
// they say nothing of what is registered.
var echoes = []string{"guid", "ts", "deleted"}

// decodeSchema reads a schema that is sent for the subject. References that
// name no context are of the subject's.
func decodeSchema(body *strictjson.Value, subject catalog.Subject) (r catalog.Registering, err error) {
	fields := members{body, []string{"schema", "schemaType", "references", "id", "version", "subject"}, echoes}
	if err := fields.check(); err != nil {
		return r, err
	}
	if name := body.StringAt("subject"); name != "" && name != subject.Name && name != subject.String() {
		return r, refuse(codeInvalidSubject, "The body says another subject than the path.")
	}
	if r.Definition, err = fields.text("schema"); err == nil && r.Definition == "" {
		err = refuse(codeInvalidSchema, "The schema is missing: write its text as the string schema.")
	}
	if err == nil && len(r.Definition) > catalog.MaxDefinition {
		err = refuse(codeSchemaTooLarge, fmt.Sprintf("The schema is longer than %d bytes.", catalog.MaxDefinition))
	}
	steps := []func() error{
		func() (err error) { r.Type, err = schemaType(fields); return err },
		func() (err error) { r.ID, err = importNumber(fields, "id", codeIDDoesNotMatch); return err },
		func() (err error) { r.Version, err = importNumber(fields, "version", codeInvalidVersion); return err },
		func() (err error) { r.References, err = decodeReferences(body.Get("references"), subject); return err },
	}
	for _, step := range steps {
		if err == nil {
			err = step()
		}
	}
	return r, err
}

// schemaType is AVRO when it is not said.
func schemaType(fields members) (catalog.SchemaType, error) {
	text, err := fields.text("schemaType")
	known := []catalog.SchemaType{catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf}
	switch kind := catalog.SchemaType(text); {
	case err != nil:
		return "", err
	case text == "":
		return catalog.SchemaAvro, nil
	case slices.Contains(known, kind):
		return kind, nil
	}
	return "", refuse(codeInvalidSchema, "The schema type is not known: write AVRO, JSON or PROTOBUF.")
}

// importNumber is an id or version that the client brings; 0 and -1 are none.
func importNumber(fields members, name string, code int) (int, error) {
	value := fields.object.Get(name)
	if value == nil || value.Kind == strictjson.Null {
		return 0, nil
	}
	n, err := strconv.ParseInt(value.Text, 10, 32)
	if value.Kind != strictjson.Number || err != nil || n < -1 {
		return 0, refuse(code, fmt.Sprintf("The %s is not a whole number from 1 to %d.", name, math.MaxInt32))
	}
	return max(0, int(n)), nil
}

func decodeReferences(list *strictjson.Value, subject catalog.Subject) (references []catalog.SubjectReference, err error) {
	switch {
	case isEmpty(list):
		return nil, nil
	case list.Kind != strictjson.Array:
		return nil, badRequest("The member references is not an array.")
	case len(list.Items) > catalog.MaxReferences:
		return nil, refuse(codeInvalidSchema, fmt.Sprintf("The schema has more than %d references.", catalog.MaxReferences))
	}
	for _, item := range list.Items {
		reference, err := decodeReference(item, subject)
		if err != nil {
			return nil, err
		}
		references = append(references, reference)
	}
	return references, nil
}

func decodeReference(item *strictjson.Value, subject catalog.Subject) (r catalog.SubjectReference, err error) {
	if item.Kind != strictjson.Object {
		return r, badRequest("A reference is not a JSON object.")
	}
	fields := members{item, []string{"name", "subject", "version"}, nil}
	if err := fields.check(); err != nil {
		return r, err
	}
	if r.Name, err = fields.text("name"); err != nil {
		return r, err
	}
	target, err := fields.text("subject")
	if err != nil {
		return r, err
	}
	if r.Name == "" || target == "" {
		return r, refuse(codeInvalidSchema, "A reference has no name or no subject.")
	}
	if r.Subject, err = parseSubject(target, subject.Context); err != nil {
		return r, refuse(codeInvalidSchema, "A reference names no subject. "+err.Error())
	}
	r.Version, err = referenceVersion(item.Get("version"))
	return r, err
}

// referenceVersion is a number above 0, or -1 for the latest.
func referenceVersion(value *strictjson.Value) (int, error) {
	if value != nil && value.Kind == strictjson.Number {
		if value.Text == "-1" {
			return catalog.LatestVersion, nil
		}
		if n, ok := parseNumber(value.Text); ok {
			return n, nil
		}
	}
	return 0, refuse(codeInvalidSchema, "A reference has no version: write a number above 0, or -1 for the latest.")
}

// members are those of an object that an operation knows.
type members struct {
	object *strictjson.Value
	known  []string
	echoes []string // may be there and are not read
}

// check refuses a member that asks for what nobody will do.
func (m members) check() error {
	for _, member := range m.object.Members {
		if slices.Contains(m.known, member.Key) || slices.Contains(m.echoes, member.Key) || isEmpty(member.Value) {
			continue
		}
		code := codeNotPermitted
		if strings.HasSuffix(strings.ToLower(member.Key), "ruleset") {
			code = codeInvalidRuleSet
		}
		const longest = 40
		return refuse(code, fmt.Sprintf("This registry has no %.*q: leave it out. It has %s.", longest, member.Key, strings.Join(m.known, ", ")))
	}
	return nil
}

// text is a string, "" when it is absent or null.
func (m members) text(name string) (string, error) {
	value := m.object.Get(name)
	if value == nil || value.Kind == strictjson.Null {
		return "", nil
	}
	if value.Kind != strictjson.String {
		return "", badRequest("The member " + name + " is not a string.")
	}
	return value.Text, nil
}

// isEmpty reports whether a value asks for nothing: null, false, "", or what
// holds nothing else.
func isEmpty(value *strictjson.Value) bool {
	if value == nil {
		return true
	}
	switch value.Kind {
	case strictjson.Null:
		return true
	case strictjson.Bool:
		return value.Text == "false"
	case strictjson.String:
		return value.Text == ""
	case strictjson.Array:
		return !slices.ContainsFunc(value.Items, func(item *strictjson.Value) bool { return !isEmpty(item) })
	case strictjson.Object:
		return !slices.ContainsFunc(value.Members, func(m strictjson.Member) bool { return !isEmpty(m.Value) })
	case strictjson.Number:
	}
	return false
}

// levels are the compatibility levels that can be set.
var levels = []catalog.Compatibility{
	catalog.CompatibilityNone, catalog.CompatibilityBackward, catalog.CompatibilityBackwardTransitive,
	catalog.CompatibilityForward, catalog.CompatibilityForwardTransitive, catalog.CompatibilityFull, catalog.CompatibilityFullTransitive,
}

// decodeConfig reads the body of a change of the configuration. It changes
// something.
func decodeConfig(body *strictjson.Value) (s catalog.SubjectSettings, err error) {
	fields := members{body, []string{"compatibility", "normalize"}, nil}
	if err := fields.check(); err != nil {
		return s, err
	}
	text, err := fields.text("compatibility")
	if err != nil {
		return s, err
	}
	s.Compatibility = catalog.Compatibility(strings.ToUpper(text))
	if text != "" && !slices.Contains(levels, s.Compatibility) {
		return s, refuse(codeInvalidLevel, fmt.Sprintf("The compatibility level is not known: write one of %s.", join(levels)))
	}
	if normalize := body.Get("normalize"); normalize != nil && normalize.Kind != strictjson.Null {
		if normalize.Kind != strictjson.Bool {
			return s, badRequest("The member normalize is neither true nor false.")
		}
		on := normalize.Text == "true"
		s.Normalize = &on
	}
	if s == (catalog.SubjectSettings{}) {
		return s, refuse(codeInvalidLevel, "The body changes nothing: write compatibility or normalize.")
	}
	return s, nil
}

// modes are the modes that can be set.
var modes = []catalog.RegistryMode{catalog.ModeReadWrite, catalog.ModeReadOnly, catalog.ModeReadOnlyOverride, catalog.ModeImport}

// decodeMode reads the body of a change of the mode.
func decodeMode(body *strictjson.Value) (catalog.RegistryMode, error) {
	fields := members{body, []string{"mode"}, nil}
	if err := fields.check(); err != nil {
		return "", err
	}
	text, err := fields.text("mode")
	if err != nil {
		return "", err
	}
	mode := catalog.RegistryMode(strings.ToUpper(text))
	if !slices.Contains(modes, mode) {
		return "", refuse(codeInvalidMode, fmt.Sprintf("The mode is not known: write one of %s.", join(modes)))
	}
	return mode, nil
}

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = string(text)
	}
	return strings.Join(texts, ", ")
}
