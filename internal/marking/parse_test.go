package marking

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, banner, portion string }{
		{"(U)", "UNCLASSIFIED", "(U)"},
		{"  SECRET ", "SECRET", "(S)"},
		{"SECRET//REL TO  USA,FVEY", "SECRET//REL TO USA, FVEY", "(S//REL TO USA, FVEY)"},
		{"SECRET//REL TO USA, NATO, GBR, DEU", "SECRET//REL TO USA, DEU, GBR, NATO", "(S//REL TO USA, DEU, GBR, NATO)"},
		{"TOP SECRET//SI-GAMMA/TALENT KEYHOLE//RISK SENSITIVE/ORIGINATOR CONTROLLED/NOFORN", "TOP SECRET//SI-G/TK//RSEN/ORCON/NOFORN", "(TS//SI-G/TK//RS/OC/NF)"},
		{"(TS//SI-ABC-DEF//OC/NF)", "TOP SECRET//SI-ABC-DEF//ORCON/NOFORN", "(TS//SI-ABC-DEF//OC/NF)"},
		{"TOP SECRET//SI-G ABCD EFGH-XYZ//ORCON/NOFORN", "TOP SECRET//SI-G ABCD EFGH-XYZ//ORCON/NOFORN", "(TS//SI-G ABCD EFGH-XYZ//OC/NF)"},
		{"TOP SECRET//AUNPUB/SI/TALENT KEYHOLE/XUNPUB//NOFORN", "TOP SECRET//ANB/SI/TK/XNB//NOFORN", "(TS//ANB/SI/TK/XNB//NF)"},
		{"TOP SECRET//123/SI-G ABCD DEFG-MMM AACD//ORCON/NOFORN", "TOP SECRET//123/SI-G ABCD DEFG-MMM AACD//ORCON/NOFORN", "(TS//123/SI-G ABCD DEFG-MMM AACD//OC/NF)"},
		{"TOP SECRET//HCS-P JJJ XYZ//ORCON/NOFORN", "TOP SECRET//HCS-P JJJ XYZ//ORCON/NOFORN", "(TS//HCS-P JJJ XYZ//OC/NF)"},
		{"(TS//HCS-P/LMN//SAR-BP//NF)", "TOP SECRET//HCS-P/LMN//SAR-BP//NOFORN", "(TS//HCS-P/LMN//SAR-BP//NF)"},
		{"TOP SECRET//SPECIAL ACCESS REQUIRED-BUTTER POPCORN//NOFORN", "TOP SECRET//SAR-BUTTER POPCORN//NOFORN", "(TS//SAR-BUTTER POPCORN//NF)"},
		{"(TS//SAR-CA-XYZ YYY/BP-123//NF)", "TOP SECRET//SAR-BP-123/CA-XYZ YYY//NOFORN", "(TS//SAR-BP-123/CA-XYZ YYY//NF)"},
		{"SECRET//SAR-ABC-DEF 123/SDA-121//NOFORN", "SECRET//SAR-ABC-DEF 123/SDA-121//NOFORN", "(S//SAR-ABC-DEF 123/SDA-121//NF)"},
		{"TOP SECRET//RD-CNWDI//NOFORN", "TOP SECRET//RD-CNWDI//NOFORN", "(TS//RD-CNWDI//NF)"},
		{"(S//FRD-SG 18 14//REL TO USA, ACGU)", "SECRET//FRD-SIGMA 14 18//REL TO USA, ACGU", "(S//FRD-SG 14 18//REL TO USA, ACGU)"},
		{"SECRET//RESTRICTED DATA", "SECRET//RD", "(S//RD)"},
		{"(U//DCNI)", "UNCLASSIFIED//DOD UCNI", "(U//DCNI)"},
		{"//COSMIC TOP SECRET//BOHEMIA", "//COSMIC TOP SECRET//BOHEMIA", "(//CTS//BOHEMIA)"},
		{"(//NR)", "//NATO RESTRICTED", "(//NR)"},
		{"(//DEU S//REL TO USA, DEU)", "//DEU SECRET//REL TO USA, DEU", "(//DEU S//REL TO USA, DEU)"},
		{"(//CAN GBR S)", "//CAN GBR SECRET", "(//CAN GBR S)"},
		{"(//DEU R)", "//DEU RESTRICTED", "(//DEU R)"},
		{"(//FGI TS//NF)", "//FGI TOP SECRET//NOFORN", "(//FGI TS//NF)"},
		{"//JOINT TOP SECRET USA CAN ISR//REL TO USA, CAN, ISR", "//JOINT TOP SECRET CAN ISR USA//REL TO USA, CAN, ISR", "(//JOINT TS CAN ISR USA//REL TO USA, CAN, ISR)"},
		{"//JOINT SECRET GBR USA//FGI NZL//REL TO USA, FVEY", "//JOINT SECRET GBR USA//FGI NZL//REL TO USA, FVEY", "(//JOINT S GBR USA//FGI NZL//REL TO USA, FVEY)"},
		{"SECRET//FOREIGN GOVERNMENT INFORMATION", "SECRET//FGI", "(S//FGI)"},
		{"SECRET//FGI NATO JPN GBR//REL TO USA, GBR", "SECRET//FGI GBR JPN NATO//REL TO USA, GBR", "(S//FGI GBR JPN NATO//REL TO USA, GBR)"},
		{"(U//SBU-NF)", "UNCLASSIFIED//SBU NOFORN", "(U//SBU-NF)"},
		{"UNCLASSIFIED//LAW ENFORCEMENT SENSITIVE NOFORN", "UNCLASSIFIED//LES NOFORN", "(U//LES-NF)"},
		{"(S//LES-NF)", "SECRET//NOFORN//LES", "(S//NF//LES)"},
		{"(S//NF//LES-NF)", "SECRET//NOFORN//LES", "(S//NF//LES)"},
		{"(U//FOUO/NF)", "UNCLASSIFIED//FOUO/NOFORN", "(U//FOUO/NF)"},
		{"(U//FOUO//SBU)", "UNCLASSIFIED//SBU", "(U//SBU)"},
		{"(S//NF/DSEN)", "SECRET//NOFORN/DEA SENSITIVE", "(S//NF/DSEN)"},
		{"(U//LES//REL TO USA, FVEY)", "UNCLASSIFIED//REL TO USA, FVEY//LES", "(U//REL TO USA, FVEY//LES)"},
		{"SECRET//REL TO USA, IRQ/DISPLAY ONLY AFG", "SECRET//REL TO USA, IRQ/DISPLAY ONLY AFG", "(S//REL TO USA, IRQ/DISPLAY ONLY AFG)"},
		{"SECRET//DISPLAY ONLY NATO, IRQ, AFG", "SECRET//DISPLAY ONLY AFG, IRQ, NATO", "(S//DISPLAY ONLY AFG, IRQ, NATO)"},
	} {
		m, err := Default().Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if m.Banner() != c.banner || m.Portion() != c.portion {
			t.Errorf("%s: got %s and %s, want %s and %s", c.text, m.Banner(), m.Portion(), c.banner, c.portion)
		}
	}
}

