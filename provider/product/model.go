package product

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// fields are the attributes that resource and data source share.
type fields struct {
	connect.Key
	Title              types.String   `tfsdk:"title"`
	Description        types.String   `tfsdk:"description"`
	Version            types.String   `tfsdk:"version"`
	Status             types.String   `tfsdk:"status"`
	Marking            values.Marking `tfsdk:"marking"`
	CaveatPolicy       types.String   `tfsdk:"caveat_policy"`
	SLA                types.String   `tfsdk:"sla"`
	Inputs             types.Set      `tfsdk:"inputs"`
	OutputPorts        types.Map      `tfsdk:"output_ports"`
	Pipeline           types.Object   `tfsdk:"pipeline"`
	DocumentationLinks types.Set      `tfsdk:"documentation_links"`
	Purpose            types.String   `tfsdk:"purpose"`
	Limitations        types.String   `tfsdk:"limitations"`
	SupportContact     types.String   `tfsdk:"support_contact"`
	DeprecatedOn       types.String   `tfsdk:"deprecated_on"`
	SunsetOn           types.String   `tfsdk:"sunset_on"`
	Successor          types.String   `tfsdk:"successor"`
	DeletionProtection types.Bool     `tfsdk:"deletion_protection"`
	InheritedMarking   types.String   `tfsdk:"inherited_marking"`
	EffectiveMarking   types.String   `tfsdk:"effective_marking"`
}

// resourceModel is the attributes of the resource.
type resourceModel struct {
	fields
	connect.Lifetime
}

// port is one output port.
type port struct {
	Type          types.String `tfsdk:"type"`
	URL           types.String `tfsdk:"url"`
	ContentType   types.String `tfsdk:"content_type"`
	Schema        types.String `tfsdk:"schema"`
	RecordMarking types.String `tfsdk:"record_marking"`
}

// pipeline is how the product is made.
type pipeline struct {
	Image  types.String `tfsdk:"image"`
	Source types.String `tfsdk:"source"`
}

var (
	portType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"type": types.StringType, "url": types.StringType, "content_type": types.StringType, "schema": types.StringType,
		"record_marking": types.StringType,
	}}
	pipelineType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"image": types.StringType, "source": types.StringType,
	}}
)

// Object implements [connect.Model].
func (m *fields) Object(context.Context) (*catalog.Product, diag.Diagnostics) {
	ports, diags := values.Structs[port](m.OutputPorts)
	made, d := values.Struct[pipeline](m.Pipeline)
	diags.Append(d...)
	return &catalog.Product{
		Domain:             m.Domain.ValueString(),
		Name:               m.Name.ValueString(),
		Title:              m.Title.ValueString(),
		Description:        m.Description.ValueString(),
		Version:            m.Version.ValueString(),
		Status:             catalog.Status(m.Status.ValueString()),
		Marking:            m.Marking.ValueString(),
		CaveatPolicy:       m.CaveatPolicy.ValueString(),
		SLA:                m.SLA.ValueString(),
		Inputs:             values.Strings(m.Inputs),
		OutputPorts:        portsOf(ports),
		Pipeline:           made.object(),
		DocumentationLinks: values.Strings(m.DocumentationLinks),
		Purpose:            m.Purpose.ValueString(),
		Limitations:        m.Limitations.ValueString(),
		SupportContact:     m.SupportContact.ValueString(),
		DeprecatedOn:       m.DeprecatedOn.ValueString(),
		SunsetOn:           m.SunsetOn.ValueString(),
		Successor:          m.Successor.ValueString(),
		DeletionProtection: m.DeletionProtection.ValueBool(),
	}, diags
}

func portsOf(ports map[string]port) map[string]catalog.OutputPort {
	if len(ports) == 0 {
		return nil
	}
	out := make(map[string]catalog.OutputPort, len(ports))
	for name, p := range ports {
		out[name] = catalog.OutputPort{
			Type:          catalog.PortType(p.Type.ValueString()),
			URL:           p.URL.ValueString(),
			ContentType:   p.ContentType.ValueString(),
			Schema:        p.Schema.ValueString(),
			RecordMarking: p.RecordMarking.ValueString(),
		}
	}
	return out
}

// object is nil for a pipeline of which nothing is said.
func (p *pipeline) object() *catalog.Pipeline {
	if p == nil {
		return nil
	}
	return &catalog.Pipeline{Image: p.Image.ValueString(), Source: p.Source.ValueString()}
}

