package marking

import (
	"strings"
	"testing"
)

// TestRollupOfManualExamples: portions and banner lines that CAPCO 2016 prints
// or states in words; section and page beside each.
func TestRollupOfManualExamples(t *testing.T) {
	t.Parallel()
	v := Default()
	for _, c := range []struct{ source, portions, want string }{
		{"H.1 p49", "(S//REL TO USA, FVEY) (U)", "SECRET//REL TO USA, FVEY"},
		{"H.1 p52", "(U//FOUO/REL TO USA, JPN) (S//REL TO USA, JPN)", "SECRET//REL TO USA, JPN"},
		{"H.1 p53 ex4", "(U//SBU-NF) (U//REL TO USA, FVEY)", "UNCLASSIFIED//NOFORN//SBU"},
		{"H.3 p57", "(//JOINT S CAN GBR USA//REL TO USA, CAN, GBR) (S//REL TO USA, GBR)", "SECRET//FGI CAN GBR//REL TO USA, GBR"},
		{"H.3 p57, a NOFORN portion", "(//JOINT S CAN GBR USA//REL TO USA, CAN, GBR) (S//NF)", "SECRET//FGI CAN GBR//NOFORN"},
		{"H.3 p58", "(//JOINT S CAN GBR USA//REL TO USA, CAN, GBR) (//JOINT S CAN GBR USA//REL TO USA, FVEY)", "//JOINT SECRET CAN GBR USA//REL TO USA, CAN, GBR"},
		{"H.3, H.6: NOFORN ends JOINT", "(//JOINT U GBR USA//UCNI//REL TO USA, GBR) (//JOINT S GBR USA//REL TO USA, GBR)", "SECRET//FGI GBR//NOFORN"},
		{"H.4 p62", "(TS//SI//NF) (TS//TK//NF)", "TOP SECRET//SI/TK//NOFORN"},
		{"H.6 p104: RD over FRD and TFNI", "(S//RD//NF) (S//FRD//NF) (S//TFNI//NF)", "SECRET//RD//NOFORN"},
		{"H.6 p109: SIGMA numbers move to RD", "(S//RD-SG 18//NF) (S//FRD-SG 14//NF)", "SECRET//RD-SIGMA 14 18//NOFORN"},
		{"H.6 p116: UCNI goes, NOFORN comes", "(U//UCNI) (S//RELIDO)", "SECRET//NOFORN"},
		{"H.6 p116: unclassified UCNI stays", "(U//UCNI) (U)", "UNCLASSIFIED//DOE UCNI"},
		{"H.7 p126 ex1", "(TS//REL TO USA, CAN, DEU) (TS//FGI DEU//REL TO USA, CAN, DEU) (//CAN S//REL TO USA, CAN, DEU)", "TOP SECRET//FGI CAN DEU//REL TO USA, CAN, DEU"},
		{"H.7 p127 ex2", "(TS//RELIDO) (//CAN DEU S//REL TO USA, CAN, DEU) (//AUS S//REL TO USA, AUS) (//CTS//BOHEMIA//REL TO USA, NATO)", "TOP SECRET//BOHEMIA//FGI AUS CAN DEU NATO//NOFORN"},
		{"H.7 p130 ex5", "(S//FGI CAN//REL TO USA, CAN, GBR) (//GBR S//REL TO USA, CAN, GBR)", "SECRET//FGI CAN GBR//REL TO USA, CAN, GBR"},
		{"H.7: RESTRICTED counts as CONFIDENTIAL", "(//DEU R//REL TO USA, DEU) (U//FOUO/REL TO USA, DEU)", "CONFIDENTIAL//FGI DEU//REL TO USA, DEU"},
		{"H.7: one owner keeps its level", "(//DEU R//REL TO USA, DEU) (//DEU U//REL TO USA, DEU)", "//DEU RESTRICTED//REL TO USA, DEU"},
		{"B.3 Table 2: FGI without decision is NOFORN", "(//DEU S) (S//RELIDO)", "SECRET//FGI DEU//NOFORN"},
		{"B.3 Table 2: uncaveated is RELIDO", "(S) (C//RELIDO)", "SECRET//RELIDO"},
		{"B.3 Table 2: caveated is NOFORN", "(S//OC) (C//RELIDO)", "SECRET//ORCON/NOFORN"},
		{"B.3 i: no decision anywhere", "(S) (U//FOUO) (C)", "SECRET"},
		{"H.8 p135", "(U//FOUO) (U//PR)", "UNCLASSIFIED//PROPIN"},
		{"H.8 p135", "(U//FOUO/NF) (U//FOUO)", "UNCLASSIFIED//FOUO/NOFORN"},
		{"H.8 p144", "(S//IMC/REL TO USA, AUS, CAN, GBR, NZL) (TS//NF)", "TOP SECRET//IMCON/NOFORN"},
		{"H.8 p155 ex3", "(S//RELIDO) (S//REL TO USA, AUS, CAN)", "SECRET//NOFORN"},
		{"Table 3 r12", "(S//REL TO USA, AUS/RELIDO) (S//OC)", "SECRET//ORCON/NOFORN"},
		{"J p194", "(S//REL TO USA, FVEY/RELIDO) (C//REL TO USA, FVEY/RELIDO)", "SECRET//REL TO USA, FVEY/RELIDO"},
		{"H.8 p161", "(U//DSEN) (S//NF/DSEN)", "SECRET//NOFORN/DEA SENSITIVE"},
		{"H.8 p165 ex2", "(S//DISPLAY ONLY AFG) (S//DISPLAY ONLY AFG, IRQ)", "SECRET//DISPLAY ONLY AFG"},
		{"H.8 p165 ex3", "(S//DISPLAY ONLY AFG) (S//DISPLAY ONLY IRQ)", "SECRET//NOFORN"},
		{"H.8 p166 ex5", "(S//REL TO USA, IRQ/DISPLAY ONLY AFG) (S//REL TO USA, IRQ/DISPLAY ONLY AFG)", "SECRET//REL TO USA, IRQ/DISPLAY ONLY AFG"},
		{"H.8 p167 ex7", "(S//DISPLAY ONLY IRQ) (S//RELIDO)", "SECRET//NOFORN"},
		{"Table 3 r19", "(S//DISPLAY ONLY IRQ) (S)", "SECRET//NOFORN"},
		{"Table 3 r23", "(S//REL TO USA, TEYE) (S//REL TO USA, CAN, GBR)", "SECRET//REL TO USA, GBR"},
		{"H.9 p170", "(U//DS) (S//NF)", "SECRET//NOFORN"},
		{"H.9 p170", "(U//DS) (U//FOUO)", "UNCLASSIFIED//LIMDIS"},
		{"H.9 p172: NODIS over EXDIS", "(S//NF//XD) (S//NF//ND)", "SECRET//NOFORN//NODIS"},
		{"H.9 p172: EXDIS over SBU", "(U//NF//XD) (U//SBU-NF)", "UNCLASSIFIED//NOFORN//EXDIS"},
		{"H.9 p177 ex1", "(U//SBU) (U//SBU/SSI)", "UNCLASSIFIED//SBU/SSI"},
		{"H.9 p177 ex2", "(U//SBU) (S//NF)", "SECRET//NOFORN"},
		{"H.9 p179 ex1", "(U//SBU-NF) (U//FOUO)", "UNCLASSIFIED//SBU NOFORN"},
		{"H.9 p179 ex2", "(U//SBU-NF) (U//FOUO) (S//REL TO USA, AUS)", "SECRET//NOFORN"},
		{"H.9 p180 ex3", "(U//SBU-NF) (U//FOUO/NF)", "UNCLASSIFIED//NOFORN//SBU"},
		{"H.9 p178", "(U//SBU-NF) (U//SBU)", "UNCLASSIFIED//SBU NOFORN"},
		{"Table 3 r4", "(U//SBU-NF) (S)", "SECRET//NOFORN"},
		{"H.9 p182", "(U//LES) (U)", "UNCLASSIFIED//LES"},
		{"H.9 p183 ex2, as printed", "(S//REL TO USA, FVEY) (U//LES//REL TO USA, FVEY)", "SECRET//REL TO USA, FVEY//LES"},
		{"H.9 p184 ex4", "(S//NF) (U//LES)", "SECRET//NOFORN//LES"},
		{"H.9 p186 ex1", "(U//LES-NF) (U)", "UNCLASSIFIED//LES NOFORN"},
		{"H.9 p187 ex4", "(S//NF) (U//LES-NF)", "SECRET//NOFORN//LES"},
		{"NATO does not expand in a roll-up", "(S//REL TO USA, NATO) (S//REL TO USA, GBR)", "SECRET//NOFORN"},
		{"a shared tetragraph stays", "(S//REL TO USA, DEU, NATO) (S//REL TO USA, NATO)", "SECRET//REL TO USA, NATO"},
	} {
		inputs := parseAll(t, splitPortions(c.portions)...)
		for order := range permutations(inputs) {
			if got := v.Rollup(order...).Banner(); got != c.want {
				t.Errorf("%s: %s: got %q, want %q", c.source, c.portions, got, c.want)
				break
			}
		}
	}
}

