package marking

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// subject of a test: clearance, countries, organisation, employment, read-ins.
func subject(s string) *Subject {
	f := strings.Split(s, "|")
	return &Subject{
		Clearance: f[0], CountryOfAffiliation: strings.Fields(f[1]), DutyOrganization: f[2], EmploymentType: f[3],
		FineAccessControls: strings.Fields(f[4]),
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	const us, gb, de = "S|USA|USA.DOD|gov|", "S|GBR|GBR.MOD|gov|", "S|DEU|DEU.BMVG|gov|"
	for _, c := range []struct{ subject, banner, ask, want string }{
		// Claims.
		{"|USA|USA.DOD|gov|", "SECRET", "read", "missing_claim"},
		{"X|USA|USA.DOD|gov|", "SECRET", "read", "missing_claim"},
		{"S||USA.DOD|gov|", "SECRET", "read", "missing_claim"},
		{"S|XXX|USA.DOD|gov|", "SECRET", "read", "missing_claim"},
		{"S|USA XXX|USA.DOD|gov|", "SECRET", "read", "missing_claim"},
		{"S|USA||gov|", "SECRET//NOFORN", "read", "missing_claim"},
		{"S|USA||gov|", "SECRET", "read", ""},
		{"S|USA|USA.DOD||", "SECRET//PROPIN", "read", "missing_claim"},
		{"S|USA|USA.DOD|spy|", "SECRET//PROPIN", "read", "missing_claim"},
		// Clearance.
		{us, "UNCLASSIFIED", "read", ""},
		{us, "TOP SECRET//NOFORN", "read", "clearance"},
		{"C|USA|USA.DOD|gov|", "//DEU RESTRICTED", "read", ""},
		{"U|USA|USA.DOD|gov|", "//DEU RESTRICTED", "read", "clearance"},
		{"R|DEU|DEU.BMVG|gov|", "//DEU RESTRICTED//REL TO USA, DEU", "read", "clearance"},
		{"S|USA|USA.DOD|gov|SI", "SECRET//SI//NOFORN", "read", "clearance"},
		{"U|BRA|BRA.MD|gov|", "UNCLASSIFIED", "download", ""},
		// Read-ins, in the order of the banner line.
		{"TS|USA|USA.DOD|gov|", "TOP SECRET//SI/TK//NOFORN", "read", "missing_access:SI"},
		{"TS|USA|USA.DOD|gov|SI", "TOP SECRET//SI/TK//NOFORN", "read", "missing_access:TK"},
		{"TS|USA|USA.DOD|gov|TK", "TOP SECRET//TK-BLFH//NOFORN", "read", "missing_access:TK-BLFH"},
		{"TS|USA|USA.DOD|gov|SI SI-G SI-G-ABCD", "TOP SECRET//SI-G ABCD//NOFORN/ORCON", "read", "orcon"},
		{"TS|USA|USA.DOD|gov|HCS-P", "TOP SECRET//HCS-P//NOFORN", "read", ""},
		{"TS|USA|USA.DOD|gov|", "SECRET//RSV-ABC", "read", "missing_access:RSV-ABC"},
		{"S|USA|USA.DOD|gov|", "SECRET//SAR-BP//NOFORN", "read", "missing_access:SAR-BP"},
		{"S|USA|USA.DOD|gov|SAR-BP", "SECRET//SAR-BP-123//NOFORN", "read", "missing_access:SAR-BP-123"},
		{us, "SECRET//RD//NOFORN", "read", "missing_access:RD"},
		{"S|USA|USA.DOE|gov|Q", "SECRET//RD//NOFORN", "read", "missing_access:RD"},
		{"S|USA|USA.DOE|gov|RD", "SECRET//RD//NOFORN", "read", "missing_access:Q"},
		{"S|USA|USA.DOE|gov|RD Q", "SECRET//RD//NOFORN", "read", ""},
		{"S|USA|USA.DOE|gov|RD Q", "SECRET//RD-CNWDI//NOFORN", "read", "missing_access:RD-CNWDI"},
		{"S|USA|USA.DOE|gov|RD Q CNWDI", "SECRET//RD-CNWDI//NOFORN", "read", ""},
		{"S|USA|USA.DOE|gov|FRD Q", "SECRET//FRD-SIGMA 14//NOFORN", "read", "missing_access:FRD-SG-14"},
		{us, "SECRET//FRD//NOFORN", "read", "missing_access:FRD"},
		{"S|USA|USA.DOE|gov|FRD", "SECRET//FRD//NOFORN", "read", ""},
		{"S|USA|USA.DOE|gov|RD", "SECRET//FRD//NOFORN", "read", ""},
		{us, "SECRET//TFNI//NOFORN", "read", "missing_access:TFNI"},
		{"S|USA|USA.DOE|gov|TFNI", "SECRET//TFNI//NOFORN", "read", ""},
		{"U|USA|USA.DOE|gov|UCNI", "UNCLASSIFIED//DOE UCNI", "read", ""},
		{"U|USA|USA.DOE|contractor|", "UNCLASSIFIED//DOE UCNI", "read", "missing_access:UCNI"},
		{us, "//NATO SECRET", "read", "missing_access:NATO"},
		{"S|USA|USA.DOD|gov|NATO", "//NATO SECRET", "read", ""},
		{us, "//NATO UNCLASSIFIED", "read", ""},
		{us, "//NATO RESTRICTED", "read", "missing_access:NATO"},
		{us, "SECRET//FGI DEU NATO//NOFORN", "read", "missing_access:NATO"},
		{us, "SECRET//FGI DEU//NOFORN", "read", ""},
		{"S|USA|USA.DOD|gov|NATO", "//NATO SECRET//ATOMAL", "read", "missing_access:ATOMAL"},
		// Release.
		{us, "SECRET//NOFORN", "read", ""},
		{gb, "SECRET//NOFORN", "read", "noforn"},
		{"S|USA|GBR.MOD|gov|", "SECRET//NOFORN", "read", "noforn"},
		{"S|USA|USAID|gov|", "SECRET//NOFORN", "read", "noforn"},
		{"S|USA GBR|USA.DOD|gov|", "SECRET//NOFORN", "read", "noforn"},
		{gb, "UNCLASSIFIED//SBU NOFORN", "read", "noforn"},
		{gb, "SECRET", "read", "no_release_decision"},
		{gb, "SECRET//RELIDO", "read", "no_release_decision"},
		{gb, "UNCLASSIFIED//FOUO", "read", "no_release_decision"},
		{gb, "SECRET//REL TO USA, GBR", "download", ""},
		{us, "SECRET//REL TO USA, GBR", "download", ""},
		{de, "SECRET//REL TO USA, GBR", "read", "not_releasable"},
		{"S|GBR DEU|GBR.MOD|gov|", "SECRET//REL TO USA, GBR", "read", "not_releasable"},
		{"S|FVEY|GBR.MOD|gov|", "SECRET//REL TO USA, FVEY", "read", ""},
		{"S|FVEY|GBR.MOD|gov|", "SECRET//REL TO USA, ACGU", "read", "not_releasable"},
		{de, "SECRET//REL TO USA, NATO", "read", ""},
		{"S|NATO|NATO.SHAPE|gov|", "SECRET//REL TO USA, NATO", "read", ""},
		{"S|NATO|NATO.SHAPE|gov|", "SECRET//REL TO USA, DEU, GBR", "read", "not_releasable"},
		{"S|AUT|AUT.BMLV|gov|", "SECRET//REL TO USA, NATO", "read", "not_releasable"},
		{de, "SECRET//REL TO USA, ISAF", "read", "not_releasable"},
		{gb, "//JOINT SECRET GBR USA//REL TO USA, GBR", "read", ""},
		{de, "//JOINT SECRET GBR USA//REL TO USA, GBR", "read", "not_releasable"},
		{gb, "SECRET//DISPLAY ONLY GBR", "display", ""},
		{gb, "SECRET//DISPLAY ONLY GBR", "read", "display_only"},
		{gb, "SECRET//DISPLAY ONLY GBR", "", "display_only"},
		{de, "SECRET//DISPLAY ONLY GBR", "display", "not_releasable"},
		{us, "SECRET//DISPLAY ONLY GBR", "download", ""},
		{gb, "SECRET//REL TO USA, GBR/DISPLAY ONLY DEU", "download", ""},
		{de, "SECRET//REL TO USA, GBR/DISPLAY ONLY DEU", "download", "display_only"},
		// Dissemination. USA.DOD and GBR.MOD are on no list but their own.
		{us, "SECRET//ORCON/NOFORN", "read", "orcon"},
		{us, "SECRET//ORCON/NOFORN", "read USA.DOD", ""},
		{us, "SECRET//ORCON/NOFORN", "read USA.DOS", "orcon"},
		{gb, "SECRET//ORCON/REL TO USA, GBR", "read GBR.MOD", ""},
		{gb, "SECRET//ORCON/REL TO USA, GBR", "read", "orcon"},
		{us, "SECRET//ORCON-USGOV/NOFORN", "read", ""},
		{gb, "SECRET//ORCON-USGOV/REL TO USA, GBR", "read", "orcon"},
		{gb, "SECRET//ORCON-USGOV/REL TO USA, GBR", "read GBR.MOD", ""},
		{"S|USA|USA.DOD|contractor|", "SECRET//NOFORN/PROPIN", "read", "propin"},
		{"S|USA|USA.DOD|CTR|", "SECRET//NOFORN/PROPIN", "read", "propin"},
		{"S|USA|USA.DOD|mil|", "SECRET//NOFORN/PROPIN", "read", ""},
		{us, "SECRET//NOFORN//NODIS", "read", "nodis"},
		{"S|USA|USA.DOS|gov|ND", "SECRET//NOFORN//NODIS", "read", ""},
		{us, "SECRET//NOFORN//EXDIS", "read", ""},
		{"S|USA|GBR.MOD|gov|", "UNCLASSIFIED//LIMDIS", "read", "noforn"},
		// The first failure decides.
		{"C|GBR|GBR.MOD|gov|", "SECRET//NOFORN", "read", "clearance"},
		{gb, "SECRET//RD//NOFORN", "read", "missing_access:RD"},
		{gb, "SECRET//ORCON/NOFORN/PROPIN", "read", "noforn"},
	} {
		m := parseAll(t, c.banner)[0]
		action, list, _ := strings.Cut(c.ask, " ")
		got := Default().Access(m, subject(c.subject), Request{Action: Action(action), DisseminationList: strings.Fields(list)})
		if got.Code != c.want || got.Permit != (c.want == "") {
			t.Errorf("%s may %s %s: got permit %t, code %q; want code %q", c.subject, c.ask, c.banner, got.Permit, got.Code, c.want)
		}
	}
}

func TestObligations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ banner, want string }{
		{"SECRET//DISPLAY ONLY GBR", "no_copy no_export"},
		{"SECRET//REL TO USA, GBR", ""},
		{"SECRET//ORCON/REL TO USA, GBR", "no_onward_release"},
	} {
		d := Default().Access(parseAll(t, c.banner)[0], subject("S|GBR|GBR.MOD|gov|"), Request{Action: ActionDisplay, DisseminationList: []string{"GBR.MOD"}})
		if got := strings.Join(d.Obligations, " "); !d.Permit || got != c.want {
			t.Errorf("%s: got permit %t, obligations %q, want %q", c.banner, d.Permit, got, c.want)
		}
	}
}

