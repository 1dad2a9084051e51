package compat

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestReferencesAreBounded: what a text refers to can be larger than the text by
// as much as its authors like.
func TestReferencesAreBounded(t *testing.T) {
	t.Parallel()
	numbered := func(n int, size int) []Reference {
		refs := make([]Reference, n)
		for i := range refs {
			refs[i] = Reference{fmt.Sprintf("r%d", i), mustParse(t, jsonT, fmt.Sprintf(`{"title":"%d"}`, i)+strings.Repeat(" ", size))}
		}
		return refs
	}
	if got := referring(jsonT, `{"$ref":"r7"}`, numbered(MaxReferenced, 0)...); got != "" {
		t.Errorf("%d schemas: got %s", MaxReferenced, got)
	}
	if got := referring(jsonT, `{}`, numbered(MaxReferenced+1, 0)...); !strings.Contains(got, "the limit is 1000 schemas and 8388608 bytes") {
		t.Errorf("one schema more: got %q", got)
	}
	if got := referring(jsonT, `{}`, numbered(9, MaxBytes-20)...); !strings.Contains(got, "the limit is 1000 schemas and 8388608 bytes") {
		t.Errorf("nine of a megabyte: got %q", got)
	}
	chain := mustParse(t, jsonT, `{"type":"string"}`)
	for i := range MaxReferenceDepth {
		chain = mustRefer(t, jsonT, `{"properties":{"n":{"$ref":"n"}}}`, Reference{"n", chain})
		if i == 20 {
			sameInEveryMode(t, chain)
		}
	}
	if got := referring(jsonT, `{"$ref":"n"}`, Reference{"n", chain}); !strings.Contains(got, "more than 50 references") {
		t.Errorf("a chain of %d: got %q", MaxReferenceDepth+1, got)
	}
	if len(chain.refs.all) != MaxReferenceDepth {
		t.Errorf("got %d schemas in the chain, want %d", len(chain.refs.all), MaxReferenceDepth)
	}
}

// TestReferencesThatDouble is the attack of a small schema that stands for an
// exponential one: each text uses the one below it twice.
func TestReferencesThatDouble(t *testing.T) {
	t.Parallel()
	for typ, c := range map[catalog.SchemaType]struct{ base, user, name string }{
		avroT:  {`{"type":"record","name":"A0","fields":[]}`, `{"type":"record","name":"A%d","fields":[{"name":"a","type":"A%d"},{"name":"b","type":"A%[2]d"}]}`, "A%d"},
		jsonT:  {`{"type":"string"}`, `{"title":"%d","required":["a","b"],"properties":{"a":{"$ref":"A%d"},"b":{"allOf":[{"$ref":"A%[2]d"},{"$ref":"A%[2]d"}]}}}`, "A%d"},
		protoT: {`message A0 {}`, `import "A%[2]d"; message A%[1]d { required A%[2]d a = 1; required A%[2]d b = 2; }`, "A%d"},
	} {
		s := mustParse(t, typ, c.base)
		for i := range MaxReferenceDepth - 1 {
			s = mustRefer(t, typ, fmt.Sprintf(c.user, i+1, i), Reference{fmt.Sprintf(c.name, i), s})
		}
		sameInEveryMode(t, s)
		if gaps := project(s, s); gaps != nil {
			t.Errorf("%s: got %v, want nothing", typ, gaps)
		}
	}
}
