package spec

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// units are those of sizes: powers of 1000 (SI) and of 1024 (IEC 80000-13).
var units = map[string]int64{
	"B": 1, "KB": 1e3, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// MaxSize is the largest size that can be written, in bytes: 1024 TiB.
const MaxSize = 1 << 50

var sizeGrammar = regexp.MustCompile(`^([0-9]{1,16})(?:\.([0-9]{1,6}))? ?([kKMGT]?i?B)$`)

// ParseSize reads a size such as 4.3GiB, 700MB or 512B, exactly: a fraction of
// a byte is dropped, nothing else is rounded. The unit is never guessed.
func ParseSize(text string) (int64, error) {
	found := sizeGrammar.FindStringSubmatch(text)
	unit, known := int64(0), false
	if found != nil {
		unit, known = units[found[3]]
	}
	if !known {
		return 0, fmt.Errorf("%.40q is not a size: write a number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 4.3GiB", text)
	}
	whole, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil || whole > MaxSize/unit {
		return 0, fmt.Errorf("%.40q is larger than 1024TiB", text)
	}
	return min(whole*unit+fractionOf(unit, found[2]), MaxSize), nil
}

// fractionOf is 0.digits of the unit. Six digits of a TiB fit 63 bits.
func fractionOf(unit int64, digits string) int64 {
	numerator, _ := strconv.ParseInt("0"+digits, 10, 64) // the grammar has only digits
	return unit * numerator / int64(math.Pow10(len(digits)))
}

// FormatSize is a size in a form that [ParseSize] reads back as the same
// number: in the largest IEC unit that divides it.
func FormatSize(size int64) string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if size > 0 && size%units[unit] == 0 {
			return strconv.FormatInt(size/units[unit], 10) + unit
		}
	}
	return strconv.FormatInt(size, 10) + "B"
}

const (
	day = 24 * time.Hour
	// maxDays is a hundred years.
	maxDays = 36_525
)

var durationGrammar = regexp.MustCompile(`^([1-9][0-9]{0,6})([hdw])$`)

// ParseDuration reads hours, days of 24 hours or weeks: 36h, 90d, 6w. Nothing
// longer than a hundred years.
func ParseDuration(text string) (time.Duration, error) {
	found := durationGrammar.FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("%.40q is not a duration: write hours, days or weeks, such as 36h, 90d or 6w", text)
	}
	count, _ := strconv.ParseInt(found[1], 10, 64) // seven digits at most
	unit := map[string]time.Duration{"h": time.Hour, "d": day, "w": 7 * day}[found[2]]
	if count > int64(maxDays*day/unit) {
		return 0, fmt.Errorf("%.40q is longer than a hundred years", text)
	}
	return time.Duration(count) * unit, nil
}

// FormatDuration is a whole number of hours as [ParseDuration] reads it.
func FormatDuration(d time.Duration) string {
	if d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
}

// maxExpression is the longest RE2 expression, in bytes. RE2 takes time linear
// in the text whatever the expression.
const maxExpression = 1024

// wholeExpression compiles an RE2 expression that must match a whole text: an
// expression of which only a part has to match lets in what nobody meant.
func wholeExpression(text string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(text); err != nil { // alone, so that "a)|(b" cannot leave its group
		return nil, fmt.Errorf("%.80q is not an RE2 expression: %s", text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return regexp.Compile(`^(?:` + text + `)$`)
}
