package marking

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"SECRET", "(U//FOUO)", "SECRET//REL TO USA, FVEY", "(TS//SI-G ABCD/TK//OC/NF/RS)", "//JOINT SECRET CAN GBR USA//REL TO USA, CAN, GBR",
		"TOP SECRET//RD-CNWDI-SIGMA 14 18//NOFORN", "//COSMIC TOP SECRET//BOHEMIA", "SECRET//SAR-BUTTER POPCORN-123//FGI DEU//NOFORN//LES",
		"SECRET//USA/CAN/GBR EYES ONLY", "SECRET//REL TO USA, IRQ/DISPLAY ONLY AFG", "//", "()", "(//)", "SECRET//-/ -",
	} {
		f.Add(seed)
	}
	for _, c := range readCases(f) {
		f.Add(c.Input.Banner + c.Input.Portion)
		for _, portion := range c.Input.Portions {
			f.Add(portion)
		}
	}
	v := Default()
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := v.Parse(text); err == nil {
			readBack(t, v, m)
		} else if len(Rules(err)) == 0 || len(err.Error()) > 16<<10 {
			t.Errorf("%q: the error names no rule or has %d bytes", text, len(err.Error()))
		}
		if m, err := v.ParseLegacy(text); err == nil && m.Banner() == "" {
			t.Errorf("%q: valid but without a banner", text)
		}
	})
}

// readBack checks that the canonical texts of a marking are canonical.
func readBack(t *testing.T, v *Vocabulary, m Marking) {
	t.Helper()
	for _, text := range []string{m.Banner(), m.Portion()} {
		again, err := v.Parse(text)
		if err != nil {
			t.Fatalf("%s is not read back: %v", text, err)
		}
		if again.Banner() != m.Banner() || again.Portion() != m.Portion() {
			t.Fatalf("%s reads back as %s", text, again)
		}
	}
	if join := v.Rollup(m, m); !join.Equal(m) {
		t.Fatalf("%s joined with itself is %s", m, join)
	}
}

func FuzzReadISM(f *testing.F) {
	for _, c := range readCases(f) {
		if c.Input.Marking != nil {
			f.Add([]byte(c.Input.Marking))
		}
	}
	f.Add([]byte(`{"classification":"S","ownerProducer":"USA","FGIsourceProtected":true,"declassDate":"2041-01-31"}`))
	v := Default()
	f.Fuzz(func(t *testing.T, data []byte) {
		attributes, err := ReadISM(data)
		if err != nil {
			return
		}
		m, err := v.FromISM(attributes)
		if err != nil {
			return
		}
		readBack(t, v, m)
		if again, err := v.FromISM(m.ISM()); err != nil || !again.Equal(m) {
			t.Fatalf("%s as ISM attributes reads back as %s, %v", m, again, err)
		}
	})
}

// smallVocabulary has one of each entry, so that a mutation soon hits something.
const smallVocabulary = `{"format":"marking-vocabulary/1","version":"s","date":"2026-01-01","levels":[{"code":"TS","title":"TOP SECRET"},
{"code":"S","title":"SECRET"},{"code":"C","title":"CONFIDENTIAL"},{"code":"R","title":"RESTRICTED"},{"code":"U","title":"UNCLASSIFIED"}],
"equivalences":[{"owner":"NATO","banner":"NATO SECRET","portion":"NS","level":"S"}],
"systems":[{"code":"SI","title":"SI","levels":["S","TS"],"compartments":[{"code":"G","title":"GAMMA","requires":[{"control":"OC","rule":"x"}],"sub_min":4,"sub_max":4}]}],
"controls":[{"category":"dissemination","code":"NF","banner":"NOFORN","title":"NOFORN"},{"category":"dissemination","code":"OC","banner":"ORCON","title":"ORCON"},
{"category":"dissemination","code":"REL","banner":"REL TO","title":"AUTHORIZED FOR RELEASE TO"},{"category":"non_ic","code":"SBU","banner":"SBU","title":"SBU"},
{"category":"non_ic","code":"SBU-NF","banner":"SBU NOFORN","title":"SBU NOFORN"},{"category":"non_us","code":"ATOMAL","banner":"ATOMAL","title":"ATOMAL"}],
"groups":[{"code":"FVEY","title":"f","members":["GBR","USA"],"decomposable":true},{"code":"NATO","title":"n","members":["GBR"]}],
"nations":[{"code":"GBR","name":"g"},{"code":"USA","name":"u"}]}`

