package registryapi

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// registrationBody is one version of a subject in an answer.
type registrationBody struct {
	Subject    string             `json:"subject"`
	Version    int                `json:"version"`
	ID         int                `json:"id"`
	GUID       string             `json:"guid,omitempty"`
	Type       catalog.SchemaType `json:"schemaType"`
	References []referenceBody    `json:"references,omitempty"`
	Schema     string             `json:"schema"`
	Timestamp  int64              `json:"ts,omitempty"` // milliseconds since 1970
	Deleted    bool               `json:"deleted,omitempty"`
}

// schemaBody is a schema without a subject in an answer.
type schemaBody struct {
	Schema     string             `json:"schema"`
	Type       catalog.SchemaType `json:"schemaType"`
	References []referenceBody    `json:"references,omitempty"`
	GUID       string             `json:"guid,omitempty"`
	MaxID      int                `json:"maxId,omitempty"`
}

// referenceBody is a reference in an answer. Its subject says its context
// unless it is that of the schema.
type referenceBody struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

func encodeRegistration(r catalog.Registration) registrationBody {
	body := registrationBody{
		Subject: r.Subject.String(), Version: r.Version, ID: r.Schema.ID, GUID: r.Schema.GUID, Type: r.Schema.Type,
		References: encodeReferences(r.Schema.References, r.Subject.Context), Schema: r.Schema.Definition, Deleted: r.Deleted,
	}
	if created, err := time.Parse(time.RFC3339, r.Created); err == nil {
		body.Timestamp = created.UnixMilli()
	}
	return body
}

func encodeSchema(s catalog.RegisteredSchema, context string) schemaBody {
	return schemaBody{Schema: s.Definition, Type: s.Type, References: encodeReferences(s.References, context), GUID: s.GUID}
}

func encodeReferences(references []catalog.SubjectReference, context string) (list []referenceBody) {
	for _, r := range references {
		list = append(list, referenceBody{r.Name, subjectName(r.Subject, context), r.Version})
	}
	return list
}

// subjectName is the name of a subject as it is understood in a context.
func subjectName(s catalog.Subject, context string) string {
	switch s.Context {
	case context:
		return s.Name
	case "":
		return ":.:" + s.Name
	}
	return s.String()
}

// encode is compact JSON that leaves <, > and & as they are.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// list encodes a list that is [] when it has nothing.
func list[T any](items []T) ([]byte, error) {
	if items == nil {
		items = []T{}
	}
	return encode(items)
}
