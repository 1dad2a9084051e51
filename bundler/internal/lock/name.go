package lock

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// The limits of names, in bytes.
const (
	MaxBundleName = 64
	MaxFileName   = 200
	MaxURL        = 2048
	MaxText       = 4096 // of a marking, a reason or a signer
)

// FilePrefix starts the name of a file's item.
const FilePrefix = "files/"

// Checksum is the [Verdict.Trusted] of a file that is known by its digest alone.
const Checksum = "checksum"

var (
	bundleNameGrammar = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// A segment starts with a letter, a digit or an underscore, so that none is
	// hidden, an option, "." or "..", and does not end in a dot, which Windows
	// drops.
	fileNameGrammar = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._+-]*[A-Za-z0-9_+-])?(/[A-Za-z0-9_]([A-Za-z0-9._+-]*[A-Za-z0-9_+-])?)*$`)
	// deviceNames open a device on Windows, with any extension (CVE-2026-39822).
	deviceNames = regexp.MustCompile(`(?i)(^|/)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.[^/]*)?(/|$)`)
	// mediaTypeGrammar is RFC 6838, section 4.2.
	mediaTypeGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$`)
)

// CheckBundleName says what is wrong with the name of a bundle or stream; nil
// when nothing is. Names of the bundle's files start with it.
func CheckBundleName(name string) error {
	if len(name) > MaxBundleName || !bundleNameGrammar.MatchString(name) || deviceNames.MatchString(name) {
		return fmt.Errorf("%.80q is not a name: a lower-case letter, then letters, digits and hyphens, %d at most", name, MaxBundleName)
	}
	return nil
}

// CheckFileName says what is wrong with the name of a file; nil when nothing
// is. It may have folders, and is safe as a path on every system
// (CVE-2026-40090).
func CheckFileName(name string) error {
	if len(name) > MaxFileName || !fileNameGrammar.MatchString(name) {
		return fmt.Errorf("%.80q is not a name of a file: letters, digits and . _ + - between slashes, no part that starts with one of . + - or ends with a dot, %d bytes at most", name, MaxFileName)
	}
	if deviceNames.MatchString(name) {
		return fmt.Errorf("%.80q names a device on Windows: give it another name", name)
	}
	return nil
}

// CheckMediaType says what is wrong with a media type; nil when nothing is.
func CheckMediaType(text string) error {
	if !mediaTypeGrammar.MatchString(text) {
		return fmt.Errorf("%.130q is not a media type: write type/subtype (RFC 6838)", text)
	}
	return nil
}

// checkSource wants an http or https URL without what may be a secret.
func checkSource(text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > MaxURL || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.User != nil || strings.ContainsAny(text, "?#") {
		return fmt.Errorf("%.120q is not a URL without user, query and fragment", text)
	}
	return nil
}
