package spec

import (
	"errors"
	"strings"
	"testing"
	"unicode"
)

// checkErrors wants an error to be usable: all mistakes placed, none of them
// something that a terminal acts on.
func checkErrors(t *testing.T, err error) {
	t.Helper()
	var all Errors
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("%T is no list of mistakes", err)
	}
	if text := err.Error(); len(text) > 256<<10 || strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) {
		t.Fatalf("an error that cannot be shown: %.300q", text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(sample(f, "bundle.yaml")))
	f.Add(string(sample(f, "mistakes.yaml")))
	f.Add(head + "images: &a [*a, {<<: *a}, !!str x]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse([]byte(text))
		if err != nil {
			checkErrors(t, err)
			return
		}
		if s.Name == "" || s.Marking.IsZero() || len(s.Images)+len(s.Artifacts)+len(s.Files)+len(s.Mesh) == 0 {
			t.Fatalf("a spec that says nothing: %+v", s)
		}
		for _, i := range s.Images {
			if i.Repository.Host == "" || i.Marking.IsZero() || !i.Single() && i.constraint == nil && i.expression == nil {
				t.Fatalf("an image that means nothing: %+v", i)
			}
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(string(sample(f, "policy.yaml")))
	f.Add(policyHead + "trust: {a: {cosign: {keys: [a.pub]}}}\nsources: [{match: '**', signature: a}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePolicy([]byte(text))
		if err != nil {
			checkErrors(t, err)
			return
		}
		for _, s := range []Signers{p.BundleSigners, p.RollbackSigners, p.ReceiptSigners} {
			if s.Threshold > len(s.Keys) || s.Threshold < 1 && len(s.Keys) > 0 {
				t.Fatalf("a threshold of %d of %d keys", s.Threshold, len(s.Keys))
			}
		}
		for _, s := range p.Sources {
			if s.Match.String() == "" || s.Checksum == (s.Signature != "") {
				t.Fatalf("a source that decides nothing: %+v", s)
			}
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("registry.example/**/app*:1.*", "registry.example/a/app-x:1.2")
	f.Add("**", "files/x")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p, err := ParsePattern(pattern)
		if err != nil {
			return
		}
		if !strings.Contains(pattern, "*") && p.Matches(name) && pattern != name && pattern != withoutVersion(name) {
			t.Fatalf("%q without a star matches %q", pattern, name)
		}
	})
}
