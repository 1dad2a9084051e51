package registryapi_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
)

const (
	orderV1 = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}`
	orderV2 = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"note","type":"string","default":""}]}`
	orderV3 = `{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}`
	line    = `{"type":"record","name":"Line","fields":[{"name":"order","type":"Order"}]}`
)

// client is the registry's client of franz-go against a real platform.
type client struct {
	*sr.Client
	platform *platformtest.Platform
}

func connect(t *testing.T, options ...sr.ClientOpt) client {
	t.Helper()
	p := platformtest.Start(t)
	options = append([]sr.ClientOpt{sr.URLs(p.Endpoint + registryapi.Prefix), sr.BearerToken(p.Token)}, options...)
	c, err := sr.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	return client{c, p}
}

// create registers a schema and fails the test when it is refused.
func (c client) create(t *testing.T, ctx context.Context, subject, text string, references ...sr.SchemaReference) sr.SubjectSchema {
	t.Helper()
	s, err := c.CreateSchema(ctx, subject, sr.Schema{Schema: text, References: references})
	if err != nil {
		t.Fatalf("register %s: %v", subject, err)
	}
	return s
}

// same fails the test unless a call answered as it should.
func same[T any](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}

// TestEveryMethodOfFranz calls every method that the client exports, each
// against what the ones before have left, and sees the request of each arrive.
func TestEveryMethodOfFranz(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ctx := t.Context()
	var v1, v2, used sr.SubjectSchema
	steps := []struct {
		method, request string // the first line that it sends, below Prefix
		run             func(t *testing.T)
	}{
		{"SupportedTypes", "GET /schemas/types", func(t *testing.T) {
			got, err := c.SupportedTypes(ctx)
			same(t, "types", got, err, []sr.SchemaType{sr.TypeAvro, sr.TypeProtobuf, sr.TypeJSON})
		}},
		{"SetCompatibility", "PUT /config/orders-value", func(t *testing.T) {
			for _, r := range c.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatBackward}, "orders-value") {
				same(t, "level", r.Level, r.Err, sr.CompatBackward)
			}
		}},
		{"CreateSchema", "POST /subjects/orders-value/versions", func(t *testing.T) {
			v1 = c.create(t, ctx, "orders-value", orderV1)
			if v1.ID <= 0 || v1.Version != 1 || v1.GUID == "" || v1.Subject != "orders-value" || v1.Schema.Schema != orderV1 {
				t.Errorf("got %+v", v1)
			}
			v2 = c.create(t, ctx, "orders-value", orderV2)
		}},
		{"RegisterSchema", "POST /subjects/orders-value/versions", func(t *testing.T) {
			id, err := c.RegisterSchema(ctx, "orders-value", sr.Schema{Schema: orderV2}, -1, -1)
			same(t, "an identical schema", id, err, v2.ID)
		}},
		{"LookupSchema", "POST /subjects/orders-value", func(t *testing.T) {
			got, err := c.LookupSchema(ctx, "orders-value", sr.Schema{Schema: orderV1})
			same(t, "lookup", got, err, v1)
		}},
		{"Subjects", "GET /subjects", func(t *testing.T) {
			got, err := c.Subjects(ctx)
			same(t, "subjects", got, err, []string{"orders-value"})
		}},
		{"SubjectVersions", "GET /subjects/orders-value/versions", func(t *testing.T) {
			got, err := c.SubjectVersions(ctx, "orders-value")
			same(t, "versions", got, err, []int{1, 2})
		}},
		{"SchemaByVersion", "GET /subjects/orders-value/versions/latest", func(t *testing.T) {
			got, err := c.SchemaByVersion(ctx, "orders-value", -1)
			same(t, "latest", got, err, v2)
		}},
		{"SchemaTextByVersion", "GET /subjects/orders-value/versions/1/schema", func(t *testing.T) {
			got, err := c.SchemaTextByVersion(ctx, "orders-value", 1)
			same(t, "text", got, err, orderV1)
		}},
		{"Schemas", "GET /subjects/orders-value/versions", func(t *testing.T) {
			got, err := c.Schemas(ctx, "orders-value")
			same(t, "schemas", got, err, []sr.SubjectSchema{v1, v2})
		}},
		{"AllSchemas", "GET /schemas", func(t *testing.T) {
			got, err := c.AllSchemas(sr.WithParams(ctx, sr.LatestOnly))
			same(t, "all", got, err, []sr.SubjectSchema{v2})
		}},
		{"SchemaByID", "GET /schemas/ids/", func(t *testing.T) {
			got, err := c.SchemaByID(ctx, v1.ID)
			same(t, "by id", got, err, v1.Schema)
		}},
		{"SchemaTextByID", "GET /schemas/ids/", func(t *testing.T) {
			got, err := c.SchemaTextByID(ctx, v1.ID)
			same(t, "text by id", got, err, orderV1)
		}},
		{"SchemaByGUID", "GET /schemas/guids/", func(t *testing.T) {
			got, err := c.SchemaByGUID(ctx, v1.GUID)
			same(t, "by GUID", got, err, sr.SubjectSchema{GUID: v1.GUID, Schema: v1.Schema})
		}},
		{"SchemaIDsByGUID", "GET /schemas/guids/", func(t *testing.T) {
			got, err := c.SchemaIDsByGUID(ctx, v1.GUID)
			same(t, "ids of a GUID", got, err, []sr.ContextID{{Context: ".", ID: v1.ID}})
		}},
		{"SubjectsByID", "GET /schemas/ids/", func(t *testing.T) {
			got, err := c.SubjectsByID(ctx, v1.ID)
			same(t, "subjects of an id", got, err, []string{"orders-value"})
		}},
		{"SchemaVersionsByID", "GET /schemas/ids/", func(t *testing.T) {
			got, err := c.SchemaVersionsByID(ctx, v2.ID)
			same(t, "versions of an id", got, err, []sr.SubjectVersion{{Subject: "orders-value", Version: 2}})
		}},
		{"SchemaUsagesByID", "GET /schemas/ids/", func(t *testing.T) {
			got, err := c.SchemaUsagesByID(ctx, v2.ID)
			same(t, "usages of an id", got, err, []sr.SubjectSchema{v2})
		}},
		{"SchemaReferences", "GET /subjects/orders-value/versions/1/referencedby", func(t *testing.T) {
			used = c.create(t, ctx, "lines-value", line, sr.SchemaReference{Name: "Order", Subject: "orders-value", Version: 1})
			same(t, "references", used.References, nil, []sr.SchemaReference{{Name: "Order", Subject: "orders-value", Version: 1}})
			got, err := c.SchemaReferences(ctx, "orders-value", 1)
			same(t, "referenced by", got, err, []sr.SubjectSchema{used})
		}},
		{"CheckCompatibility", "POST /compatibility/subjects/orders-value/versions/latest", func(t *testing.T) {
			got, err := c.CheckCompatibility(ctx, "orders-value", -1, sr.Schema{Schema: orderV2})
			same(t, "a compatible schema", got, err, sr.CheckCompatibilityResult{Is: true})
			got, err = c.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), "orders-value", -2, sr.Schema{Schema: orderV3})
			if err != nil || got.Is || len(got.Messages) < 4 || !strings.Contains(got.Messages[0], "errorType:'TYPE_MISMATCH'") {
				t.Errorf("an incompatible one: got %+v, %v", got, err)
			}
		}},
		{"Compatibility", "GET /config", func(t *testing.T) {
			got := c.Compatibility(ctx, "orders-value", sr.GlobalSubject)
			same(t, "of the subject", got[0].Level, got[0].Err, sr.CompatBackward)
			if got[1].Err != nil || got[1].Level == 0 {
				t.Errorf("of the registry: got %+v", got[1])
			}
		}},
		{"ResetCompatibility", "DELETE /config/orders-value", func(t *testing.T) {
			got := c.ResetCompatibility(ctx, "orders-value")
			same(t, "the level before", got[0].Level, got[0].Err, sr.CompatBackward)
		}},
		{"SetMode", "PUT /mode/:.copy:", func(t *testing.T) {
			for _, r := range c.SetMode(ctx, sr.ModeImport, ":.copy:") {
				same(t, "mode", r.Mode, r.Err, sr.ModeImport)
			}
		}},
		{"Mode", "GET /mode", func(t *testing.T) {
			got := c.Mode(ctx, sr.GlobalSubject, ":.copy:")
			same(t, "of the registry", got[0].Mode, got[0].Err, sr.ModeReadWrite)
			same(t, "of the context", got[1].Mode, got[1].Err, sr.ModeImport)
		}},
		{"CreateSchemaWithIDAndVersion", "POST /contexts/.copy/subjects/orders-value/versions", func(t *testing.T) {
			got, err := c.CreateSchemaWithIDAndVersion(sr.InContext(ctx, ".copy"), "orders-value", sr.Schema{Schema: orderV1}, 4711, 3)
			same(t, "imported", got, err, sr.SubjectSchema{Subject: ":.copy:orders-value", Version: 3, ID: 4711, GUID: v1.GUID, Schema: v1.Schema})
		}},
		{"ResetMode", "DELETE /mode/:.copy:", func(t *testing.T) {
			got := c.ResetMode(ctx, ":.copy:")
			same(t, "the mode before", got[0].Mode, got[0].Err, sr.ModeImport)
		}},
		{"Contexts", "GET /contexts", func(t *testing.T) {
			got, err := c.Contexts(ctx)
			same(t, "contexts", got, err, []string{".", ".copy"})
			got, err = c.Contexts(sr.InContext(ctx, ".copy"))
			same(t, "contexts, from one", got, err, []string{".", ".copy"})
		}},
		{"DeleteSchema", "DELETE /subjects/orders-value/versions/2", func(t *testing.T) {
			same(t, "softly", true, c.DeleteSchema(ctx, "orders-value", 2, sr.SoftDelete), true)
			same(t, "for ever", true, c.DeleteSchema(ctx, "orders-value", 2, sr.HardDelete), true)
			got, err := c.SubjectVersions(sr.WithParams(ctx, sr.ShowDeleted), "orders-value")
			same(t, "what is left", got, err, []int{1})
		}},
		{"DeleteSubject", "DELETE /contexts/.copy/subjects/orders-value", func(t *testing.T) {
			in := sr.InContext(ctx, ".copy")
			got, err := c.DeleteSubject(in, "orders-value", sr.SoftDelete)
			same(t, "softly", got, err, []int{3})
			subjects, err := c.Subjects(sr.WithParams(in, sr.DeletedOnly))
			same(t, "deleted subjects", subjects, err, []string{":.copy:orders-value"})
			got, err = c.DeleteSubject(in, "orders-value", sr.HardDelete)
			same(t, "for ever", got, err, []int{3})
		}},
		{"DeleteContext", "DELETE /contexts/.copy", func(t *testing.T) {
			same(t, "delete a context", true, c.DeleteContext(ctx, ".copy"), true)
		}},
		{"Do", "GET /v1/metadata/version", func(t *testing.T) {
			var got struct{ Version string }
			if err := c.Do(ctx, http.MethodGet, "/v1/metadata/version", nil, &got); err != nil || got.Version == "" {
				t.Errorf("got %+v, %v", got, err)
			}
		}},
		// These speak to nobody.
		{"Opts", "", func(t *testing.T) { same(t, "options", len(c.Opts()), nil, 2) }},
		{"OptValue", "", func(t *testing.T) { same(t, "token", c.OptValue(sr.BearerToken), nil, any(c.platform.Token)) }},
		{"OptValues", "", func(t *testing.T) { same(t, "token", c.OptValues(sr.BearerToken), nil, []any{c.platform.Token}) }},
	}
	var tried []string
	for _, step := range steps {
		c.platform.ResetRequests()
		t.Run(step.method, step.run)
		tried = append(tried, step.method)
		verb, path, _ := strings.Cut(step.request, " ")
		if sent := c.platform.Requests(); step.request != "" && !slices.ContainsFunc(sent, func(line string) bool {
			return strings.HasPrefix(line, verb+" "+registryapi.Prefix+path)
		}) {
			t.Errorf("%s sent %q, want %s among it", step.method, sent, step.request)
		}
	}
	for method := range reflect.TypeFor[*sr.Client]().Methods() {
		if !slices.Contains(tried, method.Name) {
			t.Errorf("the client has a method %s that is not tried", method.Name)
		}
	}
}

