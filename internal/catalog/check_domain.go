package catalog

import (
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// subjectGrammar is what a team may name: ASCII only, so that no subject looks
// like another one. The slash separates the name of an issuer from a subject of
// its own, and stands in the SPIFFE ids of services.
var subjectGrammar = regexp.MustCompile(`^[A-Za-z0-9._@:/-]{1,128}$`)

// Normalize implements [Object]. Team is never nil.
func (d *Domain) Normalize(*marking.Vocabulary) {
	if d.Team == nil {
		d.Team = map[string]Member{}
	}
}

// Check implements [Object]. Whether an owner is active today is for those
// who have a clock.
func (d *Domain) Check(*marking.Vocabulary) []Problem {
	f := &findings{}
	f.name("/name", d.Name)
	f.line("/display_name", d.DisplayName)
	f.text("/description", d.Description, MaxText)
	oneOf(f, "/discipline", d.Discipline, DisciplineHUMINT, DisciplineSIGINT, DisciplineGEOINT, DisciplineMASINT, DisciplineOSINT, DisciplineOther)
	if d.Parent != "" {
		f.name("/parent", d.Parent)
	}
	f.line("/contact", d.Contact)
	d.checkTeam(f)
	return f.sorted()
}

func (d *Domain) checkTeam(f *findings) {
	f.count("/team", len(d.Team), MaxTeam)
	owners := 0
	for _, subject := range slices.Sorted(maps.Keys(d.Team)) {
		if !subjectGrammar.MatchString(subject) {
			f.add("/team", RuleFormat, "Use the subject of the member's token.",
				"%s is not a subject: 1 to 128 of the ASCII letters, digits and . _ - @ : /.", shown(subject))
			continue
		}
		member := d.Team[subject]
		member.check(f, subject)
		if member.Role == RoleOwner {
			owners++
		}
	}
	if owners == 0 {
		f.add("/team", RuleOwner, `Give one member the role "owner".`, "The domain has no owner.")
	}
}

func (m Member) check(f *findings, subject string) {
	oneOf(f, PointerTo("team", subject, "role"), m.Role, RoleOwner, RoleSteward, RoleEngineer, RoleReleaser)
	f.date(PointerTo("team", subject, "from"), m.From)
	f.date(PointerTo("team", subject, "until"), m.Until)
	if m.From != "" && m.Until != "" && m.Until < m.From {
		f.add(PointerTo("team", subject, "until"), RuleFormat, "Exchange the dates, or leave one out.", "The membership ends on %s before it begins on %s.", shown(m.Until), shown(m.From))
	}
}

// date checks an RFC 3339 full-date, which compares as text.
func (f *findings) date(field, date string) {
	if date == "" {
		return
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		f.add(field, RuleFormat, "Write year-month-day, such as 2026-03-01.", "%s is not a date.", shown(date))
	}
}
