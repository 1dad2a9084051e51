package client_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestVocabulariesOverTheNetwork: an update read, previewed, refused and made
// through client and server.
func TestVocabulariesOverTheNetwork(t *testing.T) {
	t.Parallel()
	ctx, p := t.Context(), platformtest.Start(t)
	service := remote(t, p.Endpoint, p.Token)
	for _, o := range []catalog.Object{
		&catalog.Domain{Name: "alpha", DisplayName: "A", Discipline: catalog.DisciplineOther, Contact: "a@enclave.example",
			Team: map[string]catalog.Member{"ann": {Role: catalog.RoleOwner}}},
		&catalog.Product{Domain: "alpha", Name: "five", Title: "T", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY"},
	} {
		if _, err := service.Put(ctx, o, catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	admin, ok := service.(catalog.Vocabularies)
	if !ok {
		t.Fatal("the client has no vocabularies")
	}
	before, err := admin.Vocabulary(ctx, "")
	if err != nil || !bytes.Equal(before.Text, marking.Default().Canonical()) {
		t.Fatalf("got %.60s, %v, want the embedded one", before.Text, err)
	}
	// FVEY is without New Zealand from here on.
	text := []byte(strings.NewReplacer(`"2026-01.1"`, `"2026-11.1"`, `"AUS","CAN","GBR","NZL","USA"`, `"AUS","CAN","GBR","USA"`).Replace(string(before.Text)))
	preview, _, err := admin.PutVocabulary(ctx, text, catalog.WriteOptions{DryRun: true})
	if err != nil || len(preview.Products) != 1 || strings.Join(preview.Products[0].Read.Lose, " ") != "NZL" || preview.Unchanged != 0 || preview.Widens() {
		t.Fatalf("preview: got %+v, %v, want NZL to lose", preview, err)
	}
	low, _ := remote(t, p.Endpoint, p.TokenFor(catalog.Caller{Subject: "low", Attributes: marking.Subject{Clearance: "U", CountryOfAffiliation: []string{"GBR"}}})).(catalog.Vocabularies)
	if _, _, err := low.PutVocabulary(ctx, text, catalog.WriteOptions{DryRun: true}); !errors.Is(err, catalog.ErrForbidden) {
		t.Errorf("a low caller's preview: got %v, want it forbidden", err)
	}
	if _, _, err := low.PutVocabulary(ctx, text, catalog.WriteOptions{IfMatch: before.Revision}); !errors.Is(err, catalog.ErrForbidden) {
		t.Errorf("a low caller's update: got %v, want it forbidden", err)
	}
	if _, _, err := admin.PutVocabulary(ctx, text, catalog.WriteOptions{}); !errors.Is(err, catalog.ErrPreconditionFailed) {
		t.Errorf("without a condition: got %v, want it refused", err)
	}
	impact, revision, err := admin.PutVocabulary(ctx, text, catalog.WriteOptions{IfMatch: before.Revision})
	if err != nil || len(impact.Products) != 1 || revision == before.Revision {
		t.Fatalf("update: got %+v, %q, %v", impact, revision, err)
	}
	now, err := low.Vocabulary(ctx, "")
	if err != nil || !bytes.Equal(now.Text, text) || now.Revision != revision {
		t.Errorf("now in force: got %.60s, %q, %v", now.Text, now.Revision, err)
	}
	if old, err := low.Vocabulary(ctx, "2026-01.1"); err != nil || !bytes.Equal(old.Text, before.Text) {
		t.Errorf("the one before: got %.60s, %v", old.Text, err)
	}
	if _, err := low.Vocabulary(ctx, "1999"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("one that never was: got %v, want not found", err)
	}
	history, err := admin.VocabularyHistory(ctx)
	if err != nil || len(history) != 2 || history[0].Version != "2026-11.1" || history[0].By == "" {
		t.Errorf("history: got %+v, %v", history, err)
	}
	if history, err = low.VocabularyHistory(ctx); err != nil || len(history) != 2 || history[0].By != "" {
		t.Errorf("a low caller's history: got %+v, %v, want nobody named", history, err)
	}
	d, err := admin.DerivationUnder(ctx, "alpha/five", "2026-01.1")
	if err != nil || d.VocabularyVersion != "2026-01.1" {
		t.Errorf("derivation under the one before: got %+v, %v", d, err)
	}
	p.Restart()
	if again, err := admin.Vocabulary(ctx, ""); err != nil || again.Revision != revision {
		t.Errorf("after a restart: got %q, %v, want %q", again.Revision, err, revision)
	}
}

// TestVocabularyIsNotSentAgain to whoever has it.
func TestVocabularyIsNotSentAgain(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	hc, err := client.NewHTTPClient(client.Options{Token: p.Token, UserAgent: "datamesh-test/1"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(tag string) (status int, revision string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoint+"/api/v1/vocabulary", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		response, err := hc.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		return response.StatusCode, response.Header.Get("ETag")
	}
	first, tag := ask("")
	if again, _ := ask(tag); first != http.StatusOK || again != http.StatusNotModified {
		t.Errorf("got %d and then %d, want 200 and 304", first, again)
	}
}

// TestUnsendableIsJudgedByTheCallersVocabulary: a name that cannot be sent does not
// bring up markings that are right where the caller is.
func TestUnsendableIsJudgedByTheCallersVocabulary(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer(`"FVEY"`, `"FIVE"`, `"2026-01.1"`, `"2026-11.1"`).Replace(string(marking.Default().Canonical()))
	own, err := marking.ReadVocabulary(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s := platform(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	object := &catalog.Product{Domain: "alpha", Name: "a/b", Title: "T", Version: "1.0.0", Marking: "SECRET//REL TO USA, FIVE"}
	for name, c := range map[string]struct {
		service *client.Service
		marking bool // is wrong
	}{"built in": {s, true}, "the caller's": {s.Under(own), false}} {
		_, err := c.service.Put(t.Context(), object, catalog.WriteOptions{})
		var failure *catalog.Error
		if !errors.As(err, &failure) || failure.Code != catalog.CodeInvalid {
			t.Fatalf("%s: got %v", name, err)
		}
		fields := map[string]bool{}
		for _, p := range failure.Problems {
			fields[p.Field] = true
		}
		if !fields["/name"] || fields["/marking"] != c.marking {
			t.Errorf("%s: got problems at %v, want the name's, and the marking's: %v", name, fields, c.marking)
		}
	}
}
