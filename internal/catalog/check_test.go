package catalog_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func soundDomain() *catalog.Domain {
	return &catalog.Domain{
		Name: "alpha", DisplayName: "Alpha", Discipline: catalog.DisciplineSIGINT, Contact: "alpha@enclave.example",
		Team: map[string]catalog.Member{"a": {Role: catalog.RoleOwner}},
	}
}

func soundProduct() *catalog.Product {
	return &catalog.Product{
		Domain: "alpha", Name: "p", Title: "P", Description: "D.", Version: "1.0.0", Status: catalog.StatusActive, Marking: "SECRET//NOFORN", SLA: "alpha/l",
		OutputPorts: map[string]catalog.OutputPort{"x": {Type: catalog.PortHTTP, URL: "https://x.example/p", ContentType: "application/json; charset=utf-8", Schema: "alpha/s"}},
		Pipeline:    &catalog.Pipeline{Image: "registry.example/a/b@" + digest, Source: "feeds/one"},
	}
}

// check normalizes and checks, and returns "field rule" of each problem.
func check(o catalog.Object) []string {
	v := marking.Default()
	o.Normalize(v)
	var got []string
	for _, p := range o.Check(v) {
		got = append(got, p.Field+" "+p.Rule)
	}
	return got
}

func TestSoundObjectsPass(t *testing.T) {
	t.Parallel()
	for _, o := range []catalog.Object{
		soundDomain(), soundProduct(),
		&catalog.Schema{Domain: "alpha", Name: "s", Type: catalog.SchemaAvro, Definition: "{}"},
		&catalog.CaveatPolicy{Domain: "alpha", Name: "c", ReleasableTo: []string{"USA", "FVEY"}, Excluded: []string{"NZL"}},
		&catalog.SLA{Domain: "alpha", Name: "l", Freshness: &catalog.Freshness{MaxAge: "15m", Anchor: "event", TargetPercent: 100, Window: "30d"}},
	} {
		if got := check(o); got != nil {
			t.Errorf("%s: got %v, want nothing wrong", o.Ref(), got)
		}
	}
}

