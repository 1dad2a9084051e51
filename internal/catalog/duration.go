package catalog

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time as people write it in a service level: whole
// numbers with the units w, d, h, m and s, largest first, such as "15m",
// "30d" or "1h30m". A day is 24 hours. "60m" and "1h" are the same duration;
// the canonical text uses the largest unit that divides it.
type Duration string

// MaxDuration is the longest span that a service level may name: ten years.
const MaxDuration = 3650 * 24 * time.Hour

var durationGrammar = regexp.MustCompile(`^(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$`)

var durationUnits = []struct {
	suffix string
	length time.Duration
}{
	{"w", 7 * 24 * time.Hour},
	{"d", 24 * time.Hour},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
}

// Parse returns the span. It is an error when the text does not follow the
// grammar, or the span is zero or above [MaxDuration].
func (d Duration) Parse() (time.Duration, error) {
	parts := durationGrammar.FindStringSubmatch(string(d))
	if d == "" || parts == nil {
		return 0, fmt.Errorf("%q is not a duration: write whole numbers with w, d, h, m, s, largest first, such as 15m or 30d", string(d))
	}
	var total time.Duration
	for i, unit := range durationUnits {
		n, _ := strconv.ParseInt("0"+parts[i+1], 10, 64) // nine digits at most: cannot fail
		if n > int64(MaxDuration/unit.length) {
			return 0, fmt.Errorf("%q is longer than ten years", string(d))
		}
		total += time.Duration(n) * unit.length
	}
	if total <= 0 || total > MaxDuration {
		return 0, fmt.Errorf("%q is out of bounds: above zero and at most ten years", string(d))
	}
	return total, nil
}

// Canonical is the shortest text of the same span, with days as the largest
// unit; d itself when it does not parse.
func (d Duration) Canonical() Duration {
	span, err := d.Parse()
	if err != nil {
		return d
	}
	var b strings.Builder
	for _, unit := range durationUnits[1:] {
		if n := span / unit.length; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.suffix)
			span -= n * unit.length
		}
	}
	return Duration(b.String())
}