// TestParseRefuses: each rule once, with the byte at which its token stands.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, rule string
		position   int
	}{
		{"", "level-missing", 0},
		{"secret", "capitals", 0},
		{"SECRET//ＮOFORN", "characters", 8},
		{"SECRET\x00", "characters", 6},
		{"(S", "portion-parentheses", 0},
		{"SEKRET", "ISM-ID-00254", 0},
		{"TS//NOFORN", "banner-level", 0},
		{"(SECRET//NF)", "portion-level", 1},
		{"SECRET//NF", "banner-form", 8},
		{"(S//NOFORN)", "portion-form", 4},
		{"SECRET////NOFORN", "section-empty", 8},
		{"SECRET//", "section-empty", 8},
		{"SECRET/NOFORN", "ISM-ID-00254", 0},
		{"SECRET//NOFORN//SI", "category-order", 16},
		{"SECRET//NOFORN//PROPIN", "category-repeated", 16},
		{"SECRET//SI/NOFORN", "category-mixed", 11},
		{"SECRET//XYZ//NOFORN", "unknown-token", 8},
		{"SECRET//HUMINT//NOFORN", "unknown-token", 8},
		{"SECRET//SI-//NOFORN", "compartment-empty", 11},
		{"TOP SECRET//KDK-BLFH//NOFORN", "control-retired", 12},
		{"SECRET//COMINT//NOFORN", "control-retired", 8},
		{"TOP SECRET//SI-ABCD//NOFORN", "ISM-ID-00267", 15},
		{"TOP SECRET//SI-G ABCDE//ORCON/NOFORN", "ISM-ID-00267", 17},
		{"TOP SECRET//TK-XXXX//NOFORN", "ISM-ID-00267", 15},
		{"SECRET//SAR-X//NOFORN", "ISM-ID-00266", 12},
		{"SECRET//REL TO USA", "ISM-ID-00319", 15},
		{"SECRET//REL TO USA, USA", "ISM-ID-00319", 15},
		{"SECRET//REL TO GBR, USA", "ISM-ID-00214", 15},
		{"SECRET//REL TO FVEY", "ISM-ID-00214", 15},
		{"SECRET//REL TO USA, XXX", "ISM-ID-00265", 20},
		{"SECRET//REL TO USA GBR", "ISM-ID-00265", 15},
		{"SECRET//REL TO USA, ", "ISM-ID-00265", 19},
		{"(S//REL)", "release-list", 4},
		{"(S//REL TO)", "release-list", 4},
		{"SECRET//REL TO USA, GBR/NOFORN", "ISM-ID-00033", 8},
		{"SECRET//NOFORN/RELIDO", "ISM-ID-00169", 15},
		{"SECRET//RELIDO/DISPLAY ONLY AFG", "ISM-ID-00169", 8},
		{"SECRET//NOFORN/DISPLAY ONLY AFG", "ISM-ID-00169", 15},
		{"SECRET//DISPLAY ONLY", "release-list", 8},
		{"SECRET//DISPLAY ONLY USA, AFG", "DISPLAYONLY-USA", 21},
		{"SECRET//DISPLAY ONLY XXX", "ISM-ID-00257", 21},
		{"SECRET//REL TO USA, GBR/DISPLAY ONLY GBR", "DISPLAYONLY-released", 20},
		{"SECRET//USA/CAN/GBR EYES ONLY", "EYES-retired", 8},
		{"(S//EYES)", "EYES-retired", 4},
		{"UNCLASSIFIED//SI//NOFORN", "ISM-ID-00016", 14},
		{"UNCLASSIFIED//SAR-BP//NOFORN", "ISM-ID-00016", 18},
		{"CONFIDENTIAL//TK//NOFORN", "ISM-ID-00047", 14},
		{"CONFIDENTIAL//HCS-P//NOFORN", "ISM-ID-00048", 14},
		{"SECRET//HCS-P", "ISM-ID-00049", 8},
		{"SECRET//HCS//NOFORN", "HCS-compartment", 8},
		{"SECRET//HCS-O//NOFORN", "ISM-ID-00335", 12},
		{"SECRET//HCS-P JJJ//ORCON/NOFORN", "ISM-ID-00453", 14},
		{"TOP SECRET//HCS-P JJJ//NOFORN", "ISM-ID-00336", 18},
		{"SECRET//RSV//NOFORN", "ISM-ID-00243", 8},
		{"CONFIDENTIAL//RSV-ABC", "ISM-ID-00242", 14},
		{"SECRET//SI-G//ORCON", "ISM-ID-00044", 11},
		{"TOP SECRET//SI-G//NOFORN", "ISM-ID-00045", 15},
		{"TOP SECRET//SI-G//ORCON-USGOV", "ISM-ID-00045", 15},
		{"SECRET//SI-ABC//NOFORN", "SI-ABC-level", 11},
		{"SECRET//TK-BLFH//NOFORN", "TK-BLFH-level", 11},
		{"TOP SECRET//TK-BLFH//REL TO USA, GBR", "ISM-ID-00369", 15},
		{"UNCLASSIFIED//RD", "ISM-ID-00174", 14},
		{"CONFIDENTIAL//RD-CNWDI//NOFORN", "ISM-ID-00175", 17},
		{"CONFIDENTIAL//RD-SIGMA 18//NOFORN", "ISM-ID-00173", 17},
		{"SECRET//RD-SIGMA 100//NOFORN", "ISM-ID-00253", 17},
		{"SECRET//FRD-CNWDI//NOFORN", "ISM-ID-00253", 12},
		{"SECRET//CNWDI//NOFORN", "unknown-token", 8},
		{"SECRET//DOE UCNI//NOFORN", "ISM-ID-00181", 8},
		{"//NATO SECRET//XYZ", "unknown-token", 15},
		{"SECRET//ATOMAL//NOFORN", "ISM-ID-00163", 8},
		{"//DEU SECRET//BALK", "ISM-ID-00163", 14},
		{"//USA SECRET", "foreign-level", 2},
		{"//SECRET", "foreign-level", 2},
		{"//NATO TOP SECRET", "foreign-level", 2},
		{"(//NATO SECRET)", "foreign-level", 3},
		{"//XXX SECRET", "foreign-level", 2},
		{"//DEU SEKRET", "ISM-ID-00254", 6},
		{"RESTRICTED", "ISM-ID-00040", 0},
		{"//DEU USA SECRET", "owner-unique", 6},
		{"//DEU FGI SECRET", "ISM-ID-00099", 6},
		{"//JOINT SECRET USA//REL TO USA, GBR", "JOINT-owners", 2},
		{"//JOINT SECRET GBR DEU//REL TO USA, GBR, DEU", "JOINT-owners", 2},
		{"//JOINT RESTRICTED GBR USA//REL TO USA, GBR", "ISM-ID-00040", 8},
		{"//JOINT SECRET GBR USA", "ISM-ID-00377", 15},
		{"//JOINT SECRET GBR USA//NOFORN", "JOINT-noforn", 24},
		{"//JOINT SECRET DEU USA//REL TO USA, FVEY", "ISM-ID-00377", 15},
		{"//JOINT TOP SECRET GBR USA//HCS-P//REL TO USA, GBR", "JOINT-HCS", 28},
		{"SECRET//FGI USA", "FGI-USA", 12},
		{"SECRET//FGI XXX", "ISM-ID-00259", 12},
		{"SECRET//FGI DEU//RELIDO", "ISM-ID-00233", 17},
		{"SECRET//FGI//RELIDO", "ISM-ID-00234", 13},
		{"//DEU SECRET//RELIDO", "ISM-ID-00124", 14},
		{"CONFIDENTIAL//RSEN/NOFORN", "ISM-ID-00164", 14},
		{"CONFIDENTIAL//IMCON/NOFORN", "ISM-ID-00107", 14},
		{"SECRET//FOUO", "ISM-ID-00030", 8},
		{"UNCLASSIFIED//ORCON", "ISM-ID-00028", 14},
		{"UNCLASSIFIED//ORCON-USGOV", "ORCON-USGOV-level", 14},
		{"SECRET//ORCON/ORCON-USGOV/NOFORN", "ORCON-exclusive", 14},
		{"SECRET//ORCON/RELIDO", "ORCON-RELIDO", 8},
		{"SECRET//NOFORN//LIMDIS", "ISM-ID-00346", 16},
		{"SECRET//NOFORN//EXDIS/NODIS", "ISM-ID-00038", 22},
		{"SECRET//REL TO USA, GBR//NODIS", "ISM-ID-00313", 25},
		{"SECRET//EXDIS", "ISM-ID-00314", 8},
		{"SECRET//NOFORN//SBU", "ISM-ID-00037", 16},
		{"UNCLASSIFIED//REL TO USA, GBR//SBU NOFORN", "SBU-NF-release", 31},
		{"UNCLASSIFIED//REL TO USA, GBR//LES NOFORN", "LES-NF-release", 31},
		{"UNCLASSIFIED//LES/LES NOFORN", "ISM-ID-00148", 18},
	} {
		_, err := Default().Parse(c.text)
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%q: got error %v, want rule %s", c.text, err, c.rule)
			continue
		}
		p := invalid.Problems[0]
		if p.Rule != c.rule || p.Position != c.position {
			t.Errorf("%q: got %s at %d first, want %s at %d", c.text, p.Rule, p.Position, c.rule, c.position)
		}
		if p.Reason == "" || p.Instead == "" || !strings.Contains(err.Error(), p.Instead) {
			t.Errorf("%q: the error does not say what is wrong and what to write: %v", c.text, err)
		}
	}
}

