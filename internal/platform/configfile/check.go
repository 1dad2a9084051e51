package configfile

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// findings are what is wrong with a value, by the path within it.
type findings []strictyaml.Error

func (f *findings) add(path, reason, fix string) {
	*f = append(*f, strictyaml.Error{Path: path, Reason: reason, Fix: fix})
}

// need reports a text that is absent.
func (f *findings) need(key, value string) {
	if value == "" {
		f.add(key, "is missing", "add "+key+":")
	}
}

// Check implements [strictyaml.Checked].
func (c *File) Check() []strictyaml.Error {
	var f findings
	f.need("listen", c.Listen)
	f.need("data_dir", c.DataDir)
	if c.TLS.CertificateFile == "" && c.TLS.KeyFile == "" {
		f.add("tls", "is missing", "add tls: with certificate_file and key_file")
	}
	if _, _, err := net.SplitHostPort(c.Listen); c.Listen != "" && err != nil {
		f.add("listen", "is not address:port", "write it as 0.0.0.0:8443 or [::]:8443")
	}
	if c.ConnectionsPerAddress < 0 {
		f.add("connections_per_address", "is below 0, so that nobody could call", "write a number from 1 on, or leave it out for 256")
	}
	if c.PublicURL != "" && !isOrigin(c.PublicURL) {
		f.add("public_url", "is not https://host[:port]", "write it without a path and without a slash at its end")
	}
	if len(c.Issuers)+len(c.Services) == 0 {
		f.add("", "has neither issuers nor services, so that nobody could call", "add issuers: or services:")
	}
	c.checkIssuers(&f)
	c.checkServices(&f)
	c.checkEnforcementPoints(&f)
	return f
}

func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && "https://"+u.Host == text
}

// checkIssuers keeps the namespaces of subjects apart: one issuer may do
// without a name.
func (c *File) checkIssuers(f *findings) {
	issuers, names := map[string]bool{}, map[string]bool{}
	for i, issuer := range c.Issuers {
		at := fmt.Sprintf("issuers[%d]", i)
		if issuers[issuer.Issuer] {
			f.add(at+".issuer", "stands here twice", "keep one of them")
		}
		switch {
		case names[issuer.Name] && issuer.Name == "":
			f.add(at, "is the second issuer without a name, and its subjects could not be told from those of the first", "add name:, which its subjects and groups then begin with")
		case names[issuer.Name]:
			f.add(at+".name", "is the name of another issuer", "give it one of its own")
		}
		issuers[issuer.Issuer], names[issuer.Name] = true, true
	}
}

func (c *File) checkServices(f *findings) {
	seen := map[string]bool{}
	for i, service := range c.Services {
		if seen[service.Identity] {
			f.add(fmt.Sprintf("services[%d].identity", i), "stands here twice", "keep one of them")
		}
		seen[service.Identity] = true
	}
	if len(c.Services) > 0 && len(c.TLS.ClientCAFiles) == 0 {
		f.add("services", "cannot prove themselves without anchors for client certificates", "add tls.client_ca_files")
	}
}

func (c *File) checkEnforcementPoints(f *findings) {
	for i, point := range c.EnforcementPoints {
		if point.Issuer == ServiceIssuer {
			if !slices.ContainsFunc(c.Services, func(s Service) bool { return s.Identity == point.Subject }) {
				f.add(fmt.Sprintf("enforcement_points[%d].subject", i), "is no service of this file", "name the identity of one")
			}
			continue
		}
		if !slices.ContainsFunc(c.Issuers, func(s Issuer) bool { return s.Issuer == point.Issuer }) {
			f.add(fmt.Sprintf("enforcement_points[%d].issuer", i), "is no issuer of this file", "name one of issuers, or "+ServiceIssuer)
		}
	}
}

// Check implements [strictyaml.Checked].
func (p *EnforcementPoint) Check() []strictyaml.Error {
	var f findings
	f.need("issuer", p.Issuer)
	if (p.Subject == "") == (p.Group == "") {
		f.add("", "needs either a subject or a group", "write one of them")
	}
	return f
}

// Check implements [strictyaml.Checked].
func (t *TLS) Check() []strictyaml.Error {
	var f findings
	f.need("certificate_file", t.CertificateFile)
	f.need("key_file", t.KeyFile)
	if len(t.CRLFiles) > 0 && len(t.ClientCAFiles) == 0 {
		f.add("crl_files", "revoke nothing without client_ca_files", "add client_ca_files or remove crl_files")
	}
	return f
}

