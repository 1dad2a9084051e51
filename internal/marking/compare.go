package marking

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference is one thing that two vocabularies do not say alike.
type Difference struct {
	// Subject is what it is about: level, nation, group, control, system,
	// equivalence or dates.
	Subject string `json:"subject"`
	Code    string `json:"code"`
	// Change is added, removed or changed. Something outside its dates counts
	// as removed.
	Change string `json:"change"`
	// Detail is what was said before and is now, in words; "" where the change
	// says it all.
	Detail string `json:"detail,omitempty"`
}

// The changes of a [Difference].
const (
	ChangeAdded   = "added"
	ChangeRemoved = "removed"
	ChangeChanged = "changed"
)

// Differences lists what is said otherwise by another vocabulary, sorted by
// subject and code. What only explains (sources, notes) does not count.
func (v *Vocabulary) Differences(next *Vocabulary) []Difference {
	var all []Difference
	for _, about := range []struct {
		subject string
		tell    func(*Vocabulary) map[string]string
	}{
		{"level", (*Vocabulary).tellLevels}, {"nation", (*Vocabulary).tellNations}, {"group", (*Vocabulary).tellGroups},
		{"control", (*Vocabulary).tellControls}, {"system", (*Vocabulary).tellSystems}, {"equivalence", (*Vocabulary).tellForeign},
	} {
		all = append(all, compared(about.subject, about.tell(v), about.tell(next))...)
	}
	return all
}

func compared(subject string, was, is map[string]string) []Difference {
	var found []Difference
	codes := slices.Sorted(maps.Keys(was))
	codes = append(codes, slices.Sorted(maps.Keys(is))...)
	slices.Sort(codes)
	for _, code := range slices.Compact(codes) {
		before, had := was[code]
		after, has := is[code]
		switch {
		case !had:
			found = append(found, Difference{subject, code, ChangeAdded, after})
		case !has:
			found = append(found, Difference{subject, code, ChangeRemoved, before})
		case before != after:
			found = append(found, Difference{subject, code, ChangeChanged, before + " -> " + after})
		}
	}
	return found
}

func (v *Vocabulary) tellLevels() map[string]string {
	told := map[string]string{}
	for l, title := range v.levels {
		told[levelCodes[l]] = title
	}
	return told
}

func (v *Vocabulary) tellNations() map[string]string { return v.nations }

func (v *Vocabulary) tellGroups() map[string]string {
	told := map[string]string{}
	for code, g := range v.groups {
		if g.retired {
			continue
		}
		text := strings.Join(g.members, " ")
		switch {
		case len(g.members) == 0:
			text = "opaque"
		case !g.decomposable:
			text += " (kept whole)"
		}
		told[code] = text
	}
	return told
}

func (v *Vocabulary) tellControls() map[string]string {
	told := map[string]string{}
	for code, t := range v.byPortion {
		c := v.controls[t.category][t.index]
		told[code] = c.banner
		if c.title != c.banner {
			told[code] += ", " + c.title
		}
	}
	return told
}

// tellSystems tells a system by its title and a sum of its rules, which are too
// many for one line.
func (v *Vocabulary) tellSystems() map[string]string {
	told := map[string]string{}
	for code, s := range v.systems {
		plain := s.plain()
		plain.Note = ""
		told[code] = fmt.Sprintf("%s, rules %.8x", s.Title, sha256.Sum256(fmt.Appendf(nil, "%+v", plain)))
	}
	return told
}

func (v *Vocabulary) tellForeign() map[string]string {
	told := map[string]string{}
	for _, f := range v.foreign {
		told[f.owner+" "+f.portion] = f.banner + " = " + levelCodes[f.level]
	}
	return told
}

// Affiliations lists the codes that a subject may be affiliated with: nations
// and groups in force, sorted.
func (v *Vocabulary) Affiliations() []string {
	codes := slices.Collect(maps.Keys(v.nations))
	for code, g := range v.groups {
		if !g.retired {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
}

// ReadIns lists accesses that let a subject past every read-in which the
// marking asks for; none for no marking.
func (m Marking) ReadIns() []string {
	if m.s == nil {
		return nil
	}
	var names []string
	for i := range m.s.gate.readIns {
		names = append(names, m.s.gate.readIns[i].anyOf[0].Value())
	}
	return names
}
