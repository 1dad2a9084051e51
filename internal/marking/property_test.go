package marking

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// randomISM makes attributes that are often valid: companions are added where
// the rules ask for them, the rest is left to chance.
func randomISM(r *rand.Rand) ISM {
	m := ISM{Classification: pick(r, "U", "C", "S", "S", "TS", "TS"), OwnerProducer: Tokens{"USA"}}
	ownSomebody(r, &m)
	if m.Classification != "U" {
		m.SCIControls = append(some(r, 4, "SI", "LMN"), some(r, 2, "TK")...)
		m.SARIdentifier = some(r, 6, "BP", "BP-123", "CA-XYZ-YYY", "BUTTER", "BUTTER-1", "BUTTER POPCORN")
		m.AtomicEnergyMarkings = some(r, 8, "RD", "FRD", "TFNI")
		if m.Classification == "TS" {
			m.SCIControls = append(m.SCIControls, some(r, 8, "TK-BLFH", "TK-IDIT", "TK-IDIT-ABCD", "SI", "HCS-P", "HCS-O")...)
			m.AtomicEnergyMarkings = append(m.AtomicEnergyMarkings, some(r, 12, "RD", "FRD", "RD-SG-14", "RD-CNWDI", "FRD-SG-18")...)
		}
		m.DisseminationControls = append(m.DisseminationControls, some(r, 6, "OC", "OC-USGOV", "IMC", "RS")...)
	} else {
		m.AtomicEnergyMarkings = some(r, 10, "DCNI", "UCNI")
		m.DisseminationControls = append(m.DisseminationControls, some(r, 4, "FOUO")...)
		m.NonICMarkings = some(r, 10, "DS", "SBU", "SBU-NF", "LES-NF")
	}
	m.DisseminationControls = append(m.DisseminationControls, some(r, 8, "PR", "DSEN", "FISA")...)
	m.NonICMarkings = append(m.NonICMarkings, some(r, 10, "LES", "SSI", "XD", "ND")...)
	if slices.Contains(m.OwnerProducer, "NATO") {
		m.NonUSControls = some(r, 3, "ATOMAL", "BALK", "BOHEMIA")
	}
	releaseIt(r, &m)
	return m
}

func ownSomebody(r *rand.Rand, m *ISM) {
	switch r.IntN(10) {
	case 0:
		m.OwnerProducer = Tokens{pick(r, "DEU", "CAN", "NATO", "FGI")}
		if r.IntN(4) == 0 && m.Classification == "C" {
			m.Classification = "R"
		}
	case 1:
		m.OwnerProducer, m.Joint = Tokens{"USA", pick(r, "GBR", "CAN", "DEU")}, true
	case 2:
		m.FGISourceOpen = some(r, 1, "DEU", "FRA", "NATO")
	case 3:
		m.FGISourceProtected = Tokens{"FGI"}
	}
}

func releaseIt(r *rand.Rand, m *ISM) {
	codes := []string{"GBR", "CAN", "AUS", "DEU", "FVEY", "ACGU", "TEYE", "NATO", "ISAF"}
	add := func(c string) { m.DisseminationControls = append(m.DisseminationControls, c) }
	switch r.IntN(6) {
	case 0:
		add("NF")
	case 1:
		add("RELIDO")
	case 2, 3:
		add("REL")
		m.ReleasableTo = append(Tokens{"USA"}, some(r, 3, codes...)...)
		if m.Joint {
			m.ReleasableTo = append(m.ReleasableTo, m.OwnerProducer...)
		}
		switch r.IntN(5) {
		case 0:
			add("RELIDO")
		case 1:
			add("DISPLAYONLY")
			m.DisplayOnlyTo = some(r, 3, codes...)
		}
	case 4:
		add("DISPLAYONLY")
		m.DisplayOnlyTo = some(r, 3, codes...)
	}
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// some takes each token with a chance of one in n.
func some(r *rand.Rand, n int, from ...string) Tokens {
	var out Tokens
	for _, s := range from {
		if r.IntN(n) == 0 {
			out = append(out, s)
		}
	}
	return out
}

// randomMarking makes one valid marking.
func randomMarking(r *rand.Rand) Marking {
	for {
		if m, err := Default().FromISM(randomISM(r)); err == nil {
			return m
		}
	}
}

// rounds of each property; the seed is fixed so that a failure repeats.
const rounds = 6_000

func eachRound(t *testing.T, n int, check func(t *testing.T, r *rand.Rand, in []Marking)) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		in := make([]Marking, n)
		for i := range in {
			in[i] = randomMarking(r)
		}
		check(t, r, in)
		if t.Failed() {
			t.Fatalf("inputs %v", in)
		}
	}
}

func same(t *testing.T, law string, a, b Marking) {
	t.Helper()
	if !a.s.facts.same(&b.s.facts) || a.Banner() != b.Banner() || a.Portion() != b.Portion() {
		t.Errorf("%s: got %s and %s", law, a, b)
	}
}