func TestErrorNamesEveryProblem(t *testing.T) {
	t.Parallel()
	for text, rules := range map[string][]string{
		"CONFIDENTIAL//TK//RSEN/IMCON/NOFORN/RELIDO": {"ISM-ID-00047", "ISM-ID-00164", "ISM-ID-00107", "ISM-ID-00169"},
		"(U//SI-G//OC-USGOV)":                        {"ISM-ID-00016", "ISM-ID-00043", "ISM-ID-00044", "ISM-ID-00045", "ISM-ID-00341", "ORCON-USGOV-level"},
		"//JOINT SECRET GBR USA//NOFORN":             {"JOINT-noforn", "ISM-ID-00377"},
		"//NATO UNCLASSIFIED//SI":                    {"SCI-level"},
		"UNCLASSIFIED//FGI//RELIDO":                  {"ISM-ID-00234"},
	} {
		_, err := Default().Parse(text)
		for _, rule := range rules {
			if !slices.Contains(Rules(err), rule) {
				t.Errorf("%s: %s is not in %v", text, rule, err)
			}
		}
	}
}

// TestHugeTextIsRefused: neither length nor count makes work or a long error.
func TestHugeTextIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, rule string }{
		{strings.Repeat("A", MaxTextSize+1), "text-size"},
		{"SECRET//REL TO USA" + strings.Repeat(", GBR", 500), "token-count"},
		{"SECRET" + strings.Repeat("//SI", 500), "token-count"},
		{"SECRET//SI" + strings.Repeat("-ABC", 500), "token-count"},
		{"SECRET//FGI" + strings.Repeat(" DEU", 500), "token-count"},
	} {
		_, err := Default().Parse(c.text)
		if !slices.Contains(Rules(err), c.rule) {
			if r := Rules(err); len(r) < 16 || c.rule == "text-size" {
				t.Errorf("%.40s…: got %v, want %s", c.text, r, c.rule)
			}
		}
		if err == nil || len(err.Error()) > 4000 {
			t.Errorf("%.40s…: the error has %d bytes", c.text, len(err.Error()))
		}
	}
}

