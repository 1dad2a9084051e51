package marking

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxLabelSize is the largest JSON of labels that is read, in bytes.
const MaxLabelSize = 256 << 10

// CategoryType says how the values of a label's category combine (ADatP-4774).
type CategoryType string

// The category types.
const (
	Restrictive CategoryType = "RESTRICTIVE" // every value must be held
	Permissive  CategoryType = "PERMISSIVE"  // any one value lets in
	Informative CategoryType = "INFORMATIVE" // decides nothing
)

// Category is one tag set of a label.
type Category struct {
	Type    CategoryType `json:"type"`
	TagName string       `json:"tagName"`
	Values  []string     `json:"values"`
}

// Label is an ADatP-4774 confidentiality label as far as it decides access.
type Label struct {
	PolicyIdentifier string     `json:"policyIdentifier"`
	Classification   string     `json:"classification"`
	Categories       []Category `json:"categories"`
}

// LabelClearance is what a holder may see under one policy: the
// classifications, and the values held of each tag set.
type LabelClearance struct {
	PolicyIdentifier string              `json:"policyIdentifier"`
	Classifications  []string            `json:"classifications"`
	Categories       map[string][]string `json:"categories"`
}

// labelLevels are the classifications that policies modelled on NATO's use,
// lowest first.
var labelLevels = []string{"UNMARKED", "UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET", "TOP SECRET"}

// labelLevel is the place of a classification; COSMIC and NATO may precede it.
func labelLevel(name string) (int, bool) {
	if name == "COSMIC TOP SECRET" {
		name = "TOP SECRET"
	}
	i := slices.Index(labelLevels, strings.TrimPrefix(name, "NATO "))
	return i, i >= 0
}

// ErrEmptyAudience says that labels permit no common audience. Dropping the
// category, as the profile's text has it, would open the data to everybody at
// the level, so no label is made: the owner must decide.
var ErrEmptyAudience = errors.New("the labels permit no common audience")

// ReadLabel reads one label from JSON, at most [MaxLabelSize] bytes. Unknown
// fields and duplicate keys are refused, and so is a label that is not valid.
func ReadLabel(data []byte) (Label, error) {
	var l Label
	if err := decodeStrict(data, MaxLabelSize, &l); err != nil {
		return Label{}, fmt.Errorf("marking: label: %w", err)
	}
	if err := l.validate(); err != nil {
		return Label{}, fmt.Errorf("marking: label: %w", err)
	}
	return l, nil
}

// ReadLabelClearance reads what a holder may see from JSON, at most
// [MaxLabelSize] bytes. Unknown fields and duplicate keys are refused.
func ReadLabelClearance(data []byte) (LabelClearance, error) {
	var c LabelClearance
	if err := decodeStrict(data, MaxLabelSize, &c); err != nil {
		return LabelClearance{}, fmt.Errorf("marking: clearance: %w", err)
	}
	return c, nil
}

func (l *Label) validate() error {
	if l.PolicyIdentifier == "" {
		return errors.New("policyIdentifier is missing: name the policy, such as NATO")
	}
	if _, ok := labelLevel(l.Classification); !ok {
		return fmt.Errorf("classification %q is unknown: write one of %s", l.Classification, strings.Join(labelLevels, ", "))
	}
	seen := map[string]bool{}
	for _, c := range l.Categories {
		if c.Type != Restrictive && c.Type != Permissive && c.Type != Informative {
			return fmt.Errorf("category %q has the type %q: write RESTRICTIVE, PERMISSIVE or INFORMATIVE", c.TagName, c.Type)
		}
		if c.TagName == "" || seen[c.TagName] {
			return fmt.Errorf("category %q is unnamed or stated twice: state each tag set once", c.TagName)
		}
		seen[c.TagName] = true
		if slices.Contains(c.Values, "") {
			return fmt.Errorf("category %q has an empty value: leave it out", c.TagName)
		}
		if c.Type == Permissive && len(c.Values) == 0 {
			return fmt.Errorf("category %q lets nobody in: name who may see the data", c.TagName)
		}
	}
	return nil
}

// DominantLabel is the label of what contains all the labelled parts
// (ADatP-4774.1, 4.4): the highest classification, the union of restrictive and
// informative values, the intersection of permissive ones. A permissive
// category that only some parts carry stays as they have it, since the others
// permit everybody. The error wraps [ErrEmptyAudience] when an intersection is
// empty; labels of several policies have no dominant label.
func DominantLabel(labels ...Label) (Label, error) {
	if len(labels) == 0 {
		return Label{}, errors.New("no label is given")
	}
	out := Label{PolicyIdentifier: labels[0].PolicyIdentifier, Categories: []Category{}}
	for i := range labels {
		if err := labels[i].validate(); err != nil {
			return Label{}, err
		}
		if err := out.dominate(&labels[i]); err != nil {
			return Label{}, err
		}
	}
	slices.SortFunc(out.Categories, func(a, b Category) int { return strings.Compare(a.TagName, b.TagName) })
	return out, nil
}

func (l *Label) dominate(o *Label) error {
	if o.PolicyIdentifier != l.PolicyIdentifier {
		return fmt.Errorf("labels of the policies %q and %q: translate them to one policy first", l.PolicyIdentifier, o.PolicyIdentifier)
	}
	mine, _ := labelLevel(l.Classification)
	theirs, _ := labelLevel(o.Classification)
	if l.Classification == "" || theirs > mine {
		l.Classification = o.Classification
	}
	for _, c := range o.Categories {
		if err := l.combine(c); err != nil {
			return err
		}
	}
	return nil
}

func (l *Label) combine(c Category) error {
	values := sorted(c.Values)
	i := slices.IndexFunc(l.Categories, func(have Category) bool { return have.TagName == c.TagName })
	if i < 0 {
		l.Categories = append(l.Categories, Category{Type: c.Type, TagName: c.TagName, Values: values})
		return nil
	}
	have := &l.Categories[i]
	if have.Type != c.Type {
		return fmt.Errorf("category %q is %s in one label and %s in another", c.TagName, have.Type, c.Type)
	}
	if c.Type != Permissive {
		have.Values = union(have.Values, values)
		return nil
	}
	have.Values = intersection(have.Values, values)
	if len(have.Values) == 0 {
		return fmt.Errorf("category %q: %w: ask the owner for a release decision", c.TagName, ErrEmptyAudience)
	}
	return nil
}

// Permits is the access control decision function (X.841, SDN.801c): the
// policy and classification match, every restrictive value is held, and of
// every permissive category at least one value is. A label that is not valid
// lets nobody in.
func (c *LabelClearance) Permits(l *Label) bool {
	if l.validate() != nil || c.PolicyIdentifier != l.PolicyIdentifier || !slices.Contains(c.Classifications, l.Classification) {
		return false
	}
	for _, category := range l.Categories {
		held := c.Categories[category.TagName]
		missing := func(v string) bool { return !slices.Contains(held, v) }
		switch category.Type {
		case Restrictive:
			if slices.ContainsFunc(category.Values, missing) {
				return false
			}
		case Permissive:
			if !slices.ContainsFunc(category.Values, func(v string) bool { return !missing(v) }) {
				return false
			}
		}
	}
	return true
}
