package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	// maxProofHashes is how many a tree of MaxSize entries needs at most; the
	// form itself ends at 63.
	maxProofHashes = 63
	// MaxProof is the longest text of a proof, in bytes.
	MaxProof = MaxCheckpoint + 8<<10
)

// Proof is the evidence that one entry is in the log, to be checked without
// the log (C2SP tlog-proof). It holds nothing of the entry.
type Proof struct {
	Index      int64 // of the entry, from 0
	Hashes     []Hash
	Checkpoint []byte // signed, with its cosignatures
}

// Text is the proof as it is kept in a file, "*.tlog-proof".
func (p Proof) Text() []byte {
	text := fmt.Appendf(nil, "%s\nindex %d\n", proofHeader, p.Index)
	for _, h := range p.Hashes {
		text = fmt.Appendf(text, "%s\n", h)
	}
	return append(append(text, '\n'), p.Checkpoint...)
}

// ParseProof reads the text of a proof, of which nothing is to be believed
// before [Proof.Verify]. A line of extra data is allowed and dropped.
func ParseProof(text []byte) (Proof, error) {
	if len(text) > MaxProof {
		return Proof{}, fmt.Errorf("proof: longer than %d bytes", MaxProof)
	}
	head, checkpoint, ok := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(lines) < 2 || lines[0] != proofHeader {
		return Proof{}, fmt.Errorf("proof: it does not begin with the line %s", proofHeader)
	}
	lines = lines[1:]
	if extra, has := strings.CutPrefix(lines[0], "extra "); has {
		if _, err := base64.StdEncoding.Strict().DecodeString(extra); err != nil || len(lines) < 2 {
			return Proof{}, errors.New("proof: its extra data is not base64, or nothing follows it")
		}
		lines = lines[1:]
	}
	return parseProof(lines[0], lines[1:], checkpoint)
}

func parseProof(number string, hashes []string, checkpoint []byte) (Proof, error) {
	digits, _ := strings.CutPrefix(number, "index ")
	index, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || index < 0 || index >= MaxSize || number != fmt.Sprintf("index %d", index) {
		return Proof{}, fmt.Errorf("proof: the line %.40q is no index", number)
	}
	if len(hashes) > maxProofHashes {
		return Proof{}, fmt.Errorf("proof: it has %d hashes, no tree needs more than %d", len(hashes), maxProofHashes)
	}
	p := Proof{Index: index, Checkpoint: checkpoint}
	for _, line := range hashes {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return Proof{}, fmt.Errorf("proof: the line %.60q is no hash", line)
		}
		p.Hashes = append(p.Hashes, h)
	}
	return p, nil
}

// Verify checks that the log with this key, and enough of the witnesses, have
// signed a tree in which the entry, in its canonical form, has the proof's
// index. ErrTampered, ErrNotCosigned.
func (p Proof) Verify(entry []byte, key PublicKey, witnesses Witnesses) (Checkpoint, []Cosignature, error) {
	c, err := key.Open(p.Checkpoint)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	cosigned, err := witnesses.Satisfied(p.Checkpoint)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	return c, cosigned, CheckInclusion(c, p.Index, entry, p.Hashes)
}