// TestErrorsThatFranzKnows provokes each error that the client can tell apart,
// save for those of a broken server.
func TestErrorsThatFranzKnows(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ctx := t.Context()
	first := c.create(t, ctx, "orders-value", orderV1)
	c.create(t, ctx, "lines-value", line, sr.SchemaReference{Name: "Order", Subject: "orders-value", Version: 1})
	c.create(t, ctx, "gone-value", orderV1)
	if _, err := c.DeleteSubject(ctx, "gone-value", sr.SoftDelete); err != nil {
		t.Fatal(err)
	}
	c.create(t, ctx, "short-value", orderV1)
	for _, r := range c.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatNone}, "short-value") {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	c.create(t, ctx, "short-value", orderV3)
	if err := c.DeleteSchema(ctx, "short-value", 1, sr.SoftDelete); err != nil {
		t.Fatal(err)
	}
	for _, r := range c.SetMode(sr.WithParams(ctx, sr.Force), sr.ModeImport, "import-value") {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	in := sr.InContext(ctx, ".full")
	c.create(t, in, "s", orderV1)
	for want, call := range map[*sr.Error]func() error{
		sr.ErrSubjectNotFound:                        func() error { _, err := c.SubjectVersions(ctx, "absent"); return err },
		sr.ErrVersionNotFound:                        func() error { _, err := c.SchemaByVersion(ctx, "orders-value", 99); return err },
		sr.ErrSchemaNotFound:                         func() error { _, err := c.SchemaByID(ctx, first.ID^1); return err },
		sr.ErrSubjectSoftDeleted:                     func() error { _, err := c.DeleteSubject(ctx, "gone-value", sr.SoftDelete); return err },
		sr.ErrSubjectNotSoftDeleted:                  func() error { _, err := c.DeleteSubject(ctx, "lines-value", sr.HardDelete); return err },
		sr.ErrSchemaVersionSoftDeleted:               func() error { return c.DeleteSchema(ctx, "short-value", 1, sr.SoftDelete) },
		sr.ErrSchemaVersionNotSoftDeleted:            func() error { return c.DeleteSchema(ctx, "short-value", 2, sr.HardDelete) },
		sr.ErrSubjectLevelCompatibilityNotConfigured: func() error { return c.Compatibility(ctx, "orders-value")[0].Err },
		sr.ErrSubjectLevelModeNotConfigured:          func() error { return c.Mode(ctx, "orders-value")[0].Err },
		sr.ErrIncompatibleSchema:                     func() error { _, err := c.CreateSchema(ctx, "orders-value", sr.Schema{Schema: orderV3}); return err },
		sr.ErrInvalidSchema: func() error {
			_, err := c.CreateSchema(ctx, "orders-value", sr.Schema{Schema: `{"type":"no"}`})
			return err
		},
		sr.ErrInvalidVersion: func() error { _, err := c.SchemaByVersion(ctx, "orders-value", 0); return err },
		sr.ErrInvalidCompatibilityLevel: func() error {
			return c.Do(ctx, http.MethodPut, "/config", map[string]string{"compatibility": "SOME"}, nil)
		},
		sr.ErrInvalidMode: func() error { return c.Do(ctx, http.MethodPut, "/mode", map[string]string{"mode": "FORWARD"}, nil) },
		sr.ErrOperationNotPermitted: func() error {
			_, err := c.RegisterSchema(ctx, "orders-value", sr.Schema{Schema: orderV2}, 4711, 2)
			return err
		},
		sr.ErrReferenceExists: func() error { return c.DeleteSchema(ctx, "orders-value", 1, sr.SoftDelete) },
		sr.ErrIDDoesNotMatch: func() error {
			_, err := c.RegisterSchema(ctx, "import-value", sr.Schema{Schema: orderV3}, first.ID, 1)
			return err
		},
		sr.ErrInvalidSubject: func() error { _, err := c.CreateSchema(ctx, "__GLOBAL", sr.Schema{Schema: orderV1}); return err },
		sr.ErrSchemaTooLarge: func() error {
			_, err := c.CreateSchema(ctx, "s", sr.Schema{Schema: strings.Repeat(" ", 1<<20) + orderV1})
			return err
		},
		sr.ErrInvalidRuleset: func() error {
			_, err := c.CreateSchema(ctx, "s", sr.Schema{Schema: orderV1, SchemaRuleSet: &sr.SchemaRuleSet{DomainRules: []sr.SchemaRule{{Name: "x"}}}})
			return err
		},
		sr.ErrContextNotEmpty: func() error { return c.DeleteContext(ctx, ".full") },
	} {
		err := call()
		response := (*sr.ResponseError)(nil)
		if !errors.As(err, &response) || response.SchemaError() != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// order is a value of orderV1.
type order struct {
	ID string `avro:"id"`
}

// TestSerdeOfFranz encodes with one client and decodes with another, which
// learns the schema from the id in the bytes.
func TestSerdeOfFranz(t *testing.T) {
	t.Parallel()
	c := connect(t)
	registered := c.create(t, t.Context(), "orders-value", orderV1)
	codec := func(text string) []sr.EncodingOpt {
		schema := avro.MustParse(text)
		return []sr.EncodingOpt{
			sr.EncodeFn(func(v any) ([]byte, error) { return avro.Marshal(schema, v) }),
			sr.DecodeFn(func(b []byte, v any) error { return avro.Unmarshal(schema, b, v) }),
		}
	}
	var writer, reader sr.Serde
	writer.Register(registered.ID, order{}, codec(orderV1)...)
	bytes, err := writer.Encode(order{"A-1"})
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := reader.DecodeID(bytes)
	if err != nil {
		t.Fatal(err)
	}
	learned, err := c.SchemaByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	reader.Register(id, order{}, codec(learned.Schema)...)
	var got order
	err = reader.Decode(bytes, &got)
	same(t, "decoded", got, err, order{"A-1"})
}

// TestClientThatKnowsBasicOnly: an unmodified client with user and password.
func TestClientThatKnowsBasicOnly(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	c, err := sr.NewClient(sr.URLs(p.Endpoint+registryapi.Prefix), sr.BasicAuth("dev-administrator", p.Token))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Contexts(t.Context())
	same(t, "contexts", got, err, []string{"."})
}

// TestDefaultsOfAClientAreSentEverywhere: parameters that an operation does not
// take change nothing.
func TestDefaultsOfAClientAreSentEverywhere(t *testing.T) {
	t.Parallel()
	c := connect(t, sr.DefaultParams(sr.Normalize, sr.Verbose, sr.DefaultToGlobal))
	s := c.create(t, t.Context(), "pings-value", orderV1)
	if r := c.Compatibility(t.Context(), "pings-value"); r[0].Err != nil || r[0].Level == 0 {
		t.Errorf("got %+v", r[0])
	}
	if _, err := c.SchemaByID(t.Context(), s.ID); err != nil {
		t.Error(err)
	}
}
