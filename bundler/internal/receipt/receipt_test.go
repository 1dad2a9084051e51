package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
)

func signer(t testing.TB, kind signing.Kind) (signing.Signer, *signing.KeySet) {
	t.Helper()
	key, err := signing.Generate(kind)
	if err != nil {
		t.Fatal(err)
	}
	s, err := signing.New(key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signing.NewKeySet(1, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return s, keys
}

func digestOf(n int) artifact.Digest {
	return artifact.DigestOf(sha256.Sum256(fmt.Append(nil, n)))
}

func many(n int) Digests {
	list := make([]artifact.Digest, n)
	for i := range list {
		list[i] = digestOf(i)
	}
	return NewDigests(list)
}

func example(t testing.TB) *Receipt {
	t.Helper()
	held, err := many(1234).Held()
	if err != nil {
		t.Fatal(err)
	}
	return &Receipt{
		Stream: "ops", Sequence: 12, Bundle: digestOf(-1), Site: "enclave-7", Time: time.Date(2026, 11, 25, 19, 0, 0, 0, time.UTC),
		Loaded: 40, Present: 12, Held: held,
	}
}

func signed(t testing.TB, r *Receipt, signers ...signing.Signer) []byte {
	t.Helper()
	text, err := Sign(t.Context(), r, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSignAndOpen(t *testing.T) {
	t.Parallel()
	for _, kind := range []signing.Kind{signing.Ed25519, signing.ECDSAP256, signing.ECDSAP384} {
		s, keys := signer(t, kind)
		second, _ := signer(t, signing.Ed25519)
		text := signed(t, example(t), s, second)
		if len(text) > 900 {
			t.Errorf("%s: %d bytes", kind, len(text))
		}
		r, err := Open(text, keys)
		if err != nil || *r != *example(t) {
			t.Errorf("%s: reads back as %+v, %v\n%s", kind, r, err, text)
		}
	}
}

// TestEveryByteOfAReceiptIsSigned: whichever byte changes, the receipt is
// refused. What changes nothing but somebody else's signature may pass.
func TestEveryByteOfAReceiptIsSigned(t *testing.T) {
	t.Parallel()
	s, keys := signer(t, signing.Ed25519)
	text := signed(t, example(t), s)
	for i := range text {
		for _, mask := range []byte{1, 0x20, 0x80} {
			edited := bytes.Clone(text)
			edited[i] ^= mask
			if r, err := Open(edited, keys); err == nil {
				t.Fatalf("byte %d (%q) as %q is read as %+v", i, text[i], edited[i], r)
			}
		}
	}
	body, _, _ := bytes.Cut(text, []byte("signature:"))
	for _, edited := range [][]byte{
		nil, body, text[:len(text)-1], append(bytes.Clone(text), '\n'), append(bytes.Clone(text), "more\n"...),
		append(bytes.Clone(text), make([]byte, MaxBytes)...), append([]byte("\n"), text...), bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
		append(bytes.Clone(text), text...),
	} {
		if _, err := Open(edited, keys); err == nil {
			t.Errorf("%.60q… is read", edited)
		}
	}
}

// TestASignedTextThatIsNoReceipt: the far side's key signs other things too, and
// may be in the hands of software with other ideas.
func TestASignedTextThatIsNoReceipt(t *testing.T) {
	t.Parallel()
	s, keys := signer(t, signing.Ed25519)
	body := string(example(t).body())
	for name, edited := range map[string]string{
		"another format":      strings.Replace(body, Format, "datamesh-bundle-receipt/2", 1),
		"fields exchanged":    strings.Replace(body, "stream: ops\nsequence: 12\n", "sequence: 12\nstream: ops\n", 1),
		"a field twice":       strings.Replace(body, "stream: ops\n", "stream: ops\nstream: ops\n", 1),
		"a field more":        strings.Replace(body, "\n\n", "\nnote: x\n\n", 1),
		"a field less":        strings.Replace(body, "failed: 0\n", "", 1),
		"another name":        strings.Replace(body, "stream:", "Stream:", 1),
		"a number padded":     strings.Replace(body, "sequence: 12", "sequence: 012", 1),
		"a number with sign":  strings.Replace(body, "sequence: 12", "sequence: +12", 1),
		"sequence zero":       strings.Replace(body, "sequence: 12", "sequence: 0", 1),
		"a negative count":    strings.Replace(body, "failed: 0", "failed: -1", 1),
		"a count beyond":      strings.Replace(body, "held: 1234", "held: 99999999999999999999", 1),
		"another zone":        strings.Replace(body, "19:00:00Z", "20:00:00+01:00", 1),
		"a fraction":          strings.Replace(body, "19:00:00Z", "19:00:00.5Z", 1),
		"a site with escapes": strings.Replace(body, "enclave-7", "enclave\x1b[2J", 1),
		"upper-case digest":   strings.Replace(body, "bundle: sha256:", "bundle: SHA256:", 1),
	} {
		if edited == body {
			t.Errorf("%s: nothing was edited", name)
		}
		signature, err := s.Sign(t.Context(), []byte(edited))
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%ssignature: %s %s\n", edited, s.KeyID(), encode(signature))
		if r, err := Open([]byte(text), keys); err == nil {
			t.Errorf("%s: is read as %+v", name, r)
		} else if strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%s: the error reaches the terminal raw: %q", name, err)
		}
	}
}

func TestReceiptsOfStrangersAreRefused(t *testing.T) {
	t.Parallel()
	s, keys := signer(t, signing.Ed25519)
	stranger, _ := signer(t, signing.Ed25519)
	if r, err := Open(signed(t, example(t), stranger), keys); err == nil {
		t.Errorf("is read as %+v", r)
	}
	// A signature that claims the trusted key but is the stranger's.
	text := strings.Replace(string(signed(t, example(t), stranger)), stranger.KeyID(), s.KeyID(), 1)
	if r, err := Open([]byte(text), keys); err == nil {
		t.Errorf("is read as %+v", r)
	}
}

func TestSignRefusesWhatOpenWould(t *testing.T) {
	t.Parallel()
	s, _ := signer(t, signing.Ed25519)
	for name, spoil := range map[string]func(*Receipt){
		"stream": func(r *Receipt) { r.Stream = "Ops" },
		"site":   func(r *Receipt) { r.Site = "a\nfailed: 0" },
		"time":   func(r *Receipt) { r.Time = r.Time.Add(time.Millisecond) },
		"zone":   func(r *Receipt) { r.Time = r.Time.In(time.FixedZone("x", 3600)) },
		"digest": func(r *Receipt) { r.Bundle = "sha256:x" },
		"root":   func(r *Receipt) { r.Held.Root = "" },
		"count":  func(r *Receipt) { r.Loaded = -1 },
	} {
		r := example(t)
		spoil(r)
		if text, err := Sign(t.Context(), r, s); err == nil {
			t.Errorf("%s: is written:\n%s", name, text)
		}
	}
	if _, err := Sign(t.Context(), example(t)); err == nil {
		t.Error("a receipt without a signer is written")
	}
}

// TestRoot compares with another implementation of RFC 9162, and with the root
// that the empty and the one-element set have by definition.
func TestRoot(t *testing.T) {
	t.Parallel()
	if held, _ := (Digests{}).Held(); held.Root != artifact.DigestOf(sha256.Sum256(nil)) || held.Count != 0 {
		t.Errorf("nothing has %+v", held)
	}
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 100, 1023, 1025} {
		held, err := many(n).Held()
		if err != nil {
			t.Fatal(err)
		}
		if want := artifact.DigestOf(oracle(t, many(n))); held.Root != want || held.Count != n {
			t.Errorf("%d digests have %+v, want %s", n, held, want)
		}
	}
}

func oracle(t *testing.T, list Digests) tlog.Hash {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for i, digest := range list {
		raw := make([]byte, 32)
		if _, err := fmt.Sscanf(digest.Hex(), "%x", &raw); err != nil {
			t.Fatal(err)
		}
		hashes, err := tlog.StoredHashes(int64(i), raw, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(int64(len(list)), reader)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestTheListBelongsToTheReceipt: a digest more, and the next bundle would leave
// out what is not there.
func TestTheListBelongsToTheReceipt(t *testing.T) {
	t.Parallel()
	list := many(100)
	held, err := list.Held()
	if err != nil {
		t.Fatal(err)
	}
	text := list.Encode()
	again, err := ReadHeld(bytes.NewReader(text), held)
	if err != nil || !slices.Equal(again, list) || !again.Contains(digestOf(5)) || again.Contains(digestOf(500)) {
		t.Errorf("reads back as %d digests, %v", len(again), err)
	}
	const line = lineLength
	for name, edited := range map[string][]byte{
		"one more":         append(bytes.Clone(text), "sha256:"+strings.Repeat("f", 64)+"\n"...),
		"one less":         text[line:],
		"one twice":        append(bytes.Clone(text[:line]), text...),
		"two exchanged":    slices.Concat(text[line:2*line], text[:line], text[2*line:]),
		"cut":              text[:len(text)-1],
		"a blank line":     append(bytes.Clone(text), '\n'),
		"carriage returns": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
		"upper case":       bytes.ToUpper(text),
		"nothing":          nil,
	} {
		if got, err := ReadHeld(bytes.NewReader(edited), held); err == nil {
			t.Errorf("%s: is read as %d digests", name, len(got))
		}
		_, err := ReadDigests(bytes.NewReader(edited)) // without a receipt to compare with
		if alone := map[string]bool{"one more": true, "one less": true, "nothing": true}; (err == nil) != alone[name] {
			t.Errorf("%s: as a list of its own: %v", name, err)
		}
	}
	if _, err := ReadDigests(endless{}); err == nil {
		t.Error("an endless list is read")
	}
}

// endless is a pipe that never closes.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{'a'}, len(p))), nil }

func encode(signature []byte) string {
	return base64.StdEncoding.EncodeToString(signature)
}

func FuzzOpen(f *testing.F) {
	s, keys := signer(f, signing.Ed25519)
	f.Add(signed(f, example(f), s))
	f.Add([]byte(Format + "\nstream: x\n\nsignature: a b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := Open(text, keys); err == nil && *r != *example(t) {
			t.Fatalf("a receipt that nobody signed: %+v", r)
		}
		end := bytes.Index(text, []byte("\n\n")) + 2
		if end < 2 {
			return
		}
		if r, err := read(text[:end]); err == nil && !bytes.Equal(r.body(), text[:end]) {
			t.Fatalf("%q is read, but not written", text[:end])
		}
	})
}

func FuzzJoin(f *testing.F) {
	codes, err := Codes(bytes.Repeat([]byte("receipt "), 100))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(codes[0].Text + "\n" + codes[1].Text + "\n" + codes[2].Text)
	f.Add("DMR1/1/1/00000000:AA")
	f.Fuzz(func(t *testing.T, scanned string) {
		text, err := Join(strings.Split(scanned, "\n"))
		if err != nil {
			return
		}
		again, err := Codes(text)
		if err != nil || !strings.Contains(scanned, "/"+textID(text)+":") || len(again) == 0 {
			t.Fatalf("joined to %q, %v", text, err)
		}
	})
}

func FuzzReadDigests(f *testing.F) {
	f.Add(many(3).Encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		if list, err := ReadDigests(bytes.NewReader(text)); err == nil && !bytes.Equal(list.Encode(), text) {
			t.Fatalf("%q is read, but not written", text)
		}
	})
}
