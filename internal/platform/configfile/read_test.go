package configfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

func sample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := Read(filepath.Join("testdata", "server.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(folder, name) }
	want := File{
		Listen: "0.0.0.0:8443", PublicURL: "https://mesh.enclave.example:8443", DataDir: "/var/lib/datamesh", Node: "spiffe://enclave.example/mesh-1",
		SystemHigh: "SECRET//REL TO USA, FVEY", VocabularyKeys: []string{"vocabulary.enclave.example+c9b1b9f8+AUVy"},
		TLS: TLS{CertificateFile: in("tls/server.pem"), KeyFile: in("tls/server.key"), ClientCAFiles: []string{in("tls/clients.pem")}, CRLFiles: []string{in("tls/clients.crl")}},
		Issuers: []Issuer{
			{
				Issuer: "https://idp.enclave.example/realms/mesh", CAFiles: []string{in("tls/idp.pem")}, Audiences: []string{"datamesh"}, Algorithms: []string{"ES256", "PS256"},
				Claims: Claims{Clearance: "clearance", Countries: "attributes.countries", ReadIns: "attributes.read_ins", Organization: "org", Employment: "employment", Groups: "groups", Purposes: "purposes", AdministratorGroup: "mesh-administrators"},
			},
			{Issuer: "https://idp.partner.example", Name: "partner", JWKSFile: in("partner.jwks"), Audiences: []string{"datamesh"}, Algorithms: []string{"EdDSA"}, Claims: Claims{Subject: `https://partner\.example/uid`}},
		},
		Services: []Service{
			{Identity: "spiffe://enclave.example/portal", ActsFor: true, Clearance: "S", Countries: []string{"USA"}, Organization: "USA.DOD", Employment: "gov"},
			{Identity: "ci.enclave.example", Administrator: true},
		},
		EnforcementPoints: []EnforcementPoint{{Issuer: ServiceIssuer, Subject: "spiffe://enclave.example/portal"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAllMistakesAtOnce: an operator repairs a file once.
func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(sample(t, "mistakes.yaml")))
	if err == nil {
		t.Fatal("is read")
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(sample(t, "mistakes.txt")), "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWhatIsRefused: each of these weakens the server or means nothing.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	good := sample(t, "server.yaml")
	for name, c := range map[string]struct{ old, new, want string }{
		"two issuers without a name":  {"    name: partner\n", "", "second issuer without a name"},
		"two issuers of a name":       {"  - issuer: https://idp.enclave", "  - name: partner\n    issuer: https://idp.enclave", "name of another issuer"},
		"the name of DNS services":    {"name: partner", "name: dns", "is not a name"},
		"a symmetric algorithm":       {"[ES256, PS256]", "[ES256, HS256]", "no algorithm that is let in"},
		"no signature at all":         {"[ES256, PS256]", "[none]", "no algorithm that is let in"},
		"discovery in the clear":      {"https://idp.enclave", "http://idp.enclave", "no https URL"},
		"discovery by system roots":   {"    ca_files: [tls/idp.pem]\n", "", "never used"},
		"services without anchors":    {"  client_ca_files: [tls/clients.pem]\n  crl_files: [tls/clients.crl]\n", "", "without anchors"},
		"a CRL without anchors":       {"  client_ca_files: [tls/clients.pem]\n", "", "revoke nothing"},
		"a wildcard service":          {"ci.enclave.example", "'*.enclave.example'", "neither a SPIFFE id nor a DNS name"},
		"administrators of no claim":  {"      groups: groups\n", "", "no claim"},
		"a stranger enforces":         {"issuer: urn:datamesh:services", "issuer: https://other.example", "no issuer of this file"},
		"an issuer as services":       {"issuer: https://idp.partner.example", "issuer: urn:datamesh:services", "stands for services"},
		"an unlisted service":         {"subject: spiffe://enclave.example/portal", "subject: spiffe://enclave.example/x", "no service of this file"},
		"an unknown key":              {"acts_for", "act_for", "unknown key"},
		"a duplicate key":             {"listen:", "listen: a\nlisten:", "twice"},
		"an alias":                    {"listen: 0.0.0.0:8443", "listen: &a 0.0.0.0:8443\nnode: *a", "alias"},
		"a number for a text":         {"[datamesh]", "[1.10]", "must be a text"},
		"a truth value for a country": {"[USA]", "[NO]", "must be a text"},
		"connections for nobody":      {"data_dir:", "connections_per_address: -1\ndata_dir:", "below 0"},
		"a path in the public URL":    {"example:8443\n", "example:8443/mesh\n", "without a path"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: the sample has no %q", name, c.old)
		}
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// TestValuesThatAreRefused: a table that could be read in two ways, or that
// stands for nothing, is no table.
func TestValuesThatAreRefused(t *testing.T) {
	t.Parallel()
	good := sample(t, "server.yaml")
	for values, want := range map[string]string{
		"clearance: {table: {SECRET: SECRET}}":                             `values.clearance.table.SECRET: stands for "SECRET", which is no clearance`,
		"clearance: {table: {SECRET: s}}":                                  `stands for "s"`,
		"clearance: {table: {SECRET: S, SECRET: TS}}":                      "twice",
		"clearance: {table: {SECRET: [S]}}":                                "must be a text",
		"clearance: {table: {SECRET: ''}}":                                 "is empty",
		"clearance: {table: {'': S}}":                                      "is no value that can be read",
		"clearance: {table: {5: S}}":                                       "a key that is no plain text",
		"clearance: {table: {\"S\u200b\": S}}":                             "is no value that can be read",
		"clearance: {ignore_case: true, table: {Secret: S, SECRET: TS}}":   "values.clearance.table.Secret: is, without regard to case, the same as SECRET",
		"clearance: {separator: ','}":                                      "values.clearance.separator: is for lists",
		"countries: {separator: x}":                                        "holds a letter or a digit",
		"employment: {table: {x: intern}}":                                 `stands for "intern", which is no employment`,
		"organization: {table: {x: 'The Ministry'}}":                       "which is no organization",
		"read_ins: {table: {" + strings.Repeat("x", MaxValue+1) + ": SI}}": "is no value that can be read",
		"groups: {table: {x: " + strings.Repeat("x", maxMeaning+1) + "}}":  "too long",
		"groups: {table: {mesh-administrators: administrators}}":           "so that nobody would be an administrator",
		"groups: {tables: {x: y}}":                                         "unknown key",
		"subject: {table: {x: y}}":                                         "unknown key",
	} {
		text := strings.Replace(good, "    claims:\n      clearance", "    values: {"+values+"}\n    claims:\n      clearance", 1)
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "issuers[0].values.") && !strings.Contains(err.Error(), "issuers[0].claims.administrator_group: ") {
			t.Errorf("%.60s: got %v, want %q", values, err, want)
		}
	}
	for _, values := range []string{"groups: {ignore_case: false, table: {x: z, Admins: mesh-administrators}}", "countries: {separator: '; ', table: {NO: NOR, Norge: NOR, Côte d'Ivoire: CIV}}"} {
		text := strings.Replace(good, "    claims:\n      clearance", "    values: {"+values+"}\n    claims:\n      clearance", 1)
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", values, err)
		}
	}
	without := strings.Replace(good, "      employment: employment\n", "", 1)
	without = strings.Replace(without, "    claims:\n      clearance", "    values: {employment: {table: {x: gov}}}\n    claims:\n      clearance", 1)
	if _, err := Parse([]byte(without)); err == nil || !strings.Contains(err.Error(), "issuers[0].values.employment: are of a claim that is not read") {
		t.Errorf("values without a claim: got %v", err)
	}
}

func TestClaimPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"sub": {"sub"}, "a.b.c": {"a", "b", "c"}, `https://x\.example/c.d`: {"https://x.example/c", "d"}, `a\\.b`: {`a\`, "b"},
		"": nil, "a.": nil, ".a": nil, "a..b": nil, `a\b`: nil, `a\`: nil, strings.Repeat("a.", MaxDepth) + "a": nil,
	} {
		got, err := ClaimPath(path)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%q: %v, -want +got:\n%s", path, err, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample(f, "server.yaml"))
	f.Add(sample(f, "mistakes.yaml"))
	f.Add("listen: a:1\nissuers: [{issuer: &a x, claims: {subject: *a}}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse([]byte(text))
		if err == nil {
			if file.Listen == "" || file.DataDir == "" || file.TLS.KeyFile == "" || len(file.Issuers)+len(file.Services) == 0 {
				t.Fatalf("a configuration that serves nobody: %+v", file)
			}
			return
		}
		var all strictyaml.Errors
		if !errors.As(err, &all) || len(all) == 0 {
			t.Fatalf("%T is no list of mistakes", err)
		}
		if text := err.Error(); len(text) > 256<<10 || strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) {
			t.Fatalf("an error that cannot be shown: %.300q", text)
		}
	})
}
