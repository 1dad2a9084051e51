package catalog

import (
	"context"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Vocabularies are the marking vocabularies of a mesh, as one caller may use
// them: the one in force, those before it, and what another would change. All
// methods are safe for concurrent use.
//
// Every method may return an *[Error] with code [CodeUnauthenticated],
// [CodeUnavailable] or [CodeInternal] beside those that it lists.
type Vocabularies interface {
	// Vocabulary returns a vocabulary that was ever in force, and the one that
	// is for "". CodeNotFound.
	Vocabulary(ctx context.Context, version string) (VocabularyText, error)
	// VocabularyHistory returns when which was put in force, newest first, at
	// most [MaxLimit]. Who did it is told to administrators only.
	VocabularyHistory(context.Context) ([]VocabularyChange, error)
	// PutVocabulary puts a vocabulary in force, which only administrators may,
	// and returns its revision and what that changes. IfMatch is the revision
	// of the one in force, and is needed. In one transaction every product is
	// judged again, and what changes is recorded. With DryRun nothing changes
	// and there is no revision; that too is for administrators, and everybody
	// else is refused before anything is read. What is in force already changes
	// nothing.
	//
	// CodeInvalid for a text that is no vocabulary, CodeForbidden,
	// CodePreconditionFailed, and CodeConflict when the version is that of
	// another text.
	PutVocabulary(ctx context.Context, text []byte, options WriteOptions) (VocabularyImpact, string, error)
	// DerivationUnder is Derivation by a vocabulary that was ever in force: how
	// it reads today's markings. CodeNotFound.
	DerivationUnder(ctx context.Context, product, version string) (Derivation, error)
}

// VocabularyText is one vocabulary.
type VocabularyText struct {
	// Text is its canonical form, in the format of marking.ReadVocabulary.
	Text []byte
	// Revision is that of the vocabulary in force, "" for any other.
	Revision string
}

// VocabularyChange is one time that a vocabulary was put in force.
type VocabularyChange struct {
	Version string `json:"version"`
	Digest  string `json:"digest"` // sha256:<hex> of the canonical form
	Time    string `json:"time"`   // RFC 3339, UTC
	// By is who did it, for administrators; "" for the first start of a mesh.
	By string `json:"by,omitempty"`
	// InForce is true of the newest one.
	InForce bool `json:"in_force"`
}

// MaxImpact is the most products, and the most policies, that one
// [VocabularyImpact] names.
const MaxImpact = 10_000

// VocabularyImpact is what another vocabulary changes.
type VocabularyImpact struct {
	Version VersionStep `json:"version"`
	// Products are those that change, sorted by id, at most MaxImpact.
	Products []ProductImpact `json:"products"`
	// Policies are the caveat policies that mean something else, sorted by id,
	// at most MaxImpact.
	Policies []PolicyImpact `json:"policies"`
	// Vocabulary lists what the two do not say alike.
	Vocabulary []marking.Difference `json:"vocabulary"`
	// Omitted counts what changes above MaxImpact.
	Omitted int `json:"omitted,omitempty"`
	// Unchanged counts the products that do not change.
	Unchanged int `json:"unchanged"`
}

// VersionStep is from one version to another.
type VersionStep struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// ProductImpact is what changes for one product.
type ProductImpact struct {
	Product          string      `json:"product"` // id
	EffectiveMarking VersionStep `json:"effective_marking"`
	// Read and Display are who loses and who gains: codes of nations and
	// organisations, judged for a member of its government with every
	// clearance and read-in, on every dissemination list, so that nothing but
	// release decides; through all that the product is made from.
	Read    Shift `json:"read"`
	Display Shift `json:"display"`
	// Closed is true when nobody is let in any more, because a marking or a
	// policy of it or of what it is made from says nothing that the vocabulary
	// knows, or is above what the system is accredited for; Opened when that
	// was so and ends.
	Closed bool `json:"closed"`
	Opened bool `json:"opened"`
}

// PolicyImpact is what changes in the meaning of one caveat policy, its codes
// expanded to nations.
type PolicyImpact struct {
	Policy        string `json:"policy"` // id
	ReleasableTo  Shift  `json:"releasable_to"`
	DisplayOnlyTo Shift  `json:"display_only_to"`
	Excluded      Shift  `json:"excluded"`
	// Unknown are its codes that the new vocabulary does not have, sorted.
	Unknown []string `json:"unknown"`
}

// Shift is what a set loses and gains, both sorted and never nil.
type Shift struct {
	Lose []string `json:"lose"`
	Gain []string `json:"gain"`
}

// Empty reports whether nothing changes.
func (s Shift) Empty() bool { return len(s.Lose) == 0 && len(s.Gain) == 0 }

// Widens reports whether anybody may do more than before, or a policy permits
// what it did not: it releases to more or excludes fewer.
func (i VocabularyImpact) Widens() bool {
	for _, p := range i.Products {
		if len(p.Read.Gain) > 0 || len(p.Display.Gain) > 0 || p.Opened {
			return true
		}
	}
	for _, p := range i.Policies {
		if len(p.ReleasableTo.Gain) > 0 || len(p.DisplayOnlyTo.Gain) > 0 || len(p.Excluded.Lose) > 0 {
			return true
		}
	}
	return i.Omitted > 0 // nobody has seen that it does not
}

// Changes reports whether anything changes for any product or policy.
func (i VocabularyImpact) Changes() bool { return len(i.Products) > 0 || len(i.Policies) > 0 }