// TestEmptyObjects: everything mandatory is reported at once.
func TestEmptyObjects(t *testing.T) {
	t.Parallel()
	for kind, want := range map[catalog.Kind][]string{
		catalog.KindDomain:       {"/contact required", "/discipline required", "/display_name required", "/name required", "/team domain.owner"},
		catalog.KindSchema:       {"/definition required", "/domain required", "/name required", "/type required"},
		catalog.KindCaveatPolicy: {"/domain required", "/name required"},
		catalog.KindSLA:          {" required", "/domain required", "/name required"},
		catalog.KindProduct:      {"/domain required", "/name required", "/title required", "/version required"},
	} {
		if diff := cmp.Diff(want, check(kind.New())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

func TestEmptySetsHaveOneForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		object catalog.Object
		want   string
	}{
		{&catalog.Domain{}, `{"id":"","name":"","display_name":"","discipline":"","contact":"","team":{},"deletion_protection":false}`},
		{&catalog.CaveatPolicy{DisplayOnlyTo: []string{}}, `{"id":"","domain":"","name":"","releasable_to":[],"excluded":[],"inheritance":"carry_all"}`},
		{&catalog.Product{Inputs: []string{}, OutputPorts: map[string]catalog.OutputPort{}}, `{"id":"","domain":"","name":"","title":"","version":"","status":"draft","deletion_protection":false}`},
	} {
		c.object.Normalize(marking.Default())
		got, err := json.Marshal(c.object)
		if err != nil || string(got) != c.want {
			t.Errorf("got %s, %v; want %s", got, err, c.want)
		}
	}
	p := &catalog.Product{Inputs: []string{}, DocumentationLinks: []string{}, OutputPorts: map[string]catalog.OutputPort{}}
	p.Normalize(marking.Default())
	if p.Inputs != nil || p.DocumentationLinks != nil || p.OutputPorts != nil {
		t.Errorf("got %#v, want nil where nothing is", p)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for version, sound := range map[string]bool{
		"0.0.0": true, "1.2.3": true, "10.20.30": true, "1.0.0-alpha.1": true, "1.0.0-0.3.7": true, "1.0.0+build.01": true, "1.0.0-x-y.z+5": true,
		"1": false, "1.0": false, "v1.0.0": false, "01.0.0": false, "1.0.0-": false, "1.0.0-01": false, "1.0.0+": false, "1.0.0\x20": false,
		"1.0.0-é": false, "-1.0.0": false, "1.0.0\n": false, "1.0.0-" + strings.Repeat("a", 200): false,
	} {
		p := soundProduct()
		p.Version = version
		if got := check(p); (got == nil) != sound {
			t.Errorf("%q: got %v, want sound %v", version, got, sound)
		}
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	for image, sound := range map[string]bool{
		"a@" + digest: true, "registry.example:5000/a/b-c/d_e:v1.0@" + digest: true, "localhost/a:latest@" + digest: true,
		"a": false, "a:latest": false, "a@sha256:abc": false, "a@" + digest + "0": false, "a@" + strings.ToUpper(digest): false,
		"user:password@registry.example/a@" + digest: false, "https://registry.example/a@" + digest: false, "A@" + digest: false,
		"a b@" + digest: false, "a/../b@" + digest: false, "@" + digest: false, "a@sha512:" + strings.Repeat("0", 128): false,
	} {
		p := soundProduct()
		p.Pipeline.Image = image
		if got := check(p); (got == nil) != sound {
			t.Errorf("%q: got %v, want sound %v", image, got, sound)
		}
	}
}

func TestURLsOfPorts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		port  catalog.PortType
		url   string
		sound bool
	}{
		{catalog.PortHTTP, "http://127.0.0.1:9000/a.geojson", true},
		{catalog.PortHTTP, "https://[2001:db8::1]/a?b=c#d", true},
		{catalog.PortSTIXTAXII, "https://x.example/taxii2/", true},
		{catalog.PortS3, "s3://bucket/prefix/", true},
		{catalog.PortKafka, "kafka://broker.example:9092/topic", true},
		{catalog.PortSQL, "postgresql://db.example/mesh?sslmode=verify-full", true},
		{catalog.PortFile, "file:///data/x.csv", true},
		{catalog.PortHTTP, "s3://bucket/x", false},
		{catalog.PortHTTP, "x.example/a", false},
		{catalog.PortHTTP, "/a", false},
		{catalog.PortHTTP, "https:///a", false},
		{catalog.PortHTTP, "https:x", false},
		{catalog.PortHTTP, "https://user@x.example/", false},
		{catalog.PortHTTP, "https://:secret@x.example/", false},
		{catalog.PortHTTP, "https://x.example/a b", false},
		{catalog.PortHTTP, "https://x.example/\u202e", false},
		{catalog.PortHTTP, "https://x.example/%zz", false},
		{catalog.PortHTTP, "javascript:alert(1)", false},
		{catalog.PortSQL, "jdbc:postgresql://u:p@db.example/mesh", false},
		{catalog.PortFile, "file:relative", false},
		{catalog.PortKafka, "broker:9092", false},
	} {
		p := soundProduct()
		p.OutputPorts = map[string]catalog.OutputPort{"x": {Type: c.port, URL: c.url, Schema: "alpha/s"}}
		if got := check(p); (got == nil) != c.sound {
			t.Errorf("%s %q: got %v, want sound %v", c.port, c.url, got, c.sound)
		}
	}
}

// TestNoSecretIsRepeated: a password in a refused URL must not come back in
// the refusal, which is logged and shown.
func TestNoSecretIsRepeated(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://user:hunter2@x.example/", "https://user:hunter2@x.example/%zz", "ftp://user:hunter2@x.example"} {
		p := soundProduct()
		p.OutputPorts = map[string]catalog.OutputPort{"x": {Type: catalog.PortHTTP, URL: url, Schema: "alpha/s"}}
		p.DocumentationLinks, p.Pipeline.Source = []string{url}, url
		p.Pipeline.Image = "user:hunter2@registry.example/a@" + digest
		problems := p.Check(marking.Default())
		for _, field := range []string{"/documentation_links/0", "/output_ports/x/url", "/pipeline/image", "/pipeline/source"} {
			if !slices.ContainsFunc(problems, func(p catalog.Problem) bool { return p.Field == field }) {
				t.Errorf("%s: got %v, want %s refused", url, problems, field)
			}
		}
		for _, problem := range problems {
			if strings.Contains(problem.String(), "hunter2") {
				t.Errorf("got %q, want no password in it", problem)
			}
		}
	}
}

