package configfile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// Values say what the values of claims stand for, where an issuer does not
// write the platform's own: one [Meaning] for each claim of [Claims].
type Values struct {
	Clearance    Meaning `yaml:"clearance"`
	Countries    Meaning `yaml:"countries"`
	ReadIns      Meaning `yaml:"read_ins"`
	Organization Meaning `yaml:"organization"`
	Employment   Meaning `yaml:"employment"`
	Groups       Meaning `yaml:"groups"`
	Purposes     Meaning `yaml:"purposes"`
}

// Meaning is how the values of one claim are read. Texts are compared byte for
// byte: no case is folded unless IgnoreCase says so, no Unicode form is changed.
type Meaning struct {
	// Separator takes a claim that is one text apart, such as ";", and spaces
	// around the parts away. It does not reach into a list, where who can name a
	// group would make two of it.
	Separator string `yaml:"separator"`
	// StripPrefix and StripSuffix are what a value that is meant begins and ends
	// with, and are taken away, once. Other values of the claim are passed over.
	StripPrefix string `yaml:"strip_prefix"`
	StripSuffix string `yaml:"strip_suffix"`
	// IgnoreCase takes A to Z for a to z, in all of these; no other letters.
	IgnoreCase bool `yaml:"ignore_case"`
	// Table has the platform's own value for each of the issuer's, after the
	// prefix and the suffix are gone. Empty, they are taken as they are.
	Table map[string]string `yaml:"table"`
}

// Given reports whether there is anything to read otherwise.
func (m *Meaning) Given() bool {
	return m.Separator != "" || m.StripPrefix != "" || m.StripSuffix != "" || m.IgnoreCase || len(m.Table) > 0
}

// MaxValue is the longest value that a table names, in bytes: as long as
// distinguished names of groups get.
const MaxValue = 512

// Folded is a text with A to Z as a to z, and every other byte as it is: letters
// of other alphabets that fold to these are not these.
func Folded(text string) string {
	folded := []byte(text)
	for i, c := range folded {
		if c >= 'A' && c <= 'Z' {
			folded[i] = c + 'a' - 'A'
		}
	}
	return string(folded)
}

// Check implements [strictyaml.Checked].
func (m *Meaning) Check() []strictyaml.Error {
	var f findings
	if strings.ContainsFunc(m.Separator, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }) {
		f.add("separator", "holds a letter or a digit, which values do as well", "write what stands between two values, such as ';'")
	}
	folded := map[string]string{}
	for _, value := range slices.Sorted(maps.Keys(m.Table)) {
		at := "table." + strictyaml.Printable(value)
		if value == "" || len(value) > MaxValue || strings.ContainsFunc(value, func(c rune) bool { return !unicode.IsPrint(c) }) {
			f.add(at, "is no value that can be read here", fmt.Sprintf("write 1 to %d bytes that can be seen", MaxValue))
		}
		if len(m.Table[value]) > maxMeaning {
			f.add(at, "stands for too long a text", fmt.Sprintf("the limit is %d bytes", maxMeaning))
		}
		if !m.IgnoreCase {
			continue
		}
		if first, twice := folded[Folded(value)]; twice {
			f.add(at, "is, without regard to case, the same as "+strictyaml.Printable(first), "keep one of them")
		}
		folded[Folded(value)] = value
	}
	return f
}

// maxMeaning is the longest value of the platform's own, in bytes.
const maxMeaning = 256

// The platform's own values that no vocabulary changes: levels, kinds of
// employment, and what names of organisations look like.
var (
	clearances   = []string{"U", "R", "C", "S", "TS"}
	employments  = []string{"gov", "mil", "civ", "contractor"}
	organization = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)
)

// Check implements [strictyaml.Checked]. What a vocabulary decides (countries,
// read-ins) is for those who have one.
func (v *Values) Check() []strictyaml.Error {
	var f findings
	for _, name := range []string{"clearance", "organization", "employment"} {
		if v.meanings()[name].Separator != "" {
			f.add(name+".separator", "is for lists, and of this there is one", "remove it")
		}
	}
	among := func(known []string) func(string) bool {
		return func(value string) bool { return slices.Contains(known, value) }
	}
	f.targets("clearance", v.Clearance, among(clearances), "choose from "+strings.Join(clearances, ", "))
	f.targets("employment", v.Employment, among(employments), "choose from "+strings.Join(employments, ", "))
	f.targets("organization", v.Organization, organization.MatchString, "write a country and an organisation with a dot between, such as GBR.MOD: letters, digits and . _ : / -")
	return f
}

func (f *findings) targets(name string, m Meaning, known func(string) bool, fix string) {
	for _, value := range slices.Sorted(maps.Keys(m.Table)) {
		if target := m.Table[value]; target != "" && !known(target) {
			f.add(name+".table."+strictyaml.Printable(value), fmt.Sprintf("stands for %q, which is no %s", strictyaml.Printable(target), name), fix)
		}
	}
}

// meanings are the parts of Values by their keys.
func (v *Values) meanings() map[string]*Meaning {
	return map[string]*Meaning{
		"clearance": &v.Clearance, "countries": &v.Countries, "read_ins": &v.ReadIns, "organization": &v.Organization,
		"employment": &v.Employment, "groups": &v.Groups, "purposes": &v.Purposes,
	}
}

// checkValues wants a claim for all that Values speak of.
func (i *Issuer) checkValues(f *findings) {
	meanings := i.Values.meanings()
	for _, claim := range i.Claims.paths() {
		if m := meanings[claim.key]; m != nil && m.Given() && claim.path == "" {
			f.add("values."+claim.key, "are of a claim that is not read", "add claims."+claim.key+", the path of the claim")
		}
	}
	named, table := i.Claims.AdministratorGroup, i.Values.Groups.Table
	if named != "" && len(table) > 0 && !slices.Contains(slices.Collect(maps.Values(table)), named) {
		f.add("claims.administrator_group", "is no group that values.groups has a value for, so that nobody would be an administrator", "write what the table makes of the issuer's group")
	}
}
