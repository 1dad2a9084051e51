package compat

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// unitNames are the unit words by the symbol that stands for them, in one
// spelling each; plural and singular forms are alike. Units that differ only in
// what they count (ratio, fraction) have no dimension and are "1".
const unitNames = `
	Hz hertz; kHz kilohertz; MHz megahertz; GHz gigahertz; THz terahertz;
	s second; ms millisecond; us microsecond; ns nanosecond; ps picosecond; min minute; h hour; d day; wk week; mo month; a year yr;
	deg degree °; rad radian; mrad milliradian; sr steradian; arcsec arcsecond "; arcmin arcminute '; mil; gon gradian; turns turn;
	m metre meter; km kilometre kilometer; cm centimetre centimeter; mm millimetre millimeter; um micrometre micrometer; nm nanometre nanometer;
	ft foot feet; in inch inches; yd yard; mi mile; NM nautical_mile nmi; kn knot kt kts; mach;
	% percent percentage; ‰ per_mille; ppm; ppb; 1 ratio fraction probability dimensionless unitless; count number;
	px pixel; bit; B byte; kB kilobyte; MB megabyte; GB gigabyte; KiB kibibyte; MiB mebibyte; GiB gibibyte;
	kg kilogram; g gram; mg milligram; t tonne; tons ton; pounds pound;
	K kelvin; degC celsius °C; degF fahrenheit °F;
	Pa pascal; hPa hectopascal; kPa kilopascal; bar; mbar millibar;
	W watt; mW milliwatt; kW kilowatt; MW megawatt; J joule; kJ kilojoule; N newton;
	V volt; mV millivolt; kV kilovolt; A ampere; mA milliampere; Ω ohm Ohm; F farad; H henry henrie; T tesla; Wb weber;
	C coulomb; lm lumen; lx lux; cd candela; mol mole;
	dB decibel; Bq becquerel; Sv sievert; Gy gray; L litre liter l; mL millilitre milliliter ml
`

// logicalSymbols are the units of the Avro logical types that have one.
var logicalSymbols = map[string]string{
	"date": "d", "time-millis": "ms", "time-micros": "us",
	"timestamp-millis": "ms", "timestamp-micros": "us", "timestamp-nanos": "ns",
	"local-timestamp-millis": "ms", "local-timestamp-micros": "us", "local-timestamp-nanos": "ns",
}

var unitSymbolOf = sync.OnceValue(func() map[string]string {
	table := map[string]string{}
	for entry := range strings.SplitSeq(unitNames, ";") {
		names := strings.Fields(entry)
		for _, name := range names {
			table[strings.ReplaceAll(name, "_", " ")] = names[0]
		}
	}
	return table
})

var (
	unitSeparator = regexp.MustCompile(`^(.*?\S) (and|or) (\S.*)$`)
	powerBefore   = map[string]int{"square": 2, "cubic": 3}
	powerAfter    = map[string]int{"squared": 2, "cubed": 3}
	superscripts  = strings.NewReplacer("²", "2", "³", "3", "^", "", "µ", "u", "μ", "u")
	unitPower     = regexp.MustCompile(`^(.*?[^0-9-])(-?[0-9]+)$`)
)

// canonicalUnit is one spelling for all spellings of a unit: "metres per
// second", "m/s" and "m·s-1" are "m·s-1". It is "" for what is no unit. Units of
// another size differ: km is not m.
func canonicalUnit(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if symbol := logicalSymbols[text]; symbol != "" {
		return symbol
	}
	if symbol, known := namedUnit(text); known {
		return symbol
	}
	if parts := unitSeparator.FindStringSubmatch(text); parts != nil {
		return bothUnits(canonicalUnit(parts[1]), canonicalUnit(parts[3]))
	}
	if !isUnit(text) || logicalUnits[text] {
		return ""
	}
	powers := map[string]int{}
	if leadingUnit(text) == text {
		wordPowers(powers, text)
	} else {
		symbolPowers(powers, text)
	}
	return printPowers(powers)
}

// bothUnits are two units of the parts of one field, "degrees and metres".
func bothUnits(a, b string) string {
	if a == "" || b == "" {
		return ""
	}
	return a + " and " + b
}

// symbolPowers reads a product of symbols; all that follows a slash is divided
// by, up to the next factor as it is commonly written: m/s2, kg·m/s/s.
func symbolPowers(powers map[string]int, text string) {
	sign := 1
	for text != "" {
		factor, rest := text, ""
		next := 1
		if i := strings.IndexAny(text, "/·*. "); i >= 0 {
			factor = text[:i]
			separator := []rune(text[i:])[0]
			rest = text[i+len(string(separator)):]
			if separator == '/' {
				next = -1
			}
		}
		addPower(powers, factor, sign)
		text, sign = rest, next
	}
}

func addPower(powers map[string]int, factor string, sign int) {
	factor, power := superscripts.Replace(factor), 1
	if factor == "" {
		return // two separators in a row
	}
	if parts := unitPower.FindStringSubmatch(factor); parts != nil {
		if n, err := strconv.Atoi(parts[2]); err == nil {
			factor, power = parts[1], n
		}
	}
	powers[symbolOf(factor)] += sign * power
}

// wordPowers reads words: "square kilometres", "metres per second squared".
func wordPowers(powers map[string]int, text string) {
	for i, part := range strings.Split(" "+text, " per ") {
		words, power := strings.Fields(part), 1
		if n := powerBefore[strings.ToLower(words[0])]; n != 0 && len(words) > 1 {
			words, power = words[1:], n
		}
		if n := powerAfter[strings.ToLower(words[len(words)-1])]; n != 0 && len(words) > 1 {
			words, power = words[:len(words)-1], n
		}
		if i > 0 {
			power = -power
		}
		powers[symbolOf(strings.Join(words, " "))] += power
	}
}

// symbolOf is the symbol of one unit, written as a symbol or as a word.
func symbolOf(name string) string {
	if symbol, known := namedUnit(name); known {
		return symbol
	}
	return name
}

// namedUnit looks up a symbol, in whose name case matters, or a word.
func namedUnit(name string) (symbol string, known bool) {
	table := unitSymbolOf()
	if symbol := table[name]; symbol != "" {
		return symbol, true
	}
	lower := strings.ToLower(name)
	for _, form := range []string{lower, strings.TrimSuffix(lower, "s")} {
		if symbol := table[form]; symbol != "" && len(form) > 2 {
			return symbol, true
		}
	}
	return "", false
}

func printPowers(powers map[string]int) string {
	var parts []string
	for symbol, power := range powers {
		switch {
		case power == 0 || symbol == "1":
		case power == 1:
			parts = append(parts, symbol)
		default:
			parts = append(parts, symbol+strconv.Itoa(power))
		}
	}
	if len(parts) == 0 {
		return "1"
	}
	slices.SortFunc(parts, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "-"), strings.Count(b, "-")), cmp.Compare(a, b))
	})
	return strings.Join(parts, "·")
}