func splitPortions(s string) []string {
	parts := strings.SplitAfter(s, ")")
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func TestExampleProductDominatesItsInputs(t *testing.T) {
	t.Parallel()
	v := Default()
	m := parseAll(t, "SECRET//REL TO USA, AUS, CAN, GBR", "SECRET//REL TO USA, FVEY", "SECRET//NOFORN", "UNCLASSIFIED", "SECRET//REL TO USA, ACGU")
	fused, fvey, noforn, u, acgu := m[0], m[1], m[2], m[3], m[4]
	for _, c := range []struct {
		a, b Marking
		want bool
	}{
		{fused, v.Rollup(fvey, fused), true},
		{fvey, v.Rollup(fvey, fused), false},
		{noforn, fvey, true}, {fvey, noforn, false},
		{fused, u, true}, {u, fused, false},
		{acgu, fused, true}, {fused, acgu, true},
		{Marking{}, noforn, true}, {noforn, Marking{}, false},
	} {
		if got := v.Dominates(c.a, c.b); got != c.want {
			t.Errorf("%s dominates %s: got %t, want %t", c.a, c.b, got, c.want)
		}
	}
}

// TestUnmarkedInputIsNotIgnored: data derived from something nobody marked is
// not marked either, and nobody is let in.
func TestUnmarkedInputIsNotIgnored(t *testing.T) {
	t.Parallel()
	v := Default()
	got := v.Rollup(parseAll(t, "SECRET//REL TO USA, FVEY")[0], Marking{})
	if !got.IsZero() {
		t.Errorf("got %s, want no marking", got)
	}
	s := Subject{Clearance: "TS", CountryOfAffiliation: []string{"USA"}, DutyOrganization: "USA.DOD", EmploymentType: "gov"}
	if d := v.Access(got, &s, Request{Action: ActionRead}); d.Permit || d.Code != DenyUnknownMarking {
		t.Errorf("got %+v, want deny %s", d, DenyUnknownMarking)
	}
}

func TestHugeRollupIsRefused(t *testing.T) {
	t.Parallel()
	in := make([]Marking, MaxRollup+1)
	for i := range in {
		in[i] = Default().Rollup()
	}
	if got := Default().Rollup(in...); !got.IsZero() {
		t.Errorf("got %s, want no marking", got)
	}
	if got := Default().Rollup(in[1:]...); got.Banner() != "UNCLASSIFIED" {
		t.Errorf("got %s, want UNCLASSIFIED", got)
	}
}

// TestMarkingOfAnotherVocabulary: a marking does not keep the meaning that it
// had under a vocabulary that is no longer in force.
func TestMarkingOfAnotherVocabulary(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(embedded), `"code": "TEYE", "title": "Three Eyes", "members": ["AUS", "GBR", "USA"]`, `"code": "TEYE", "title": "Three Eyes", "members": ["AUS", "NZL", "USA"]`, 1)
	text = strings.Replace(text, `"code": "ISAF"`, `"code": "ISAX"`, 1)
	other, err := ReadVocabulary(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	m := parseAll(t, "SECRET//REL TO USA, TEYE", "SECRET//REL TO USA, ISAF")
	if got := strings.Join(other.Audience(m[0]).Release, " "); got != "AUS NZL USA" {
		t.Errorf("got audience %s, want that of the vocabulary asked", got)
	}
	if got := other.Rollup(m[1]); !got.IsZero() {
		t.Errorf("got %s, want no marking for a token that the vocabulary lacks", got)
	}
	s := Subject{Clearance: "TS", CountryOfAffiliation: []string{"USA"}}
	if d := other.Access(m[0], &s, Request{}); d.Code != DenyUnknownMarking {
		t.Errorf("got %+v, want deny %s", d, DenyUnknownMarking)
	}
}
