package registryapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// maxQuery is the longest query string, in bytes.
const maxQuery = 8 << 10

// parameters are those that some operation takes.
var parameters = []string{
	"contextPrefix", "defaultToGlobal", "deleted", "deletedAsNegative", "deletedOnly", "fetchMaxId", "force", "format", "latestOnly",
	"limit", "normalize", "offset", "permanent", "recursive", "referenceFormat", "subject", "subjectPrefix", "verbose",
}

// parseQuery reads a query string that may hold each parameter once. A change
// takes no other than those.
func parseQuery(method, raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	if len(raw) > maxQuery {
		return nil, badRequest("The query string is longer than 8 KiB.")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("The query string is malformed: separate parameters with & and percent-encode their values.")
	}
	reads := method == http.MethodGet || method == http.MethodHead
	for name, list := range values {
		known := slices.Contains(parameters, name)
		switch {
		case !known && !reads:
			return nil, badRequest("There is no such query parameter: the API has " + strings.Join(parameters, ", ") + ".")
		case known && len(list) > 1:
			return nil, badRequest("The query parameter " + name + " is given more than once: give it once.")
		}
	}
	return values, nil
}

func badRequest(message string) error { return wire.Refuse(http.StatusBadRequest, message) }

// reader reads query parameters and keeps the first fault.
type reader struct {
	values url.Values
	err    error
}

func (c *call) query() *reader { return &reader{values: c.values} }

// flag is the value of a parameter that is false when it is absent.
func (r *reader) flag(name string) bool {
	text := r.values.Get(name)
	switch {
	case strings.EqualFold(text, "true"):
		return true
	case strings.EqualFold(text, "false"), !r.values.Has(name):
		return false
	}
	r.fail(badRequest("The query parameter " + name + " is neither true nor false."))
	return false
}

// number is the value of a parameter that is 0 when it is absent. A negative
// one counts as absent where Confluent says so.
func (r *reader) number(name string, negativeIsNone bool) int {
	if !r.values.Has(name) {
		return 0
	}
	n, err := strconv.ParseInt(r.values.Get(name), 10, 32)
	if err != nil || n < 0 && !negativeIsNone {
		r.fail(badRequest("The query parameter " + name + " is not a whole number from 0 to 2147483647."))
	}
	return max(0, int(n))
}

// page reads offset and limit.
func (r *reader) page() page { return page{r.number("offset", false), r.number("limit", true)} }

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// plain refuses a form of text that the registry does not make, and references
// in another form than its own.
func (r *reader) plain() {
	for _, name := range []string{"format", "referenceFormat"} {
		if text := r.values.Get(name); text != "" && text != "default" {
			r.fail(refuse(codeInvalidSchema, "This registry has schemas in the form in which they are stored only: leave out "+name+"."))
		}
	}
}

// page cuts a list. Limit 0 is no limit but [catalog.MaxRegistrations].
type page struct{ offset, limit int }

// of sets the cut of a query.
func (p page) of(q catalog.RegistryQuery) catalog.RegistryQuery {
	q.Offset, q.Limit = p.offset, p.limit
	return q
}

// cut is the part of a list that the page asks for.
func cut[T any](list []T, p page) []T {
	list = list[min(p.offset, len(list)):]
	limit := p.limit
	if limit == 0 || limit > catalog.MaxRegistrations {
		limit = catalog.MaxRegistrations
	}
	return list[:min(limit, len(list))]
}
