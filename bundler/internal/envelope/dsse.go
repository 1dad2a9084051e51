package envelope

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// PayloadType is what the payload is, under every signature: a signature of
// something else by the same key is none of an envelope.
const PayloadType = "application/vnd.datamesh.bundle.v1+json"

// document is a DSSE envelope in its JSON form.
type document struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// PAE is what a DSSE signature signs: the pre-authentication encoding of type
// and payload (DSSE v1.0.2, protocol.md, "Signature Definition").
func PAE(payloadType string, payload []byte) []byte {
	head := "DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(payload)) + " "
	return append([]byte(head), payload...)
}

// SealDocument signs any payload and returns the DSSE envelope: that of a
// bundle is made by [Seal].
func SealDocument(ctx context.Context, payloadType string, payload []byte, signers ...signing.Signer) ([]byte, error) {
	d := document{PayloadType: payloadType, Payload: payload}
	if len(signers) == 0 {
		return nil, errors.New("seal: name at least one signer")
	}
	for _, s := range signers {
		if err := d.sign(ctx, s); err != nil {
			return nil, err
		}
	}
	return d.encode()
}

// OpenDocument returns the payload of a DSSE envelope that the keys signed, of
// this type. The payload is not decoded.
func OpenDocument(raw []byte, payloadType string, keys *signing.KeySet) ([]byte, error) {
	d, err := parse(raw)
	if err != nil {
		return nil, &Refusal{Kind: Malformed, Reason: err.Error()}
	}
	if d.PayloadType != payloadType {
		return nil, &Refusal{Kind: Malformed, Reason: fmt.Sprintf("is of type %.80q, expected %s", d.PayloadType, payloadType)}
	}
	if _, err := d.check(keys); err != nil {
		return nil, &Refusal{Kind: Untrusted, Reason: err.Error()}
	}
	return d.Payload, nil
}

// Seal signs a description of a bundle.
func Seal(ctx context.Context, e *Envelope, signers ...signing.Signer) ([]byte, error) {
	payload, err := e.encode()
	if err != nil {
		return nil, err
	}
	return SealDocument(ctx, PayloadType, payload, signers...)
}

// Open reads an envelope. Nothing of the payload is decoded before the
// threshold of distinct keys has been found to have signed it. The error is a
// *[Refusal].
func Open(raw []byte, keys *signing.KeySet) (*Envelope, error) {
	payload, err := OpenDocument(raw, PayloadType, keys)
	if err != nil {
		return nil, err
	}
	e, err := decode(payload)
	if err != nil {
		return nil, &Refusal{Kind: Malformed, Reason: err.Error()}
	}
	return e, nil
}

// Unverified is what an envelope claims, and the ids of the keys that are said
// to have signed it. Nobody vouches for either: it is to be shown, as such, and
// used for nothing.
func Unverified(raw []byte) (*Envelope, []string, error) {
	d, err := parse(raw)
	if err != nil {
		return nil, nil, &Refusal{Kind: Malformed, Reason: err.Error()}
	}
	e, err := decode(d.Payload)
	if err != nil {
		return nil, nil, &Refusal{Kind: Malformed, Reason: err.Error()}
	}
	ids := make([]string, len(d.Signatures))
	for i, s := range d.Signatures {
		ids[i] = s.KeyID
	}
	return e, ids, nil
}

// Signers are the ids of the keys of the set that signed an envelope, whatever
// else it is signed by; an error when they do not reach the threshold of the
// set. It is how a second officer's signature is asked for.
func Signers(raw []byte, keys *signing.KeySet) ([]string, error) {
	d, err := parse(raw)
	if err != nil {
		return nil, &Refusal{Kind: Malformed, Reason: err.Error()}
	}
	ids, err := d.check(keys)
	if err != nil {
		return nil, &Refusal{Kind: Untrusted, Reason: err.Error()}
	}
	return ids, nil
}

// Countersign adds a signature to an envelope that the keys already signed: the
// payload stays as it is, and nobody signs what was not verified.
func Countersign(ctx context.Context, raw []byte, keys *signing.KeySet, signer signing.Signer) ([]byte, error) {
	if _, err := Open(raw, keys); err != nil {
		return nil, err
	}
	d, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if err := d.sign(ctx, signer); err != nil {
		return nil, err
	}
	return d.encode()
}

func (d *document) sign(ctx context.Context, s signing.Signer) error {
	for _, old := range d.Signatures {
		if old.KeyID == s.KeyID() {
			return fmt.Errorf("seal: key %s signs already: name each key once", s.KeyID())
		}
	}
	sig, err := s.Sign(ctx, PAE(d.PayloadType, d.Payload))
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	d.Signatures = append(d.Signatures, signature{s.KeyID(), sig})
	return nil
}

func (d *document) check(keys *signing.KeySet) ([]string, error) {
	list := make([]signing.Signature, len(d.Signatures))
	for i, s := range d.Signatures {
		list[i] = signing.Signature{KeyID: s.KeyID, Bytes: s.Sig}
	}
	return keys.Check(PAE(d.PayloadType, d.Payload), list)
}

func (d *document) encode() ([]byte, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("print DSSE envelope: %w", err)
	}
	text = append(text, '\n')
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("an envelope of %d bytes, the limit is %d: ask for larger volumes", len(text), MaxBytes)
	}
	return text, nil
}

// parse reads the outer form only. It runs on bytes that nobody has vouched
// for: the text is bounded, read strictly and compared with what encode writes.
func parse(raw []byte) (*document, error) {
	limits := strictjson.Limits{Bytes: MaxBytes, Depth: 3, Values: 5 + 3*signing.MaxSignatures}
	tree, err := strictjson.Parse(string(raw), limits)
	if err != nil {
		return nil, fmt.Errorf("is no DSSE envelope: %w", err)
	}
	d, err := fromTree(tree)
	if err != nil {
		return nil, fmt.Errorf("is no DSSE envelope: %w", err)
	}
	if again, err := d.encode(); err != nil || !bytes.Equal(again, raw) {
		return nil, errors.New("is not in the form that this program writes")
	}
	return d, nil
}

func fromTree(tree *strictjson.Value) (*document, error) {
	payload, err := base64.StdEncoding.Strict().DecodeString(tree.StringAt("payload"))
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	d := &document{PayloadType: tree.StringAt("payloadType"), Payload: payload}
	list := tree.Get("signatures")
	if list == nil || len(list.Items) == 0 || len(list.Items) > signing.MaxSignatures {
		return nil, fmt.Errorf("has no signatures, or more than %d", signing.MaxSignatures)
	}
	for _, item := range list.Items {
		sig, err := base64.StdEncoding.Strict().DecodeString(item.StringAt("sig"))
		if err != nil {
			return nil, fmt.Errorf("signature: %w", err)
		}
		d.Signatures = append(d.Signatures, signature{item.StringAt("keyid"), sig})
	}
	return d, nil
}
