package compat

import (
	"strings"
	"testing"
)

// TestCanonicalUnit: the spellings in one row are one unit, and no two rows are.
func TestCanonicalUnit(t *testing.T) {
	t.Parallel()
	rows := [][]string{
		{"m/s", "metres per second", "meters per second", "Metres per second", "m·s-1", "m*s^-1", "m s-1", "m.s-1"},
		{"m/s2", "m/s²", "metres per second squared", "m·s-2", "m/s/s"},
		{"km/h", "kilometres per hour", "km·h-1"},
		{"deg", "degrees", "°", "Degrees"},
		{"%", "percent", "percentage"},
		{"Hz", "hertz"}, {"kHz", "kilohertz"}, {"MHz", "megahertz"}, {"mHz"},
		{"s", "seconds"}, {"ms", "milliseconds", "timestamp-millis"}, {"us", "µs", "μs", "microseconds", "timestamp-micros"},
		{"m", "metres", "meters"}, {"km", "kilometres"}, {"m2", "m²", "square metres", "metres squared"}, {"km2", "square kilometres"},
		{"deg and m", "degrees and metres", "degrees and meters"}, {"m and deg", "metres and degrees"},
		{"kn", "knots", "kt", "kts"}, {"NM", "nmi", "nautical miles"}, {"nm", "nanometres"},
		{"1", "ratio", "fraction", "dimensionless", "unitless", "probability"}, {"count", "number"},
		{"W/m2", "watts per square metre", "W·m-2"}, {"dB", "decibels"}, {"dBm"}, {"degC", "°C", "celsius"}, {"K", "kelvin"},
		{"B", "bytes"}, {"bit", "bits"}, {"KiB", "kibibytes"}, {"kB", "kilobytes"}, {"L", "l", "litres", "liters"}, {"T", "teslas"}, {"t", "tonnes"},
		{"ft", "feet"}, {"in", "inches"}, {"d", "days", "date"}, {"per mille", "‰"}, {"H", "henries"}, {"Ω", "ohms", "Ohm"}, {"lx", "lux"},
	}
	seen := map[string]int{}
	for i, row := range rows {
		want := canonicalUnit(row[0])
		if j, twice := seen[want]; twice || want == "" {
			t.Errorf("%v and %v: both are %q", row, rows[j], want)
		}
		seen[want] = i
		for _, spelling := range row[1:] {
			if got := canonicalUnit(spelling); got != want {
				t.Errorf("%q: got %q, want %q like %q", spelling, got, want, row[0])
			}
		}
	}
	for _, text := range []string{"", "furlong", "decimal", "duration", "square", "m and furlong"} {
		if got := canonicalUnit(text); got != "" {
			t.Errorf("%q: got %q, want none", text, got)
		}
	}
}

// TestEveryUnitHasACanonicalForm: whatever Report accepts can be compared, and a
// canonical form is its own.
func TestEveryUnitHasACanonicalForm(t *testing.T) {
	t.Parallel()
	units := make([]string, 0, len(unitWords)+len(unitSymbols))
	for _, word := range unitWords {
		units = append(units, strings.ReplaceAll(word, "_", " "))
	}
	for symbol := range unitSymbols {
		units = append(units, symbol)
	}
	for _, unit := range units {
		if !isUnit(unit) {
			continue // a factor, such as the degree sign before a letter
		}
		got := canonicalUnit(unit)
		if got == "" || canonicalUnit(got) != got {
			t.Errorf("%q: got %q, whose own form is %q", unit, got, canonicalUnit(got))
		}
	}
}