func FuzzReadVocabulary(f *testing.F) {
	f.Add(smallVocabulary)
	texts := []string{"SECRET//REL TO USA, FVEY", "(TS//SI-G ABCD//OC/NF)", "//NATO SECRET//ATOMAL", "(U//SBU-NF)", "TOP SECRET//RD-CNWDI//NOFORN"}
	f.Fuzz(func(t *testing.T, file string) {
		v, err := ReadVocabulary(strings.NewReader(file))
		if err != nil {
			return
		}
		again, err := ReadVocabulary(bytes.NewReader(v.Canonical()))
		if err != nil || !bytes.Equal(again.Canonical(), v.Canonical()) || len(v.Differences(again)) > 0 {
			t.Fatalf("its canonical form is another vocabulary, %v: %s", err, v.Canonical())
		}
		all := []Marking{v.Rollup()}
		for _, text := range texts {
			if m, err := v.Parse(text); err == nil {
				all = append(all, m)
			}
		}
		if join := v.Rollup(all...); !v.Dominates(join, all[len(all)-1]) {
			t.Errorf("%s does not dominate %s", join, all[len(all)-1])
		}
	})
}

func FuzzReadLabel(f *testing.F) {
	f.Add([]byte(`{"policyIdentifier":"NATO","classification":"SECRET","categories":[{"type":"PERMISSIVE","tagName":"Only","values":["GBR"]}]}`))
	f.Add([]byte(`{"policyIdentifier":"NATO","classification":"NATO SECRET","categories":[{"type":"RESTRICTIVE","tagName":"Additional Sensitivity","values":["ATOMAL"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ReadLabel(data)
		if err != nil {
			return
		}
		d, err := DominantLabel(l, l)
		if err != nil {
			t.Fatalf("%s: a label does not combine with itself: %v", bytes.TrimSpace(data), err)
		}
		nobody := LabelClearance{PolicyIdentifier: l.PolicyIdentifier, Classifications: []string{l.Classification}}
		if nobody.Permits(&l) != nobody.Permits(&d) {
			t.Fatalf("%s: the dominant label of one label lets in others", bytes.TrimSpace(data))
		}
	})
}

func FuzzReadSubject(f *testing.F) {
	f.Add([]byte(`{"clearance":"S","countryOfAffiliation":["GBR"],"fineAccessControls":["SI"],"dutyOrganization":"GBR.MOD","employmentType":"gov"}`))
	noforn, err := Default().Parse("SECRET//NOFORN")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadSubject(data)
		if err != nil {
			return
		}
		if d := Default().Access(noforn, &s, Request{Action: ActionRead}); d.Permit && !american(&s) {
			t.Errorf("%+v is let in to NOFORN", s)
		}
	})
}

func FuzzReadLabelClearance(f *testing.F) {
	f.Add([]byte(`{"policyIdentifier":"NATO","classifications":["CONFIDENTIAL","SECRET"],"categories":{"Additional Sensitivity":["ATOMAL"]}}`))
	f.Add([]byte(`{"policyIdentifier":"NATO","classifications":["SECRET"],"categories":{"Additional Sensitivity":["ATOMAL","CRYPTO"],"Only":["GBR"]}}`))
	label := Label{PolicyIdentifier: "NATO", Classification: "SECRET", Categories: []Category{
		{Type: Restrictive, TagName: "Additional Sensitivity", Values: []string{"ATOMAL", "CRYPTO"}},
	}}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadLabelClearance(data)
		if err != nil || !c.Permits(&label) {
			return
		}
		held := c.Categories["Additional Sensitivity"]
		if c.PolicyIdentifier != "NATO" || !slices.Contains(c.Classifications, "SECRET") || !slices.Contains(held, "ATOMAL") || !slices.Contains(held, "CRYPTO") {
			t.Errorf("%s: lets its holder see %+v", bytes.TrimSpace(data), label)
		}
	})
}
