package marking

import "testing"

// TestExceedsSystemHigh: level, compartments and other accesses count, who the
// data is released to does not.
func TestExceedsSystemHigh(t *testing.T) {
	t.Parallel()
	v := Default()
	parse := func(text string) Marking {
		if text == "" {
			return Marking{}
		}
		m, err := v.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		banner, high string
		want         bool
	}{
		{"UNCLASSIFIED", "SECRET//NOFORN", false},
		{"SECRET//REL TO USA, GBR", "SECRET//NOFORN", false},
		{"SECRET//ORCON/NOFORN", "SECRET//NOFORN", false},
		{"TOP SECRET//NOFORN", "SECRET//NOFORN", true},
		{"TOP SECRET//SI//NOFORN", "TOP SECRET//NOFORN", true},
		{"TOP SECRET//SI//NOFORN", "TOP SECRET//SI-G/TK//ORCON/NOFORN", false},
		{"TOP SECRET//SI-G ABCD//ORCON/NOFORN", "TOP SECRET//SI-G//ORCON/NOFORN", true},
		{"SECRET//SAR-BP//NOFORN", "TOP SECRET//NOFORN", true},
		{"SECRET//FRD//NOFORN", "SECRET//RD//NOFORN", false}, // who holds RD may see FRD
		{"SECRET//RD//NOFORN", "SECRET//FRD//NOFORN", true},
		{"//NATO SECRET", "SECRET//NOFORN", true},
		{"//NATO SECRET", "SECRET//FGI NATO//NOFORN", false},
		{"", "TOP SECRET//NOFORN", true},
		{"UNCLASSIFIED", "", true},
	} {
		if got := v.Exceeds(parse(c.banner), parse(c.high)); got != c.want {
			t.Errorf("%q above %q: got %v, want %v", c.banner, c.high, got, c.want)
		}
	}
}

// TestHolderOfAnotherVocabulary: what one vocabulary knew says nothing under
// another one.
func TestHolderOfAnotherVocabulary(t *testing.T) {
	t.Parallel()
	v := Default()
	other := *v
	m, err := v.Parse("UNCLASSIFIED")
	if err != nil {
		t.Fatal(err)
	}
	s := subject("TS|USA|USA.DOD|gov|")
	for name, h := range map[string]*Holder{"another": other.Holder(s), "nobody": v.Holder(nil), "zero": {}} {
		if d := v.AccessOf(m, h, Request{Action: ActionRead}); d.Permit || d.Code != DenyMissingClaim {
			t.Errorf("%s: got %+v, want %s", name, d, DenyMissingClaim)
		}
	}
	if d := v.AccessOf(m, v.Holder(s), Request{Action: ActionRead}); !d.Permit {
		t.Errorf("its own: got %+v, want a permit", d)
	}
}
