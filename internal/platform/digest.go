package platform

import (
	"crypto/sha256"
	"encoding/hex"
)

func canonicalDigest(body []byte) (string, error) {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