func TestParseLegacy(t *testing.T) {
	t.Parallel()
	v := Default()
	for text, want := range map[string]string{
		"SECRET//USA/GBR/CAN EYES ONLY":  "SECRET//REL TO USA, CAN, GBR",
		"(TS//SI//USA/AUS EYES ONLY)":    "TOP SECRET//SI//REL TO USA, AUS",
		"SECRET//HCS//NOFORN":            "SECRET//HCS//NOFORN",
		"(TS//SI/KDK-BLFH ABCD//NF)":     "TOP SECRET//SI/TK-BLFH ABCD//NOFORN",
		"(TS//EL-EU//NF)":                "TOP SECRET//SI-EU//NOFORN",
		"SECRET//REL TO USA, FVEY/ORCON": "SECRET//ORCON/REL TO USA, FVEY",
	} {
		m, err := v.ParseLegacy(text)
		if err != nil || m.Banner() != want {
			t.Errorf("%s: got %s, %v, want %s", text, m, err, want)
		}
	}
	for _, text := range []string{"(S//EYES)", "SECRET//CAN/GBR EYES ONLY", "SECRET//USA/XXX EYES ONLY", "SECRET//USA EYES ONLY"} {
		if m, err := v.ParseLegacy(text); err == nil {
			t.Errorf("%s: got %s, want a refusal", text, m)
		}
	}
}
