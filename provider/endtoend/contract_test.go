package endtoend

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// wide is a JSON Schema of that many required numbers, each of which has a
// description and a unit, and a description of that many bytes.
func wide(fields, bytes int, kind string) string {
	properties := map[string]any{}
	var required []string
	for i := range fields {
		name := fmt.Sprintf("f%03d", i)
		properties[name] = map[string]any{"type": kind, "description": "Measured, metres."}
		required = append(required, name)
	}
	text, err := json.MarshalIndent(map[string]any{
		"type": "object", "additionalProperties": false, "required": required, "properties": properties,
		"description": strings.Repeat(secret, bytes/len(secret)+1),
	}, "", "  ")
	if err != nil {
		panic(err) // texts and lists: cannot fail
	}
	return string(text)
}

// secret is a word of a definition that no diagnostic may repeat.
const secret = "UNREPEATED "

const wideSchema = `
resource "datamesh_schema" "track" {
  domain     = datamesh_domain.sigint.name
  name       = "track"
  type       = "JSON"
  definition = file("${path.module}/track.json")
}
`

// TestABreakingDefinitionIsRefusedInThePlan: one error at the definition, with
// the first ten of 80 incompatibilities (40 fields, in both directions), their
// number and the products that would break, and nothing of a text of nearly a
// megabyte.
func TestABreakingDefinitionIsRefusedInThePlan(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	w.write("main.tf", base+wideSchema+active("tracks", `  marking = "SECRET//NOFORN"`)+
		draft("derived", "  inputs = [datamesh_data_product.tracks.id]\n  marking = \"SECRET//NOFORN\""))
	w.write("track.json", wide(40, 900_000, "number"))
	w.apply()
	w.write("track.json", wide(40, 900_000, "string"))
	result, _ := w.plan()
	if strings.Contains(result.Stdout, strings.TrimSpace(secret)) || len(result.Stdout) > 100_000 {
		t.Errorf("the plan says %d bytes, some of them of the definition", len(result.Stdout))
	}
	got := w.refused(`definition = file("${path.module}/track.json")`)[0].Detail
	for _, part := range []string{
		"#/properties/f000", "TYPE_CHANGED", "version 1", "And 70 more.", `"sigint/tracks"`, `"sigint/derived"`, "rule schema.compatibility",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("got %s\nwant %q in it", got, part)
		}
	}
	if n := strings.Count(got, "TYPE_CHANGED"); n != 10 {
		t.Errorf("got %d incompatibilities spelled out, want 10", n)
	}
}

// TestTheWayOutOfARefusal: what the refusal advises can be planned.
func TestTheWayOutOfARefusal(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	product := active("tracks", `  marking = "SECRET//NOFORN"`)
	w.write("main.tf", base+wideSchema+product)
	w.write("track.json", wide(2, 0, "number"))
	w.apply()
	w.write("track.json", wide(3, 0, "number"))
	w.refused("definition = file")
	for name, change := range map[string]*strings.Replacer{
		"another mode": strings.NewReplacer(`type       = "JSON"`, "type       = \"JSON\"\n  compatibility = \"NONE\""),
		"another name": strings.NewReplacer(`"track"
  type`, `"track-v2"
  type`, `type       = "JSON"`, "type       = \"JSON\"\n  lifecycle { create_before_destroy = true }"),
	} {
		w.write("main.tf", base+change.Replace(wideSchema)+product)
		if result, messages := w.plan(); result.Code != 0 {
			t.Errorf("%s: the plan was refused: %v", name, messages)
		}
	}
}

