package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var allKinds = []Kind{Ed25519, ECDSAP256, ECDSAP384}

func generate(t testing.TB, kind Kind) crypto.Signer {
	t.Helper()
	key, err := Generate(kind)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signer(t testing.TB, key crypto.Signer) Signer {
	t.Helper()
	s, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keySet(t testing.TB, threshold int, keys ...crypto.Signer) *KeySet {
	t.Helper()
	var public []crypto.PublicKey
	for _, k := range keys {
		public = append(public, k.Public())
	}
	set, err := NewKeySet(threshold, public...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func sign(t testing.TB, s Signer, message string) Signature {
	t.Helper()
	sig, err := s.Sign(t.Context(), []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	return Signature{s.KeyID(), sig}
}

func TestKeyFilesSignAndVerify(t *testing.T) {
	t.Parallel()
	for _, kind := range allKinds {
		base := filepath.Join(t.TempDir(), "packer")
		if err := WriteKey(base, generate(t, kind)); err != nil {
			t.Fatal(err)
		}
		s, err := Load(base + ".key")
		if err != nil {
			t.Fatal(err)
		}
		public, err := LoadPublic(base + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		set, err := NewKeySet(1, public)
		if err != nil {
			t.Fatal(err)
		}
		sig := sign(t, s, "message")
		if err := set.Verify([]byte("message"), sig.KeyID, sig.Bytes); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := set.Verify([]byte("Message"), sig.KeyID, sig.Bytes); err == nil || errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s: another message: %v, want a refusal", kind, err)
		}
	}
}

func TestSignaturesAreDeterministic(t *testing.T) {
	t.Parallel()
	for _, kind := range allKinds {
		s := signer(t, generate(t, kind))
		if a, b := sign(t, s, "message"), sign(t, s, "message"); !bytes.Equal(a.Bytes, b.Bytes) {
			t.Errorf("%s: two signatures of one message differ", kind)
		}
	}
}

// TestOpensslReadsOurKeysAndSignatures checks against an independent program.
func TestOpensslReadsOurKeysAndSignatures(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("not run: there is no openssl on this machine")
	}
	for kind, hash := range map[Kind]string{ECDSAP256: "-sha256", ECDSAP384: "-sha384"} {
		base := filepath.Join(t.TempDir(), "packer")
		key := generate(t, kind)
		if err := WriteKey(base, key); err != nil {
			t.Fatal(err)
		}
		write(t, base+".sig", sign(t, signer(t, key), "message").Bytes, 0o600)
		write(t, base+".msg", []byte("message"), 0o600)
		out, err := exec.Command(openssl, "dgst", hash, "-verify", base+".pub", "-signature", base+".sig", base+".msg").CombinedOutput()
		if err != nil {
			t.Errorf("%s: openssl: %v: %s", kind, err, out)
		}
	}
}

func write(t testing.TB, path string, text []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, text, mode); err != nil {
		t.Fatal(err)
	}
}

func TestKeygenNeverOverwrites(t *testing.T) {
	t.Parallel()
	for _, taken := range []string{".key", ".pub"} {
		base := filepath.Join(t.TempDir(), "packer")
		write(t, base+taken, []byte("precious"), 0o600)
		if err := WriteKey(base, generate(t, Ed25519)); err == nil || !strings.Contains(err.Error(), "never overwritten") {
			t.Errorf("%s: error %v, want a refusal", taken, err)
		}
		if text, _ := os.ReadFile(base + taken); string(text) != "precious" {
			t.Errorf("%s was overwritten", taken)
		}
		if entries, _ := os.ReadDir(filepath.Dir(base)); len(entries) != 1 {
			t.Errorf("%s: %d files are left, want 1", taken, len(entries))
		}
	}
}

func TestKeyModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("not run: no mode bits on this system")
	}
	base := filepath.Join(t.TempDir(), "packer")
	if err := WriteKey(base, generate(t, Ed25519)); err != nil {
		t.Fatal(err)
	}
	for suffix, want := range map[string]os.FileMode{".key": 0o600, ".pub": 0o644} {
		if info, err := os.Stat(base + suffix); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v (%v), want %v", suffix, info.Mode(), err, want)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
		if err := os.Chmod(base+".key", mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(base + ".key"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: error %v, want a refusal", mode, err)
		}
	}
}

func pemOf(t testing.TB, kind string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestOtherKeysAreRefusedByName(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256 := generate(t, ECDSAP256)
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return pemOf(t, "PRIVATE KEY", der, err)
	}
	sec1, err := x509.MarshalECPrivateKey(p256.(*ecdsa.PrivateKey))
	good := pkcs8(p256)
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"RSA":         {pkcs8(rsaKey), "RSA keys are not taken"},
		"PKCS#1":      {pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil), "RSA keys are not taken"},
		"P-521":       {pkcs8(p521), "ECDSA P-521 keys are not taken"},
		"SEC 1":       {pemOf(t, "EC PRIVATE KEY", sec1, err), "openssl pkcs8 -topk8"},
		"encrypted":   {pemOf(t, "ENCRYPTED PRIVATE KEY", []byte("x"), nil), "external signer"},
		"OpenSSH":     {pemOf(t, "OPENSSH PRIVATE KEY", []byte("x"), nil), "ssh-keygen"},
		"two keys":    {append(bytes.Clone(good), good...), "more than one"},
		"text before": {append([]byte("Bag Attributes\n"), good...), "more than one"},
		"PEM headers": {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")}), "PEM headers"},
		"no key":      {pemOf(t, "PRIVATE KEY", []byte("x"), nil), "not PKCS#8"},
		"no PEM":      {[]byte("secret"), "is not PEM"},
		"endless":     {bytes.Repeat([]byte("x"), MaxKeyFile+1), "longer than"},
		"public":      {mustEncodePublic(t, p256), "it is a public key"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		write(t, path, c.text, 0o600)
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func mustEncodePublic(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	text, err := EncodePublic(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestThresholdZeroTrustsNobody(t *testing.T) {
	t.Parallel()
	a, b := generate(t, Ed25519), generate(t, ECDSAP256)
	for _, threshold := range []int{-1, 0, 3} {
		if _, err := NewKeySet(threshold, a.Public(), b.Public()); err == nil {
			t.Errorf("a threshold of %d with 2 keys was accepted", threshold)
		}
	}
	if _, err := NewKeySet(1); err == nil {
		t.Error("a set without keys was accepted")
	}
	if _, err := new(KeySet).Check([]byte("m"), nil); err == nil {
		t.Error("the zero set accepted a message without signatures")
	}
}

func TestSameKeyTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	a, b := generate(t, ECDSAP256), generate(t, Ed25519)
	if _, err := NewKeySet(2, a.Public(), a.Public()); err == nil {
		t.Error("one key given twice reached a threshold of 2")
	}
	set := keySet(t, 2, a, b)
	one := sign(t, signer(t, a), "m")
	if _, err := set.Check([]byte("m"), []Signature{one, one}); err == nil {
		t.Error("two signatures by one key reached a threshold of 2")
	}
	ids, err := set.Check([]byte("m"), []Signature{one, sign(t, signer(t, b), "m")})
	if err != nil || len(ids) != 2 {
		t.Errorf("two keys: %q, %v, want both", ids, err)
	}
}

func TestFalseSignatureNextToGoodOnesIsRefused(t *testing.T) {
	t.Parallel()
	a, b, stranger := generate(t, Ed25519), generate(t, Ed25519), generate(t, Ed25519)
	set := keySet(t, 1, a, b)
	good, foreign := sign(t, signer(t, a), "m"), sign(t, signer(t, stranger), "m")
	if _, err := set.Check([]byte("m"), []Signature{good, foreign}); err != nil {
		t.Errorf("a signature by a key outside the set: %v, want it passed over", err)
	}
	if _, err := set.Check([]byte("m"), []Signature{good, sign(t, signer(t, b), "other")}); err == nil {
		t.Error("a false signature by a trusted key was passed over")
	}
	renamed := Signature{signer(t, a).KeyID(), foreign.Bytes}
	if _, err := set.Check([]byte("m"), []Signature{renamed}); err == nil {
		t.Error("a stranger's signature under a trusted key id was accepted")
	}
}

func TestEndlessSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	a := generate(t, Ed25519)
	list := make([]Signature, MaxSignatures+1)
	for i := range list {
		list[i] = sign(t, signer(t, a), "m")
	}
	if _, err := keySet(t, 1, a).Check([]byte("m"), list); err == nil {
		t.Errorf("%d signatures were read", len(list))
	}
}

func FuzzParsePublic(f *testing.F) {
	for _, kind := range allKinds {
		f.Add(mustEncodePublic(f, generate(f, kind)))
	}
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParsePublic(text)
		if err != nil {
			return
		}
		if _, err := KeyID(key); err != nil {
			t.Errorf("accepted a key without an id: %v", err)
		}
	})
}
