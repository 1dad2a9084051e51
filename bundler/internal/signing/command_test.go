package signing

import (
	"context"
	"crypto"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain plays external signers: the test binary itself, told what to do by
// its environment, so that nothing but the tests is needed.
func TestMain(m *testing.M) {
	switch os.Getenv("EXTERNAL_SIGNER") {
	case "endless":
		for {
			if _, err := os.Stdout.Write(make([]byte, 1<<16)); err != nil {
				os.Exit(1)
			}
		}
	case "hangs":
		time.Sleep(time.Hour)
	case "fails":
		os.Stderr.WriteString("no card\x1b[2J in the reader\n")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func external(t testing.TB, public crypto.PublicKey, c Command) Signer {
	t.Helper()
	s, err := c.Signer(public)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shell runs a line of shell as a signer, which is what an operator's wrapper is.
func shell(line string, args ...string) []string {
	return append([]string{"/bin/sh", "-c", line, "sh"}, args...)
}

func TestOpensslAsExternalSigner(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("not run: there is no openssl on this machine")
	}
	for _, c := range []struct {
		kind   Kind
		digest bool
		line   string
	}{
		{ECDSAP256, false, "openssl dgst -sha256 -sign $1"},
		{ECDSAP384, false, "openssl dgst -sha384 -sign $1"},
		{ECDSAP256, false, "openssl dgst -sha256 -sign $1 | openssl base64 -A"},
		{ECDSAP384, false, "openssl dgst -sha384 -sign $1 | openssl base64"},
		{ECDSAP256, true, "openssl pkeyutl -sign -inkey $1"},
		{ECDSAP384, true, "openssl pkeyutl -sign -inkey $1 | base64"},
		{Ed25519, false, "cat > $1.msg; openssl pkeyutl -sign -rawin -inkey $1 -in $1.msg"},
	} {
		base, key := filepath.Join(t.TempDir(), "k"), generate(t, c.kind)
		if err := WriteKey(base, key); err != nil {
			t.Fatal(err)
		}
		argv := shell(strings.ReplaceAll(c.line, "base64 -A", "base64 -A; echo"), base+".key")
		s := external(t, key.Public(), Command{Argv: argv, Digest: c.digest})
		sig := sign(t, s, "a message\n")
		if err := keySet(t, 1, key).Verify([]byte("a message\n"), sig.KeyID, sig.Bytes); err != nil {
			t.Errorf("%s: %v", c.line, err)
		}
	}
}

// TestTokenAsExternalSigner signs with keys in a PKCS#11 token.
func TestTokenAsExternalSigner(t *testing.T) {
	t.Parallel()
	module := softHSM(t)
	for _, kind := range []Kind{ECDSAP256, ECDSAP384} {
		key := generate(t, kind)
		conf := token(t, key)
		line := "SOFTHSM2_CONF=$1 exec pkcs11-tool --module $2 --login --pin 1234 --sign --mechanism ECDSA --id 01 --input-file /dev/stdin"
		for _, format := range []string{"", " --signature-format openssl"} {
			s := external(t, key.Public(), Command{Argv: shell(line+format, conf, module), Digest: true})
			sig := sign(t, s, "message")
			if err := keySet(t, 1, key).Verify([]byte("message"), sig.KeyID, sig.Bytes); err != nil {
				t.Errorf("%s%s: %v", kind, format, err)
			}
		}
	}
}

func softHSM(t testing.TB) string {
	t.Helper()
	for program, pkg := range map[string]string{"pkcs11-tool": "opensc", "softhsm2-util": "softhsm2"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("not run: there is no %s on this machine (Debian package %s)", program, pkg)
		}
	}
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("not run: softhsm2-util is there, its library is not where it usually is")
	return ""
}

// token puts the key into a SoftHSM of its own and returns its configuration.
func token(t testing.TB, key crypto.Signer) string {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	write(t, conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600)
	if err := WriteKey(filepath.Join(dir, "packer"), key); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--init-token", "--free", "--label", "test", "--so-pin", "12345678", "--pin", "1234"},
		{"--import", filepath.Join(dir, "packer.key"), "--token", "test", "--label", "packer", "--id", "01", "--pin", "1234"},
	} {
		cmd := exec.Command("softhsm2-util", args...)
		cmd.Env = append(os.Environ(), "SOFTHSM2_CONF="+conf)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("softhsm2-util %q: %v: %s", args, err, out)
		}
	}
	return conf
}

// self is the test binary in one of the roles of TestMain.
func self(role string) []string {
	return []string{"/usr/bin/env", "EXTERNAL_SIGNER=" + role, os.Args[0]}
}

func TestSignerWithEndlessOutputIsStopped(t *testing.T) {
	t.Parallel()
	s := external(t, generate(t, Ed25519).Public(), Command{Argv: self("endless")})
	if _, err := s.Sign(t.Context(), []byte("m")); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error %v, want that of too much output", err)
	}
}

func TestSignerThatHangsIsStopped(t *testing.T) {
	t.Parallel()
	s := external(t, generate(t, Ed25519).Public(), Command{Argv: self("hangs"), Timeout: 50 * time.Millisecond})
	if _, err := s.Sign(t.Context(), []byte("m")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the time limit", err)
	}
}

func TestSignerThatFailsIsQuotedWithoutControlCharacters(t *testing.T) {
	t.Parallel()
	s := external(t, generate(t, Ed25519).Public(), Command{Argv: self("fails")})
	_, err := s.Sign(t.Context(), []byte("m"))
	if err == nil || !strings.Contains(err.Error(), "no card") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("error %q, want its words with the escape quoted", err)
	}
}

func TestSignatureByAnotherKeyIsNotUsed(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("not run: there is no openssl on this machine")
	}
	base := filepath.Join(t.TempDir(), "k")
	if err := WriteKey(base, generate(t, ECDSAP256)); err != nil {
		t.Fatal(err)
	}
	s := external(t, generate(t, ECDSAP256).Public(), Command{Argv: shell("openssl dgst -sha256 -sign $1", base+".key")})
	if _, err := s.Sign(t.Context(), []byte("m")); err == nil || !strings.Contains(err.Error(), "no signature of the message") {
		t.Errorf("error %v, want a refusal", err)
	}
}

func TestCommandRefuses(t *testing.T) {
	t.Parallel()
	key := generate(t, Ed25519).Public()
	for name, c := range map[string]Command{"no program": {}, "empty program": {Argv: []string{""}}, "hash for Ed25519": {Argv: []string{"true"}, Digest: true}} {
		if _, err := c.Signer(key); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	s := external(t, key, Command{Argv: []string{filepath.Join(t.TempDir(), "none")}})
	if _, err := s.Sign(t.Context(), []byte("m")); err == nil {
		t.Error("a program that does not exist signed")
	}
}
