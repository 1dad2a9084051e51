package compat

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// unitWords are the units that a description may name; "_" is a space.
// Singular forms that are everyday words ("second", "minute", "degree") count
// only after "per": "Speed, second attempt" names no unit.
var unitWords = strings.Fields(`
	hertz kilohertz megahertz gigahertz terahertz
	seconds milliseconds microseconds nanoseconds picoseconds minutes hours days weeks months years
	degrees radians milliradians steradians arcseconds arcminutes mils gradians turns
	metres meters kilometres kilometers centimetres centimeters millimetres millimeters
	micrometres micrometers nanometres nanometers feet inches yards miles nautical_miles
	knots mach
	percent percentage per_mille ppm ppb ratio fraction probability dimensionless unitless
	count number pixels bits bytes kilobytes megabytes gigabytes kibibytes mebibytes gibibytes
	kilograms grams milligrams tonnes tons pounds
	kelvin celsius fahrenheit
	pascals hectopascals kilopascals bars millibars
	watts milliwatts kilowatts megawatts joules kilojoules newtons
	volts millivolts kilovolts amperes milliamperes ohms farads henries teslas webers
	coulombs lumens lux candelas moles
	decibels becquerels sieverts grays
	litres liters millilitres milliliters
`)

// unitSymbols are the symbols that a unit may be written with, SI prefixes
// apart; case matters.
var unitSymbols = wordSet(`
	m g s A K mol cd Hz N Pa J W C V F Ω Ohm S Wb T H lm lx Bq Gy Sv kat rad sr
	min h d wk mo yr a deg ° ' " arcsec arcmin mil gon
	ft in yd mi nmi NM kn kt kts
	% ‰ ppm ppb 1
	bit B byte px
	L l t ha °C degC °F degF bar eV
	dB dBm dBW dBi dBsm Np
`)

// logicalUnits are the Avro logical types that say what their number means.
var logicalUnits = wordSet(`
	date time-millis time-micros timestamp-millis timestamp-micros timestamp-nanos
	local-timestamp-millis local-timestamp-micros local-timestamp-nanos duration decimal
`)

const prefixes = "QRYZEPTGMkhdcmµμunpfazyrq"

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

// unitPhrase matches unit words at the start of a clause: "degrees and
// metres", "metres per second squared", "square kilometres".
var unitPhrase = compileUnitPhrase()

func compileUnitPhrase() *regexp.Regexp {
	words := slices.Clone(unitWords)
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	plural := strings.ReplaceAll(strings.Join(words, "|"), "_", " ")
	var singular []string
	for _, word := range words {
		singular = append(singular, strings.TrimSuffix(word, "s"))
	}
	unit := `(?:square |cubic )?(?:` + plural + `)\b(?: squared| cubed)?`
	per := `(?:square |cubic )?(?:` + plural + `|` + strings.Join(singular, "|") + `)\b(?: squared| cubed)?`
	return regexp.MustCompile(`(?i)^` + unit + `(?: (?:and|or) ` + unit + `| per ` + per + `)*`)
}

// firstWords are the words that a unit phrase may start with.
var firstWords = wordSet(strings.ReplaceAll(strings.Join(unitWords, " "), "_", " ") + " square cubic")

// leadingUnit is the unit phrase at the start of a clause, "" when there is
// none. The look at the first word saves most texts the pattern, whose many
// branches are slow.
func leadingUnit(clause string) string {
	word := clause
	if i := strings.IndexFunc(clause, func(r rune) bool { return !unicode.IsLetter(r) }); i >= 0 {
		word = clause[:i]
	}
	switch lower := strings.ToLower(word); {
	case !firstWords[lower]:
		return ""
	case word == clause && slices.Contains(unitWords, lower):
		return clause
	}
	return unitPhrase.FindString(clause)
}

// isUnit reports whether a unit attribute names a known unit: unit words, a
// symbol, a product or quotient of symbols with exponents such as "m/s",
// "W/m2" or "km·h-1", or an Avro logical type.
func isUnit(text string) bool {
	if logicalUnits[text] || text != "" && leadingUnit(text) == text {
		return true
	}
	if text == "" || strings.Trim(text, "/·*. ") != text {
		return false
	}
	for _, factor := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/·*. ", r) }) {
		if factor != "1" && !isSymbol(strings.TrimRight(factor, "^-0123456789²³")) {
			return false
		}
	}
	return true
}

func isSymbol(symbol string) bool {
	if unitSymbols[symbol] {
		return true
	}
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(symbol, string(prefix)); ok && unitSymbols[rest] {
			return true
		}
	}
	return len(symbol) > 2 && strings.IndexByte("KMGTPE", symbol[0]) >= 0 && symbol[1] == 'i' && unitSymbols[symbol[2:]]
}

var (
	clauseBreaks = regexp.MustCompile(`[,;:()\[\]]|\.(?:\s|$)|\bin\b`)
	leadingCount = regexp.MustCompile(`(?i)^(?:the )?(?:number|count) of\b`)
)

// unitInProse is the unit that a description names, "" when it names none. A
// unit starts a clause: after a comma, semicolon, colon, full stop or bracket,
// or after the word "in". "Number of …" is a count.
func unitInProse(description string) string {
	if leadingCount.MatchString(description) {
		return "count"
	}
	for _, clause := range clauseBreaks.Split(description, -1)[1:] {
		clause = strings.TrimSpace(clause)
		if unit := leadingUnit(clause); unit != "" {
			return unit
		}
		if isUnit(clause) {
			return clause
		}
	}
	return ""
}
