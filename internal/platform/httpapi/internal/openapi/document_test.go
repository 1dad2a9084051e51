package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

const moduleRoot = "../../../../.."

func describe(t *testing.T) []byte {
	t.Helper()
	text, err := document(moduleRoot)
	if err != nil {
		t.Fatalf("document: %v", err)
	}
	return text
}

func TestCommittedDescriptionIsFresh(t *testing.T) {
	t.Parallel()
	want := describe(t)
	for _, file := range []string{"internal/platform/httpapi/openapi.json", "docs/openapi.json"} {
		got, err := os.ReadFile(filepath.Join(moduleRoot, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate in internal/platform/httpapi", file)
		}
	}
}

// described is as much of the document as the tests look at.
type described struct {
	Paths map[string]map[string]struct {
		ID         string `json:"operationId"`
		Parameters []struct{ Name, In, Description string }
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Description string
				Ref         string `json:"$ref"`
				ReadOnly    bool
				Enum        []string
			}
		}
	}
}

func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	var got described
	if err := json.Unmarshal(describe(t), &got); err != nil {
		t.Fatal(err)
	}
	ids, operations := map[string]bool{}, 0
	for _, path := range got.Paths {
		operations += len(path)
	}
	if want := len(wire.Routes()); operations != want {
		t.Errorf("got %d operations, want %d, one for each route", operations, want)
	}
	methods := map[string]string{"GET": "get", "PUT": "put", "POST": "post", "DELETE": "delete"}
	for _, route := range wire.Routes() {
		operation, ok := got.Paths[wire.Prefix+route.Pattern][methods[route.Method]]
		if !ok || operation.ID == "" || ids[operation.ID] {
			t.Errorf("%s %s: got operation id %q, want one of its own", route.Method, route.Pattern, operation.ID)
		}
		ids[operation.ID] = true
		for _, p := range operation.Parameters {
			if p.Description == "" {
				t.Errorf("%s %s: the parameter %s is not described", route.Method, route.Pattern, p.Name)
			}
		}
	}
}

func TestSchemasSayWhatTheSourceSays(t *testing.T) {
	t.Parallel()
	var got described
	if err := json.Unmarshal(describe(t), &got); err != nil {
		t.Fatal(err)
	}
	product := got.Components.Schemas["Product"].Properties
	if p := product["effective_marking"]; !p.ReadOnly || p.Description == "" {
		t.Errorf("effective_marking: got %+v, want read-only and described", p)
	}
	if p := product["marking"]; p.ReadOnly || p.Description == "" {
		t.Errorf("marking: got %+v, want writable and described", p)
	}
	if p := product["status"]; len(p.Enum) != 5 || p.Enum[0] != "proposed" {
		t.Errorf("status: got the values %v, want the five statuses in order", p.Enum)
	}
	if p := product["pipeline"]; p.Ref != "#/components/schemas/Pipeline" {
		t.Errorf("pipeline: got %+v, want a reference to Pipeline", p)
	}
	for name, definition := range got.Components.Schemas {
		for field, property := range definition.Properties {
			if property.Ref != "" {
				if _, ok := got.Components.Schemas[property.Ref[len(schemaPrefix):]]; !ok {
					t.Errorf("%s.%s refers to %s, which is not defined", name, field, property.Ref)
				}
			}
		}
	}
}