func TestJoinLaws(t *testing.T) {
	t.Parallel()
	v := Default()
	eachRound(t, 3, func(t *testing.T, _ *rand.Rand, in []Marking) {
		a, b, c := in[0], in[1], in[2]
		same(t, "commutative", v.Rollup(a, b), v.Rollup(b, a))
		same(t, "associative", v.Rollup(v.Rollup(a, b), c), v.Rollup(a, v.Rollup(b, c)))
		same(t, "associative, flat", v.Rollup(a, b, c), v.Rollup(v.Rollup(c, a), b))
		same(t, "idempotent", v.Rollup(a, a), a)
		same(t, "idempotent join", v.Rollup(v.Rollup(a, b), v.Rollup(a, b)), v.Rollup(a, b))
		same(t, "absorbing", v.Rollup(v.Rollup(a, b), b), v.Rollup(a, b))
		same(t, "identity", v.Rollup(a, v.Rollup()), a)
	})
}

func TestJoinDominatesItsInputs(t *testing.T) {
	t.Parallel()
	v := Default()
	eachRound(t, 2, func(t *testing.T, _ *rand.Rand, in []Marking) {
		join := v.Rollup(in...)
		for _, m := range in {
			if !v.Dominates(join, m) {
				t.Errorf("%s does not dominate %s", join, m)
			}
			if gained := v.Gains(m, join); gained != nil {
				t.Errorf("the join %s lets in %v, whom %s does not", join, gained, m)
			}
		}
	})
}

// TestPrintedMarkingIsReadBack: the canonical text of every marking, joined
// ones included, is valid, and reading it gives the same text and audience.
func TestPrintedMarkingIsReadBack(t *testing.T) {
	t.Parallel()
	v := Default()
	eachRound(t, 2, func(t *testing.T, _ *rand.Rand, in []Marking) {
		for _, m := range []Marking{in[0], v.Rollup(in...)} {
			for _, text := range []string{m.Banner(), m.Portion()} {
				again, err := v.Parse(text)
				if err != nil {
					t.Errorf("%s is not read back: %v", text, err)
					continue
				}
				if again.Banner() != m.Banner() || again.Portion() != m.Portion() {
					t.Errorf("%s reads back as %s", m, again)
				}
			}
			again, err := v.FromISM(m.ISM())
			if err != nil || !again.Equal(m) {
				t.Errorf("%s as ISM attributes reads back as %s, %v", m, again, err)
			}
		}
	})
}

func randomSubject(r *rand.Rand) Subject {
	country := pick(r, "USA", "USA", "GBR", "CAN", "DEU", "AUS", "NATO", "FVEY")
	s := Subject{
		Clearance:            pick(r, "C", "S", "TS", "TS", "TS"),
		CountryOfAffiliation: []string{country},
		DutyOrganization:     pick(r, country+".MOD", "USA.DOD", "USA.DOS", ""),
		EmploymentType:       pick(r, "gov", "mil", "contractor", ""),
		FineAccessControls: []string{"SI", "TK", "LMN", "TK-BLFH", "TK-IDIT", "TK-IDIT-ABCD", "HCS-P", "HCS-O", "Q", "CNWDI",
			"SG-14", "SG-18", "NATO", "ATOMAL", "BALK", "BOHEMIA", "SAR-BP", "SAR-BP-123", "SAR-CA", "SAR-CA-XYZ", "SAR-CA-XYZ-YYY", "SAR-BUTTER", "SAR-BUTTER-1", "SAR-BUTTER POPCORN", "ND"},
	}
	if r.IntN(3) == 0 {
		s.FineAccessControls = some(r, 2, s.FineAccessControls...)
	}
	if r.IntN(8) == 0 {
		s.CountryOfAffiliation = append(s.CountryOfAffiliation, pick(r, "USA", "GBR", "DEU"))
	}
	return s
}

// TestAccessToJoin: whoever is let in to a join is let in to each input.
func TestAccessToJoin(t *testing.T) {
	t.Parallel()
	v := Default()
	permits := 0
	eachRound(t, 2, func(t *testing.T, r *rand.Rand, in []Marking) {
		join := v.Rollup(in...)
		for range 4 {
			s := randomSubject(r)
			ask := Request{Action: Action(pick(r, "read", "display", "download")), DisseminationList: some(r, 2, "USA.DOD", "GBR.MOD", "CAN.MOD")}
			if !v.Access(join, &s, ask).Permit {
				continue
			}
			permits++
			for _, m := range in {
				if d := v.Access(m, &s, ask); !d.Permit {
					t.Errorf("%+v may %s %s but not %s: %s", s, ask.Action, join, m, d.Code)
				}
			}
		}
	})
	if permits < rounds/10 {
		t.Errorf("got %d permits, want enough for the property to mean something", permits)
	}
}

// TestEqualIsDominanceBothWays: dominance is an order, so two markings that
// dominate each other are equal.
func TestEqualIsDominanceBothWays(t *testing.T) {
	t.Parallel()
	v := Default()
	eachRound(t, 2, func(t *testing.T, _ *rand.Rand, in []Marking) {
		a, b := in[0], in[1]
		if a.Equal(b) != (v.Dominates(a, b) && v.Dominates(b, a)) {
			t.Errorf("%s and %s: equal %t, dominate %t and %t", a, b, a.Equal(b), v.Dominates(a, b), v.Dominates(b, a))
		}
	})
}