func TestAccessFailsClosed(t *testing.T) {
	t.Parallel()
	v := Default()
	if d := v.Access(parseAll(t, "UNCLASSIFIED")[0], nil, Request{}); d.Permit || d.Code != DenyMissingClaim {
		t.Errorf("no subject: got %+v", d)
	}
	if d := v.Access(Marking{}, subject("TS|USA|USA.DOD|gov|"), Request{}); d.Permit || d.Code != DenyUnknownMarking {
		t.Errorf("no marking: got %+v", d)
	}
}

// TestDroppedControlStillCounts: a banner line drops EXDIS beside NODIS and
// LIMDIS beside a level; a decision about the join does not forget them.
func TestDroppedControlStillCounts(t *testing.T) {
	t.Parallel()
	m := parseAll(t, "(U//DS)", "(S)", "(U//UCNI)")
	join := Default().Rollup(m...)
	if join.Banner() != "SECRET" {
		t.Fatalf("got %s, want SECRET", join)
	}
	for _, c := range []struct{ subject, want string }{
		{"S|USA|GBR.MOD|gov|UCNI", DenyNOFORN},
		{"S|USA|USA.DOD|gov|", "missing_access:UCNI"},
		{"S|USA|USA.DOD|gov|UCNI", ""},
	} {
		if got := Default().Access(join, subject(c.subject), Request{}); got.Code != c.want {
			t.Errorf("%s: got %q, want %q", c.subject, got.Code, c.want)
		}
	}
}