func TestServiceLevels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sla  catalog.SLA
		want []string
	}{
		"zero percent":     {catalog.SLA{Accuracy: &catalog.Objective{TargetPercent: 0, Window: "1d"}}, []string{"/accuracy/target_percent limit"}},
		"above hundred":    {catalog.SLA{Accuracy: &catalog.Objective{TargetPercent: 100.01, Window: "1d"}}, []string{"/accuracy/target_percent limit"}},
		"not a number":     {catalog.SLA{Accuracy: &catalog.Objective{TargetPercent: math.NaN(), Window: "1d"}}, []string{"/accuracy/target_percent limit"}},
		"infinite":         {catalog.SLA{Accuracy: &catalog.Objective{TargetPercent: math.Inf(1), Window: "1d"}}, []string{"/accuracy/target_percent limit"}},
		"no window":        {catalog.SLA{Completeness: &catalog.Objective{TargetPercent: 1}}, []string{"/completeness/window required"}},
		"months":           {catalog.SLA{Availability: &catalog.Objective{TargetPercent: 1, Window: "1mo"}}, []string{"/availability/window format"}},
		"nothing in it":    {catalog.SLA{Freshness: &catalog.Freshness{}}, []string{"/freshness/anchor required", "/freshness/max_age required", "/freshness/target_percent limit", "/freshness/window required"}},
		"unknown anchor":   {catalog.SLA{Freshness: &catalog.Freshness{MaxAge: "1m", Anchor: "now", TargetPercent: 1, Window: "1d"}}, []string{"/freshness/anchor unknown_value"}},
		"promises nothing": {catalog.SLA{}, []string{" required"}},
	} {
		c.sla.Domain, c.sla.Name = "alpha", "l"
		if diff := cmp.Diff(c.want, check(&c.sla)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestHostileKeysStayOutOfPointers: a pointer is built from a key only when
// the key follows its grammar, so none can carry a megabyte or an escape code.
func TestHostileKeysStayOutOfPointers(t *testing.T) {
	t.Parallel()
	hostile := "\x1b[2J" + strings.Repeat("x", 1<<20)
	d, p := soundDomain(), soundProduct()
	d.Team[hostile] = catalog.Member{Role: "king"}
	p.OutputPorts[hostile] = catalog.OutputPort{URL: "https://x.example"}
	for _, o := range []catalog.Object{d, p} {
		problems := o.Check(marking.Default())
		if len(problems) != 1 {
			t.Fatalf("got %d problems, want one", len(problems))
		}
		if text := problems[0].String(); len(text) > 1000 || strings.Contains(text, "\x1b") {
			t.Errorf("got %d bytes %.80q, want a short printable text", len(text), text)
		}
	}
}

func TestMembershipDates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		member catalog.Member
		want   []string
	}{
		"open":           {catalog.Member{Role: catalog.RoleOwner}, nil},
		"one day":        {catalog.Member{Role: catalog.RoleOwner, From: "2026-03-01", Until: "2026-03-01"}, nil},
		"ends before":    {catalog.Member{Role: catalog.RoleOwner, From: "2026-03-02", Until: "2026-03-01"}, []string{"/team/a/until format"}},
		"no such day":    {catalog.Member{Role: catalog.RoleOwner, From: "2026-02-29"}, []string{"/team/a/from format"}},
		"with time":      {catalog.Member{Role: catalog.RoleOwner, Until: "2026-03-01T00:00:00Z"}, []string{"/team/a/until format"}},
		"year of five":   {catalog.Member{Role: catalog.RoleOwner, Until: "12026-03-01"}, []string{"/team/a/until format"}},
		"without zeroes": {catalog.Member{Role: catalog.RoleOwner, Until: "2026-3-1"}, []string{"/team/a/until format"}},
	} {
		d := soundDomain()
		d.Team["a"] = c.member
		if diff := cmp.Diff(c.want, check(d)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestMarkingProblemsAreTranslated: rule, place and way out arrive.
func TestMarkingProblemsAreTranslated(t *testing.T) {
	t.Parallel()
	p := soundProduct()
	p.Marking = "SECRET//REL TO USA"
	problems := p.Check(marking.Default())
	if len(problems) != 1 {
		t.Fatalf("got %v, want one problem", problems)
	}
	got := problems[0]
	if got.Field != "/marking" || got.Rule != "ISM-ID-00319" || !strings.HasSuffix(got.Fix, ".") || !strings.HasSuffix(got.Detail, ".") {
		t.Errorf("got %+v, want ISM-ID-00319 at /marking in sentences", got)
	}
}

// TestLimitsAreBeforeWork: a list of a million entries is refused without a
// problem for each of them.
func TestLimitsAreBeforeWork(t *testing.T) {
	t.Parallel()
	many := make([]string, 1_000_000)
	for i := range many {
		many[i] = strings.Repeat("?", i%7) + string(rune('a'+i%26)) + strings.Repeat("!", i%31) + strings.Repeat("/", i%101)
	}
	p := soundProduct()
	p.Inputs, p.DocumentationLinks = many, many
	if got := p.Check(marking.Default()); len(got) > catalog.MaxInputs+2*catalog.MaxLinks+2 {
		t.Errorf("got %d problems, want no more than the limits", len(got))
	}
	c := &catalog.CaveatPolicy{Domain: "alpha", Name: "c", ReleasableTo: many, Excluded: many, DisseminationList: many, ApprovedDependants: many, Purposes: many}
	if got := c.Check(marking.Default()); len(got) > 4*catalog.MaxCodes+catalog.MaxPurposes+5 {
		t.Errorf("got %d problems, want no more than the limits", len(got))
	}
}
