package registryapi

import (
	"strings"
	"unicode"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// anyContext stands for all contexts, where a prefix of subjects is asked for.
const anyContext = ":*:"

// parseSubject reads the name of a subject, which is of the context when it
// says none.
func parseSubject(text, context string) (catalog.Subject, error) {
	s, err := parseScope(text, context)
	if err == nil && s.Name == "" {
		err = refuse(codeInvalidSubject, "The name of a subject is missing.")
	}
	return s, err
}

// parseScope reads what settings belong to: as parseSubject, or ":.context:"
// for a whole context, ":.:" for the whole registry.
func parseScope(text, context string) (catalog.Subject, error) {
	if text == ":.:" {
		return catalog.Subject{}, nil
	}
	s, err := catalog.ParseSubject(text)
	if err != nil {
		return catalog.Subject{}, refuse(codeInvalidSubject, "The subject is not valid: "+err.Error()+".")
	}
	if !strings.HasPrefix(text, ":.") {
		s.Context = context
	}
	if hasDotSegment(s.Name) {
		return catalog.Subject{}, refuse(codeInvalidSubject, "The subject is not valid: between slashes, it may not be empty, . or ..")
	}
	return s, nil
}

// hasDotSegment reports whether a name changes when it is taken for a path.
func hasDotSegment(name string) bool {
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "." || segment == ".." || segment == "" && name != "" {
			return true
		}
	}
	return false
}

// parseContext reads a context in a path: "context", ".context" or
// ":.context:"; "." is the default context. It needs no percent-encoding but
// for the colons.
func parseContext(escaped string) (string, error) {
	text := strings.NewReplacer("%3A", ":", "%3a", ":").Replace(escaped)
	if inner, ok := strings.CutPrefix(text, ":"); ok {
		if text, ok = strings.CutSuffix(inner, ":"); !ok || !strings.HasPrefix(text, ".") {
			return "", refuse(codeInvalidSubject, "The context is not valid: write .context, or :.context: with both colons.")
		}
	}
	text = strings.TrimPrefix(text, ".")
	if text == "" {
		return "", nil
	}
	s, err := catalog.ParseSubject(":." + text + ":")
	if err != nil || s.Name != "" {
		return "", refuse(codeInvalidSubject, "The context is not valid: use 1 to 63 letters, digits, hyphens and underscores.")
	}
	return s.Context, nil
}

// parsePrefix reads what the subjects of a list start with, and the context
// that they are in.
func parsePrefix(text, context string) (in, prefix string, err error) {
	if rest, ok := strings.CutPrefix(text, anyContext); ok {
		return "*", rest, checkPrefix(rest)
	}
	if !strings.HasPrefix(text, ":.") {
		return context, text, checkPrefix(text)
	}
	qualifier, rest, closed := strings.Cut(text[len(":."):], ":")
	if !closed {
		return "", "", refuse(codeInvalidSubject, "The subject prefix is not valid: write :.context: with both colons.")
	}
	in, err = parseContext("." + qualifier)
	if err != nil {
		return "", "", err
	}
	return in, rest, checkPrefix(rest)
}

func checkPrefix(prefix string) error {
	if len(prefix) > catalog.MaxSubject || strings.ContainsFunc(prefix, unprintable) {
		return refuse(codeInvalidSubject, "The subject prefix is no beginning of a subject: it is too long or holds a character that does not print.")
	}
	return nil
}

func unprintable(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsGraphic(r) }

// contextName is a context as clients write it.
func contextName(context string) string { return "." + context }
