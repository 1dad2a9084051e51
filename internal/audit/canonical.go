package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// Version is the version of the entry format.
const Version = 1

// The limits of canonical JSON.
const (
	// MaxEntry is the longest canonical entry, in bytes: a log in the C2SP
	// tlog-tiles format prefixes each entry with its length in 16 bits.
	MaxEntry = 65_535
	// MaxJSON is the longest text that CanonicalJSON takes, in bytes: an
	// object around the largest schema definition, escaped.
	MaxJSON = 8 << 20
	// MaxValues is the most JSON values in that text.
	MaxValues = 500_000
	// MaxDepth is the deepest nesting of that text.
	MaxDepth = 100
	// MaxInteger is the largest whole number, in either direction: 2^53-1,
	// the last one up to which every double is one whole number only.
	MaxInteger = 1<<53 - 1
)

// ErrTooLong is the error of an entry above MaxEntry. Nothing is cut off: an
// entry that cannot be recorded whole is not recorded, and its act not done.
var ErrTooLong = errors.New("audit entry is too long")

// Canonical is the entry in its canonical form, which is stored and hashed. It
// is an error when the entry does not follow its format, holds text that is
// not valid UTF-8, or is longer than MaxEntry ([ErrTooLong]).
func (e Entry) Canonical() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	canonical := e.print()
	if !utf8.Valid(canonical) { // the bytes of its text are printed as they are
		return nil, errors.New("audit entry: a field is not valid UTF-8")
	}
	if len(canonical) > MaxEntry {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLong, len(canonical), MaxEntry)
	}
	return canonical, nil
}

// ParseEntry reads an entry from its canonical form. Anything else is an
// error: unknown or repeated fields, another layout, an unknown version, a
// decision that is none, a time that is not in UTC.
func ParseEntry(canonical []byte) (Entry, error) {
	if len(canonical) > MaxEntry {
		return Entry{}, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLong, len(canonical), MaxEntry)
	}
	if err := strictjson.CheckText(string(canonical)); err != nil {
		return Entry{}, fmt.Errorf("audit entry: %w", err)
	}
	var e Entry
	if err := json.Unmarshal(canonical, &e); err != nil {
		return Entry{}, fmt.Errorf("audit entry: %w", err)
	}
	again, err := e.Canonical()
	if err != nil {
		return Entry{}, err
	}
	if string(again) != string(canonical) {
		return Entry{}, errors.New("audit entry is not in canonical form: it was not written by this log, or was changed")
	}
	return e, nil
}

// Digest names the bytes of a canonical object: "sha256:" and 64 hexadecimal
// digits in lower case.
func Digest(canonicalObjectJSON []byte) string {
	sum := sha256.Sum256(canonicalObjectJSON)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// CanonicalJSON is the canonical form of any JSON text by RFC 8785. It is an
// error when the text is longer than MaxJSON, holds more than MaxValues values, is nested
// deeper than MaxDepth, repeats a key, is not valid UTF-8, or holds a number that would lose digits:
// a whole number beyond MaxInteger that is printed without exponent.
func CanonicalJSON(raw []byte) ([]byte, error) {
	v, err := strictjson.Parse(string(raw), strictjson.Limits{Bytes: MaxJSON, Depth: MaxDepth, Values: MaxValues})
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	var lossy string
	text := v.Print(func(literal string) string {
		f, _ := strconv.ParseFloat(literal, 64) // Parse has refused what does not fit
		printed := strictjson.ES6(f)
		if math.Abs(f) > MaxInteger && !strings.ContainsAny(printed, ".e") {
			lossy = literal
		}
		return printed
	})
	if lossy != "" {
		return nil, fmt.Errorf("canonical JSON: number %s is beyond 2^53-1 and would lose digits: write it as a string", lossy)
	}
	return []byte(text), nil
}

// isDigest reports whether the text is what [Digest] returns.
func isDigest(text string) bool {
	digits, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(digits) == 2*sha256.Size && strings.Trim(digits, "0123456789abcdef") == ""
}

// check holds an entry to its format, so that what is written can be read.
func (e Entry) check() error {
	if e.V != Version {
		return fmt.Errorf("audit entry: v is %d, this program knows version %d only", e.V, Version)
	}
	if _, err := time.Parse(time.RFC3339Nano, e.Time); err != nil || !strings.HasSuffix(e.Time, "Z") {
		return fmt.Errorf("audit entry: time %q is not RFC 3339 in UTC, such as 2026-01-31T12:00:00Z", e.Time)
	}
	if e.Event == "" || e.Action == "" {
		return errors.New("audit entry: event and action must say what was done")
	}
	if e.Decision != Permit && e.Decision != Deny {
		return fmt.Errorf("audit entry: decision %q is neither %q nor %q", e.Decision, Permit, Deny)
	}
	for _, digest := range []string{e.Before, e.After, e.SubjectAttributes} {
		if digest != "" && !isDigest(digest) {
			return fmt.Errorf("audit entry: %q is no digest: use Digest", digest)
		}
	}
	return e.Delivery.check()
}

func (d *Delivery) check() error {
	if d == nil {
		return nil
	}
	for _, n := range []int64{d.Bytes, d.Records, d.Withheld} {
		if n < 0 || n > MaxInteger {
			return fmt.Errorf("audit entry: a delivery counts %d, outside 0 to 2^53-1", n)
		}
	}
	if d.Outcome == "" {
		return errors.New("audit entry: a delivery must say how it ended")
	}
	return nil
}
