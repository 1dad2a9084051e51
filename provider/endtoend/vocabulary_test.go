package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// released is a product of a domain of its own.
func released(banner string) string {
	return requirement + `
resource "datamesh_domain" "a" {
  name         = "alpha"
  display_name = "Alpha"
  discipline   = "OSINT"
  contact      = "alpha@enclave.example"
  team         = { "a.stone" = { role = "owner" } }
}

resource "datamesh_data_product" "p" {
  domain  = datamesh_domain.a.name
  name    = "picture"
  title   = "Picture"
  version = "1.0.0"
  marking = "` + banner + `"
}
`
}

// enact puts the built-in vocabulary in force with other words in it, and returns
// a file that has it.
func enact(t *testing.T, p *platformtest.Platform, replaced ...string) string {
	t.Helper()
	sender, err := client.NewHTTPClient(client.Options{Token: p.Token})
	if err != nil {
		t.Fatal(err)
	}
	service, err := client.New(p.Endpoint, sender)
	if err != nil {
		t.Fatal(err)
	}
	inForce, err := service.Vocabulary(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(append(replaced, `"`+marking.Default().Version()+`"`, `"2030-01"`)...).Replace(string(marking.Default().Canonical()))
	if _, _, err := service.PutVocabulary(t.Context(), []byte(text), catalog.WriteOptions{IfMatch: inForce.Revision}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "vocabulary.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAttackPartnerKeepsAccessByAnotherVocabulary: by the built-in vocabulary the
// two markings mean the same, by the platform's one is without a partner. A plan
// that found nothing to do would leave the partner in.
func TestAttackPartnerKeepsAccessByAnotherVocabulary(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	enact(t, p, `"AUS","CAN","GBR","NZL","USA"`, `"AUS","CAN","NZL","USA"`)
	w := open(t, p)
	w.write("main.tf", released("SECRET//REL TO USA, AUS, CAN, GBR, NZL"))
	w.apply()
	w.write("main.tf", released("SECRET//REL TO USA, FVEY"))
	w.apply()
	w.planIsEmpty()
	entry, err := p.Admin().Get(t.Context(), catalog.Ref{Kind: catalog.KindProduct, ID: "alpha/picture"})
	if err != nil {
		t.Fatal(err)
	}
	if product, ok := entry.Object.(*catalog.Product); !ok || product.EffectiveMarking != "SECRET//REL TO USA, FVEY" {
		t.Errorf("got %+v, want the partner out", entry.Object)
	}
}

// TestAnotherVocabularyIsSaid: who gains access is said by the platform's
// vocabulary, and that the machine has another one, until it is named.
func TestAnotherVocabularyIsSaid(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	text := enact(t, p, `"AUS","CAN","GBR","NZL","USA"`, `"AUS","CAN","NZL","USA"`)
	w := open(t, p)
	w.write("main.tf", released("SECRET//NOFORN"))
	w.apply()
	w.write("main.tf", released("SECRET//REL TO USA, FVEY"))
	plan := w.must("plan", "-no-color").Stdout
	for _, want := range []string{"Release is widened: AUS, CAN, NZL would gain access", "another vocabulary", "2030-01"} {
		if !strings.Contains(plan, want) {
			t.Errorf("want %q in the plan:\n%s", want, plan)
		}
	}
	named := open(t, p, vocabulary.Variable+"="+text)
	named.write("main.tf", released("SECRET//NOFORN"))
	if plan := named.must("plan", "-no-color").Stdout; strings.Contains(plan, "another vocabulary") {
		t.Errorf("the file is that of the platform:\n%s", plan)
	}
}

// TestUnknownCodeNamesTheVocabulary: a code that only the platform knows is
// refused before it can be asked; the message says by what and what to do.
func TestUnknownCodeNamesTheVocabulary(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	text := enact(t, p, `"NZL"`, `"QZZ"`)
	w := open(t, p)
	w.write("main.tf", released("SECRET//REL TO USA, QZZ"))
	refused, err := w.Run(t.Context(), "plan", "-no-color")
	if err != nil || refused.Code == 0 || !strings.Contains(refused.Stderr, vocabulary.Variable) {
		t.Errorf("got %d %v, want a refusal that names %s:\n%s", refused.Code, err, vocabulary.Variable, refused.Stderr)
	}
	named := open(t, p, vocabulary.Variable+"="+text)
	named.write("main.tf", released("SECRET//REL TO USA, QZZ"))
	named.apply()
	named.planIsEmpty()
}
