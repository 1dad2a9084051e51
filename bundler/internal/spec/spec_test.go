package spec

import (
	"os"
	"testing"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParse(t *testing.T) {
	t.Parallel()
	s, err := Parse(sample(t, "bundle.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", s)
	p, err := ParsePolicy(sample(t, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", p)
}
