package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// VocabularyLimit is the longest body of a vocabulary, in bytes.
const VocabularyLimit = marking.MaxVocabularySize

// EndorsementHeader carries the signed note on a vocabulary that is to come into
// force, in base64 (RFC 4648, section 4), on OpPutVocabulary.
const EndorsementHeader = "Datamesh-Signature"

func (r *Request) setEndorsement(h http.Header) error {
	values := h.Values(EndorsementHeader)
	if r.Op != OpPutVocabulary || len(values) == 0 {
		return nil
	}
	signed, err := base64.StdEncoding.Strict().DecodeString(values[0])
	if len(values) > 1 || err != nil || len(signed) == 0 || len(signed) > catalog.MaxEndorsement {
		return badRequest(fmt.Sprintf("The header %s is not valid: send it once, with the signed note in base64, of at most %d bytes.", EndorsementHeader, catalog.MaxEndorsement))
	}
	r.Write.Endorsement = string(signed)
	return nil
}

func (r Request) writeEndorsement(h http.Header) {
	if r.Write.Endorsement != "" {
		h.Set(EndorsementHeader, base64.StdEncoding.EncodeToString([]byte(r.Write.Endorsement)))
	}
}

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
