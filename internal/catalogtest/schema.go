package catalogtest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var schemaScenes = []scene{
	{"versions of a schema", versions},
	{"a schema's type stays", schemaType},
	{"texts that are no schemas", badTexts},
}

const otherText = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"id":{"type":"string","description":"Identity of the track."},"name":{"type":"string","description":"Its name."}}}`

func versions(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.fill(t, domain("alpha"))
	put := func(text string, want int) catalog.Entry {
		t.Helper()
		s := schema("alpha/s")
		s.Definition, s.Compatibility = text, catalog.CompatibilityNone
		entry := m.put(t, s)
		if got := as[*catalog.Schema](t, entry.Object); got.Version != want || got.Definition != text {
			t.Errorf("got version %d of text %q, want version %d of %q", got.Version, got.Definition, want, text)
		}
		return entry
	}
	first := put(trackText, 1)
	spaced := strings.ReplaceAll(trackText, ",", ",\n  ")
	if again := put(spaced, 1); again.Revision == first.Revision {
		t.Errorf("got the same revision with another text, want another one")
	}
	put(otherText, 2)
	put(trackText, 3)
	described := schema("alpha/s")
	described.Description, described.Compatibility = "A track.", catalog.CompatibilityNone
	if got := as[*catalog.Schema](t, m.put(t, described).Object).Version; got != 3 {
		t.Errorf("got version %d after a change of the description, want 3", got)
	}
	wantVersions(t, m.admin, "alpha/s", 1, 2, 3)
	if err := m.admin.Delete(ctx, schemaRef("alpha/s"), catalog.WriteOptions{}); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	_, err := m.admin.SchemaVersions(ctx, "alpha/s")
	wantCode(t, err, catalog.CodeNotFound)
	put(trackText, 4) // no number twice, not even after a deletion
	wantVersions(t, m.admin, "alpha/s", 4)
	_, err = m.admin.SchemaVersions(ctx, "alpha/none")
	wantCode(t, err, catalog.CodeNotFound)
}

// wantVersions asks for versions of these numbers, whole; the same text has the
// same id.
func wantVersions(t *testing.T, s catalog.Service, id string, numbers ...int) {
	t.Helper()
	all, err := s.SchemaVersions(context.Background(), id)
	if err != nil {
		t.Fatalf("SchemaVersions: %v", err)
	}
	var got []int
	ids := map[string]int{}
	for _, v := range all {
		got = append(got, v.Version)
		if v.Created == "" || v.Definition == "" || v.ID < 1 {
			t.Errorf("got %+v, want id, text and date", v)
		}
		if id, met := ids[v.Definition]; met && id != v.ID {
			t.Errorf("got ids %d and %d for one text, want one", id, v.ID)
		}
		ids[v.Definition] = v.ID
	}
	if !slices.Equal(got, numbers) {
		t.Errorf("got versions %v, want %v", got, numbers)
	}
}

func schemaType(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), schema("alpha/s"))
	s := schema("alpha/s")
	s.Type, s.Definition = catalog.SchemaAvro, `{"type":"record","name":"T","fields":[]}`
	m.refused(t, s, "/type", catalog.RuleImmutable)
}

func badTexts(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	for _, c := range []struct {
		typ         catalog.SchemaType
		text        string
		field, rule string
	}{
		{catalog.SchemaJSON, `{"type":`, "/definition", catalog.RuleSchemaText},
		{catalog.SchemaJSON, `{"type":"objekt"}`, "/definition", catalog.RuleSchemaText},
		{catalog.SchemaJSON, `{"type":"object","type":"array"}`, "/definition", catalog.RuleSchemaText},
		{catalog.SchemaJSON, strings.Repeat(`{"items":`, 100_000), "/definition", catalog.RuleSchemaText},
		{catalog.SchemaAvro, `{"type":"record"}`, "/definition", catalog.RuleSchemaText},
		{catalog.SchemaProtobuf, `message {`, "/definition", catalog.RuleSchemaText},
		{catalog.SchemaJSON, "", "/definition", catalog.RuleRequired},
		{catalog.SchemaJSON, `"` + strings.Repeat("x", catalog.MaxDefinition) + `"`, "/definition", catalog.RuleLimit},
		{catalog.SchemaJSON, "{\"title\":\"a\u202eb\"}", "/definition", catalog.RuleFormat},
		{"XML", "<x/>", "/type", catalog.RuleUnknownValue},
		{"", "{}", "/type", catalog.RuleRequired},
	} {
		s := schema("alpha/s")
		s.Type, s.Definition = c.typ, c.text
		m.refused(t, s, c.field, c.rule)
	}
	s := schema("alpha/s")
	s.Definition = "{\n  \"type\": }"
	if p := m.refused(t, s, "/definition", catalog.RuleSchemaText); !strings.Contains(p.Detail, "line 2") {
		t.Errorf("got %q, want the line named", p.Detail)
	}
	s = schema("alpha/s")
	s.Compatibility = "SOME"
	m.refused(t, s, "/compatibility", catalog.RuleUnknownValue)
}
