package marking

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func fromJSON(text string) (Marking, error) {
	m, err := ReadISM([]byte(text))
	if err != nil {
		return Marking{}, err
	}
	return Default().FromISM(m)
}

func TestFromISM(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ attributes, banner string }{
		{`{"classification":"U","ownerProducer":["USA"]}`, "UNCLASSIFIED"},
		{`{"classification":"U","ownerProducer":"USA"}`, "UNCLASSIFIED"},
		{`{"classification":"S","ownerProducer":["USA"],"FGIsourceOpen":"DEU GBR","disseminationControls":"NF"}`, "SECRET//FGI DEU GBR//NOFORN"},
		{`{"classification":"S","ownerProducer":["USA"],"FGIsourceOpen":["DEU"],"FGIsourceProtected":["FGI"]}`, "SECRET//FGI"},
		{`{"classification":"S","ownerProducer":["USA"],"FGIsourceProtected":true}`, "SECRET//FGI"},
		{`{"classification":"S","ownerProducer":["FGI"],"FGIsourceProtected":["FGI"],"disseminationControls":["NF"]}`, "//FGI SECRET//NOFORN"},
		{`{"classification":"S","ownerProducer":["DEU"],"FGIsourceOpen":["DEU"]}`, "//DEU SECRET"},
		{`{"classification":"TS","ownerProducer":["NATO"],"nonUSControls":["BOHEMIA"]}`, "//COSMIC TOP SECRET//BOHEMIA"},
		{`{"classification":"TS","ownerProducer":["USA"],"SARIdentifier":["CA-XYZ-YYY","BP-123","SAR-BP"],"disseminationControls":["NF"]}`, "TOP SECRET//SAR-BP-123/CA-XYZ YYY//NOFORN"},
		{`{"classification":"S","ownerProducer":["USA"],"atomicEnergyMarkings":["FRD","FRD-SG-18","FRD-SG-14"]}`, "SECRET//FRD-SIGMA 14 18"},
		{`{"classification":"S","ownerProducer":["USA"],"disseminationControls":["DISPLAYONLY","REL"],"releasableTo":["IRQ","USA"],"displayOnlyTo":["AFG"]}`, "SECRET//REL TO USA, IRQ/DISPLAY ONLY AFG"},
		{`{"classification":"U","ownerProducer":["USA"],"nonICmarkings":["LES-NF"]}`, "UNCLASSIFIED//LES NOFORN"},
		{`{"classification":"S","ownerProducer":["USA"],"declassDate":"2041-01-31","declassException":"25X1"}`, "SECRET"},
	} {
		m, err := fromJSON(c.attributes)
		if err != nil || m.Banner() != c.banner {
			t.Errorf("%s: got %s, %v, want %s", c.attributes, m, err, c.banner)
		}
	}
}

func TestFromISMRefuses(t *testing.T) {
	t.Parallel()
	const s = `{"classification":"S","ownerProducer":["USA"],`
	for _, c := range []struct{ attributes, rule string }{
		{`{"ownerProducer":["USA"]}`, "ISM-ID-00254"},
		{`{"classification":"S"}`, "owner-missing"},
		{`{"classification":"S","ownerProducer":["XXX"]}`, "ISM-ID-00263"},
		{`{"classification":"R","ownerProducer":["USA"]}`, "ISM-ID-00040"},
		{s + `"SCIcontrols":["XX"]}`, "ISM-ID-00267"},
		{`{"classification":"TS","ownerProducer":["USA"],"SCIcontrols":["SI-G"],"disseminationControls":["OC"]}`, "ISM-ID-00187"},
		{`{"classification":"TS","ownerProducer":["USA"],"SCIcontrols":["SI","SI-G-ABCD"],"disseminationControls":["OC"]}`, "ISM-ID-00186"},
		{s + `"SCIcontrols":["RSV-ABC"]}`, "ISM-ID-00241"},
		{s + `"SCIcontrols":["TK-IDIT"],"disseminationControls":["NF"]}`, "ISM-ID-00305"},
		{s + `"SCIcontrols":["TK","TK-IDIT-ABCD"],"disseminationControls":["NF"]}`, "ISM-ID-00308"},
		{s + `"SCIcontrols":["HCS","HCS-P-JJJ"],"disseminationControls":["NF","OC"]}`, "ISM-ID-00331"},
		{s + `"SARIdentifier":["A"]}`, "ISM-ID-00266"},
		{s + `"SARIdentifier":["BP-1-2-3"]}`, "ISM-ID-00266"},
		{s + `"atomicEnergyMarkings":["XX"]}`, "ISM-ID-00253"},
		{s + `"atomicEnergyMarkings":["RD-CNWDI"]}`, "ISM-ID-00185"},
		{s + `"atomicEnergyMarkings":["RD-SG-18"]}`, "ISM-ID-00183"},
		{s + `"atomicEnergyMarkings":["FRD-SG-18"]}`, "ISM-ID-00184"},
		{s + `"FGIsourceOpen":["XXX"]}`, "ISM-ID-00259"},
		{s + `"FGIsourceOpen":["USA"]}`, "FGI-USA"},
		{s + `"FGIsourceProtected":["DEU"]}`, "ISM-ID-00260"},
		{s + `"nonUSControls":["XX"]}`, "ISM-ID-00262"},
		{s + `"nonUSControls":["ATOMAL"]}`, "ISM-ID-00163"},
		{s + `"nonICmarkings":["NF"]}`, "ISM-ID-00261"},
		{s + `"disseminationControls":["NOFORN"]}`, "ISM-ID-00258"},
		{s + `"disseminationControls":["EYES"]}`, "EYES-retired"},
		{s + `"disseminationControls":["REL"]}`, "ISM-ID-00031"},
		{s + `"releasableTo":["USA","GBR"]}`, "ISM-ID-00032"},
		{s + `"disseminationControls":["REL"],"releasableTo":["GBR","DEU"]}`, "ISM-ID-00214"},
		{s + `"disseminationControls":["DISPLAYONLY"]}`, "ISM-ID-00213"},
		{s + `"displayOnlyTo":["IRQ"]}`, "ISM-ID-00168"},
		{s + `"declassDate":"31.1.2041"}`, "ISM-ID-00275"},
		{s + `"declassException":["X1"]}`, "ISM-ID-00256"},
		{s + `"declassException":["AEA"]}`, "ISM-ID-00299"},
		{s + `"declassDate":"2041-01-31","declassException":["50X1-HUM"]}`, "ISM-ID-00133"},
		{s + `"declassDate":"2041-01-31","atomicEnergyMarkings":["RD"]}`, "ISM-ID-00176"},
		{`{"classification":"U","ownerProducer":["USA"],"declassDate":"2041-01-31"}`, "ISM-ID-00016"},
		{s + `"releasableTo":[` + strings.Repeat(`"USA",`, 300) + `"USA"]}`, "token-count"},
	} {
		_, err := fromJSON(c.attributes)
		if got := Rules(err); len(got) == 0 || got[0] != c.rule {
			t.Errorf("%.120s: got %v, want rule %s", c.attributes, err, c.rule)
			continue
		}
		var invalid *InvalidError
		if errors.As(err, &invalid) && invalid.Problems[0].Position != -1 {
			t.Errorf("%.120s: got position %d without a text", c.attributes, invalid.Problems[0].Position)
		}
	}
}