// Fill implements [connect.Model].
func (m *fields) Fill(_ context.Context, p *catalog.Product) diag.Diagnostics {
	m.Key = connect.KeyOf(p.Ref())
	m.Title = types.StringValue(p.Title)
	m.Description = values.String(m.Description, p.Description)
	m.Version = types.StringValue(p.Version)
	m.Status = types.StringValue(string(p.Status))
	m.Marking = values.TextOf[values.MarkingEquality](p.Marking)
	m.CaveatPolicy = values.String(m.CaveatPolicy, p.CaveatPolicy)
	m.SLA = values.String(m.SLA, p.SLA)
	m.Inputs = values.Set(m.Inputs, p.Inputs)
	m.DocumentationLinks = values.Set(m.DocumentationLinks, p.DocumentationLinks)
	m.Purpose = values.String(m.Purpose, p.Purpose)
	m.Limitations = values.String(m.Limitations, p.Limitations)
	m.SupportContact = values.String(m.SupportContact, p.SupportContact)
	m.DeprecatedOn = values.String(m.DeprecatedOn, p.DeprecatedOn)
	m.SunsetOn = values.String(m.SunsetOn, p.SunsetOn)
	m.Successor = values.String(m.Successor, p.Successor)
	m.DeletionProtection = types.BoolValue(p.DeletionProtection)
	m.InheritedMarking, m.EffectiveMarking = computedMarkings(p)
	diags := m.fillPorts(p.OutputPorts)
	diags.Append(m.fillPipeline(p.Pipeline)...)
	return diags
}

// computedMarkings are null where there is no marking.
func computedMarkings(p *catalog.Product) (inherited, effective types.String) {
	return values.String(types.StringNull(), p.InheritedMarking), values.String(types.StringNull(), p.EffectiveMarking)
}

func (m *fields) fillPorts(ports map[string]catalog.OutputPort) diag.Diagnostics {
	if len(ports) == 0 && (m.OutputPorts.IsNull() || m.OutputPorts.IsUnknown()) {
		m.OutputPorts = types.MapNull(portType)
		return nil
	}
	before := values.Elements[port](m.OutputPorts)
	after := make(map[string]port, len(ports))
	for name, p := range ports {
		after[name] = port{
			Type:          types.StringValue(string(p.Type)),
			URL:           types.StringValue(p.URL),
			ContentType:   values.String(before[name].ContentType, p.ContentType),
			Schema:        values.String(before[name].Schema, p.Schema),
			RecordMarking: values.String(before[name].RecordMarking, p.RecordMarking),
		}
	}
	filled, diags := values.Map(portType, after)
	m.OutputPorts = filled
	return diags
}

func (m *fields) fillPipeline(p *catalog.Pipeline) diag.Diagnostics {
	before, diags := values.Struct[pipeline](m.Pipeline)
	if p == nil {
		if before == nil || *before.object() != (catalog.Pipeline{}) {
			m.Pipeline = types.ObjectNull(pipelineType.AttrTypes)
		} // else the configuration wrote an empty one, which says the same
		return diags
	}
	if before == nil {
		before = &pipeline{}
	}
	filled, d := values.Object(pipelineType.AttrTypes, &pipeline{
		Image:  values.String(before.Image, p.Image),
		Source: values.String(before.Source, p.Source),
	})
	m.Pipeline = filled
	return append(diags, d...)
}

// itemModel is one element of the plural data source.
type itemModel struct {
	connect.Key
	Title            types.String   `tfsdk:"title"`
	Description      types.String   `tfsdk:"description"`
	Version          types.String   `tfsdk:"version"`
	Status           types.String   `tfsdk:"status"`
	Marking          values.Marking `tfsdk:"marking"`
	CaveatPolicy     types.String   `tfsdk:"caveat_policy"`
	SLA              types.String   `tfsdk:"sla"`
	Inputs           types.Set      `tfsdk:"inputs"`
	EffectiveMarking types.String   `tfsdk:"effective_marking"`
}

// Object implements [connect.Model].
func (m *itemModel) Object(context.Context) (*catalog.Product, diag.Diagnostics) {
	return &catalog.Product{Domain: m.Domain.ValueString(), Name: m.Name.ValueString()}, nil
}

// Fill implements [connect.Model].
func (m *itemModel) Fill(_ context.Context, p *catalog.Product) diag.Diagnostics {
	m.Key = connect.KeyOf(p.Ref())
	m.Title = types.StringValue(p.Title)
	m.Description = values.String(types.StringNull(), p.Description)
	m.Version = types.StringValue(p.Version)
	m.Status = types.StringValue(string(p.Status))
	m.Marking = values.TextOf[values.MarkingEquality](p.Marking)
	m.CaveatPolicy = values.String(types.StringNull(), p.CaveatPolicy)
	m.SLA = values.String(types.StringNull(), p.SLA)
	m.Inputs = values.Set(types.SetNull(types.StringType), p.Inputs)
	_, m.EffectiveMarking = computedMarkings(p)
	return nil
}