func TestAccessAllocatesNothing(t *testing.T) {
	markings := parseAll(t, "TOP SECRET//SI-G ABCD/TK//ORCON/REL TO USA, FVEY", "SECRET//NOFORN", "SECRET//DISPLAY ONLY GBR, IRQ", "SECRET//SI//NOFORN")
	h := Default().Holder(subject("TS|GBR|GBR.MOD|gov|SI SI-G SI-G-ABCD TK"))
	ask := Request{Action: ActionDisplay, DisseminationList: []string{"USA.DOD", "GBR.MOD"}}
	got := testing.AllocsPerRun(100, func() {
		for _, m := range markings {
			Default().AccessOf(m, h, ask)
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func TestKnownReadIn(t *testing.T) {
	t.Parallel()
	v := Default()
	for _, known := range []string{"SI", "SI-G", "SI-G-ABCD", "TK-BLFH", "SAR-BP", "SAR-BP-123-XYZ", "Q", "RD", "TFNI", "NATO", "BALK", "CNWDI", "SG-14", "RD-SG-18"} {
		if !v.KnownReadIn(known) {
			t.Errorf("%s: got unknown", known)
		}
	}
	for _, unknown := range []string{"", "ZZZZ", "SI-", "SI-G-ABCDE", "SAR-", "SG-0", "SG-014", "S I", "NOFORN"} {
		if v.KnownReadIn(unknown) {
			t.Errorf("%q: got known", unknown)
		}
	}
}

func TestAudienceAndGains(t *testing.T) {
	t.Parallel()
	v := Default()
	for _, c := range []struct{ before, after, audience, gains string }{
		{"SECRET//NOFORN", "SECRET//REL TO USA, FVEY", "AUS CAN GBR NZL USA", "AUS CAN GBR NZL"},
		{"SECRET//REL TO USA, FVEY", "SECRET//REL TO USA, ACGU", "AUS CAN GBR USA", ""},
		{"SECRET//REL TO USA, FVEY", "SECRET//NOFORN", "USA", ""},
		{"SECRET", "SECRET//RELIDO", "USA", ""},
		{"SECRET//REL TO USA, GBR", "SECRET//REL TO USA, ISAF", "ISAF USA", "ISAF"},
		{"SECRET//REL TO USA, GBR", "SECRET//REL TO USA, GBR/DISPLAY ONLY IRQ", "GBR USA|IRQ", "IRQ"},
		{"SECRET//REL TO USA, GBR/DISPLAY ONLY IRQ", "SECRET//REL TO USA, GBR, IRQ", "GBR IRQ USA", "IRQ"},
		{"SECRET//DISPLAY ONLY IRQ", "SECRET//DISPLAY ONLY IRQ, JOR", "USA|IRQ JOR", "JOR"},
		{"SECRET//REL TO USA, NATO", "SECRET//REL TO USA, DEU", "DEU USA", ""},
		{"UNCLASSIFIED//FOUO", "UNCLASSIFIED", "everybody", "everybody"},
		{"UNCLASSIFIED", "SECRET//REL TO USA, GBR", "GBR USA", ""},
	} {
		m := parseAll(t, c.before, c.after)
		a := v.Audience(m[1])
		got := strings.Join(a.Release, " ")
		if a.Display != nil {
			got += "|" + strings.Join(a.Display, " ")
		}
		if a.Everybody {
			got = "everybody"
		}
		if got != c.audience {
			t.Errorf("audience of %s: got %s, want %s", c.after, got, c.audience)
		}
		if got := strings.Join(v.Gains(m[0], m[1]), " "); got != c.gains {
			t.Errorf("from %s to %s: got %q, want %q", c.before, c.after, got, c.gains)
		}
	}
	if got := v.Gains(Marking{}, parseAll(t, "SECRET")[0]); !slices.Equal(got, []string{"USA"}) {
		t.Errorf("from no marking: got %v, want [USA]", got)
	}
	if a := v.Audience(Marking{}); a.Everybody || a.Release != nil || a.Display != nil {
		t.Errorf("no marking: got %+v, want nobody", a)
	}
}

func TestNations(t *testing.T) {
	t.Parallel()
	v := Default()
	got, err := v.Nations([]string{"ISAF", "FVEY", "GBR", "DEU"})
	if want := "AUS CAN DEU GBR ISAF NZL USA"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
	nato, err := v.Nations([]string{"NATO"})
	if err != nil || len(nato) != 33 || !slices.Contains(nato, "NATO") || !slices.Contains(nato, "TUR") {
		t.Errorf("got %v, %v, want NATO and its 32 members, who are let in", nato, err)
	}
	if _, err := v.Nations([]string{"GBR", "UK"}); err == nil || !strings.Contains(err.Error(), `"UK"`) {
		t.Errorf("got %v, want an error that names UK", err)
	}
}

// A result without the version it rests on cannot be explained a year later.
func TestEveryResultNamesItsVocabulary(t *testing.T) {
	t.Parallel()
	v, err := ReadVocabulary(bytes.NewReader(bytes.Replace(EmbeddedVocabulary(), []byte(`"2026-01.1"`), []byte(`"enclave-7"`), 1)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Parse("SECRET//NOFORN")
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{
		"marking": m.VocabularyVersion(),
		"roll-up": v.Rollup(m, m).VocabularyVersion(),
		"deny":    v.Access(m, &Subject{}, Request{}).Vocabulary,
		"no mark": v.Access(Marking{}, nil, Request{}).Vocabulary,
	} {
		if got != "enclave-7" {
			t.Errorf("%s: got version %q, want enclave-7", name, got)
		}
	}
	var invalid *InvalidError
	if _, err := v.Parse("SECRET//X"); !errors.As(err, &invalid) || invalid.Vocabulary != "enclave-7" {
		t.Errorf("invalid text: got %+v, want version enclave-7", invalid)
	}
	if _, err := v.FromISM(ISM{}); !errors.As(err, &invalid) || invalid.Vocabulary != "enclave-7" {
		t.Errorf("invalid attributes: got %+v, want version enclave-7", invalid)
	}
}
