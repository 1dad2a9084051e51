package identity

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// claims are what a verified token says.
type claims struct {
	caller catalog.Caller
	bound  string // the x5t#S256 of the certificate that it is good with, "" for any
}

// The limits of one claim: bytes of a text, entries of a list.
const (
	maxClaim   = 256
	maxEntries = 1024
)

// subjectGrammar is ASCII that can be seen, so that no subject looks like
// another, and without the slash that separates an issuer's name from it.
var subjectGrammar = regexp.MustCompile(`^[!-.0-~]{1,128}$`)

// maxSubject is the longest subject with the name before it.
const maxSubject = 128

// read makes a caller of the claims. What is absent is no attribute, and access
// is denied later for the lack of it; a claim of another type than it should be
// is a mistake in the configuration or an attempt, and refused.
func (i *issuer) read(payload *strictjson.Value) (claims, error) {
	if !slices.ContainsFunc(i.Audiences, func(ours string) bool { return slices.Contains(listed(member(payload, "aud")), ours) }) {
		return claims{}, refuse("is for another audience")
	}
	bound, err := binding(member(payload, "cnf"))
	if err != nil {
		return claims{}, err
	}
	r := reader{payload: payload}
	c := catalog.Caller{
		Subject: r.text(cmp.Or(i.Claims.Subject, "sub")), Issuer: i.Issuer.Issuer,
		Groups: r.some(i.Claims.Groups, i.means.groups), Purposes: r.some(i.Claims.Purposes, i.means.purposes),
		Attributes: marking.Subject{
			Clearance: r.one(i.Claims.Clearance, i.means.clearance), CountryOfAffiliation: r.every(i.Claims.Countries, i.means.countries),
			FineAccessControls: r.some(i.Claims.ReadIns, i.means.readIns), DutyOrganization: r.one(i.Claims.Organization, i.means.organization),
			EmploymentType: r.one(i.Claims.Employment, i.means.employment),
		},
	}
	if r.problem != "" {
		i.log.Info("a token is refused", "issuer", i.Issuer.Issuer, "subject", c.Subject, "reason", r.problem)
		return claims{}, unauthenticated("The token has a claim that cannot be used here: ask the operator of this platform, whose log says which.")
	}
	c.Administrator = i.Claims.AdministratorGroup != "" && slices.Contains(c.Groups, i.Claims.AdministratorGroup)
	c.Subject, c.Groups = i.qualified(c.Subject), i.qualifiedAll(c.Groups)
	if c.Subject == "" {
		return claims{}, refuse("has no subject that can be told from others: 1 to 128 visible ASCII characters but the slash, with the issuer's name")
	}
	return claims{c, bound}, nil
}

// qualified is a subject as all the platform knows it, "" for none.
func (i *issuer) qualified(subject string) string {
	name := Qualify(i.Name, subject)
	if !subjectGrammar.MatchString(subject) || len(name) > maxSubject {
		return ""
	}
	return name
}

func (i *issuer) qualifiedAll(groups []string) []string {
	for n := range groups {
		groups[n] = Qualify(i.Name, groups[n])
	}
	return groups
}

// Qualify is what the platform calls a subject or a group of the issuer with
// this name.
func Qualify(issuer, subject string) string {
	if issuer == "" {
		return subject
	}
	return issuer + "/" + subject
}

// binding is the certificate that a token is bound to. A token that is bound to
// something else cannot be checked, so it is refused.
func binding(confirmation *strictjson.Value) (string, error) {
	if confirmation == nil {
		return "", nil
	}
	thumbprint := textOf(confirmation, "x5t#S256")
	if thumbprint == "" || len(confirmation.Members) != 1 {
		return "", refuse("is bound to something else than a client certificate (RFC 8705)")
	}
	return thumbprint, nil
}

// reader reads claims by their paths, and remembers what was wrong with the
// first that cannot be used: for the operator, since it quotes the claim.
type reader struct {
	payload *strictjson.Value
	problem string
}

func (r *reader) fail(path, problem string) {
	if r.problem == "" {
		r.problem = "claim " + path + " " + problem
	}
}

// at is the claim of a path, nil when it is absent or null.
func (r *reader) at(path string) *strictjson.Value {
	if path == "" {
		return nil
	}
	names, err := configfile.ClaimPath(path)
	if err != nil {
		r.fail(path, err.Error())
		return nil
	}
	value := r.payload
	for _, name := range names {
		if value = member(value, name); value == nil {
			return nil
		}
	}
	if value.Kind == strictjson.Null {
		return nil
	}
	return value
}

func (r *reader) text(path string) string {
	value := r.at(path)
	if value == nil {
		return ""
	}
	if value.Kind != strictjson.String || len(value.Text) > maxClaim {
		r.fail(path, fmt.Sprintf("is no text of at most %d bytes", maxClaim))
		return ""
	}
	return value.Text
}

// list reads a list of texts. Some issuers write a list of one as a text. How
// long each is is looked at by who knows what of it counts.
func (r *reader) list(path string) []string {
	value := r.at(path)
	if value == nil {
		return nil
	}
	texts := listed(value)
	if texts == nil && (value.Kind != strictjson.Array || len(value.Items) > 0) || len(texts) > maxEntries {
		r.fail(path, fmt.Sprintf("is no text and no list of at most %d texts", maxEntries))
		return nil
	}
	return texts
}

// listed is a text, or a list of texts; nil for anything else.
func listed(value *strictjson.Value) []string {
	switch {
	case value == nil:
		return nil
	case value.Kind == strictjson.String:
		return []string{value.Text}
	case value.Kind != strictjson.Array:
		return nil
	}
	var texts []string
	for _, item := range value.Items {
		if item.Kind != strictjson.String {
			return nil
		}
		texts = append(texts, item.Text)
	}
	return texts
}

// member is a member of an object, nil for none.
func member(object *strictjson.Value, name string) *strictjson.Value {
	if object == nil || object.Kind != strictjson.Object {
		return nil
	}
	for _, m := range object.Members {
		if m.Key == name {
			return m.Value
		}
	}
	return nil
}

// textOf is a member that is a text, "" for every other.
func textOf(object *strictjson.Value, name string) string {
	if value := member(object, name); value != nil && value.Kind == strictjson.String {
		return value.Text
	}
	return ""
}

// maxTime is the last second of the year 9999.
const maxTime = 253_402_300_799

// timeOf is a NumericDate (RFC 7519 section 2), the zero time when it is
// absent; not ok when it is none.
func timeOf(object *strictjson.Value, name string) (at time.Time, ok bool) {
	value := member(object, name)
	if value == nil {
		return time.Time{}, true
	}
	seconds, err := strconv.ParseFloat(value.Text, 64)
	if value.Kind != strictjson.Number || err != nil || seconds < 0 || seconds > maxTime {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
