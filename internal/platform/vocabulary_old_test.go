package platform

import (
	"context"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// TestAttackOldVocabulariesInTheWayOfDecisions: who asks for what a product would
// have been under one old vocabulary after the other has nobody wait until that in
// force has been read again.
func TestAttackOldVocabulariesInTheWayOfDecisions(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/low", "UNCLASSIFIED"))
	for i := range maxEditions + 1 {
		enactNow(t, p, embedded(t, fmt.Sprintf("2030-01.%d", i)).text(t))
	}
	inForce := func() (one *edition) {
		if err := s.View(ctx, func(r store.Reader) (err error) {
			one, _, err = p.inForce(ctx, r)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return one
	}
	before := inForce()
	low := catalog.Caller{Subject: "brit", Attributes: marking.Subject{Clearance: "U", CountryOfAffiliation: []string{"GBR"}}}
	for i := range maxEditions {
		if _, err := p.Vocabularies(low).DerivationUnder(ctx, "alpha/low", fmt.Sprintf("2030-01.%d", i)); err != nil {
			t.Fatal(err)
		}
		if inForce() != before {
			t.Fatalf("the vocabulary in force was read again after %d old ones", i+1)
		}
	}
}
