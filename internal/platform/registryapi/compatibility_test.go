package registryapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// incompatible is a registry to which the schema of every request is
// incompatible in these ways.
func incompatible(found ...catalog.Incompatibility) *scripted {
	registry := shelf()
	registry.compatible = func(catalog.Subject, int, catalog.Registering) ([]catalog.Incompatibility, error) { return found, nil }
	registry.register = func(catalog.Subject, catalog.Registering) (catalog.Registration, error) {
		return catalog.Registration{}, refusing(catalog.CodeInvalid, catalog.RuleCompatibility)
	}
	registry.registration = func(s catalog.Subject, version int, _ bool) (catalog.Registration, error) {
		if version == 3 {
			return catalog.Registration{}, errors.New("gone")
		}
		return catalog.Registration{Subject: s, Version: version, Schema: avro}, nil
	}
	return registry
}

var missing = catalog.Incompatibility{Kind: "READER_FIELD_MISSING_DEFAULT_VALUE", Path: "/fields/1", New: "f2", Version: 1,
	Direction: catalog.CompatibilityBackward, Fix: "Give the field a default."}

var missingLines = []string{
	`{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'At path '/fields/1': the old schema has nothing, the new schema has f2 (BACKWARD)', additionalInfo:'Give the field a default.'}`,
	`{oldSchemaVersion: 1}`,
	`{oldSchema: '"string"'}`,
	`{validateFields: 'false', compatibility: 'BACKWARD'}`,
}

// TestIncompatibilitiesAreNamed: in the check and in the refusal, in the lines
// of Confluent's registry.
func TestIncompatibilitiesAreNamed(t *testing.T) {
	t.Parallel()
	h := serving(incompatible(missing))
	var answer struct {
		Compatible bool     `json:"is_compatible"`
		Messages   []string `json:"messages"`
	}
	r := do(h, "POST", "/compatibility/subjects/s/versions/1?verbose=true", sent)
	if err := json.Unmarshal([]byte(r.body), &answer); err != nil || r.status != http.StatusOK || answer.Compatible {
		t.Fatalf("got %d %s: %v", r.status, r.body, err)
	}
	if diff := cmp.Diff(missingLines, answer.Messages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := do(h, "POST", "/compatibility/subjects/s/versions/1", sent); r.body != `{"is_compatible":false}` {
		t.Errorf("not verbose: got %s", r.body)
	}
	var refusal struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
	}
	r = do(h, "POST", "/subjects/s/versions", sent)
	if err := json.Unmarshal([]byte(r.body), &refusal); err != nil {
		t.Fatal(err)
	}
	want := `Schema being registered is incompatible with an earlier schema for subject "s", details: [` + strings.Join(missingLines, ", ") + `]`
	if r.status != http.StatusConflict || refusal.Code != 409 || refusal.Message != want {
		t.Errorf("got %d %d\n%s\nwant 409\n%s", r.status, refusal.Code, refusal.Message, want)
	}
	h = serving(incompatible(missing), func(o *Options) { o.IncompatibleCode = IncompatibleCodeNew })
	if r := do(h, "POST", "/subjects/s/versions", sent); r.status != http.StatusConflict || !strings.HasPrefix(r.body, `{"error_code":40901,`) {
		t.Errorf("with the new code: got %d %.60s", r.status, r.body)
	}
}

// TestRefusalNamesConsumers: what a refusal says beyond the incompatibilities is
// said after them.
func TestRefusalNamesConsumers(t *testing.T) {
	t.Parallel()
	registry := incompatible(missing)
	registry.register = func(catalog.Subject, catalog.Registering) (catalog.Registration, error) {
		return catalog.Registration{}, &catalog.Error{Code: catalog.CodeInvalid, Problems: []catalog.Problem{
			{Rule: catalog.RuleCompatibility, Detail: "The incompatibility."}, {Rule: catalog.RuleCompatibility, Detail: "It would break a consumer."}}}
	}
	r := do(serving(registry), "POST", "/subjects/s/versions", sent)
	if !strings.HasSuffix(r.body, `compatibility: 'BACKWARD'}] It would break a consumer."}`) || strings.Contains(r.body, "The incompatibility.") {
		t.Errorf("got %s", r.body)
	}
}

// TestRefusalWithoutReasons: when a change in between has taken the reasons
// away, the registry's own words stay.
func TestRefusalWithoutReasons(t *testing.T) {
	t.Parallel()
	r := do(serving(incompatible()), "POST", "/subjects/s/versions", sent)
	if r.status != http.StatusConflict || r.body != `{"error_code":409,"message":"The registry says so. A detail. A way out."}` {
		t.Errorf("got %d %s", r.status, r.body)
	}
}

// TestManyIncompatibilities: an answer stays bounded, and an old schema that is
// gone takes nothing else with it.
func TestManyIncompatibilities(t *testing.T) {
	t.Parallel()
	var found []catalog.Incompatibility
	for i := range 1000 {
		one := missing
		one.Version, one.Path = 1+i/7, "\x1b[2J"
		found = append(found, one)
	}
	registry := incompatible(found...)
	long := strings.Repeat("ä", maxOldSchema)
	registry.registration = func(s catalog.Subject, version int, _ bool) (catalog.Registration, error) {
		if version == 3 {
			return catalog.Registration{}, errors.New("gone")
		}
		return catalog.Registration{Schema: catalog.RegisteredSchema{Definition: "x" + long}}, nil
	}
	r := do(serving(registry), "POST", "/compatibility/subjects/s/versions?verbose=true", sent)
	if len(r.body) > maxDifferences*300+maxOldSchemas*(maxOldSchema+100) || strings.Contains(r.body, `\u001b`) {
		t.Errorf("got %d bytes: %.300s", len(r.body), r.body)
	}
	if !strings.Contains(r.body, `"{oldSchemaVersion: 3}","{errorType`) || !strings.Contains(r.body, "...'}") || !utf8.ValidString(r.body) || strings.Contains(r.body, `\ufffd...`) {
		t.Errorf("got %.3000s", r.body)
	}
}

// TestUnreadableSchema: a check tells the fault in its answer when it is
// verbose, and refuses otherwise, as Confluent's registry does.
func TestUnreadableSchema(t *testing.T) {
	t.Parallel()
	registry := shelf()
	registry.compatible = func(catalog.Subject, int, catalog.Registering) ([]catalog.Incompatibility, error) {
		return nil, refusing(catalog.CodeInvalid, catalog.RuleSchemaText)
	}
	r := do(serving(registry), "POST", "/compatibility/subjects/s/versions?verbose=true", sent)
	if r.status != http.StatusOK || r.body != `{"is_compatible":false,"messages":["The registry says so. A detail. A way out."]}` {
		t.Errorf("verbose: got %d %s", r.status, r.body)
	}
	r = do(serving(registry), "POST", "/compatibility/subjects/s/versions", sent)
	if r.status != http.StatusUnprocessableEntity || !strings.HasPrefix(r.body, `{"error_code":42201,`) {
		t.Errorf("got %d %s", r.status, r.body)
	}
}
