package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// meanings are [configfile.Values] made ready.
type meanings struct {
	clearance, countries, readIns, organization, employment, groups, purposes meaning
}

func newMeanings(v configfile.Values) meanings {
	return meanings{
		newMeaning(v.Clearance), newMeaning(v.Countries), newMeaning(v.ReadIns), newMeaning(v.Organization),
		newMeaning(v.Employment), newMeaning(v.Groups), newMeaning(v.Purposes),
	}
}

// meaning is a [configfile.Meaning] whose texts are folded where case is not
// looked at. The zero meaning takes every value as it is.
type meaning struct {
	configfile.Meaning
	table map[string]string
}

func newMeaning(m configfile.Meaning) meaning {
	made := meaning{Meaning: m, table: make(map[string]string, len(m.Table))}
	for value, target := range m.Table {
		made.table[made.folded(value)] = target
	}
	made.StripPrefix, made.StripSuffix = made.folded(m.StripPrefix), made.folded(m.StripSuffix)
	return made
}

func (m *meaning) folded(text string) string {
	if m.IgnoreCase {
		return configfile.Folded(text)
	}
	return text
}

// meant is what is left of a value without prefix and suffix; not ok for one
// that has them not, or that they overlap in.
func (m *meaning) meant(value string) (rest string, ok bool) {
	folded := m.folded(value) // as long as the value
	if len(value) < len(m.StripPrefix)+len(m.StripSuffix) || !strings.HasPrefix(folded, m.StripPrefix) || !strings.HasSuffix(folded, m.StripSuffix) {
		return "", false
	}
	return value[len(m.StripPrefix) : len(value)-len(m.StripSuffix)], true
}

// of is the platform's own value, not ok when the table has none. Nothing is
// tried beside it: no other case, no other Unicode form, no part of it.
func (m *meaning) of(rest string) (own string, ok bool) {
	if len(m.Table) == 0 {
		return rest, (rest != "" || !m.Given()) && len(rest) <= maxClaim
	}
	own, ok = m.table[m.folded(rest)]
	return own, ok
}

// read is the platform's values of a claim, each once, and those that are meant
// and have none.
func (r *reader) read(path string, m meaning) (own, unknown []string) {
	for _, value := range r.values(path, m) {
		rest, meant := m.meant(value)
		if !meant {
			continue
		}
		if found, ok := m.of(rest); !ok {
			unknown = append(unknown, rest)
		} else if !slices.Contains(own, found) {
			own = append(own, found)
		}
	}
	return own, unknown
}

// values takes a claim apart. Only what is one text is separated.
func (r *reader) values(path string, m meaning) []string {
	value := r.at(path)
	if m.Separator == "" || value == nil || value.Kind != strictjson.String {
		return r.list(path)
	}
	var parts []string
	for part := range strings.SplitSeq(value.Text, m.Separator) {
		if part = strings.Trim(part, " "); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) > maxEntries {
		r.fail(path, fmt.Sprintf("has more than %d parts", maxEntries))
		return nil
	}
	return parts
}

// one is an attribute of which there is one. Where two values of a claim stand
// for two, neither is chosen.
func (r *reader) one(path string, m meaning) string {
	if !m.Given() {
		return r.text(path)
	}
	own := r.every(path, m)
	switch len(own) {
	case 0:
		return ""
	case 1:
		return own[0]
	}
	r.fail(path, fmt.Sprintf("stands for %.64q and for %.64q, and there is one only", own[0], own[1]))
	return ""
}

// every is an attribute of which no value may be missing: an officer of two
// nations of whom one is left out would be one of the other alone.
func (r *reader) every(path string, m meaning) []string {
	own, unknown := r.read(path, m)
	if len(unknown) > 0 {
		r.fail(path, fmt.Sprintf("has the value %.64q, which stands for nothing: add it to the values of this claim in the configuration, or have the issuer send another", unknown[0]))
		return nil
	}
	return own
}

// some is an attribute of which each value grants something: one that stands
// for nothing grants nothing, as directories know many groups that we do not.
// Without values of the configuration, one too long is a mistake.
func (r *reader) some(path string, m meaning) []string {
	if !m.Given() {
		return r.every(path, m)
	}
	own, _ := r.read(path, m)
	return own
}
