package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
)

// TestAttackAdministratorChangesTheVocabulary: on a server that trusts an
// authority, the binary's own commands put in force what that has signed, and an
// administrator alone does not.
func TestAttackAdministratorChangesTheVocabulary(t *testing.T) {
	t.Parallel()
	dir, binary := t.TempDir(), buildBinary(t)
	run := func(arguments ...string) (string, error) {
		command := exec.CommandContext(t.Context(), binary, append([]string{"vocabulary"}, arguments...)...)
		command.Dir = dir
		var stdout, stderr strings.Builder
		command.Stdout, command.Stderr = &stdout, &stderr
		err := command.Run()
		return stdout.String() + stderr.String(), err
	}
	must := func(arguments ...string) string {
		t.Helper()
		out, err := run(arguments...)
		if err != nil {
			t.Fatalf("%v: %v: %s", arguments, err, out)
		}
		return out
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	public := must("key", "--name", "vocabulary.enclave.example", "authority.key")
	must("key", "--name", "vocabulary.enclave.example", "namesake.key")
	if out, err := run("key", "--name", "x", "authority.key"); err == nil {
		t.Errorf("a key was written over: %s", out)
	}
	if info, err := os.Stat(filepath.Join(dir, "authority.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is for more than its owner: %v, %v", info.Mode(), err)
	}
	p := startProduction(t, "vocabulary_keys: ["+strings.TrimSpace(public)+"]")
	write("token", p.idp.Token(identitytest.Administrator("root")))
	write("new.json", strings.Replace(string(marking.EmbeddedVocabulary()), `"2026-01.1"`, `"2026-11.1"`, 1))
	write("newer.json", strings.Replace(string(marking.EmbeddedVocabulary()), `"2026-01.1"`, `"2026-11.2"`, 1))
	for _, signer := range []string{"authority", "namesake"} {
		write(signer+".sig", must("sign", "--key", signer+".key", "new.json"))
	}
	server := []string{"--endpoint", p.endpoint, "--ca-file", p.pki.Root(), "--token-file", "token"}
	for _, attempt := range [][]string{{"new.json"}, {"--signature", "namesake.sig", "new.json"}, {"--signature", "authority.sig", "newer.json"}} {
		if out, err := run(append(append([]string{"apply"}, server...), attempt...)...); err == nil || !strings.Contains(out, "signed") {
			t.Errorf("%v: got %v: %s", attempt, err, out)
		}
	}
	must(append(append([]string{"preview"}, server...), "new.json")...)
	if out := must(append(append([]string{"apply"}, server...), "--signature", "authority.sig", "new.json")...); !strings.Contains(out, "2026-01.1 -> 2026-11.1") {
		t.Errorf("got %s", out)
	}
}
