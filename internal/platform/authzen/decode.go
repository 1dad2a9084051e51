package authzen

import (
	"fmt"
	"strconv"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// bodyLimit is the longest body, in bytes, and maxText the longest type, id or
// name in it.
const (
	bodyLimit = 1 << 20
	maxText   = 1024
)

// bodyLimits are those of a body's JSON: a full batch whose every entity has
// some twenty properties.
var bodyLimits = strictjson.Limits{Bytes: bodyLimit, Depth: 16, Values: 40_000}

// shape is what one path asks of its body.
type shape struct {
	open  string // the entity that a search leaves open, "" for none
	batch bool
}

// request is a body as it was read.
type request struct {
	catalog.Evaluation // of a batch, none
	items              []item
	semantic           catalog.Semantic
	page               *page
}

// item is one question of a batch.
type item struct {
	catalog.Evaluation
	fault string // what is wrong with it, "" when nothing is
}

// page is the part of a result that a search asks for.
type page struct {
	token string
	limit int
}

// decode reads the body of a request. The error is a 400 or a 413.
func decode(body string, s shape) (request, error) {
	value, err := strictjson.Parse(body, bodyLimits)
	switch {
	case err != nil:
		return request{}, badRequest("The body is not acceptable: " + err.Error() + ".")
	case value.Kind != strictjson.Object:
		return request{}, badRequest("The body is not a JSON object.")
	}
	r := request{semantic: catalog.ExecuteAll}
	if s.open != "" {
		if r.page, err = decodePage(value); err != nil {
			return request{}, err
		}
	}
	if s.batch {
		if list, err := member(value, "evaluations", strictjson.Array); err != nil {
			return request{}, err
		} else if list != nil && len(list.Items) > 0 {
			return decodeBatch(value, list)
		}
	}
	r.Evaluation, err = decodeEvaluation(value, nil, s.open)
	return r, err
}

// decodeBatch reads many questions. What the body says beside them stands in
// for what a question leaves out, whole entities at a time.
func decodeBatch(body, list *strictjson.Value) (request, error) {
	if len(list.Items) > catalog.MaxEvaluations {
		return request{}, &catalog.Error{Code: catalog.CodeTooLarge,
			Message: fmt.Sprintf("There are %d evaluations, the limit is %d.", len(list.Items), catalog.MaxEvaluations)}
	}
	r := request{semantic: catalog.ExecuteAll}
	options, err := member(body, "options", strictjson.Object)
	if err != nil {
		return request{}, err
	}
	semantic, err := text(options, "options", "evaluations_semantic", false)
	if err != nil {
		return request{}, err
	}
	if semantic != "" {
		r.semantic = catalog.Semantic(semantic)
	}
	if !r.semantic.Known() {
		return request{}, badRequest(fmt.Sprintf("The member options.evaluations_semantic is none of %s, %s and %s.",
			catalog.ExecuteAll, catalog.DenyOnFirstDeny, catalog.PermitOnFirstPermit))
	}
	for _, name := range []string{"subject", "action", "resource", "context"} {
		if _, err := member(body, name, strictjson.Object); err != nil {
			return request{}, err
		}
	}
	for _, value := range list.Items {
		r.items = append(r.items, decodeItem(value, body))
	}
	return r, nil
}

func decodeItem(value, defaults *strictjson.Value) item {
	if value.Kind != strictjson.Object {
		return item{fault: "The evaluation is not a JSON object."}
	}
	e, err := decodeEvaluation(value, defaults, "")
	if err != nil {
		return item{fault: err.Error()}
	}
	return item{Evaluation: e}
}

// decodeEvaluation reads one question; open names the entity that a search
// leaves open, whose id or name is ignored.
func decodeEvaluation(value, defaults *strictjson.Value, open string) (e catalog.Evaluation, err error) {
	if e.Subject, err = decodeEntity(value, defaults, "subject", open != "subject"); err != nil {
		return catalog.Evaluation{}, err
	}
	if open != "action" {
		if e.Action, err = decodeAction(value, defaults); err != nil {
			return catalog.Evaluation{}, err
		}
	}
	if e.Resource, err = decodeEntity(value, defaults, "resource", open != "resource"); err != nil {
		return catalog.Evaluation{}, err
	}
	if e.Purpose, err = decodePurpose(value, defaults); err != nil {
		return catalog.Evaluation{}, err
	}
	return e, nil
}

// decodePurpose reads the one member of a context that counts. Of time and
// address the platform believes nobody.
func decodePurpose(value, defaults *strictjson.Value) (string, error) {
	context, err := member(value, "context", strictjson.Object)
	if context == nil && err == nil {
		context, err = member(defaults, "context", strictjson.Object)
	}
	if err != nil {
		return "", err
	}
	return text(context, "context", "purpose", false)
}

func decodeEntity(value, defaults *strictjson.Value, name string, identified bool) (e catalog.Entity, err error) {
	object, err := given(value, defaults, name)
	if err != nil {
		return e, err
	}
	if e.Type, err = text(object, name, "type", true); err != nil {
		return e, err
	}
	if identified {
		if e.ID, err = text(object, name, "id", true); err != nil {
			return e, err
		}
	}
	e.Properties, err = properties(object, name)
	return e, err
}

func decodeAction(value, defaults *strictjson.Value) (a catalog.Operation, err error) {
	object, err := given(value, defaults, "action")
	if err != nil {
		return a, err
	}
	if a.Name, err = text(object, "action", "name", true); err != nil {
		return a, err
	}
	a.Properties, err = properties(object, "action")
	return a, err
}

// given is an entity of a question, or what stands in for it.
func given(value, defaults *strictjson.Value, name string) (*strictjson.Value, error) {
	object, err := member(value, name, strictjson.Object)
	if object == nil && err == nil {
		object, err = member(defaults, name, strictjson.Object)
	}
	if object == nil && err == nil {
		err = badRequest("The member " + name + " is missing.")
	}
	return object, err
}

func properties(object *strictjson.Value, of string) (map[string]any, error) {
	value, err := member(object, "properties", strictjson.Object)
	if value == nil || err != nil {
		return nil, err
	}
	known, ok := value.Any().(map[string]any)
	if !ok {
		return nil, badRequest("The member " + of + ".properties is not an object.")
	}
	return known, nil
}

// member is the value of a key, nil when it is absent or null.
func member(object *strictjson.Value, name string, kind strictjson.Kind) (*strictjson.Value, error) {
	value := object.Get(name)
	switch {
	case value == nil || value.Kind == strictjson.Null:
		return nil, nil
	case value.Kind != kind:
		return nil, badRequest("The member " + name + " is of another type than it has to be.")
	}
	return value, nil
}

// text is a string in an object, "" when it is absent and need not be there.
func text(object *strictjson.Value, of, name string, needed bool) (string, error) {
	value, err := member(object, name, strictjson.String)
	switch {
	case err != nil:
		return "", badRequest("The member " + of + "." + name + " is not a string.")
	case (value == nil || value.Text == "") && needed:
		return "", badRequest("The member " + of + "." + name + " is missing.")
	case value == nil:
		return "", nil
	case len(value.Text) > maxText:
		return "", badRequest(fmt.Sprintf("The member %s.%s is longer than %d bytes.", of, name, maxText))
	}
	return value.Text, nil
}

// decodePage reads which part of a result is asked for, nil when none is. A
// limit above ours gets ours.
func decodePage(body *strictjson.Value) (*page, error) {
	object, err := member(body, "page", strictjson.Object)
	if object == nil || err != nil {
		return nil, err
	}
	var p page
	if p.token, err = text(object, "page", "token", false); err != nil {
		return nil, err
	}
	limit, err := member(object, "limit", strictjson.Number)
	if err != nil {
		return nil, err
	}
	if limit != nil {
		n, err := strconv.ParseUint(limit.Text, 10, 31)
		if err != nil {
			return nil, badRequest("The member page.limit is not a whole number from 0 on.")
		}
		p.limit = min(int(n), catalog.MaxLimit)
	}
	return &p, nil
}
