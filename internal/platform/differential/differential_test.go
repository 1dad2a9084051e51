package differential_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// seed makes the requests; requests is how many there are.
const (
	seed     = 20261125
	requests = 1000
)

// systemHigh is above some of the products only.
const systemHigh = "TOP SECRET//SI/TK//NOFORN"

// markings are those of the products, one each: open, caveated, released,
// withheld, compartmented, above the system, and none.
var markings = []string{
	"UNCLASSIFIED", "CONFIDENTIAL//NOFORN", "CONFIDENTIAL//REL TO USA, GBR", "SECRET", "SECRET//NOFORN", "SECRET//REL TO USA, FVEY", "SECRET//REL TO USA, ACGU",
	"SECRET//REL TO USA, AUS, NZL", "SECRET//RELIDO", "SECRET//DISPLAY ONLY GBR", "SECRET//REL TO USA, CAN/DISPLAY ONLY GBR", "SECRET//ORCON/REL TO USA, FVEY",
	"SECRET//ORCON/NOFORN", "SECRET//PROPIN/NOFORN", "SECRET//FGI NATO//REL TO USA, NATO", "TOP SECRET//NOFORN", "TOP SECRET//REL TO USA, FVEY", "TOP SECRET//SI//NOFORN",
	"TOP SECRET//SI//REL TO USA, FVEY", "TOP SECRET//TK//NOFORN", "TOP SECRET//SI/TK//RSEN/ORCON/NOFORN", "TOP SECRET//HCS-P//NOFORN", "TOP SECRET//SAR-BUTTER POPCORN//NOFORN", "SECRET//NOFORN//NODIS", "",
}

// odd are products that nobody has made.
var odd = []string{"sigint/none", "none/none", "sigint", "SIGINT/p00", "sigint/p00/", "sigint/../sigint/p00", "sigint/p00%20", "sigint/p 00", "p00"}

// world is what the platform holds, and who asks.
type world struct {
	pure
	subjects []catalog.Caller
	ids      []string
}

