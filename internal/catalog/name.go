package catalog

import (
	"fmt"
	"regexp"
	"strings"
)

// MaxName is the longest name of an object, in bytes.
const MaxName = 63

var nameGrammar = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// CheckName says what is wrong with a name; nil when nothing is. A name is 1
// to [MaxName] bytes of lower-case ASCII letters, digits and single hyphens,
// starts with a letter and does not end with a hyphen. Nothing outside ASCII
// can be in it, so no two names look alike and none needs escaping in a URL.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a name is missing")
	case len(name) > MaxName:
		return fmt.Errorf("a name has at most %d characters, this one has %d", MaxName, len(name))
	case !nameGrammar.MatchString(name):
		return fmt.Errorf("%q is not a name: use lower-case letters a-z, digits and single hyphens, start with a letter and do not end with a hyphen", name)
	}
	return nil
}

// CheckID says what is wrong with the id of an object of the kind; nil when
// nothing is.
func (k Kind) CheckID(id string) error {
	if !k.Owned() {
		return CheckName(id)
	}
	domain, name, ok := strings.Cut(id, "/")
	if !ok {
		return fmt.Errorf("%q is not the id of a %s: write domain/name", id, k.Noun())
	}
	if err := CheckName(domain); err != nil {
		return fmt.Errorf("domain part: %w", err)
	}
	return CheckName(name)
}
