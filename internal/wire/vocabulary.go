package wire

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// VocabularyLimit is the longest body of a vocabulary, in bytes.
const VocabularyLimit = marking.MaxVocabularySize

// EncodeImpact is the body of what a vocabulary changes.
func EncodeImpact(impact catalog.VocabularyImpact) ([]byte, error) { return encode(impact) }

// DecodeImpact reads what a vocabulary changes. Whatever a platform sends, its
// products and policies have ids and stand in their order, each once.
func DecodeImpact(body []byte) (catalog.VocabularyImpact, error) {
	var impact catalog.VocabularyImpact
	if err := decodeBody(body, &impact, lenient); err != nil {
		return catalog.VocabularyImpact{}, err
	}
	var products, policies []string
	for _, p := range impact.Products {
		products = append(products, p.Product)
	}
	for _, p := range impact.Policies {
		policies = append(policies, p.Policy)
	}
	err := errors.Join(marking.CheckVersion(impact.Version.To), ascending(catalog.KindProduct, products), ascending(catalog.KindCaveatPolicy, policies))
	if err != nil {
		return catalog.VocabularyImpact{}, fmt.Errorf("the impact of %.80q: %w", impact.Version.To, err)
	}
	return impact, nil
}

func ascending(kind catalog.Kind, ids []string) error {
	for i, id := range ids {
		if err := kind.CheckID(id); err != nil {
			return err
		}
		if i > 0 && strings.Compare(ids[i-1], id) >= 0 {
			return fmt.Errorf("%q does not stand after the one before it", id)
		}
	}
	return nil
}

// EncodeHistory is the body of when which vocabulary came into force.
func EncodeHistory(history []catalog.VocabularyChange) ([]byte, error) {
	return encode(page[catalog.VocabularyChange]{Items: append([]catalog.VocabularyChange{}, history...)})
}

// DecodeHistory reads when which vocabulary came into force. Whatever a
// platform sends, every version could be one.
func DecodeHistory(body []byte) ([]catalog.VocabularyChange, error) {
	var p page[catalog.VocabularyChange]
	if err := decodeBody(body, &p, lenient); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(p.Items, func(c catalog.VocabularyChange) bool { return marking.CheckVersion(c.Version) != nil }); i >= 0 {
		return nil, fmt.Errorf("change %d has no version", i)
	}
	return p.Items, nil
}

// DecodeVocabulary reads a vocabulary, and gives its canonical form.
func DecodeVocabulary(version string, body []byte) ([]byte, error) {
	v, err := marking.ReadVocabulary(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if version != "" && v.Version() != version {
		return nil, fmt.Errorf("it is version %q", v.Version())
	}
	return v.Canonical(), nil
}
