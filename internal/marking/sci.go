package marking

import (
	"fmt"
	"slices"
	"strings"
)

// system is a control system of sensitive compartmented information, as the
// vocabulary file states it. A compartment is a path "SI-G", a sub-compartment
// "SI-G-ABCD".
type system struct {
	Code        string        `json:"code"`
	Title       string        `json:"title"`
	OtherTitles []string      `json:"other_titles"`
	Former      []string      `json:"former"` // retired systems that became this one; read on reuse only
	Levels      []string      `json:"levels"` // permitted levels; empty is any classified one
	LevelsRule  string        `json:"levels_rule"`
	Requires    []requirement `json:"requires"`
	// NeedsCompartment names the rule that refuses the system alone; "" when
	// it may stand alone.
	NeedsCompartment string `json:"needs_compartment"`
	// ParentRule names the rule that refuses a compartment without the system
	// in a list of ISM tokens; "" adds the system silently.
	ParentRule   string        `json:"parent_rule"`
	Compartments []compartment `json:"compartments"`
	// Unpublished compartments have this many characters; no maximum, none.
	CompartmentMin    int      `json:"compartment_min"`
	CompartmentMax    int      `json:"compartment_max"`
	CompartmentLevels []string `json:"compartment_levels"`
	SubMin            int      `json:"sub_min"` // of unpublished compartments
	SubMax            int      `json:"sub_max"`
	Note              string   `json:"note"`
}

// compartment is a published compartment of a control system.
type compartment struct {
	Code          string        `json:"code"`
	Title         string        `json:"title"`
	Levels        []string      `json:"levels"`
	LevelsRule    string        `json:"levels_rule"`
	Requires      []requirement `json:"requires"`
	Excludes      []requirement `json:"excludes"` // dissemination controls that may not stand beside
	ParentRule    string        `json:"parent_rule"`
	SubParentRule string        `json:"sub_parent_rule"`
	SubMin        int           `json:"sub_min"`
	SubMax        int           `json:"sub_max"`
	SubLevels     []string      `json:"sub_levels"`
	SubLevelsRule string        `json:"sub_levels_rule"`
	SubRequires   []requirement `json:"sub_requires"`
}

// requirement is a dissemination control that must stand beside.
type requirement struct {
	Control string `json:"control"`
	Rule    string `json:"rule"`
}

func (v *Vocabulary) addSystems(f *vocabularyFile) error {
	for i := range f.Systems {
		s := &f.Systems[i]
		if len(s.Code) > 8 || !isCode(s.Code) || v.systems[s.Code] != nil {
			return fmt.Errorf("systems: %q is not a code, or is stated twice", s.Code)
		}
		if err := s.check(); err != nil {
			return fmt.Errorf("systems: %s: %w", s.Code, err)
		}
		v.systems[s.Code] = s
		for _, title := range append([]string{s.Title}, s.OtherTitles...) {
			v.titles[title] = s.Code
		}
		for _, name := range s.Former {
			v.former[name] = s.Code
		}
		for _, c := range s.Compartments {
			v.titles[s.Code+"-"+c.Title] = c.Code
		}
	}
	return nil
}

func (s *system) check() error {
	levels := slices.Concat(s.Levels, s.CompartmentLevels)
	titles := slices.Concat([]string{s.Title}, s.OtherTitles, s.Former)
	needs := s.Requires
	for _, c := range s.Compartments {
		if len(c.Code) > 8 || !isCode(c.Code) {
			return fmt.Errorf("%q is not a compartment code", c.Code)
		}
		levels = slices.Concat(levels, c.Levels, c.SubLevels)
		titles = append(titles, c.Title)
		needs = slices.Concat(needs, c.Requires, c.SubRequires, c.Excludes)
	}
	for _, l := range levels {
		if _, ok := levelOf(l); !ok {
			return fmt.Errorf("%q is not a level", l)
		}
	}
	for _, t := range titles {
		if !isTitle(t) {
			return fmt.Errorf("%q is not a title in capitals", t)
		}
	}
	for _, r := range needs {
		if _, ok := knownControl("dissemination", r.Control); !ok || r.Rule == "" {
			return fmt.Errorf("requirement %q is unknown or names no rule", r.Control)
		}
	}
	return nil
}

func (s *system) compartment(code string) (*compartment, bool) {
	for i := range s.Compartments {
		if s.Compartments[i].Code == code {
			return &s.Compartments[i], true
		}
	}
	return nil, false
}

