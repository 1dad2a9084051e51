package catalogtest

import (
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

func administrator() catalog.Caller {
	return catalog.Caller{Subject: "admin", Administrator: true, Attributes: attributes("TS", "USA", "SI", "TK")}
}

// person is a government caller of that clearance and nation.
func person(subject, clearance, country string, access ...string) catalog.Caller {
	return catalog.Caller{Subject: subject, Attributes: attributes(clearance, country, access...)}
}

func attributes(clearance, country string, access ...string) marking.Subject {
	return marking.Subject{
		Clearance: clearance, CountryOfAffiliation: []string{country}, FineAccessControls: access,
		DutyOrganization: country + ".MOD", EmploymentType: "gov",
	}
}

// The people of the notional mesh. Each domain d has an owner "d.owner", a
// steward "d.steward" and an engineer "d.engineer", see [domain].
func owner(domain string) catalog.Caller   { return person(domain+".owner", "S", "USA") }
func steward(domain string) catalog.Caller { return person(domain+".steward", "S", "USA") }
func engineer(domain string) catalog.Caller {
	return person(domain+".engineer", "S", "USA")
}

func domain(name string) *catalog.Domain {
	return &catalog.Domain{
		Name: name, DisplayName: "Domain " + name, Discipline: catalog.DisciplineOther, Contact: name + "@enclave.example",
		Team: map[string]catalog.Member{
			name + ".owner":    {Role: catalog.RoleOwner},
			name + ".steward":  {Role: catalog.RoleSteward},
			name + ".engineer": {Role: catalog.RoleEngineer},
		},
	}
}

const trackText = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"id":{"type":"string","description":"Identity of the track."}}}`

func schema(id string) *catalog.Schema {
	ref := catalog.Ref{Kind: catalog.KindSchema, ID: id}
	return &catalog.Schema{Domain: ref.Domain(), Name: ref.Name(), Type: catalog.SchemaJSON, Definition: trackText}
}

func policy(id string, releasable, excluded []string) *catalog.CaveatPolicy {
	ref := catalog.Ref{Kind: catalog.KindCaveatPolicy, ID: id}
	return &catalog.CaveatPolicy{Domain: ref.Domain(), Name: ref.Name(), ReleasableTo: releasable, Excluded: excluded}
}

func sla(id string) *catalog.SLA {
	ref := catalog.Ref{Kind: catalog.KindSLA, ID: id}
	return &catalog.SLA{Domain: ref.Domain(), Name: ref.Name(), Availability: &catalog.Objective{TargetPercent: 99.5, Window: "30d"}}
}

func product(id, banner string, inputs ...string) *catalog.Product {
	ref := productRef(id)
	return &catalog.Product{Domain: ref.Domain(), Name: ref.Name(), Title: "Product " + ref.Name(), Version: "1.0.0", Marking: banner, Inputs: inputs}
}

// under is a product under a caveat policy.
func under(policy, id, banner string, inputs ...string) *catalog.Product {
	p := product(id, banner, inputs...)
	p.CaveatPolicy = policy
	return p
}

// published is an active product with all that one needs, over the schema and
// SLA of the same domain called "s" and "l".
func published(id, banner string, inputs ...string) *catalog.Product {
	p := product(id, banner, inputs...)
	p.Status = catalog.StatusActive
	p.Description = "What it is."
	p.SLA = p.Domain + "/l"
	p.OutputPorts = map[string]catalog.OutputPort{"feed": {Type: catalog.PortHTTP, URL: "https://data.example/" + id, Schema: p.Domain + "/s"}}
	return p
}

func domainRef(name string) catalog.Ref { return catalog.Ref{Kind: catalog.KindDomain, ID: name} }
func schemaRef(id string) catalog.Ref   { return catalog.Ref{Kind: catalog.KindSchema, ID: id} }
func policyRef(id string) catalog.Ref   { return catalog.Ref{Kind: catalog.KindCaveatPolicy, ID: id} }
func slaRef(id string) catalog.Ref      { return catalog.Ref{Kind: catalog.KindSLA, ID: id} }
func productRef(id string) catalog.Ref  { return catalog.Ref{Kind: catalog.KindProduct, ID: id} }
