package product

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func TestAttributesAreTheFieldsOfAProduct(t *testing.T) {
	t.Parallel()
	var resp resource.SchemaResponse
	NewResource().Schema(t.Context(), resource.SchemaRequest{}, &resp)
	var got []string
	for name := range resp.Schema.Attributes {
		if name != "timeouts" {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(jsonNames(reflect.TypeFor[catalog.Product]()), got); diff != "" {
		t.Errorf("fields (-) and attributes (+) differ:\n%s", diff)
	}
	for name, attribute := range map[string]attr.TypeWithAttributeTypes{"pipeline": pipelineType, "output_ports": portType} {
		of := map[string]reflect.Type{"pipeline": reflect.TypeFor[catalog.Pipeline](), "output_ports": reflect.TypeFor[catalog.OutputPort]()}[name]
		var nested []string
		for field := range attribute.AttributeTypes() {
			nested = append(nested, field)
		}
		slices.Sort(nested)
		if diff := cmp.Diff(jsonNames(of), nested); diff != "" {
			t.Errorf("%s: fields (-) and attributes (+) differ:\n%s", name, diff)
		}
	}
	if diags := resp.Schema.ValidateImplementation(t.Context()); diags.HasError() {
		t.Errorf("the schema is not valid: %v", diags)
	}
}

func jsonNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func everything() *catalog.Product {
	return &catalog.Product{
		ID: "sigint/tracks", Domain: "sigint", Name: "tracks", Title: "Tracks", Description: "All tracks.", Version: "1.0.0",
		Status: catalog.StatusActive, Marking: "SECRET//NOFORN", CaveatPolicy: "sigint/five-eyes", SLA: "sigint/hourly",
		Inputs: []string{"elint/emitters", "sigint/raw-tracks"},
		OutputPorts: map[string]catalog.OutputPort{
			"feed": {Type: catalog.PortHTTP, URL: "https://h.example/t", ContentType: "application/geo+json", Schema: "sigint/track", RecordMarking: "marking"},
			"bare": {Type: catalog.PortS3, URL: "s3://tracks/"},
		},
		Pipeline:           &catalog.Pipeline{Image: "r.example/t@sha256:" + strings.Repeat("0", 64), Source: "feed-7"},
		DocumentationLinks: []string{"https://docs.example/t"},
		Purpose:            "Awareness.", Limitations: "None known.", SupportContact: "t@enclave.example", DeletionProtection: true,
		DeprecatedOn: "2026-03-01", SunsetOn: "2027-03-01", Successor: "sigint/tracks-2",
		InheritedMarking: "SECRET//NOFORN", EffectiveMarking: "SECRET//NOFORN",
	}
}

func TestModelKeepsEveryField(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]*catalog.Product{
		"everything": everything(),
		"least":      {ID: "sigint/tracks", Domain: "sigint", Name: "tracks", Title: "Tracks", Version: "1.0.0", Status: catalog.StatusDraft},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m fields
			if diags := m.Fill(t.Context(), want); diags.HasError() {
				t.Fatal(diags)
			}
			got, diags := m.Object(t.Context())
			if diags.HasError() {
				t.Fatal(diags)
			}
			want := *want
			want.ID, want.InheritedMarking, want.EffectiveMarking = "", "", "" // read-only: never sent
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("the object changed on its way through the attributes (-want +got):\n%s", diff)
			}
		})
	}
}

// What the author wrote as empty comes back from the platform as absent; that
// must not be a difference.
func TestFillKeepsNullAndEmptyApart(t *testing.T) {
	t.Parallel()
	least := &catalog.Product{Domain: "sigint", Name: "tracks", Title: "Tracks", Version: "1.0.0", Status: catalog.StatusDraft}
	written := fields{
		Description: types.StringValue(""),
		Inputs:      types.SetValueMust(types.StringType, nil),
		OutputPorts: types.MapValueMust(portType, nil),
		Pipeline: types.ObjectValueMust(pipelineType.AttrTypes, map[string]attr.Value{
			"image": types.StringNull(), "source": types.StringValue(""),
		}),
	}
	kept := written
	if diags := kept.Fill(t.Context(), least); diags.HasError() {
		t.Fatal(diags)
	}
	for name, pair := range map[string][2]attr.Value{
		"description":         {kept.Description, written.Description},
		"inputs":              {kept.Inputs, written.Inputs},
		"output_ports":        {kept.OutputPorts, written.OutputPorts},
		"pipeline":            {kept.Pipeline, written.Pipeline},
		"purpose":             {kept.Purpose, types.StringNull()},
		"documentation_links": {kept.DocumentationLinks, types.SetNull(types.StringType)},
		"inherited_marking":   {kept.InheritedMarking, types.StringNull()},
	} {
		if !pair[0].Equal(pair[1]) {
			t.Errorf("%s: got %s, want %s", name, pair[0], pair[1])
		}
	}
}

func TestAPipelineRemovedElsewhereIsGone(t *testing.T) {
	t.Parallel()
	var m fields
	if diags := m.Fill(t.Context(), everything()); diags.HasError() {
		t.Fatal(diags)
	}
	without := everything()
	without.Pipeline = nil
	if diags := m.Fill(t.Context(), without); diags.HasError() {
		t.Fatal(diags)
	}
	if !m.Pipeline.IsNull() {
		t.Errorf("pipeline: got %s, want null", m.Pipeline)
	}
}
