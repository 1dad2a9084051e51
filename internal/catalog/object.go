package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// pointerEscapes are those of RFC 6901 section 3.
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// PointerTo joins the parts to a JSON pointer (RFC 6901 section 3).
func PointerTo(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(pointerEscapes.Replace(part))
	}
	return b.String()
}

func (*Domain) sealed()          {}
func (*ReferenceSchema) sealed() {}
func (*Schema) sealed()          {}
func (*CaveatPolicy) sealed()    {}
func (*SLA) sealed()             {}
func (*Product) sealed()         {}

// Ref implements [Object].
func (d *Domain) Ref() Ref { return Ref{KindDomain, d.Name} }

// Ref implements [Object].
func (r *ReferenceSchema) Ref() Ref { return Ref{KindReferenceSchema, r.Name} }

// Ref implements [Object].
func (s *Schema) Ref() Ref { return Ref{KindSchema, s.Domain + "/" + s.Name} }

// Ref implements [Object].
func (c *CaveatPolicy) Ref() Ref { return Ref{KindCaveatPolicy, c.Domain + "/" + c.Name} }

// Ref implements [Object].
func (s *SLA) Ref() Ref { return Ref{KindSLA, s.Domain + "/" + s.Name} }

// Ref implements [Object].
func (p *Product) Ref() Ref { return Ref{KindProduct, p.Domain + "/" + p.Name} }

// References implements [Object].
func (d *Domain) References() []Reference {
	if d.Parent == "" {
		return nil
	}
	return []Reference{{"/parent", Ref{KindDomain, d.Parent}}}
}

// References implements [Object].
func (*ReferenceSchema) References() []Reference { return nil }

// References implements [Object]. Dependencies are visited in the order of
// their names.
func (s *Schema) References() []Reference {
	refs := ownedBy(s.Domain)
	if name, _, err := s.Conformance(); name != "" && err == nil {
		refs = append(refs, Reference{"/conforms_to", Ref{KindReferenceSchema, name}})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Dependencies)) {
		refs = append(refs, Reference{PointerTo("references", name, "schema"), Ref{KindSchema, s.Dependencies[name].Schema}})
	}
	return refs
}

// References implements [Object].
func (c *CaveatPolicy) References() []Reference { return ownedBy(c.Domain) }

// References implements [Object].
func (s *SLA) References() []Reference { return ownedBy(s.Domain) }

// References implements [Object]. Ports are visited in the order of their names.
func (p *Product) References() []Reference {
	refs := ownedBy(p.Domain)
	if p.CaveatPolicy != "" {
		refs = append(refs, Reference{"/caveat_policy", Ref{KindCaveatPolicy, p.CaveatPolicy}})
	}
	if p.SLA != "" {
		refs = append(refs, Reference{"/sla", Ref{KindSLA, p.SLA}})
	}
	for i, input := range p.Inputs {
		refs = append(refs, Reference{PointerTo("inputs", strconv.Itoa(i)), Ref{KindProduct, input}})
	}
	if p.Successor != "" {
		refs = append(refs, Reference{"/successor", Ref{KindProduct, p.Successor}})
	}
	for _, port := range slices.Sorted(maps.Keys(p.OutputPorts)) {
		if schema := p.OutputPorts[port].Schema; schema != "" {
			refs = append(refs, Reference{PointerTo("output_ports", port, "schema"), Ref{KindSchema, schema}})
		}
	}
	return refs
}

func ownedBy(domain string) []Reference {
	return []Reference{{"/domain", Ref{KindDomain, domain}}}
}

// Clone implements [Object].
func (d *Domain) Clone() Object {
	c := *d
	c.Team = maps.Clone(d.Team)
	return &c
}

// Clone implements [Object].
func (r *ReferenceSchema) Clone() Object {
	c := *r
	return &c
}

// Clone implements [Object].
func (s *Schema) Clone() Object {
	c := *s
	c.Dependencies = maps.Clone(s.Dependencies)
	return &c
}

// Clone implements [Object].
func (c *CaveatPolicy) Clone() Object {
	d := *c
	d.ReleasableTo = slices.Clone(c.ReleasableTo)
	d.DisplayOnlyTo = slices.Clone(c.DisplayOnlyTo)
	d.Excluded = slices.Clone(c.Excluded)
	d.DisseminationList = slices.Clone(c.DisseminationList)
	d.ApprovedDependants = slices.Clone(c.ApprovedDependants)
	return &d
}

// Clone implements [Object].
func (s *SLA) Clone() Object {
	c := *s
	c.Freshness = clonePointer(s.Freshness)
	c.Completeness = clonePointer(s.Completeness)
	c.Availability = clonePointer(s.Availability)
	c.Accuracy = clonePointer(s.Accuracy)
	return &c
}

// Clone implements [Object].
func (p *Product) Clone() Object {
	c := *p
	c.Inputs = slices.Clone(p.Inputs)
	c.OutputPorts = maps.Clone(p.OutputPorts)
	c.Pipeline = clonePointer(p.Pipeline)
	c.DocumentationLinks = slices.Clone(p.DocumentationLinks)
	return &c
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
