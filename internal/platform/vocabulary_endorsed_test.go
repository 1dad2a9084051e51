package platform

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/endorsement"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// signingKey is that of a vocabulary authority.
func signingKey(t *testing.T) (secret, public string) {
	t.Helper()
	secret, public, err := endorsement.GenerateKey("authority")
	if err != nil {
		t.Fatal(err)
	}
	return secret, public
}

func endorse(t *testing.T, text []byte, secret string) string {
	t.Helper()
	v, err := marking.ReadVocabulary(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := endorsement.Sign(v, secret)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// TestAttackUnendorsedVocabulary: where there are authorities, an administrator
// puts in force what one of them has signed and nothing else, not even what was
// in force before; each attempt is recorded, and a preview needs no signature.
func TestAttackUnendorsedVocabulary(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	secret, public := signingKey(t)
	stranger, _ := signingKey(t)
	keys, err := endorsement.ParseKeys([]string{public})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Store: s, VocabularyKeys: keys, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/five", "SECRET//REL TO USA, FVEY"))
	old, err := p.Vocabularies(admin).Vocabulary(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	text, other := embedded(t, "2026-11.1").leave("FVEY", "NZL").text(t), embedded(t, "2026-11.1").text(t)
	good := endorse(t, text, secret)
	for name, c := range map[string]struct {
		by   catalog.Caller
		text []byte
		sent string
		rule string
	}{
		"no signature":               {admin, text, "", catalog.RuleEndorsement},
		"a stranger's":               {admin, text, endorse(t, text, stranger), catalog.RuleEndorsement},
		"that of another text":       {admin, text, endorse(t, other, secret), catalog.RuleEndorsement},
		"under another text":         {admin, other, good, catalog.RuleEndorsement},
		"no note":                    {admin, text, "signed", catalog.RuleEndorsement},
		"what is in force, unsigned": {admin, old.Text, "", catalog.RuleEndorsement},
		"a good one, by nobody":      {analyst("brit", "S", "GBR"), text, good, catalog.RuleForbidden},
	} {
		mark := int64(len(entries(t, s, 0)))
		_, _, err := p.Vocabularies(c.by).PutVocabulary(ctx, c.text, catalog.WriteOptions{IfMatch: old.Revision, Endorsement: c.sent})
		var failure *catalog.Error
		if !errors.As(err, &failure) || failure.Code != catalog.CodeForbidden || len(failure.Problems) != 1 || failure.Problems[0].Rule != c.rule {
			t.Errorf("%s: got %v", name, err)
		}
		recorded := entries(t, s, mark)
		if len(recorded) != 1 || recorded[0].Decision != audit.Deny || !slices.Equal(recorded[0].ReasonCodes, []string{c.rule}) || recorded[0].Consumer.Sub != c.by.Subject {
			t.Errorf("%s: the log says %v", name, told(recorded))
		}
	}
	if _, _, err := p.Vocabularies(admin).PutVocabulary(ctx, text, catalog.WriteOptions{DryRun: true}); err != nil {
		t.Errorf("preview: %v", err)
	}
	if got := inForceNow(t, p); got != old.Revision {
		t.Fatal("another vocabulary has come into force")
	}
	_, revision, err := p.Vocabularies(admin).PutVocabulary(ctx, text, catalog.WriteOptions{IfMatch: old.Revision, Endorsement: good})
	if err != nil || revision != inForceNow(t, p) || revision == old.Revision {
		t.Fatalf("what is endorsed: got %q, %v", revision, err)
	}
	if _, _, err := p.Vocabularies(admin).PutVocabulary(ctx, old.Text, catalog.WriteOptions{IfMatch: revision}); err == nil {
		t.Error("the way back needs no signature")
	}
}
