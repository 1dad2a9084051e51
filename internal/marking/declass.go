package marking

import (
	"slices"
	"time"
)

// declass is when information may be declassified. The join keeps the latest
// date and every exception.
type declass struct {
	date       string // YYYY-MM-DD
	exceptions uint32 // places in declassExceptions
}

// declassExceptions are the exceptions of ISM.XML that this program keeps, the
// strictest last (CAPCO 2016, E.3).
var declassExceptions = []string{
	"25X1", "25X2", "25X3", "25X4", "25X5", "25X6", "25X7", "25X8", "25X9",
	"NATO", "AEA", "NATO-AEA", "50X2-WMD", "50X1-HUM",
}

func (d *declass) join(o declass) {
	d.date = max(d.date, o.date)
	d.exceptions |= o.exceptions
}

func (d *declass) has(name string) bool {
	return d.exceptions&(1<<slices.Index(declassExceptions, name)) != 0
}

// exception is the one exception that a marking states: the strictest.
func (d *declass) exception() string {
	if d.has("NATO") && d.has("AEA") && d.exceptions < 1<<slices.Index(declassExceptions, "NATO-AEA") {
		return "NATO-AEA"
	}
	for i := len(declassExceptions) - 1; i >= 0; i-- {
		if d.exceptions&(1<<i) != 0 {
			return declassExceptions[i]
		}
	}
	return ""
}

// settle drops a date that may not stand: beside RD or FRD (ISM-ID-00176), on
// unclassified information (ISM-ID-00016), or beside an exception without a
// date (ISM-ID-00133).
func (d *declass) settle(f *form) {
	if !f.level.classified() {
		*d = declass{}
	}
	if f.aea.any(aeaRD, aeaFRD) || d.has("50X1-HUM") || d.has("50X2-WMD") {
		d.date = ""
	}
}

func (d *declass) problem(f *form) (Problem, bool) {
	if d.date != "" {
		if _, err := time.Parse(time.DateOnly, d.date); err != nil {
			return Problem{Rule: "ISM-ID-00275", Token: d.date, Reason: "declassDate is not a date", Instead: "write YYYY-MM-DD"}, true
		}
	}
	switch {
	case *d != declass{} && !f.level.classified():
		return Problem{Rule: "ISM-ID-00016", Token: "U", Reason: "unclassified information has no declassification instruction", Instead: "leave declassDate and declassException out"}, true
	case d.date != "" && f.aea.any(aeaRD, aeaFRD):
		return Problem{Rule: "ISM-ID-00176", Token: d.date, Reason: "RD and FRD are never declassified by date", Instead: "leave declassDate out and state the exception AEA"}, true
	case d.date != "" && (d.has("50X1-HUM") || d.has("50X2-WMD")):
		return Problem{Rule: "ISM-ID-00133", Token: d.date, Reason: "the exception has no date", Instead: "leave declassDate out"}, true
	case d.has("AEA") && f.aea == 0:
		return Problem{Rule: "ISM-ID-00299", Token: "AEA", Reason: "the exception AEA needs an atomic energy marking", Instead: "add the marking, or leave the exception out"}, true
	}
	return Problem{}, false
}