// knownPath reports whether an SCI path is published, or has the shape of an
// unpublished compartment that the vocabulary allows.
func (v *Vocabulary) knownPath(path string) bool {
	parts := strings.Split(path, "-")
	s := v.systems[parts[0]]
	if s == nil || len(parts) > 3 {
		return false
	}
	if len(parts) == 1 {
		return true
	}
	lo, hi := s.SubMin, s.SubMax
	if c, ok := s.compartment(parts[1]); ok {
		lo, hi = c.SubMin, c.SubMax
	} else if !isCodeOf(parts[1], s.CompartmentMin, s.CompartmentMax) {
		return false
	}
	return len(parts) == 2 || isCodeOf(parts[2], lo, hi)
}

func isCodeOf(s string, lo, hi int) bool { return len(s) >= lo && len(s) <= hi && isCode(s) }

// sciRules checks levels and companions of every path; paths are closed under
// prefixes.
func (v *Vocabulary) sciRules(f *form, report func(Problem)) {
	for _, path := range f.sci {
		parts := strings.Split(path, "-")
		s := v.systems[parts[0]]
		if s == nil {
			continue // reported as unknown
		}
		switch len(parts) {
		case 1:
			f.checkSCI(path, s.Levels, s.LevelsRule, s.Requires, report)
			if s.NeedsCompartment != "" && !slices.ContainsFunc(f.sci, func(p string) bool { return strings.HasPrefix(p, path+"-") }) {
				report(Problem{Rule: s.NeedsCompartment, Token: path, Reason: path + " does not stand alone", Instead: "name its compartment, such as " + path + "-" + exampleCompartment(s)})
			}
		case 2:
			if c, ok := s.compartment(parts[1]); ok {
				f.checkSCI(path, c.Levels, c.LevelsRule, c.Requires, report)
				f.checkExcluded(path, c.Excludes, report)
			} else {
				f.checkSCI(path, s.CompartmentLevels, "", nil, report)
			}
		case 3:
			if c, ok := s.compartment(parts[1]); ok {
				f.checkSCI(path, c.SubLevels, c.SubLevelsRule, c.SubRequires, report)
			}
		}
	}
}

func exampleCompartment(s *system) string {
	if len(s.Compartments) > 0 {
		return s.Compartments[0].Code
	}
	return strings.Repeat("X", s.CompartmentMin)
}

func (f *form) checkSCI(path string, levels []string, rule string, needs []requirement, report func(Problem)) {
	if len(levels) > 0 && !slices.Contains(levels, levelCodes[f.level]) {
		if rule == "" {
			rule = path + "-level"
		}
		report(Problem{Rule: rule, Token: path, Reason: path + " is used with " + strings.Join(levels, " or ") + " only", Instead: "raise the level, or leave " + path + " out"})
	}
	for _, n := range needs {
		if t, _ := knownControl("dissemination", n.Control); !f.dissem.has(t.index) {
			report(Problem{Rule: n.Rule, Token: path, Reason: path + " requires " + n.Control, Instead: "add " + n.Control + " (" + longName(n.Control) + ")"})
		}
	}
}

func (f *form) checkExcluded(path string, controls []requirement, report func(Problem)) {
	for _, c := range controls {
		if t, _ := knownControl("dissemination", c.Control); f.dissem.has(t.index) {
			report(Problem{Rule: c.Rule, Token: c.Control, Reason: c.Control + " is not used beside " + path, Instead: "leave " + c.Control + " out"})
		}
	}
}

func longName(code string) string {
	switch code {
	case "OC":
		return "ORCON in a banner line"
	case "NF":
		return "NOFORN in a banner line"
	}
	return "a dissemination control"
}

// closed adds every prefix of every path and sorts: numbers before letters,
// a path right after its prefix. The paths of one level are in ASCII order.
func closed(paths []string) []string {
	if len(paths) == 0 {
		return nil
	}
	var out []string
	for _, p := range paths {
		for i, r := range p {
			if r == '-' {
				out = append(out, p[:i])
			}
		}
		out = append(out, p)
	}
	return sortPaths(out)
}

func sortPaths(paths []string) []string {
	slices.SortFunc(paths, comparePaths)
	return slices.Compact(paths)
}

// comparePaths orders paths part by part. A hyphen sorts before everything, a
// space in a programme's nickname included, so that a path is followed by what
// lies below it.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := a[i], b[i]; x != y {
			switch {
			case x == '-':
				return -1
			case y == '-':
				return 1
			}
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

// writePaths renders closed, sorted paths: "-" before a compartment, " " before
// a sub-compartment, "/" before the next system.
func writePaths(b *strings.Builder, paths []string) {
	for i, p := range paths {
		at := strings.LastIndexByte(p, '-')
		switch depth := strings.Count(p, "-"); {
		case depth == 0 && i > 0:
			b.WriteByte('/')
		case depth == 1:
			b.WriteByte('-')
		case depth > 1:
			b.WriteByte(' ')
		}
		b.WriteString(p[at+1:])
	}
}
