package receipt

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rsc.io/qr"
)

// A receipt on paper is one or more QR codes (ISO/IEC 18004). Each holds
//
//	DMR1/INDEX/COUNT/ID:DATA
//
// with INDEX from 1, ID the first 8 hex digits of the text's SHA-256, and DATA a
// part of the text in base32 without padding (RFC 4648, section 6). All of it is
// in the alphanumeric set of QR, upper case: a reader that mangles bytes keeps
// it, and a person can type it.
const (
	partBytes = 350 // of the text in one code, which then has at most 77 modules a side
	maxParts  = (MaxBytes + partBytes - 1) / partBytes
)

// Code is one QR code of a receipt.
type Code struct {
	Text string // what a scanner reads
	code *qr.Code
}

// PNG is the code as an image with its quiet zone.
func (c Code) PNG() []byte { return c.code.PNG() }

// quiet is the margin that scanners need, in modules (ISO/IEC 18004, 6.3.8).
const quiet = 4

// Terminal is the code for a screen, two modules a character, light modules
// drawn: right for light text on dark. With inverse, dark modules are drawn:
// right for dark text on light, and for paper. It holds no escape sequences.
func (c Code) Terminal(inverse bool) string {
	var b strings.Builder
	for y := -quiet; y < c.code.Size+quiet; y += 2 {
		for x := -quiet; x < c.code.Size+quiet; x++ {
			upper, lower := c.code.Black(x, y) == inverse, c.code.Black(x, y+1) == inverse
			if y+1 == c.code.Size+quiet {
				lower = false // below the last row
			}
			b.WriteRune(halves[upper][lower])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var halves = map[bool]map[bool]rune{false: {false: ' ', true: '▄'}, true: {false: '▀', true: '█'}}

var partEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Codes are the QR codes of a signed receipt.
func Codes(text []byte) ([]Code, error) {
	if len(text) == 0 || len(text) > MaxBytes {
		return nil, fmt.Errorf("receipt: %d bytes cannot be made into codes: 1 to %d can", len(text), MaxBytes)
	}
	parts := slices.Collect(slices.Chunk(text, partBytes))
	codes := make([]Code, len(parts))
	for i, part := range parts {
		line := fmt.Sprintf("DMR1/%d/%d/%s:%s", i+1, len(parts), textID(text), partEncoding.EncodeToString(part))
		code, err := qr.Encode(line, qr.M)
		if err != nil {
			return nil, fmt.Errorf("receipt: QR code %d: %w", i+1, err)
		}
		codes[i] = Code{line, code}
	}
	return codes, nil
}

func textID(text []byte) string {
	sum := sha256.Sum256(text)
	return strings.ToUpper(hex.EncodeToString(sum[:4]))
}

var partGrammar = regexp.MustCompile(`^DMR1/([1-9])/([1-9])/([0-9A-F]{8}):([A-Z2-7]{1,600})$`)

// Join puts together what was scanned, in any order, and gives the text for
// [Open]. A code that was scanned twice is no error; one of another receipt is.
// The text is not trusted yet.
func Join(scanned []string) ([]byte, error) {
	var j joiner
	if len(scanned) > 100 {
		return nil, errors.New("receipt: more than 100 codes")
	}
	for i, line := range scanned {
		if err := j.add(strings.TrimSpace(line)); err != nil {
			return nil, fmt.Errorf("receipt: code %d: %w", i+1, err)
		}
	}
	return j.text()
}

type joiner struct {
	count int
	id    string
	parts [maxParts + 1][]byte // by index, from 1
}

func (j *joiner) add(line string) error {
	found := partGrammar.FindStringSubmatch(line)
	if found == nil {
		return fmt.Errorf("%.40q is not a code of a receipt", line)
	}
	index, _ := strconv.Atoi(found[1]) // one digit
	count, _ := strconv.Atoi(found[2])
	part, err := partEncoding.DecodeString(found[4])
	if err != nil || partEncoding.EncodeToString(part) != found[4] || index > count || count > maxParts {
		return errors.New("is damaged: scan it again")
	}
	if j.id != "" && (j.id != found[3] || j.count != count) || j.parts[index] != nil && string(j.parts[index]) != string(part) {
		return errors.New("is of another receipt than the codes before it")
	}
	j.id, j.count, j.parts[index] = found[3], count, part
	return nil
}

func (j *joiner) text() ([]byte, error) {
	var missing []string
	for i := 1; i <= j.count; i++ {
		if j.parts[i] == nil {
			missing = append(missing, strconv.Itoa(i))
		}
	}
	switch text := slices.Concat(j.parts[:]...); {
	case j.count == 0:
		return nil, errors.New("receipt: no codes")
	case len(missing) > 0:
		return nil, fmt.Errorf("receipt: of %d codes these are missing: %s", j.count, strings.Join(missing, ", "))
	case textID(text) != j.id:
		return nil, errors.New("receipt: the codes do not give the text that they were made of: scan them again")
	default:
		return text, nil
	}
}
