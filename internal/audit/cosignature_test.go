package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// cosigned is a checkpoint that witnesses with these names have cosigned, by
// the code of transparency-dev, and their keys.
func cosigned(t testing.TB, k *Key, c Checkpoint, names ...string) ([]byte, []WitnessKey) {
	t.Helper()
	signed, err := k.Sign(c.Size, c.Root)
	if err != nil {
		t.Fatal(err)
	}
	var keys []WitnessKey
	for i, name := range names {
		private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
		typed := append([]byte{typeEd25519}, private.Seed()...)
		public := append([]byte{typeEd25519}, private[ed25519.SeedSize:]...)
		text := fmt.Sprintf("%s+%08x+", name, keyID(name, public))
		signer, err := formats.NewSignerForCosignatureV1("PRIVATE+KEY+" + text + base64.StdEncoding.EncodeToString(typed))
		if err != nil {
			t.Fatal(err)
		}
		again, err := note.Sign(&note.Note{Text: c.text()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		signed = append(signed, again[len(c.text())+1:]...)
		key, err := ParseWitnessKey(text + base64.StdEncoding.EncodeToString(public))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return signed, keys
}

func TestCosignaturesOfOthersCount(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	signed, keys := cosigned(t, k, Checkpoint{k.Origin(), 7, Hash{1}}, "w.example/1", "w.example/2")
	if c, err := publicOf(t, k).Open(signed); err != nil || c.Size != 7 {
		t.Errorf("the log's own signature beside them: %v, %v", c, err)
	}
	for quorum, want := range []error{nil, nil, nil} {
		found, err := Witnesses{keys, quorum}.Satisfied(signed)
		if !errors.Is(err, want) || len(found) != 2 || found[0].Time.IsZero() || found[1].Witness != "w.example/2" {
			t.Errorf("a quorum of %d: got %v, %v", quorum, found, err)
		}
	}
}

// TestCosignaturesThatDoNotCount: of another checkpoint, by another key, changed
// in any byte, a signature of the wrong kind.
func TestCosignaturesThatDoNotCount(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	seven := Checkpoint{k.Origin(), 7, Hash{1}}
	signed, keys := cosigned(t, k, seven, "w.example")
	start := bytes.LastIndex(signed, []byte("— w.example"))
	own, line := signed[:start], signed[start:]
	eight, err := k.Sign(8, Hash{1})
	if err != nil {
		t.Fatal(err)
	}
	_, strangers := cosigned(t, k, seven, "x.example", "w.example")
	raw, err := base64.StdEncoding.DecodeString(strings.Fields(string(line))[2])
	if err != nil {
		t.Fatal(err)
	}
	put := func(raw []byte) []byte {
		return slices.Concat(own, []byte("— w.example "+base64.StdEncoding.EncodeToString(raw)+"\n"))
	}
	later := slices.Clone(raw)
	binary.BigEndian.PutUint64(later[keyIDSize:], binary.BigEndian.Uint64(raw[keyIDSize:])+1)
	plain := ed25519.Sign(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)), []byte(seven.text()))
	for name, c := range map[string]struct {
		signed []byte
		key    WitnessKey
	}{
		"none":               {own, keys[0]},
		"another checkpoint": {slices.Concat(eight, line), keys[0]},
		"another key":        {signed, strangers[1]},
		"another name":       {signed, strangers[0]},
		"another time":       {put(later), keys[0]},
		"without its end":    {put(raw[:len(raw)-1]), keys[0]},
		"with more":          {put(append(slices.Clone(raw), 0)), keys[0]},
		"of the wrong kind":  {put(append(slices.Clone(raw[:keyIDSize+timeSize]), plain...)), keys[0]},
		"no key":             {signed, WitnessKey{}},
	} {
		if found, err := (Witnesses{[]WitnessKey{c.key}, 1}).Satisfied(c.signed); !errors.Is(err, ErrNotCosigned) {
			t.Errorf("%s: got %v, %v, want that it does not count", name, found, err)
		}
	}
	if _, err := Cosignatures([]byte("junk"), keys...); err == nil {
		t.Error("junk is read as a note")
	}
}

// TestOneKeyUnderTwoNames would make a quorum of one.
func TestOneKeyUnderTwoNames(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	signed, keys := cosigned(t, k, Checkpoint{k.Origin(), 7, Hash{1}}, "w.example")
	twice := []WitnessKey{keys[0], keys[0]}
	twice[1].name = "other.example"
	for _, w := range []Witnesses{{twice, 1}, {[]WitnessKey{keys[0], keys[0]}, 1}, {keys, 2}, {keys, -1}} {
		if _, err := w.Satisfied(signed); err == nil {
			t.Errorf("%d of %v is a policy", w.Quorum, w.Keys)
		}
	}
}

func TestWhatIsNoKeyOfAWitness(t *testing.T) {
	t.Parallel()
	public, _ := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	write := func(name string, kind byte, key []byte) string {
		typed := append([]byte{kind}, key...)
		return fmt.Sprintf("%s+%08x+%s", name, keyID(name, typed), base64.StdEncoding.EncodeToString(typed))
	}
	good := write("w.example", 4, public)
	if _, err := ParseWitnessKey(good); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "w", "w+1", write("w.example", 2, public), write("w.example", 4, public[1:]), write("", 4, public), write("a b", 4, public),
		strings.Replace(good, "w.example", "v.example", 1), strings.Replace(good, "+", "+0", 1), good + "x",
	} {
		if _, err := ParseWitnessKey(text); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
}

// FuzzCosignatures: whatever the note, only what the witness signed counts.
func FuzzCosignatures(f *testing.F) {
	k, err := ParseKey(fuzzKey)
	if err != nil {
		f.Fatal(err)
	}
	signed, keys := cosigned(f, k, Checkpoint{k.Origin(), 7, Hash{1}}, "w.example")
	f.Add(signed)
	f.Add(append(slices.Clone(signed), signed...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, err := Cosignatures(raw, keys...)
		if err == nil && len(found) > 0 && !bytes.HasPrefix(raw, []byte(Checkpoint{k.Origin(), 7, Hash{1}}.text()+"\n")) {
			t.Errorf("%q is cosigned", raw)
		}
	})
}
