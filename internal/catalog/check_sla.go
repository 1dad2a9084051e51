package catalog

import "github.com/meshwright/terraform-provider-datamesh/internal/marking"

// Normalize implements [Object].
func (s *SLA) Normalize(*marking.Vocabulary) {
	if s.Freshness != nil {
		freshness := *s.Freshness
		freshness.MaxAge, freshness.Window = freshness.MaxAge.Canonical(), freshness.Window.Canonical()
		s.Freshness = &freshness
	}
	for _, objective := range []**Objective{&s.Completeness, &s.Availability, &s.Accuracy} {
		if *objective != nil {
			normal := **objective
			normal.Window = normal.Window.Canonical()
			*objective = &normal
		}
	}
}

// Check implements [Object].
func (s *SLA) Check(*marking.Vocabulary) []Problem {
	f := &findings{}
	f.owned(s.Domain, s.Name)
	f.text("/description", s.Description, MaxText)
	if s.Freshness == nil && s.Completeness == nil && s.Availability == nil && s.Accuracy == nil {
		f.add("", RuleRequired, "Set freshness, completeness, availability or accuracy.", "The SLA promises nothing.")
	}
	if s.Freshness != nil {
		f.duration("/freshness/max_age", s.Freshness.MaxAge)
		oneOf(f, "/freshness/anchor", s.Freshness.Anchor, AnchorSchedule, AnchorEvent)
		f.promise("/freshness", s.Freshness.TargetPercent, s.Freshness.Window)
	}
	for field, objective := range map[string]*Objective{"/completeness": s.Completeness, "/availability": s.Availability, "/accuracy": s.Accuracy} {
		if objective != nil {
			f.promise(field, objective.TargetPercent, objective.Window)
		}
	}
	return f.sorted()
}

func (f *findings) promise(field string, percent float64, window Duration) {
	if !(percent > 0 && percent <= 100) { // so written, NaN is refused too
		f.add(field+"/target_percent", RuleLimit, "Write a percentage such as 99.5.", "%v is not above 0 and at most 100.", percent)
	}
	f.duration(field+"/window", window)
}

func (f *findings) duration(field string, d Duration) {
	if d == "" {
		f.required(field)
		return
	}
	if _, err := d.Parse(); err != nil {
		f.add(field, RuleFormat, "Write whole numbers with w, d, h, m, s, largest first, such as 15m or 30d.", "%s is not a duration above zero and of at most ten years.", shown(string(d)))
	}
}
