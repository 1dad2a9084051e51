package marking

// Affiliation is the number of a nation or organisation in one vocabulary. A
// decision looks numbers up in tables where it would have to compare codes;
// they mean nothing under another vocabulary and are never shown or stored.
type Affiliation uint16

// number gives a nation, or a group of numbered nations, the next number.
func (v *Vocabulary) number(code string, g *group) {
	n := Affiliation(len(v.members)) //nolint:gosec // below maxNations and maxGroups together
	v.numbers[code] = n
	var members []Affiliation
	if g != nil {
		members = make([]Affiliation, 0, len(g.members)+1)
		for _, m := range g.members {
			members = append(members, v.numbers[m])
		}
		if !g.decomposable {
			members = append(members, n)
		}
	}
	v.members = append(v.members, members)
}

// Affiliation is the number of a nation or of a group in force, false when the
// code is neither.
func (v *Vocabulary) Affiliation(code string) (Affiliation, bool) {
	n, ok := v.numbers[code]
	return n, ok
}

// Affiliated is how many numbers there are. Those of nations are the lowest.
func (v *Vocabulary) Affiliated() int { return len(v.members) }

// IsNation reports whether a number is a nation's.
func (v *Vocabulary) IsNation(n Affiliation) bool { return int(n) < len(v.nations) }

// Members are those of an organisation, itself among them where it is kept
// whole, as in [Vocabulary.Nations]; none of a nation. Shared: do not change.
func (v *Vocabulary) Members(n Affiliation) []Affiliation { return v.members[n] }

// affiliations is a set of numbers, a bit each.
type affiliations []uint64

const setWord = 64 // bits

// affiliations is the set of the codes of a release list and of the own nation,
// which may hold whatever is released to anybody.
func (v *Vocabulary) affiliations(codes []string) affiliations {
	set := make(affiliations, (len(v.members)+setWord-1)/setWord)
	set.add(v.numbers["USA"])
	for _, code := range codes {
		if n, ok := v.numbers[code]; ok {
			set.add(n)
		}
	}
	return set
}

func (s affiliations) add(n Affiliation) { s[n/setWord] |= 1 << (n % setWord) }

func (s affiliations) has(n Affiliation) bool {
	i := int(n / setWord)
	return i < len(s) && s[i]&(1<<(n%setWord)) != 0
}

func (s affiliations) hasAll(numbers []Affiliation) bool {
	for _, n := range numbers {
		if !s.has(n) {
			return false
		}
	}
	return true
}
