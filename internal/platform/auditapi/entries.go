package auditapi

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// maxQuery is the longest query that is parsed, in bytes: each criterion at its
// longest and escaped.
const maxQuery = 8 * 3 * audit.MaxCriterion

// page is the JSON of an [audit.Page].
type page struct {
	Entries []found `json:"entries"`
	Next    string  `json:"next,omitempty"`
}

// found is one entry. Entry is its canonical form as it is hashed; a reader that
// wants to check it takes the bytes as they are.
type found struct {
	Number int64           `json:"number,omitempty"` // administrators only
	Hash   string          `json:"hash"`             // of the leaf, hexadecimal
	Entry  json.RawMessage `json:"entry"`
}

// entries answers a query for entries.
func entries(r *http.Request, reader audit.Reader) (door.Answer, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return door.Answer{}, err
	}
	p, err := reader.Entries(r.Context(), q)
	if err != nil {
		return door.Answer{}, err
	}
	body := page{Entries: []found{}, Next: p.Next}
	for _, e := range p.Entries {
		leaf := audit.LeafHash(e.Entry)
		body.Entries = append(body.Entries, found{e.Number, hex.EncodeToString(leaf[:]), e.Entry})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // entries go out byte for byte as they are hashed
	err = encoder.Encode(body)
	return door.Answer{Status: http.StatusOK, Body: text.Bytes()}, err
}

// proof answers with the proof of one entry.
func proof(ctx context.Context, reader audit.Reader, hash string) (door.Answer, error) {
	raw, err := hex.DecodeString(hash[:min(len(hash), 2*len(audit.Hash{})+1)])
	if err != nil || len(raw) != len(audit.Hash{}) || hex.EncodeToString(raw) != hash {
		return door.Answer{}, &catalog.Error{Code: catalog.CodeNotFound, Message: "There is no such entry."}
	}
	p, err := reader.Proof(ctx, audit.Hash(raw))
	return answer(textType, p.Text()), err
}

// criteria are the parameters of a query.
var criteria = []string{"subject", "object", "event", "decision", "request_id", "from", "until", "limit", "cursor"}

// parseQuery reads a query. An unknown parameter is refused: a criterion that
// is passed over finds too much.
func parseQuery(raw string) (audit.Query, error) {
	if len(raw) > maxQuery {
		return audit.Query{}, invalid("", fmt.Sprintf("The query is longer than %d bytes.", maxQuery))
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return audit.Query{}, invalid("", "The query is not well-formed.")
	}
	for name, list := range values {
		if !slices.Contains(criteria, name) || len(list) != 1 {
			return audit.Query{}, invalid(name, fmt.Sprintf("Each of %v may be given once, and no other.", criteria))
		}
		if err := checkCriterion(name, list[0]); err != nil {
			return audit.Query{}, err
		}
	}
	q := audit.Query{
		Subject: values.Get("subject"), Object: values.Get("object"), Event: values.Get("event"),
		Decision: values.Get("decision"), RequestID: values.Get("request_id"), Cursor: values.Get("cursor"),
	}
	if q.From, err = parseTime(values, "from"); err != nil {
		return audit.Query{}, err
	}
	if q.Until, err = parseTime(values, "until"); err != nil {
		return audit.Query{}, err
	}
	if limit := values.Get("limit"); limit != "" {
		if q.Limit, err = strconv.Atoi(limit); err != nil || q.Limit < 1 {
			return audit.Query{}, invalid("limit", fmt.Sprintf("It is a number from 1 to %d.", audit.MaxLimit))
		}
	}
	return q, nil
}

// checkCriterion refuses what no entry can have. Who is answered that there is no
// entry believes that nothing happened, and who asks for "" would get all.
func checkCriterion(name, value string) error {
	known, closed := map[string][]string{"event": audit.Events, "decision": {audit.Permit, audit.Deny}}[name]
	switch {
	case value == "":
		return invalid(name, "It is empty.")
	case closed && !slices.Contains(known, value):
		return invalid(name, fmt.Sprintf("It is one of %v.", known))
	}
	return nil
}

func parseTime(values url.Values, name string) (time.Time, error) {
	text := values.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 || t.Year() > 2261 { // what nanoseconds since 1970 can count
		return time.Time{}, invalid(name, "It is a time such as 2026-01-31T12:00:00Z, from 1970 to 2261.")
	}
	return t, nil
}

func invalid(name, detail string) error {
	return wire.Refuse(http.StatusBadRequest, "The query is not valid.", catalog.Problem{
		Field: "/" + name, Rule: catalog.RuleFormat, Detail: detail, Fix: "Ask again without it, or as it must be.",
	})
}
