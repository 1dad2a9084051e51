package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// HeaderFormat is the format of the volumes that this package lays out.
const HeaderFormat = "datamesh-bundle-volume/1"

// MaxHeader is the longest volume.json, in bytes.
const MaxHeader = 1 << 10

// HeaderName is the name of the first entry of each volume.
const HeaderName = "volume.json"

// Header says what a volume is, for people who find one without the others. No
// decision rests on it: the signed envelope says which volumes belong together.
type Header struct {
	Format string          `json:"format"`
	Bundle string          `json:"bundle"`
	Stream string          `json:"stream"`
	Lock   artifact.Digest `json:"lock"` // of the canonical text of the lock
	Number int             `json:"number"`
	Count  int             `json:"count"`
}

var nameGrammar = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// Encode is the header as JSON on one line.
func (h Header) Encode() []byte {
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings and numbers always print
	}
	return append(text, '\n')
}

// ParseHeader reads what Encode wrote and refuses everything else. The text
// comes from a volume that is not the one it should be: use the header for the
// wording of that message and for nothing else.
func ParseHeader(text []byte) (Header, error) {
	if len(text) > MaxHeader {
		return Header{}, fmt.Errorf("%s is longer than %d bytes", HeaderName, MaxHeader)
	}
	if _, err := strictjson.Parse(string(text), strictjson.Limits{Bytes: MaxHeader, Depth: 1, Values: 16}); err != nil {
		return Header{}, fmt.Errorf("%s: %w", HeaderName, err)
	}
	var h Header
	if err := json.Unmarshal(text, &h); err != nil {
		return Header{}, fmt.Errorf("%s: %w", HeaderName, err)
	}
	if err := h.check(); err != nil {
		return Header{}, fmt.Errorf("%s: %w", HeaderName, err)
	}
	if !bytes.Equal(h.Encode(), text) {
		return Header{}, fmt.Errorf("%s is not in its canonical form", HeaderName)
	}
	return h, nil
}

func (h Header) check() error {
	if h.Format != HeaderFormat {
		return fmt.Errorf("%.80q is not a format that this version reads", h.Format)
	}
	if !nameGrammar.MatchString(h.Bundle) || !nameGrammar.MatchString(h.Stream) {
		return errors.New("names no bundle and stream")
	}
	if _, err := artifact.ParseDigest(string(h.Lock)); err != nil {
		return err
	}
	if h.Number < 1 || h.Number > h.Count || h.Count > MaxVolumes {
		return errors.New("is no number of a volume")
	}
	return nil
}