// Algorithms are those that an issuer may be allowed: asymmetric ones, so that
// what verifies cannot sign.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// TokenTypes are those of access tokens, as the typ of their header: by RFC 9068,
// and by what issuers wrote before it.
var TokenTypes = []string{"at+jwt", "JWT"}

var issuerName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Check implements [strictyaml.Checked].
func (i *Issuer) Check() []strictyaml.Error {
	var f findings
	f.need("issuer", i.Issuer)
	if i.Issuer == ServiceIssuer {
		f.add("issuer", "is the name that stands for services", "write the iss claim of its tokens")
	}
	if i.Name != "" && (!issuerName.MatchString(i.Name) || i.Name == "dns") {
		f.add("name", "is not a name", "write a lower-case letter, then letters, digits and hyphens, 32 at most, but not dns")
	}
	if len(i.Audiences) == 0 {
		f.add("audiences", "is missing", "add what the aud claim of a token for this server says")
	}
	if len(i.Algorithms) == 0 {
		f.add("algorithms", "is missing", "add those that it signs with, such as [ES256]")
	}
	for n, algorithm := range i.Algorithms {
		if !slices.Contains(Algorithms, algorithm) {
			f.add(fmt.Sprintf("algorithms[%d]", n), "is no algorithm that is let in", "choose from "+strings.Join(Algorithms, ", "))
		}
	}
	for n, typ := range i.TokenTypes {
		if !slices.Contains(TokenTypes, typ) {
			f.add(fmt.Sprintf("token_types[%d]", n), "is no type of an access token", "choose from "+strings.Join(TokenTypes, ", "))
		}
	}
	i.checkKeys(&f)
	i.checkValues(&f)
	return f
}

// checkKeys wants one way to the keys.
func (i *Issuer) checkKeys(f *findings) {
	switch u, err := url.Parse(i.Issuer); {
	case i.JWKSFile != "" && len(i.CAFiles) > 0:
		f.add("ca_files", "are for discovery, and jwks_file stands beside them", "keep one of them")
	case i.JWKSFile == "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != ""):
		f.add("issuer", "is no https URL, so that its keys cannot be discovered", "add jwks_file")
	case i.JWKSFile == "" && len(i.CAFiles) == 0:
		f.add("", "has neither jwks_file nor ca_files", "add the file of its keys, or the anchors by which to discover them: the system's are never used")
	}
}

// Check implements [strictyaml.Checked].
func (c *Claims) Check() []strictyaml.Error {
	var f findings
	for _, claim := range c.paths() {
		if _, err := ClaimPath(claim.path); claim.path != "" && err != nil {
			f.add(claim.key, err.Error(), `write names with dots between, and \. for a dot within a name`)
		}
	}
	if c.AdministratorGroup != "" && c.Groups == "" {
		f.add("administrator_group", "is looked for among groups, which have no claim", "add groups:")
	}
	return f
}

type claim struct{ key, path string }

func (c *Claims) paths() []claim {
	return []claim{
		{"subject", c.Subject}, {"clearance", c.Clearance}, {"countries", c.Countries}, {"read_ins", c.ReadIns}, {"organization", c.Organization},
		{"employment", c.Employment}, {"groups", c.Groups}, {"purposes", c.Purposes},
	}
}

// ClaimPath splits the path of a claim into the names of its members. A
// backslash takes the meaning from the dot or backslash after it, because some
// issuers name their claims by URLs.
func ClaimPath(path string) ([]string, error) {
	names, name := []string(nil), strings.Builder{}
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			name.WriteByte(path[i])
		case c == '\\':
			return nil, fmt.Errorf("has a backslash before neither a dot nor a backslash")
		case c == '.':
			names = append(names, name.String())
			name.Reset()
		default:
			name.WriteByte(c)
		}
	}
	names = append(names, name.String())
	if slices.Contains(names, "") || len(names) > MaxDepth {
		return nil, fmt.Errorf("has an empty name, or more than %d", MaxDepth)
	}
	return names, nil
}

var (
	spiffeID = regexp.MustCompile(`^spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+$`)
	dnsName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
)

// Check implements [strictyaml.Checked]. A subject names at most 128 bytes.
func (s *Service) Check() []strictyaml.Error {
	var f findings
	f.need("identity", s.Identity)
	if s.Identity != "" && (len(s.Identity) > 120 || !spiffeID.MatchString(s.Identity) && !dnsName.MatchString(s.Identity)) {
		f.add("identity", "is neither a SPIFFE id nor a DNS name", "write spiffe://trust-domain/path, or a name in lower case without wildcards; 120 bytes at most")
	}
	return f
}
