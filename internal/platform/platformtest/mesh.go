package platformtest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
)

// SIGINT is a domain that a.stone owns, who is not cleared for anything.
func SIGINT() *catalog.Domain {
	return &catalog.Domain{
		Name: "sigint", DisplayName: "Signals", Discipline: catalog.DisciplineSIGINT, Contact: "s@enclave.example",
		Team: map[string]catalog.Member{"a.stone": {Role: catalog.RoleOwner}},
	}
}

// Briton is an analyst of the British government, cleared for SECRET, with
// these purposes: what is releasable to FVEY he may read, what is NOFORN is
// hidden from him.
func Briton(purposes ...string) catalog.Caller {
	return catalog.Caller{Subject: "brit", Purposes: purposes, Attributes: marking.Subject{
		Clearance: "S", CountryOfAffiliation: []string{"GBR"}, DutyOrganization: "GBR.MOD", EmploymentType: "gov",
	}}
}

// StartSIGINT starts a platform with the domain of [SIGINT] and these objects
// in it, which its administrator stores in their order.
func StartSIGINT(t testing.TB, objects ...catalog.Object) *Platform {
	t.Helper()
	p := Start(t)
	for _, object := range append([]catalog.Object{SIGINT()}, objects...) {
		if _, err := p.Admin().Put(t.Context(), object, catalog.WriteOptions{}); err != nil {
			t.Fatalf("platformtest: %s: %v", object.Ref(), err)
		}
	}
	return p
}

// Entries are the audit log's, oldest first, without the first so many.
func (p *Platform) Entries(after int64) []audit.Entry {
	p.t.Helper()
	return EntriesIn(p.t, p.DataDir(), after)
}

// EntriesIn are those of the log in a data directory, in use or not.
func EntriesIn(t testing.TB, dir string, after int64) (entries []audit.Entry) {
	t.Helper()
	var log bytes.Buffer
	if err := platformd.ExportAudit(t.Context(), dir, after, &log); err != nil {
		t.Fatalf("platformtest: %v", err)
	}
	for line := range strings.Lines(log.String()) {
		entry, err := audit.ParseEntry([]byte(strings.TrimSuffix(line, "\n")))
		if err != nil {
			t.Fatalf("platformtest: %v", err)
		}
		entries = append(entries, entry)
	}
	return entries
}
