package platformd_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(issuers:.*?)```")

// pageIssuers are the issuers of docs/server.md, as its examples have them.
func pageIssuers(t *testing.T) map[string]configfile.Issuer {
	t.Helper()
	page, err := os.ReadFile("../../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]configfile.Issuer{}
	for _, block := range yamlBlock.FindAllStringSubmatch(string(page), -1) {
		file, err := configfile.Parse([]byte("listen: 0.0.0.0:8443\ndata_dir: /var/lib/datamesh\ntls: {certificate_file: a, key_file: b}\n" + block[1]))
		if err != nil {
			t.Fatalf("%s\n%v", block[1], err)
		}
		found[file.Issuers[0].Issuer] = file.Issuers[0]
	}
	return found
}

// speaking starts a platform whose first issuer is configured like this one, and
// has products of several markings.
func speaking(t *testing.T, issuer configfile.Issuer) (*platformtest.Production, *identitytest.Issuer) {
	t.Helper()
	idp := identitytest.NewFileIssuer(t, issuer.Issuer)
	issuer.JWKSFile, issuer.CAFiles, issuer.Algorithms = idp.File(), nil, []string{"ES256"}
	p := platformtest.StartProduction(t, func(f *configfile.File) { f.Issuers[0] = issuer })
	domain := &catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineSIGINT, Contact: "s@enclave.example", Team: map[string]catalog.Member{"x": {Role: catalog.RoleOwner}}}
	objects := []catalog.Object{domain}
	for _, name := range slices.Sorted(maps.Keys(markings)) {
		objects = append(objects, &catalog.Product{Domain: "sigint", Name: name, Title: "T", Version: "1.0.0", Marking: markings[name]})
	}
	for _, object := range objects {
		if _, err := p.Admin().Put(t.Context(), object, catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return p, idp
}

// markings are those of the products, by their names.
var markings = map[string]string{
	"open": "UNCLASSIFIED", "secret": "SECRET//REL TO USA, FVEY", "signals": "TOP SECRET//SI//REL TO USA, FVEY", "national": "SECRET//NOFORN", "top": "TOP SECRET//REL TO USA, FVEY",
}

// seen is the products that the bearer of a token is shown, or the refusal of the
// token.
func seen(t *testing.T, p *platformtest.Production, token string) string {
	t.Helper()
	var names []string
	client := p.Client()
	for _, name := range slices.Sorted(maps.Keys(markings)) {
		switch status, body := knock(t, client, http.MethodGet, p.Endpoint+"/api/v1/domains/sigint/products/"+name, "", bearer(token)); status {
		case http.StatusOK:
			names = append(names, name)
		case http.StatusNotFound:
		case http.StatusUnauthorized:
			return "refused"
		default:
			t.Fatalf("%s: got %d %s", name, status, body)
		}
	}
	return strings.Join(names, " ")
}

// TestValuesOfRealIssuers: the examples of docs/server.md read the tokens that
// these products send.
func TestValuesOfRealIssuers(t *testing.T) {
	t.Parallel()
	const entra, adfs = "https://login.microsoftonline.com/6d3e7c1e-2a0b-4b6e-9d53-0c4f8a2b7e11/v2.0", "http://sts.enclave.example/adfs/services/trust"
	const schema = "http://schemas.enclave.example/"
	issuers := pageIssuers(t)
	if len(issuers) != 3 {
		t.Fatalf("the page has %d issuers, want 3", len(issuers))
	}
	for name, c := range map[string]struct {
		issuer string
		claims identitytest.Claims
		want   string
	}{
		"Keycloak": {"https://keycloak.enclave.example/realms/mesh", identitytest.Claims{
			"sub": "1f0c9a51-0c5e-4e0c-9a55-0d3b7ac0b6ce", "typ": "Bearer", "azp": "portal", "clearance": "TOP SECRET", "nationality": []string{"GB"},
			"member_of": []string{"/mesh", "/readin/ALPHA"}, "organization": "GBR.MOD", "employee_type": "Employee",
			"realm_access": map[string]any{"roles": []string{"offline_access", "uma_authorization"}},
		}, "open secret signals top"},
		"Entra ID": {entra, identitytest.Claims{
			"ver": "2.0", "tid": "6d3e7c1e-2a0b-4b6e-9d53-0c4f8a2b7e11", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "aud": "0b6f2f0e-8f1d-4d5c-b7a2-5d1c9e3a4f60",
			"sub": "hKwZ_1yxYJbsFE-3", "azp": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "roles": []string{"Clearance.TopSecret", "Mesh.Auditor"}, "ctry": "GB",
			"groups": []string{"0e3c4b0a-5a3c-4d0f-8f4e-1c2d3e4f5a6b", "7c9e6679-7425-40de-944b-e07fc1f90ae7"}, "organization": "Ministry of Defence", "employeetype": "Member",
		}, "open secret signals top"},
		"AD FS": {adfs, identitytest.Claims{
			"upn": "ana@enclave.example", "aud": "microsoft:identityserver:datamesh", "appid": "portal", "apptype": "Confidential", schema + "clearance": "UK TOP SECRET",
			schema + "country": "United Kingdom; United States", schema + "memberof": []string{"CN=Staff,OU=Mesh,DC=enclave,DC=example", "cn=READIN-Alpha,ou=mesh,dc=enclave,dc=example"},
			schema + "organization": "GBR.MOD", schema + "employeetype": "Civilian", "group": `ENCLAVE\mesh-auditors`,
		}, "open secret signals top"},
	} {
		p, idp := speaking(t, issuers[c.issuer])
		if got := seen(t, p, idp.Signed(idp.Key(), "ES256", "JWT", c.claims)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// meaningful is an issuer with a table for everything.
func meaningful() configfile.Issuer {
	return configfile.Issuer{
		Issuer: "https://idp.enclave.example", Audiences: []string{identitytest.Audience},
		Claims: configfile.Claims{Clearance: "clearance", Countries: "countries", ReadIns: "member_of", Organization: "org", Employment: "type"},
		Values: configfile.Values{
			Clearance:  configfile.Meaning{Table: map[string]string{"SECRET": "S", "TOP SECRET": "TS", "Geheim": "S"}},
			Countries:  configfile.Meaning{Separator: ",", Table: map[string]string{"GB": "GBR", "US": "USA", "United States": "USA"}},
			ReadIns:    configfile.Meaning{StripPrefix: "/readin/", Table: map[string]string{"ALPHA": "SI"}},
			Employment: configfile.Meaning{IgnoreCase: true, Table: map[string]string{"k-staff": "gov"}},
		},
	}
}

// TestAttackValues: what no table says stands for nothing, however near it comes,
// and nothing that is left out makes its bearer more than he is.
func TestAttackValues(t *testing.T) {
	t.Parallel()
	p, idp := speaking(t, meaningful())
	american := identitytest.Claims{"sub": "ana", "clearance": "TOP SECRET", "countries": []string{"US"}, "org": "USA.DOD", "type": "K-Staff", "member_of": "/readin/ALPHA"}
	many := slices.Repeat([]string{"/mesh"}, 1100)
	for name, c := range map[string]struct {
		claims identitytest.Claims
		want   string
	}{
		"as it should be":                     {american, "national open secret signals top"},
		"a list of one":                       {american.With("clearance", []string{"SECRET"}), "national open secret"},
		"two words for one thing":             {american.With("clearance", []string{"SECRET", "Geheim"}), "national open secret"},
		"two clearances":                      {american.With("clearance", []string{"SECRET", "TOP SECRET"}), "refused"},
		"one clearance that is known of two":  {american.With("clearance", []string{"SECRET", "COSMIC"}), "refused"},
		"our own word, which is not theirs":   {american.With("clearance", "TS"), "refused"},
		"another case":                        {american.With("clearance", "secret"), "refused"},
		"a space behind":                      {american.With("clearance", "SECRET "), "refused"},
		"Cyrillic letters":                    {american.With("clearance", "SECRЕT"), "refused"},
		"letters of full width":               {american.With("clearance", "ＳＥＣＲＥＴ"), "refused"},
		"an invisible letter":                 {american.With("clearance", "SECRET\u200b"), "refused"},
		"nothing":                             {american.With("clearance", ""), "refused"},
		"a number":                            {american.With("clearance", 5), "refused"},
		"a truth value":                       {american.With("clearance", true), "refused"},
		"an object":                           {american.With("clearance", map[string]any{"SECRET": true}), "refused"},
		"a list within":                       {american.With("clearance", []any{[]string{"SECRET"}}), "refused"},
		"null in a list":                      {american.With("clearance", []any{"SECRET", nil}), "refused"},
		"no clearance":                        {american.With("clearance", nil), ""},
		"an empty list":                       {american.With("clearance", []string{}), ""},
		"a second nation that is not known":   {american.With("countries", []string{"US", "RU"}), "refused"},
		"a second nation in one text":         {american.With("countries", "US, RU"), "refused"},
		"two nations":                         {american.With("countries", "US,GB"), "open secret signals top"},
		"two words for a nation":              {american.With("countries", "US,United States,,US"), "national open secret signals top"},
		"a separator within a list":           {american.With("countries", []string{"US,GB"}), "refused"},
		"a nation as an object":               {american.With("countries", map[string]any{"US": "US"}), "refused"},
		"separators only":                     {american.With("countries", " , ,"), ""},
		"a read-in without its prefix":        {american.With("member_of", "ALPHA"), "national open secret top"},
		"a prefix in another case":            {american.With("member_of", "/READIN/ALPHA"), "national open secret top"},
		"a prefix twice":                      {american.With("member_of", "/readin//readin/ALPHA"), "national open secret top"},
		"a prefix behind something":           {american.With("member_of", "/evil/readin/ALPHA"), "national open secret top"},
		"more behind the value":               {american.With("member_of", "/readin/ALPHA/x"), "national open secret top"},
		"our own word for a read-in":          {american.With("member_of", []string{"SI", "/readin/SI"}), "national open secret top"},
		"a read-in among groups of others":    {american.With("member_of", []string{"/mesh", "/readin/OTHER", "/readin/ALPHA", "/readin/ALPHA"}), "national open secret signals top"},
		"a list of too many":                  {american.With("member_of", many), "refused"},
		"an unknown employment":               {american.With("type", "INTERN"), "refused"},
		"an employment by the sign of kelvin": {american.With("type", "\u212a-STAFF"), "refused"},
	} {
		if got := seen(t, p, idp.Token(c.claims)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestWordsThatTheVocabularyDoesNotKnow: each keeps the server from starting, all
// of them named by file and key.
func TestWordsThatTheVocabularyDoesNotKnow(t *testing.T) {
	t.Parallel()
	idp, pki := identitytest.NewFileIssuer(t, "https://idp.enclave.example"), identitytest.NewPKI(t, "Root")
	issuer := meaningful()
	issuer.JWKSFile, issuer.Algorithms = idp.File(), []string{"ES256"}
	issuer.Values.Countries.Table["DE"], issuer.Values.ReadIns.Table["CHARLIE"] = "GERMANY", "SI/TK"
	issuer.Values.Purposes.Table = map[string]string{"T": "Targeting"}
	certificate, key := pki.Write("server", pki.Server())
	config, err := platformd.Production(configfile.File{
		Listen: "127.0.0.1:0", DataDir: t.TempDir(), TLS: configfile.TLS{CertificateFile: certificate, KeyFile: key, ClientCAFiles: []string{pki.Root()}}, Issuers: []configfile.Issuer{issuer},
		Services: []configfile.Service{{Identity: "ci.enclave.example", Clearance: "SECRET", Countries: []string{"USA", "FVEY"}, ReadIns: []string{"SI", "NOPE"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	config.Log, config.File = slog.New(slog.DiscardHandler), "/etc/datamesh/server.yaml"
	server, err := platformd.Open(t.Context(), config)
	if err == nil {
		_ = server.Close()
		t.Fatal("it starts")
	}
	var keys []string
	for line := range strings.Lines(err.Error()) {
		at, _, _ := strings.Cut(line, ": ")
		keys = append(keys, strings.TrimSpace(at))
	}
	want := []string{
		"/etc/datamesh/server.yaml:", "issuers[0].values.countries.table.DE", "issuers[0].values.read_ins.table.CHARLIE", "issuers[0].values.purposes.table.T",
		"services[0].clearance", "services[0].countries[1]", "services[0].read_ins[1]",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("-want +got:\n%s\n%v", diff, err)
	}
}

// TestUpdateTakesAWordAway: the operator is told when an update of the vocabulary
// drops what a table names, and its bearer is denied all.
func TestUpdateTakesAWordAway(t *testing.T) {
	t.Parallel()
	issuer := meaningful()
	issuer.Claims.Groups, issuer.Claims.AdministratorGroup = "groups", "root"
	issuer.Values.Countries.Table["IQ"] = "IRQ"
	p, idp := speaking(t, issuer)
	client := p.Client()
	ready := func() int {
		status, _ := knock(t, client, http.MethodGet, p.Endpoint+"/readyz", "")
		return status
	}
	token := idp.Token(identitytest.Claims{"sub": "ana", "clearance": "SECRET", "countries": "IQ", "org": "IRQ.MOD", "type": "k-staff"})
	if got, sees := ready(), seen(t, p, token); got != http.StatusOK || sees != "open" {
		t.Fatalf("before: got %d, %q", got, sees)
	}
	root := bearer(idp.Token(identitytest.Claims{"sub": "root", "groups": "root"}))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoint+"/api/v1/vocabulary", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", strings.TrimPrefix(root, "Authorization: "))
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if status, body := knock(t, client, http.MethodPut, p.Endpoint+"/api/v1/vocabulary", without(t, "IRQ"), root, "If-Match: "+answer.Header.Get("ETag")); status != http.StatusOK {
		t.Fatalf("the update: got %d %s", status, body)
	}
	if got, sees := ready(), seen(t, p, token); got != http.StatusServiceUnavailable || sees != "" {
		t.Errorf("after it: got %d, %q", got, sees)
	}
}

// without is the embedded vocabulary without a nation.
func without(t *testing.T, nation string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(marking.EmbeddedVocabulary(), &v); err != nil {
		t.Fatal(err)
	}
	v["version"] = "2026-11.1"
	v["nations"] = slices.DeleteFunc(v["nations"].([]any), func(n any) bool { return n.(map[string]any)["code"] == nation })
	for _, g := range v["groups"].([]any) {
		if members, ok := g.(map[string]any)["members"].([]any); ok {
			g.(map[string]any)["members"] = slices.DeleteFunc(members, func(m any) bool { return m == nation })
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
