package trust

import (
	"crypto/x509/pkix"
	"fmt"
	"strings"
)

// distinguishedName is a set of attributes that a subject must have; nil: any
// subject will do.
type distinguishedName map[string]string

// attributeOIDs are the attributes that a trusted identity may name, by their
// names in RFC 4514, section 3 and what the Notary Project adds.
var attributeOIDs = map[string]string{
	"C": "2.5.4.6", "ST": "2.5.4.8", "S": "2.5.4.8", "L": "2.5.4.7", "STREET": "2.5.4.9",
	"O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3", "SERIALNUMBER": "2.5.4.5", "POSTALCODE": "2.5.4.17",
}

const identityPrefix = "x509.subject:"

// parseIdentity reads a trusted identity of the Notary Project
// (specifications, trust-store-trust-policy.md): "*", or "x509.subject:" and a
// distinguished name of RFC 4514. Multi-valued and hex-encoded parts are
// refused, and so is an attribute that stands there twice.
func parseIdentity(text string) (distinguishedName, error) {
	if text == "*" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(text, identityPrefix)
	if !ok || strings.TrimSpace(rest) == "" {
		return nil, fmt.Errorf("identity %s: write %s and a name, such as %s C=GB, O=Example", printable(text), identityPrefix, identityPrefix)
	}
	name := distinguishedName{}
	for rest != "" {
		var err error
		if rest, err = name.parseAttribute(rest); err != nil {
			return nil, fmt.Errorf("identity %s: %w", printable(text), err)
		}
	}
	return name, nil
}

// parseAttribute reads one attribute and the comma behind it.
func (d distinguishedName) parseAttribute(text string) (rest string, err error) {
	key, value, ok := strings.Cut(text, "=")
	oid, known := attributeOIDs[strings.ToUpper(strings.TrimSpace(key))]
	if !ok || !known {
		return "", fmt.Errorf("%s is no attribute that can be compared", printable(key))
	}
	value, rest, err = parseValue(strings.TrimLeft(value, " "))
	if err != nil {
		return "", err
	}
	if _, twice := d[oid]; twice || value == "" {
		return "", fmt.Errorf("%s is empty or stands there twice", printable(strings.TrimSpace(key)))
	}
	d[oid] = value
	return rest, nil
}

// parseValue reads up to the next comma that is not escaped.
func parseValue(text string) (value, rest string, err error) {
	if strings.HasPrefix(text, "#") {
		return "", "", fmt.Errorf("hex-encoded values are not taken")
	}
	var b strings.Builder
	kept := 0 // length up to the last character that is not an unescaped space
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; ch {
		case ',':
			if i+1 == len(text) {
				return "", "", fmt.Errorf("ends with a comma")
			}
			return b.String()[:kept], text[i+1:], nil
		case '+', ';', '"', '<', '>', 0:
			return "", "", fmt.Errorf("has %q in a value: escape it with \\", ch)
		case '\\':
			if i++; i == len(text) || !strings.ContainsRune(` "#+,;<=>\`, rune(text[i])) {
				return "", "", fmt.Errorf("has an escape that means nothing")
			}
			b.WriteByte(text[i])
			kept = b.Len()
		default:
			b.WriteByte(ch)
			if ch != ' ' {
				kept = b.Len()
			}
		}
	}
	return b.String()[:kept], "", nil
}

// matches reports whether the subject has every attribute of the name, with
// exactly its value. An attribute that the subject has twice is ambiguous and
// matches nothing.
func (d distinguishedName) matches(subject pkix.Name) bool {
	have := map[string][]string{}
	for _, a := range subject.Names {
		value, ok := a.Value.(string)
		if !ok {
			value = "\x00" // matches nothing
		}
		have[a.Type.String()] = append(have[a.Type.String()], value)
	}
	for oid, want := range d {
		if got := have[oid]; len(got) != 1 || got[0] != want {
			return false
		}
	}
	return true
}
