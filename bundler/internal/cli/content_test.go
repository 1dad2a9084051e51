package cli

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
)

// TestEvidenceThatChangedSinceItWasVerifiedIsNotJudged: a medium may be written
// to between the two readings.
func TestEvidenceThatChangedSinceItWasVerifiedIsNotJudged(t *testing.T) {
	t.Parallel()
	m := bundlertest.Memory{}
	d := m.Add("application/json", []byte("signed"))
	if text, err := (content{m}).Fetch(t.Context(), d); err != nil || string(text) != "signed" {
		t.Fatalf("got %q, %v", text, err)
	}
	m[d.Digest] = []byte("forged")
	if text, err := (content{m}).Fetch(t.Context(), d); err == nil {
		t.Errorf("got %q, want it refused", text)
	}
	d.Size = artifact.MaxMetadata + 1
	if _, err := (content{m}).Fetch(t.Context(), d); err == nil {
		t.Error("a piece of evidence of any size is read")
	}
}
