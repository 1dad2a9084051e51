package endorsement

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// version is the embedded vocabulary under another version.
func version(t testing.TB, name string) *marking.Vocabulary {
	t.Helper()
	text := bytes.Replace(marking.EmbeddedVocabulary(), []byte(`"2026-01.1"`), []byte(`"`+name+`"`), 1)
	v, err := marking.ReadVocabulary(bytes.NewReader(text))
	if err != nil || v.Version() != name {
		t.Fatalf("got %v, %v", v, err)
	}
	return v
}

func key(t testing.TB, name string) (secret, public string) {
	t.Helper()
	secret, public, err := GenerateKey(name)
	if err != nil {
		t.Fatal(err)
	}
	return secret, public
}

func trusting(t testing.TB, public ...string) Keys {
	t.Helper()
	keys, err := ParseKeys(public)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func sign(t testing.TB, v *marking.Vocabulary, secret string) []byte {
	t.Helper()
	signed, err := Sign(v, secret)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestStatement is what is signed, to the byte: other tools sign it too.
func TestStatement(t *testing.T) {
	t.Parallel()
	v := version(t, "enclave-7")
	secret, public := key(t, "authority")
	signed := sign(t, v, secret)
	digest := sha256.Sum256(v.Canonical())
	want := "datamesh-vocabulary/v1\nenclave-7\n" + hex.EncodeToString(digest[:]) + "\n\n\u2014 authority "
	if !strings.HasPrefix(string(signed), want) {
		t.Errorf("got %q", signed)
	}
	_, other := key(t, "other")
	for _, keys := range []Keys{trusting(t, public), trusting(t, other, " "+public+"\n")} {
		if err := keys.Check(v, signed); err != nil || !keys.Required() {
			t.Error(err)
		}
	}
}

// TestAttackForgedEndorsements: nothing but the statement on this vocabulary,
// signed by a key that is trusted, is one.
func TestAttackForgedEndorsements(t *testing.T) {
	t.Parallel()
	v, other := version(t, "enclave-7"), version(t, "enclave-8")
	secret, public := key(t, "authority")
	stranger, _ := key(t, "stranger")
	namesake, _ := key(t, "authority")
	good := sign(t, v, secret)
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	more, err := note.Sign(&note.Note{Text: statement(v) + "and another line\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	_, forged, _ := bytes.Cut(sign(t, other, secret), []byte("\n\n"))
	text, _, _ := bytes.Cut(good, []byte("\n\n"))
	for name, signed := range map[string][]byte{
		"nothing": nil, "the text alone": append(text, "\n\n"...), "a stranger's": sign(t, v, stranger), "a namesake's": sign(t, v, namesake),
		"one about another vocabulary": sign(t, other, secret), "another's signature under this text": []byte(string(text) + "\n\n" + string(forged)),
		"one with more text": more, "another version": bytes.Replace(good, []byte("enclave-7"), []byte("enclave-6"), 1),
		"too long": append(bytes.Clone(good), bytes.Repeat([]byte("\u2014 x AAAAAAAA\n"), 1000)...), "cut": good[:len(good)-8],
	} {
		if err := trusting(t, public).Check(v, signed); !errors.Is(err, ErrUnendorsed) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := (Keys{}).Check(v, good); !errors.Is(err, ErrUnendorsed) {
		t.Errorf("without keys: got %v", err)
	}
	if err := trusting(t, public).Check(v, good); err != nil {
		t.Error(err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	secret, public := key(t, "authority")
	for name, texts := range map[string][]string{
		"empty": {""}, "prose": {"key"}, "secret": {secret}, "twice": {public, public}, "too many": make([]string, MaxKeys+1),
	} {
		if keys, err := ParseKeys(texts); err == nil || keys.Required() || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v, %v", name, keys, err)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb", strings.Repeat("a", 256)} {
		if _, _, err := GenerateKey(name); err == nil {
			t.Errorf("a key of the name %q was made", name)
		}
	}
	if _, err := Sign(marking.Default(), public); err == nil || strings.Contains(err.Error(), public) {
		t.Errorf("a public key signs: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	v := marking.Default()
	secret, public := key(f, "authority")
	keys := trusting(f, public)
	good := sign(f, v, secret)
	f.Add(good)
	f.Fuzz(func(t *testing.T, signed []byte) {
		if err := keys.Check(v, signed); err == nil && !bytes.HasPrefix(signed, []byte(statement(v)+"\n")) {
			t.Errorf("%q was taken", signed)
		}
	})
}
