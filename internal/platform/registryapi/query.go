package registryapi

import (
	"fmt"
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
func (r *reader) page() page {
	p := page{r.number("offset", false), r.number("limit", true)}
	if p.limit > catalog.MaxRegistrations {
		r.fail(badRequest(fmt.Sprintf("The query parameter limit is above %d: ask for a part after the other with offset.", catalog.MaxRegistrations)))
	}
	return p
}

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

// page cuts a list. Limit 0 is none.
type page struct{ offset, limit int }

// registrations answers a query. Without a limit it answers with the whole list
// or not at all: nobody is to take a part for the whole.
func (c *call) registrations(q catalog.RegistryQuery, p page) ([]catalog.Registration, error) {
	q.Offset, q.Limit = p.offset, p.limit
	found, err := c.registry.Registrations(c.ctx, q)
	if err == nil && p.limit == 0 && len(found) >= catalog.MaxRegistrations {
		return nil, tooLong()
	}
	return found, err
}

func tooLong() error {
	return refuse(codeSchemaTooLarge, fmt.Sprintf("The list has %d entries or more: ask for a part after the other with limit and offset.", catalog.MaxRegistrations))
}

// cut is the part of a whole list that the page asks for.
func cut[T any](list []T, p page) []T {
	list = list[min(p.offset, len(list)):]
	if p.limit == 0 {
		return list
	}
	return list[:min(p.limit, len(list))]
}
