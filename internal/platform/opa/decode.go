package opa

import (
	"fmt"
	"net/http"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// bodyLimit is the longest body, in bytes; maxResources the most resources of a
// batch, or columns of a table; maxName the longest name of anything, in bytes.
const (
	bodyLimit    = 2 << 20
	maxResources = 4096
	maxName      = 1024
)

// bodyLimits are those of a body's JSON: a full batch of columns with their
// types.
var bodyLimits = strictjson.Limits{Bytes: bodyLimit, Depth: 16, Values: 60_000}

// TokenCredential and PurposeCredential are the extra credentials that count:
// the user's own token, and what the user wants the data for.
const (
	TokenCredential   = "datamesh_token"
	PurposeCredential = "datamesh_purpose"
)

// maxToken is the longest token that is looked at, in bytes.
const maxToken = 16 << 10

// input is a question as the engine asks it.
type input struct {
	user      string
	asserted  map[string]any // what the engine says of the user
	token     string
	hasToken  bool // one was sent, be it ""
	purpose   string
	operation string
	resource  *resource // nil for none
	batched   []resource
}

// resource is what an operation is on. At most one of its members that matter
// to the operation is looked at.
type resource struct {
	catalog  string // resource.catalog.name
	schema   name
	table    name
	columns  []string // of the table
	column   string   // of the table, when it is a column that is named
	function name
	user     string
}

// name is a qualified name; parts that it does not have are "".
type name struct{ catalog, schema, object string }

func (n name) isZero() bool { return n == name{} }

func (n name) String() string { return n.catalog + "." + n.schema + "." + n.object }

// claims are the members of identity that say something of the user, named
// after the IC attribute set, and what the user may use data for.
var claims = []string{"clearance", "countryOfAffiliation", "fineAccessControls", "dutyOrganization", "employmentType", "purposes"}

// decode reads the body of a request. The error is a 400 or a 413.
func decode(body string) (input, error) {
	value, err := strictjson.Parse(body, bodyLimits)
	if err != nil {
		return input{}, badRequest("The body is not acceptable: " + err.Error() + ".")
	}
	r := reader{}
	in := r.object(value, "input", true)
	asked := r.context(r.object(in, "context", true))
	r.action(r.object(in, "action", true), &asked)
	return asked, r.err
}

// reader reads members until one is not as it has to be; that error stays.
type reader struct{ err error }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = badRequest(fmt.Sprintf(format, args...))
	}
}

// member is the value of a key, nil when it is absent or null.
func (r *reader) member(object *strictjson.Value, key string, kind strictjson.Kind, needed bool) *strictjson.Value {
	value := object.Get(key)
	switch {
	case value == nil || value.Kind == strictjson.Null:
		if needed {
			r.fail("The member %s is missing.", key)
		}
		return nil
	case value.Kind != kind:
		r.fail("The member %s is of another type than it has to be.", key)
		return nil
	}
	return value
}

func (r *reader) object(of *strictjson.Value, key string, needed bool) *strictjson.Value {
	return r.member(of, key, strictjson.Object, needed)
}

// text is a string of at most limit bytes, "" when it is absent and need not
// be there.
func (r *reader) text(of *strictjson.Value, key string, limit int, needed bool) string {
	value := r.member(of, key, strictjson.String, needed)
	switch {
	case value == nil:
		return ""
	case value.Text == "" && needed:
		r.fail("The member %s is empty.", key)
	case len(value.Text) > limit:
		r.fail("The member %s is longer than %d bytes.", key, limit)
	}
	return value.Text
}

func (r *reader) context(object *strictjson.Value) input {
	identity := r.object(object, "identity", true)
	in := input{user: r.text(identity, "user", maxName, true), asserted: map[string]any{}}
	for _, claim := range claims {
		if value := identity.Get(claim); value != nil {
			in.asserted[claim] = value.Any()
		}
	}
	credentials := r.object(identity, "extraCredentials", false)
	in.hasToken = credentials.Get(TokenCredential) != nil
	in.token = r.text(credentials, TokenCredential, maxToken, false)
	if in.purpose = r.text(credentials, PurposeCredential, maxName, false); in.purpose == "" {
		in.purpose = r.text(r.object(object, "properties", false), "purpose", maxName, false)
	}
	return in
}

func (r *reader) action(object *strictjson.Value, in *input) {
	in.operation = r.text(object, "operation", maxName, true)
	if one := r.object(object, "resource", false); one != nil {
		read := r.resource(one)
		in.resource = &read
	}
	list := r.member(object, "filterResources", strictjson.Array, false)
	if list == nil {
		return
	}
	if len(list.Items) > maxResources {
		r.fail("There are %d filterResources, the limit is %d.", len(list.Items), maxResources)
		return
	}
	for _, item := range list.Items {
		if item.Kind != strictjson.Object {
			r.fail("A member of filterResources is not an object.")
			return
		}
		in.batched = append(in.batched, r.resource(item))
	}
}

func (r *reader) resource(object *strictjson.Value) resource {
	var out resource
	if named := r.object(object, "catalog", false); named != nil {
		out.catalog = r.text(named, "name", maxName, true)
	}
	if schema := r.object(object, "schema", false); schema != nil {
		out.schema = r.name(schema, "")
	}
	if table := r.object(object, "table", false); table != nil {
		out.table, out.columns = r.name(table, "tableName"), r.columns(table)
	}
	if column := r.object(object, "column", false); column != nil {
		out.table, out.column = r.name(column, "tableName"), r.text(column, "columnName", maxName, true)
	}
	if function := r.object(object, "function", false); function != nil {
		if schema := r.object(function, "catalogSchema", false); schema != nil {
			out.function = r.name(schema, "")
		}
		out.function.object = r.text(function, "functionName", maxName, true)
	}
	if user := r.object(object, "user", false); user != nil {
		out.user = r.text(user, "user", maxName, true)
	}
	return out
}

func (r *reader) name(object *strictjson.Value, last string) name {
	n := name{catalog: r.text(object, "catalogName", maxName, true), schema: r.text(object, "schemaName", maxName, true)}
	if last != "" {
		n.object = r.text(object, last, maxName, true)
	}
	return n
}

func (r *reader) columns(table *strictjson.Value) []string {
	list := r.member(table, "columns", strictjson.Array, false)
	if list == nil {
		return nil
	}
	if len(list.Items) > maxResources {
		r.fail("There are %d columns, the limit is %d.", len(list.Items), maxResources)
		return nil
	}
	var names []string
	for _, item := range list.Items {
		if item.Kind != strictjson.String || len(item.Text) > maxName {
			r.fail("A member of columns is not a name.")
			return nil
		}
		names = append(names, item.Text)
	}
	return names
}

func badRequest(message string) error { return wire.Refuse(http.StatusBadRequest, message) }
