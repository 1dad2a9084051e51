package registryapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// The bounds of what an answer says of incompatibilities: how many of them, of
// how many versions, and how many bytes of each old schema, as Confluent's.
const (
	maxDifferences = 100
	maxOldSchemas  = 10
	maxOldSchema   = 10 << 10
)

// compatibleWithAll checks against what the level of the subject looks at.
func (c *call) compatibleWithAll() ([]byte, error) {
	c.version = catalog.AllVersions
	return c.compatibleWithVersion()
}

// compatibleWithVersion checks against one version.
func (c *call) compatibleWithVersion() ([]byte, error) {
	q := c.query()
	verbose := q.flag("verbose")
	if q.err != nil {
		return nil, q.err
	}
	schema, err := c.schema()
	if err != nil {
		return nil, err
	}
	found, err := c.registry.Compatible(c.ctx, c.subject, c.version, schema)
	answer := verdict{Compatible: len(found) == 0}
	switch {
	case err != nil && verbose && hasRule(err, catalog.RuleSchemaText):
		answer = verdict{Messages: []string{failureOf(c.explain(err)).message}}
	case err != nil:
		return nil, err
	case verbose:
		answer.Messages = c.messages(found)
	}
	return encode(answer)
}

// verdict is the answer to a check.
type verdict struct {
	Compatible bool     `json:"is_compatible"`
	Messages   []string `json:"messages,omitzero"` // nil when nobody asked
}

// hasRule reports whether the first problem of a catalogue's error is of the
// rule.
func hasRule(err error, rule string) bool {
	known := (*catalog.Error)(nil)
	return errors.As(err, &known) && len(known.Problems) > 0 && known.Problems[0].Rule == rule
}

// incompatible names the incompatibilities that refused a registration as the
// check of the same schema does, and adds what else the refusal says. Other
// errors are returned as they are, and so is this one when a change in between
// has made the check pass.
func (c *call) incompatible(schema catalog.Registering, err error) error {
	refused := (*catalog.Error)(nil)
	if !hasRule(err, catalog.RuleCompatibility) || !errors.As(err, &refused) {
		return err
	}
	found, unchecked := c.registry.Compatible(c.ctx, c.subject, catalog.AllVersions, schema)
	if unchecked != nil || len(found) == 0 {
		return err
	}
	message := fmt.Sprintf("Schema being registered is incompatible with an earlier schema for subject %q, details: [%s]",
		c.subject, strings.Join(c.messages(found), ", "))
	for _, more := range refused.Problems[min(len(found), len(refused.Problems)):] {
		message += " " + more.String()
	}
	return &failure{status: http.StatusConflict, code: c.IncompatibleCode, message: message, cause: err}
}

// messages says what was found in the lines of Confluent's registry: the
// differences to each old schema, its version and text, and at the end the
// level. The texts are of a subject that the caller may read.
func (c *call) messages(found []catalog.Incompatibility) []string {
	lines := []string{}
	if len(found) == 0 {
		return lines
	}
	old := 0
	for i, difference := range found[:min(maxDifferences, len(found))] {
		lines = append(lines, line(difference))
		if last := i+1 == len(found) || i+1 == maxDifferences; last || found[i+1].Version != difference.Version {
			if old++; old > maxOldSchemas {
				break
			}
			lines = append(lines, c.oldSchema(difference.Version)...)
		}
	}
	return append(lines, fmt.Sprintf("{validateFields: 'false', compatibility: '%s'}", c.level()))
}

// line is one difference.
func line(i catalog.Incompatibility) string {
	return printable(fmt.Sprintf("{errorType:'%s', description:'At path '%s': the old schema has %s, the new schema has %s (%s)', additionalInfo:'%s'}",
		i.Kind, i.Path, orNothing(i.Old), orNothing(i.New), i.Direction, i.Fix))
}

func orNothing(side string) string {
	if side == "" {
		return "nothing"
	}
	return side
}

// oldSchema is the version and the text of what the schema was compared with.
func (c *call) oldSchema(version int) []string {
	lines := []string{fmt.Sprintf("{oldSchemaVersion: %d}", version)}
	old, err := c.registry.Registration(c.ctx, c.subject, version, false)
	if err != nil {
		return lines // it is gone since: the differences say what there is to say
	}
	text := old.Schema.Definition
	if len(text) <= maxOldSchema {
		return append(lines, "{oldSchema: '"+text+"'}")
	}
	return append(lines, "{oldSchema: <truncated> '"+wholeRunes(text[:maxOldSchema])+"...'}")
}

// wholeRunes drops the beginning of a character that a cut has left at the end.
func wholeRunes(text string) string {
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if r, size := utf8.DecodeRuneInString(text[len(text)-i:]); r != utf8.RuneError || size > 1 {
			return text[:len(text)-i+size]
		}
	}
	return text
}

func (c *call) level() catalog.Compatibility {
	settings, err := c.registry.Effective(c.ctx, c.subject)
	if err != nil {
		return "" // a line of an answer that stands without it
	}
	return settings.Compatibility
}

// printable escapes the characters of a schema's own names that do not print.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