// TestAmbiguousJSONIsRefused: two readers of one text must not see two
// markings.
func TestAmbiguousJSONIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `null x`, `[]`, `"S"`, `{`, `{"classification":"S"`,
		`{"classification":"S","classification":"U","ownerProducer":["USA"]}`,
		`{"classification":"S","CLASSIFICATION":"U","ownerProducer":["USA"]}`,
		`{"claſſification":"U","classification":"S","ownerProducer":["USA"]}`,
		`{"classification":"S","ownerProducer":["USA"]} {}`,
		`{"classification":"S","ownerProducer":["USA"],"secret":1}`,
		`{"classification":"S","ownerProducer":[["USA"]]}`,
		`{"classification":"S","ownerProducer":{"a":1}}`,
		strings.Repeat(`[`, 1000),
		`{"classification":"` + strings.Repeat("S", MaxISMSize) + `"}`,
	} {
		if m, err := ReadISM([]byte(text)); err == nil {
			t.Errorf("%.80s: got %+v, want an error", text, m)
		}
	}
}

// TestDeepJSONIsRefused: nesting costs no stack and no time.
func TestDeepJSONIsRefused(t *testing.T) {
	t.Parallel()
	var v any
	if err := decodeStrict([]byte(strings.Repeat("[", 40)+strings.Repeat("]", 40)), 1<<10, &v); err == nil || !strings.Contains(err.Error(), "deeper") {
		t.Errorf("got %v, want a refusal", err)
	}
	if err := decodeStrict([]byte(strings.Repeat("[", 30)+strings.Repeat("]", 30)), 1<<10, &v); err != nil {
		t.Error(err)
	}
}

func TestDeclassificationJoin(t *testing.T) {
	t.Parallel()
	at := func(extra string) Marking {
		m, err := fromJSON(`{"classification":"S","ownerProducer":["USA"],` + extra + `}`)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		a, b            Marking
		date, exception string
	}{
		{at(`"declassDate":"2041-01-31"`), at(`"declassDate":"2040-12-31"`), "2041-01-31", ""},
		{at(`"declassDate":"2041-01-31"`), at(`"declassException":["50X1-HUM"]`), "", "50X1-HUM"},
		{at(`"declassDate":"2041-01-31"`), at(`"atomicEnergyMarkings":["FRD"],"declassException":["AEA"]`), "", "AEA"},
		{at(`"declassException":["NATO"]`), at(`"atomicEnergyMarkings":["FRD"],"declassException":["AEA"]`), "", "NATO-AEA"},
		{at(`"declassException":["25X1"]`), at(`"declassException":["25X3"]`), "", "25X3"},
	} {
		got := Default().Rollup(c.a, c.b).ISM()
		if got.DeclassDate != c.date || strings.Join(got.DeclassException, " ") != c.exception {
			t.Errorf("got %q, %v, want %q, %q", got.DeclassDate, got.DeclassException, c.date, c.exception)
		}
	}
}

func TestISMTokens(t *testing.T) {
	t.Parallel()
	m := parseAll(t, "TOP SECRET//SI-G ABCD/TK//SAR-BP-123//RD-CNWDI-SIGMA 14 18//FGI DEU//ORCON/REL TO USA, GBR//LES")[0]
	got, err := json.Marshal(m.ISM())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"classification":"TS","ownerProducer":["USA"],"SCIcontrols":["SI","SI-G","SI-G-ABCD","TK"],"SARIdentifier":["BP","BP-123"],` +
		`"atomicEnergyMarkings":["RD","RD-CNWDI","RD-SG-14","RD-SG-18"],"FGIsourceOpen":["DEU"],"disseminationControls":["OC","REL"],` +
		`"releasableTo":["USA","GBR"],"nonICmarkings":["LES"]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// What ISM returns is the caller's: changing it changes no marking.
	m.ISM().ReleasableTo[1] = "DEU"
	if !slices.Equal(m.ISM().ReleasableTo, Tokens{"USA", "GBR"}) {
		t.Error("changing the attributes changed the marking")
	}
}
