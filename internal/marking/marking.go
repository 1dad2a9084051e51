// Package marking is the algebra of security markings: parse, validate,
// render, roll up, decide access. It has no I/O beyond reading a vocabulary
// and needs the standard library only.
//
// A [Vocabulary] is the dated list of levels, control systems, nations and
// tetragraphs that everything is judged against; [Default] is the embedded one.
// A [Marking] is one valid marking under a vocabulary, immutable, its zero
// value "no marking at all".
package marking

import (
	"errors"
	"io"
)

// Vocabulary is an immutable, versioned set of permitted tokens. Safe for
// concurrent use.
type Vocabulary struct{ version string }

// Default is the vocabulary embedded in the program.
func Default() *Vocabulary { return &Vocabulary{version: "skeleton"} }

// ReadVocabulary reads an operator's vocabulary file.
func ReadVocabulary(io.Reader) (*Vocabulary, error) { return nil, errSkeleton }

// Version names the vocabulary in every result and record.
func (v *Vocabulary) Version() string { return v.version }

// Marking is one valid marking.
type Marking struct {
	banner string
}

// Parse reads a banner line, or a portion mark when the text is in
// parentheses. The error is an *[InvalidError].
func (v *Vocabulary) Parse(text string) (Marking, error) { return Marking{banner: text}, nil }

// FromISM validates a marking given by its ISM.XML attributes. The error is an
// *[InvalidError].
func (v *Vocabulary) FromISM(ISM) (Marking, error) { return Marking{}, errSkeleton }

// Rollup is the marking of what is derived from all of these: their join. With
// no argument it is uncaveated UNCLASSIFIED, the identity.
func (v *Vocabulary) Rollup(markings ...Marking) Marking {
	if len(markings) == 0 {
		return Marking{banner: "UNCLASSIFIED"}
	}
	return markings[0]
}

// Dominates reports whether a is at least as strict as b on every axis: the
// roll-up of both is a.
func (v *Vocabulary) Dominates(a, b Marking) bool { return true }

// Audience is who a marking releases data to.
type Audience struct {
	// Release lists the nations that may hold the data and Display those
	// that may only see them, as sorted GENC trigraphs with tetragraphs
	// expanded. A tetragraph that the vocabulary keeps opaque stands for
	// itself. Everybody is true when nothing restricts release
	// (uncaveated UNCLASSIFIED); the lists are then empty.
	Release, Display []string
	Everybody        bool
}

// Audience is the marking's audience.
func (v *Vocabulary) Audience(Marking) Audience { return Audience{} }

// Nations expands codes (trigraphs, tetragraphs) to sorted trigraphs; an
// opaque tetragraph stands for itself. The error names an unknown code.
func (v *Vocabulary) Nations(codes []string) ([]string, error) { return codes, nil }

// Gains lists the nations that may hold or see data marked after but not data
// marked before, sorted; "everybody" alone when release becomes unrestricted.
func (v *Vocabulary) Gains(before, after Marking) []string { return nil }

// Access decides whether the subject may do what the request asks with data
// so marked. It fails closed and allocates nothing.
func (v *Vocabulary) Access(m Marking, s *Subject, r Request) Decision { return Decision{} }

// IsZero reports whether there is no marking.
func (m Marking) IsZero() bool { return m.banner == "" }

// Equal reports whether both state the same controls and the same audience.
func (m Marking) Equal(o Marking) bool { return m.banner == o.banner }

// Banner is the canonical banner line.
func (m Marking) Banner() string { return m.banner }

// Portion is the canonical portion mark, parentheses included.
func (m Marking) Portion() string { return m.banner }

// ISM is the marking by ISM.XML attribute names.
func (m Marking) ISM() ISM { return ISM{} }

// ISM is a marking by ISM.XML attribute names, for JSON.
type ISM struct{}

// Action is what a subject wants to do.
type Action string

// The actions.
const (
	ActionRead     Action = "read"
	ActionDisplay  Action = "display"
	ActionDownload Action = "download"
)

// Subject is what a verified token says of a person or service.
type Subject struct {
	Clearance            string   `json:"clearance"`
	CountryOfAffiliation []string `json:"countryOfAffiliation"`
	FineAccessControls   []string `json:"fineAccessControls"`
	DutyOrganization     string   `json:"dutyOrganization"`
	EmploymentType       string   `json:"employmentType"`
}

// Request is what is asked.
type Request struct {
	Action            Action
	DisseminationList []string // organisations that may see ORCON data
}

// Decision is the answer: permitted, or denied with a code.
type Decision struct {
	Permit      bool
	Code        string   // deny code, "" when permitted
	Obligations []string // what a permitted subject must not do
}

// InvalidError lists everything that is wrong with a marking.
type InvalidError struct {
	Text     string
	Problems []Problem
}

func (e *InvalidError) Error() string { return e.Text }

// Problem is one broken rule.
type Problem struct {
	Rule     string // such as "ISM-ID-00319"
	Token    string // the token at fault
	Position int    // byte offset of the token in the text, -1 when there is no text
	Reason   string // what is wrong
	Instead  string // what to write
}

var errSkeleton = errors.New("marking: being written")