// build puts a mesh into the platform.
func build(t *testing.T, p *platformtest.Platform, upstream string) world {
	t.Helper()
	v := marking.Default()
	high, err := v.Parse(systemHigh)
	if err != nil {
		t.Fatal(err)
	}
	w := world{pure: pure{system: access.System{Vocabulary: v, High: high}, products: map[string]*catalog.Product{}, policies: map[string]*catalog.CaveatPolicy{}}}
	put := func(o catalog.Object) catalog.Object {
		entry, err := p.Admin().Put(t.Context(), o, catalog.WriteOptions{})
		if err != nil {
			t.Fatalf("%s: %v", o.Ref(), err)
		}
		return entry.Object
	}
	put(&catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineSIGINT, Contact: "s@enclave.example", Team: map[string]catalog.Member{"s000": {Role: catalog.RoleOwner}}})
	put(&catalog.Schema{Domain: "sigint", Name: "track", Type: catalog.SchemaJSON, Definition: `{"type":"object","properties":{"id":{"type":"string","description":"Id."}}}`})
	put(&catalog.SLA{Domain: "sigint", Name: "hourly", Freshness: &catalog.Freshness{MaxAge: "1h", Anchor: catalog.AnchorSchedule, TargetPercent: 99, Window: "30d"}})
	for _, policy := range []*catalog.CaveatPolicy{
		{Domain: "sigint", Name: "no-aus", ReleasableTo: []string{"USA", "GBR", "CAN", "NZL"}, Excluded: []string{"AUS"}},
		{Domain: "sigint", Name: "listed", ReleasableTo: []string{"FVEY"}, DisseminationList: []string{"USA.DOD", "GBR.MOD"}},
		{Domain: "sigint", Name: "targeting", ReleasableTo: []string{"FVEY"}, Purposes: []string{"targeting"}},
		{Domain: "sigint", Name: "uses", ReleasableTo: []string{"FVEY"}, Purposes: []string{"targeting", "training"}},
	} {
		stored, _ := put(policy).(*catalog.CaveatPolicy)
		w.policies[policy.Ref().ID] = stored
	}
	add := func(product *catalog.Product) {
		product.Domain, product.Title, product.Version, product.Description = "sigint", "T", "1.0.0", "A product."
		product.Status, product.SLA = catalog.StatusActive, "sigint/hourly"
		if product.Marking == "" {
			product.Status = catalog.StatusDraft
		}
		product.OutputPorts = map[string]catalog.OutputPort{
			"sql":  {Type: catalog.PortSQL, URL: "trino://trino.enclave.example/hive/sigint/" + strings.ReplaceAll(product.Name, "-", "_"), Schema: "sigint/track"},
			"http": {Type: catalog.PortHTTP, URL: upstream + "/" + product.Name, ContentType: "application/json", Schema: "sigint/track"},
		}
		stored, _ := put(product).(*catalog.Product)
		w.products[product.Ref().ID] = stored
		w.ids = append(w.ids, product.Ref().ID)
	}
	for i, text := range markings {
		add(&catalog.Product{Name: fmt.Sprintf("p%02d", i), Marking: text})
		if strings.Contains(text, "ORCON") {
			add(&catalog.Product{Name: fmt.Sprintf("listed-p%02d", i), Marking: text, CaveatPolicy: "sigint/listed"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rewritten)) {
		add(&catalog.Product{Name: name, Marking: "SECRET//REL TO USA, GBR", CaveatPolicy: "sigint/no-aus"})
	}
	for i, text := range []string{"CONFIDENTIAL//REL TO USA, FVEY", "SECRET//REL TO USA, FVEY", "TOP SECRET//REL TO USA, FVEY"} {
		add(&catalog.Product{Name: fmt.Sprintf("targeting-p%02d", i), Marking: text, CaveatPolicy: "sigint/targeting"})
		add(&catalog.Product{Name: fmt.Sprintf("uses-p%02d", i), Marking: text, CaveatPolicy: "sigint/uses"})
	}
	// What is made from limited, excluded, compartmented and malformed products.
	add(&catalog.Product{Name: "wider", Marking: "SECRET//REL TO USA, FVEY", CaveatPolicy: "sigint/uses", Inputs: []string{"sigint/targeting-p01"}})
	add(&catalog.Product{Name: "unlimited", Marking: "SECRET//REL TO USA, FVEY", Inputs: []string{"sigint/uses-p01"}})
	add(&catalog.Product{Name: "derived", Marking: "SECRET//REL TO USA, GBR", Inputs: []string{"sigint/p00", "sigint/excluded"}})
	add(&catalog.Product{Name: "fused", Marking: "TOP SECRET//SI//NOFORN", Inputs: []string{"sigint/p17", "sigint/derived"}})
	add(&catalog.Product{Name: "blend", Marking: "SECRET//REL TO USA, GBR", Inputs: []string{"sigint/malformed"}})
	w.subjects = subjects()
	rewrite(t, p, w)
	return w
}

// rewritten are products that no vocabulary of today would let be written: what
// was written under another one is found so.
var rewritten = map[string]string{
	"excluded": "SECRET//REL TO USA, FVEY", "beyond": "SECRET//REL TO USA, DEU, NZL", "open-excluded": "UNCLASSIFIED", "malformed": "SECRET//FUTURE//NOFORN", "nonsense": "SECRET//", "blank": " ",
}

// rewrite puts the markings into the database of the stopped platform, and
// starts it again.
func rewrite(t *testing.T, p *platformtest.Platform, w world) {
	t.Helper()
	p.Stop()
	db, err := sql.Open("sqlite", filepath.Join(p.DataDir(), platformd.DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range rewritten {
		w.products["sigint/"+name].EffectiveMarking = text
		done, err := db.ExecContext(t.Context(), `UPDATE objects SET body = CAST(json_set(body, '$.effective_marking', ?) AS BLOB) WHERE kind = 'products' AND id = ?`, text, "sigint/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := done.RowsAffected(); n != 1 || err != nil {
			t.Fatalf("%s: %d rows, %v", name, n, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	p.Restart()
}

// given are the purposes that people have; more kinds of people than there are
// employments, so that the two do not go together.
var given = [][]string{nil, {"training"}, {"targeting", "training"}, {"targeting"}, {"TARGETING", "targeting ", ""}}

// subjects are people of all clearances and nations, some of whose claims are
// none.
func subjects() (list []catalog.Caller) {
	for _, clearance := range []string{"U", "R", "C", "S", "TS", "", "TOP"} {
		for _, country := range [][]string{{"USA"}, {"GBR"}, {"AUS"}, {"DEU"}, {"USA", "GBR"}, {"FVEY"}, {"NATO"}, {"XXX"}, nil} {
			for _, readIns := range [][]string{nil, {"SI", "TK", "NATO"}, {"SI", "TK", "HCS-P", "SAR-BUTTER POPCORN"}} {
				for _, employment := range []string{"gov", "contractor", ""} {
					organization := "USA.DOD"
					switch {
					case len(country) > 0 && country[0] != "USA":
						organization = country[0] + ".MOD"
					case employment == "":
						organization = "USA.STATE"
					}
					caller := catalog.Caller{Subject: fmt.Sprintf("s%03d", len(list)), Groups: []string{catalog.AuditGroup, "brokers"}, Purposes: given[len(list)%len(given)]}
					caller.Attributes = marking.Subject{Clearance: clearance, CountryOfAffiliation: country, FineAccessControls: readIns, DutyOrganization: organization, EmploymentType: employment}
					list = append(list, caller)
				}
			}
		}
	}
	return list
}

// usual are people with claims that are known, and a high clearance.
func usual(c catalog.Caller) bool {
	nations := c.Attributes.CountryOfAffiliation
	return slices.Contains([]string{"S", "TS"}, c.Attributes.Clearance) && len(nations) == 1 && slices.Contains([]string{"USA", "GBR", "AUS"}, nations[0])
}

// generate makes the requests, the same for one seed.
func generate(t *testing.T, p *platformtest.Platform, w world) (list []request) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	tokens := map[string]string{}
	for len(list) < requests {
		r := request{subject: w.subjects[random.IntN(len(w.subjects))], product: w.ids[random.IntN(len(w.ids))], action: "read"}
		for strange := random.IntN(12) == 0; !strange && !usual(r.subject); {
			r.subject = w.subjects[random.IntN(len(w.subjects))]
		}
		if random.IntN(20) == 0 {
			r.product = odd[random.IntN(len(odd))]
		}
		if random.IntN(3) == 0 {
			r.action = []string{"display", "download", "display", "download", "write", "READ"}[random.IntN(6)]
		}
		r.purpose = []string{"", "targeting", "targeting", "training", "Targeting"}[random.IntN(5)]
		if tokens[r.subject.Subject] == "" {
			tokens[r.subject.Subject] = p.TokenFor(r.subject)
		}
		r.token = tokens[r.subject.Subject]
		list = append(list, r)
	}
	return list
}

// caller speaks to the platform over the network.
type caller struct {
	endpoint string
	admin    string // token of the enforcement point, "" where it has a certificate
	client   *http.Client
	envoy    authv3.AuthorizationClient
}

func newCaller(t *testing.T, p *platformtest.Platform) caller {
	t.Helper()
	connection, err := grpc.NewClient(strings.TrimPrefix(p.Endpoint, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return caller{p.Endpoint, p.Token, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, authv3.NewAuthorizationClient(connection)}
}

// post sends a question and reads the answer. A question that is refused as the
// asker's mistake is answered with no; any other status is an error.
func (c caller) post(ctx context.Context, token, path string, question object, answer any) (refused bool, err error) {
	body, err := json.Marshal(question)
	if err != nil {
		return false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	if token != "" { // or there is a certificate
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(r)
	if err != nil {
		return false, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return false, err
	case response.StatusCode == http.StatusBadRequest:
		return true, nil
	case response.StatusCode != http.StatusOK:
		return false, fmt.Errorf("%s: %s: %s", path, response.Status, text)
	}
	return false, json.Unmarshal(text, answer)
}

// doors are those of the platform, after the pure function.
func doors(c caller, w world) []named {
	return []named{
		{"the pure function", w.pure},
		{"AuthZEN evaluation, oneself", single(c.asItself)},
		{"AuthZEN evaluation, on behalf", single(c.onBehalf)},
		{"AuthZEN evaluations", evaluations{c}},
		{"OPA allow", reading{single(c.selects)}},
		{"OPA batch", reading{single(c.lists)}},
		{"ext_authz by route", single(c.byRoute)},
		{"ext_authz by path", reading{single(c.byPath)}},
		{"the gateway", reading{single(c.fetches)}},
	}
}

// delivered is the data of every product.
const delivered = "{}"

// start is a platform with a mesh, and the requests to it. What its products
// give out over HTTP comes from a server of the test's own.
func start(t *testing.T) (caller, world, []request) {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, delivered) }))
	t.Cleanup(upstream.Close)
	p := platformtest.Start(t, platformtest.Options{SystemHigh: systemHigh, Gateway: configfile.Gateway{
		HTTP: []configfile.HTTPSource{{URL: upstream.URL, Domains: []string{"*"}, Networks: []string{"127.0.0.0/8"}}},
	}})
	w := build(t, p, upstream.URL)
	return newCaller(t, p), w, generate(t, p, w)
}

// TestEveryDoorGivesTheSameVerdict drives the same thousand requests through
// all doors of one platform, over the network.
func TestEveryDoorGivesTheSameVerdict(t *testing.T) {
	t.Parallel()
	c, w, list := start(t)
	all := doors(c, w)
	verdicts, found, err := compare(t.Context(), all, list)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) > 0 {
		t.Errorf("%d verdicts differ:\n%s", len(found), table(found, all[0].name))
	}
	reasons, limited := map[string]int{}, map[string]int{}
	for i, permit := range verdicts {
		code, _, _ := strings.Cut(w.code(list[i]), ":")
		if reasons[code]++; permit != (code == "") {
			t.Fatalf("the pure function contradicts itself on %v", list[i])
		}
		if list[i].action == "read" && len(w.purposes(list[i].product)) > 0 { // of which every door can be asked
			limited[code]++
		}
	}
	if reasons[""] < requests/5 {
		t.Errorf("%d of %d requests are let in: too few to tell doors apart", reasons[""], requests)
	}
	for _, code := range codes {
		if reasons[code] == 0 {
			t.Errorf("no request is denied with %q: %v", code, reasons)
		}
	}
	if limited[""] < 10 || limited["purpose"] < 10 {
		t.Errorf("of reads that are for a purpose too few are let in, or denied for it: %v", limited)
	}
	t.Logf("%d requests to %d doors under vocabulary %s: %v; of reads for a purpose %v", len(list), len(all), marking.Default().Version(), reasons, limited)
}

// purposes are what the product's own policy limits it to.
func (w world) purposes(product string) []string {
	if p := w.products[product]; p != nil && w.policies[p.CaveatPolicy] != nil {
		return w.policies[p.CaveatPolicy].Purposes
	}
	return nil
}

// codes are all reasons for a denial.
var codes = []string{
	"clearance", "missing_access", "noforn", "no_release_decision", "not_releasable", "display_only", "orcon", "propin", "nodis", "excluded", "purpose",
	"missing_claim", "unknown_marking", "system_high", "unknown_action", "unknown_resource",
}

// TestADoorThatDiffersIsSeen: each of these doors is broken on purpose, and each
// is found and named.
func TestADoorThatDiffersIsSeen(t *testing.T) {
	t.Parallel()
	c, w, list := start(t)
	list = list[:300]
	for name, broken := range map[string]door{
		"believes the body": single(func(ctx context.Context, r request) (bool, error) {
			r.subject.Attributes.Clearance = "TS"
			return c.onBehalf(ctx, r)
		}),
		"forgets the action": single(func(ctx context.Context, r request) (bool, error) {
			r.action = "display"
			return c.byRoute(ctx, r)
		}),
		"forgets the purpose": single(func(ctx context.Context, r request) (bool, error) {
			r.purpose = ""
			return c.asItself(ctx, r)
		}),
		"believes any purpose": single(func(ctx context.Context, r request) (bool, error) {
			r.subject.Purposes = []string{"targeting", "training"}
			return c.onBehalf(ctx, r)
		}),
		"forgets the policy": pure{w.system, w.products, nil},
		"lets nobody in":     single(func(context.Context, request) (bool, error) { return false, nil }),
	} {
		_, found, err := compare(t.Context(), []named{{"the pure function", w.pure}, {name, broken}}, list)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 || !strings.Contains(table(found, "the pure function"), name) {
			t.Errorf("a door that %s is not seen", name)
		}
	}
	if !slices.ContainsFunc(list, func(r request) bool { return r.action == "READ" }) {
		t.Error("no request has an action that is none")
	}
}
