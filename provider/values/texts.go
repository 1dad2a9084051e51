package values

import (
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// Names for the two texts that all objects share.
type (
	// Marking is a banner line or portion mark.
	Marking = Text[MarkingEquality]
	// MarkingType is its type.
	MarkingType = TextType[MarkingEquality]
	// Duration is a span of time as in [catalog.Duration].
	Duration = Text[DurationEquality]
	// DurationType is its type.
	DurationType = TextType[DurationEquality]
)

// MarkingEquality holds between markings that state the same controls and
// audience under the vocabulary in force.
type MarkingEquality struct{}

// Equal implements [Equality].
func (MarkingEquality) Equal(a, b string) bool {
	v, err := vocabulary.InForce()
	if err != nil {
		return false // the provider's configuration is refused for it
	}
	first, errA := v.Parse(a)
	second, errB := v.Parse(b)
	return errA == nil && errB == nil && first.Equal(second)
}

// DurationEquality holds between durations of the same length: "60m" and "1h".
type DurationEquality struct{}

// Equal implements [Equality].
func (DurationEquality) Equal(a, b string) bool {
	first, errA := catalog.Duration(a).Parse()
	second, errB := catalog.Duration(b).Parse()
	return errA == nil && errB == nil && first == second
}
