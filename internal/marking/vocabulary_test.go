package marking

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestDefaultVocabulary(t *testing.T) {
	t.Parallel()
	v := Default()
	if v != Default() || v.Version() == "" {
		t.Error("the default vocabulary is not one value with a version")
	}
	if len(v.nations) < 240 || len(v.groups["NATO"].members) != 32 || v.NationName("GBR") == "" {
		t.Errorf("got %d nations, %d members of NATO", len(v.nations), len(v.groups["NATO"].members))
	}
	for c := range categoryCount {
		for i, code := range registerOrder[c] {
			if v.controls[c][i].banner == "" {
				t.Errorf("%s is missing", code)
			}
		}
	}
}

// TestReadVocabularyRefuses: a vocabulary file that cannot be trusted as a
// whole is not used in part.
func TestReadVocabularyRefuses(t *testing.T) {
	t.Parallel()
	good := string(embedded)
	for _, c := range []struct{ old, new, want string }{
		{good, ``, "EOF"},
		{`"format": "marking-vocabulary/1"`, `"format": "marking-vocabulary/2"`, "marking-vocabulary/2"},
		{`"version": "2026-01.1"`, `"version": ""`, "version"},
		{`"date": "2026-01-01"`, `"date": "1.1.2026"`, "YYYY-MM-DD"},
		{`"date": "2026-01-01"`, `"date": "2026-01-01", "Date": "2027-01-01"`, "twice"},
		{`"date": "2026-01-01"`, `"date": "2026-01-01", "signed": true`, "unknown field"},
		{`{"code": "TS", "title": "TOP SECRET"}`, `{"code": "TS", "title": "top secret"}`, "levels"},
		{`{"code": "TS", "title": "TOP SECRET"}`, `{"code": "S", "title": "TOP SECRET"}`, "levels"},
		{`{"code": "TS", "title": "TOP SECRET"},`, ``, "levels"},
		{`"level": "TS"}`, `"level": "CTS"}`, "equivalences"},
		{`{"code": "TK", `, `{"code": "SI", `, "stated twice"},
		{`"levels": ["S", "TS"]`, `"levels": ["S", "XS"]`, "not a level"},
		{`"control": "NF"`, `"control": "NOFORN"`, "requirement"},
		{`"title": "BLUEFISH"`, `"title": "Bluefish"`, "title"},
		{`"code": "BLFH"`, `"code": "bl-fh"`, "compartment code"},
		{`"code": "DSEN"`, `"code": "NODISSEM"`, "no rules for it"},
		{`"code": "PR"`, `"code": "NF"`, "repeated"},
		{`"banner": "RSEN"`, `"banner": "RSEN//"`, "capitals"},
		{`"code": "SBU",`, `"code": "SBU", "valid_to": "2020-01-01",`, "SBU is missing"},
		{`"code": "NF",`, `"code": "NF", "valid_to": "2020-01-01",`, "NF is missing"},
		{`"members": ["AUS", "GBR", "USA"]`, `"members": ["AUS", "GBR", "UKX"]`, "UKX"},
		{`"members": ["AUS", "GBR", "USA"]`, `"members": ["AUS", "AUS", "USA"]`, "repeated"},
		{`"members": ["AUS", "GBR", "USA"]`, `"members": []`, "no members"},
		{`"valid_from": "1949-04-04"`, `"valid_from": "4 April 1949"`, "date"},
		{`{"code": "GBR",`, `{"code": "FRA",`, "twice"},
		{`{"code": "USA",`, `{"code": "USZ",`, "USA is missing"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("the vocabulary has no %s", c.old)
		}
		_, err := ReadVocabulary(strings.NewReader(strings.Replace(good, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: got %v, want an error with %q", c.new, err, c.want)
		}
	}
	if _, err := ReadVocabulary(bytes.NewReader(make([]byte, MaxVocabularySize+1))); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("too long: got %v", err)
	}
	cause := errors.New("disc gone")
	if _, err := ReadVocabulary(failingReader{cause}); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// TestVocabularyDates: a token outside its dates on the vocabulary's day is
// unknown.
func TestVocabularyDates(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(embedded), `{"code": "ISAF",`, `{"code": "ISAF", "valid_to": "2014-12-28",`, 1)
	text = strings.Replace(text, `{"code": "RSMA",`, `{"code": "RSMA", "valid_from": "2027-01-01",`, 1)
	text = strings.Replace(text, `"code": "FOUO",`, `"code": "FOUO", "valid_to": "2025-12-31",`, 1)
	v, err := ReadVocabulary(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{
		"SECRET//REL TO USA, ISAF": false, "SECRET//REL TO USA, RSMA": false, "UNCLASSIFIED//FOUO": false, "SECRET//REL TO USA, NATO": true,
	} {
		if _, err := v.Parse(text); (err == nil) != ok {
			t.Errorf("%s: got error %v, want valid %t", text, err, ok)
		}
	}
}

// TestVocabularyMayLackControls: a vocabulary without a category does not
// break the parser.
func TestVocabularyMayLackControls(t *testing.T) {
	t.Parallel()
	const small = `{"format":"marking-vocabulary/1","version":"s","date":"2026-01-01","levels":[{"code":"TS","title":"TOP SECRET"},
		{"code":"S","title":"SECRET"},{"code":"C","title":"CONFIDENTIAL"},{"code":"R","title":"RESTRICTED"},{"code":"U","title":"UNCLASSIFIED"}],
		"controls":[{"category":"dissemination","code":"NF","banner":"NOFORN","title":"NOFORN"}],
		"nations":[{"code":"USA","name":"United States"}]}`
	v, err := ReadVocabulary(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := v.Parse("(S)"); err != nil || m.Banner() != "SECRET" {
		t.Errorf("got %s, %v", m, err)
	}
	for _, text := range []string{"SECRET//RD", "SECRET//FOUO", "(S//REL TO USA, GBR)", "SECRET//REL TO USA", "//NATO SECRET", "SECRET//USA EYES ONLY", "SECRET//DISPLAY ONLY USA"} {
		if m, err := v.Parse(text); err == nil {
			t.Errorf("%s: got %s, want a refusal", text, m)
		}
	}
	if d := v.Access(v.Rollup(), subject("U|USA|USA.DOD|gov|"), Request{}); !d.Permit {
		t.Errorf("got %+v, want a permit for UNCLASSIFIED", d)
	}
}