// TestContractsOfOnePlan creates a reference schema, a schema that others refer
// to, a schema and its product together, and then changes them together.
func TestContractsOfOnePlan(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	w := open(t, p)
	const contracts = `
resource "datamesh_reference_schema" "track" {
  name       = "track"
  type       = "JSON"
  definition = jsonencode({ type = "object", required = ["id", "speed"], properties = {
    id    = { type = "string", description = "Identifier." }
    speed = { type = "number", description = "Speed over ground", x-unit = "m/s" }
  } })
}

resource "datamesh_schema" "position" {
  domain     = datamesh_domain.sigint.name
  name       = "position"
  type       = "JSON"
  definition = jsonencode({ type = "object", properties = { lat = { type = "number", description = "Latitude", x-unit = "deg" } } })
}

resource "datamesh_schema" "track" {
  domain      = datamesh_domain.sigint.name
  name        = "track"
  type        = "JSON"
  conforms_to = datamesh_reference_schema.track.name
  references  = { "position.json" = { schema = datamesh_schema.position.id, version = 1 } }
  definition  = jsonencode({ type = "object", required = ["id", "speed"], properties = {
    id    = { type = "string", description = "Identifier." }
    speed = { type = "number", description = "Speed over ground", x-unit = "m/s" }
    at    = { "$ref" = "position.json", description = "Place." }
  } })
}
`
	product := active("tracks", `  marking = "SECRET//NOFORN"`)
	w.write("main.tf", base+strings.Replace(contracts, `required = ["id", "speed"], properties = {
    id    = { type = "string", description = "Identifier." }
    speed = { type = "number", description = "Speed over ground", x-unit = "m/s" }
    at`, `required = ["id"], properties = {
    id    = { type = "string", description = "Identifier." }
    speed = { type = "number", description = "Speed over ground", x-unit = "km/h" }
    at`, 1)+product)
	if got := w.refused("definition  = jsonencode")[0].Detail; !strings.Contains(got, "speed") || !strings.Contains(got, "schema.conformance") {
		t.Errorf("got %q, want the field that does not conform", got)
	}

	w.write("main.tf", base+contracts+product)
	w.apply()
	w.planIsEmpty()

	w.write("main.tf", base+strings.NewReplacer(`description = "Latitude"`, `description = "Latitude, WGS 84"`, `position.id, version = 1`, `position.id, version = 2`).
		Replace(contracts)+product)
	w.apply()
	w.planIsEmpty()
	entry, err := p.Admin().Get(t.Context(), catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track"})
	if schema, ok := entry.Object.(*catalog.Schema); err != nil || !ok || schema.Dependencies["position.json"].Version != 2 {
		t.Errorf("got %+v, %v, want a reference to version 2", entry.Object, err)
	}
	w.destroy()
	isEmpty(t, p)
}

// TestTheBoardStandsAboveTheDomains: a reference schema changes although a
// schema does not follow; the plan names it.
func TestTheBoardStandsAboveTheDomains(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	const board = `
resource "datamesh_reference_schema" "track" {
  name       = "track"
  type       = "JSON"
  definition = jsonencode({ type = "object", required = ["id"], properties = { id = { type = "string", description = "Identifier." } } })
}
`
	conforming := strings.Replace(track, `  type       = "JSON"`, "  type       = \"JSON\"\n  conforms_to = datamesh_reference_schema.track.name", 1)
	conforming = strings.Replace(conforming, `type = "object",`, `type = "object", required = ["id"],`, 1)
	w.write("main.tf", base+board+conforming)
	w.apply()
	w.write("main.tf", base+strings.NewReplacer(`["id"]`, `["id", "seen"]`, `"Identifier." }`, `"Identifier." }, seen = { type = "string", description = "When." }`).Replace(board)+conforming)
	if got := w.one(w.warnings(), "reference schema"); !strings.Contains(got.Detail, "sigint/track") || !strings.Contains(got.at(), "definition") {
		t.Errorf("got %v, want the schema that is left behind, at the definition", got)
	}
	w.apply()
	w.planIsEmpty()
}

// TestFieldsWithoutMeaningAreWarnedOf, once for each rule, with the first ten.
func TestFieldsWithoutMeaningAreWarnedOf(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	var fields []string
	for i := range 12 {
		fields = append(fields, fmt.Sprintf("f%02d = { type = \"number\" }", i))
	}
	w.write("main.tf", base+strings.Replace(track, `id = { type = "string", description = "Number." }`,
		"marking = { type = \"string\", description = \"Portion mark of this record.\" }\n"+strings.Join(fields, "\n"), 1))
	messages := w.warnings()
	for _, rule := range []string{"schema.field_documentation", "schema.field_unit", "schema.field_marking"} {
		var found []message
		for _, m := range messages {
			if strings.Contains(m.Detail, "rule "+rule) {
				found = append(found, m)
			}
		}
		if len(found) != 1 || found[0].Severity != "warning" || !strings.Contains(found[0].Detail, "f09") ||
			!strings.Contains(found[0].Detail, "And 2 more.") || !strings.Contains(found[0].at(), "definition") {
			t.Errorf("%s: got %v, want one warning at the definition with ten fields and 2 more", rule, found)
		}
	}
}

// TestAReferencedSchemaStays deletes a schema that another one refers to by a
// literal id, and the reference schema that it conforms to.
func TestAReferencedSchemaStays(t *testing.T) {
	t.Parallel()
	w := open(t, platformtest.Start(t))
	const board = `
resource "datamesh_reference_schema" "track" {
  name       = "track"
  type       = "JSON"
  definition = jsonencode({ type = "object" })
}
`
	refers := `
resource "datamesh_schema" "picture" {
  domain      = "sigint"
  name        = "picture"
  type        = "JSON"
  conforms_to = "track"
  references  = { "track.json" = { schema = "sigint/track", version = 1 } }
  definition  = jsonencode({ "$ref" = "track.json" })
}
`
	w.write("main.tf", base+board+track)
	w.apply()
	w.write("picture.tf", refers)
	w.apply()
	w.write("main.tf", base)
	result, messages := w.plan()
	if result.Code == 0 {
		t.Fatalf("deleting what a schema refers to was planned: %v", messages)
	}
	for _, id := range []string{"sigint/track", `reference schema "track"`} {
		named := false
		for _, m := range messages {
			named = named || m.Severity == "error" && strings.Contains(m.Summary+m.Detail, id) && strings.Contains(m.Summary+m.Detail+m.Address, "picture")
		}
		if !named {
			t.Errorf("got %v, want an error about %s", messages, id)
		}
	}
	w.write("picture.tf", "")
	w.apply()
}

// TestOnlyTheBoardWritesReferenceSchemas: an owner of a domain is refused in the
// plan, a member of the board needs nothing but the group in the token.
func TestOnlyTheBoardWritesReferenceSchemas(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	admin := open(t, p)
	admin.write("main.tf", base)
	admin.apply()
	const reference = requirement + `
resource "datamesh_reference_schema" "track" {
  name       = "track"
  type       = "JSON"
  definition = jsonencode({ type = "object" })
}
`
	p.Token = p.TokenFor(catalog.Caller{Subject: "a.stone"})
	owner := open(t, p)
	owner.write("main.tf", reference)
	if got := owner.refused("datamesh_reference_schema.track")[0].Detail; !strings.Contains(got, "rule forbidden") {
		t.Errorf("got %s, want it forbidden", got)
	}
	p.Token = p.TokenFor(catalog.Caller{Subject: "s.ward", Groups: []string{catalog.BoardGroup}})
	board := open(t, p)
	board.write("main.tf", reference)
	board.apply()
	owner.write("main.tf", requirement+`
data "datamesh_reference_schema" "track" {
  name = "track"
}
`)
	owner.must("plan", "-no-color")
	board.destroy()
}

// TestADefinitionChangedInBetween: a plan is not applied over a version that
// nobody reviewed, and the refusal repeats neither text.
func TestADefinitionChangedInBetween(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	w := open(t, p)
	w.write("main.tf", base+wideSchema)
	w.write("track.json", wide(1, 1000, "number"))
	w.apply()
	w.write("main.tf", base+strings.Replace(wideSchema, `type       = "JSON"`, "type       = \"JSON\"\n  description = \"One track.\"", 1))
	w.must("plan", "-no-color", "-out=plan.bin")
	change(t, p, catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track"}, func(s *catalog.Schema) { s.Definition = wide(1, 2000, "number") })
	result, messages := w.messages("apply", "-json", "plan.bin")
	if result.Code == 0 || strings.Contains(result.Stdout, strings.TrimSpace(secret)) {
		t.Errorf("got code %d and %s, want a refusal without the text", result.Code, result.Stdout)
	}
	if got := w.one(messages, "Cannot update"); !strings.Contains(got.at(), "definition = file") || !strings.Contains(got.Detail, "a text of ") || !strings.Contains(got.Detail, "Plan again") {
		t.Errorf("got %v, want the definition named", got)
	}
}
