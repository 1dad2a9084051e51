package marking

import (
	"strconv"
	"strings"
)

// style is how a marking is written.
type style int

const (
	inBanner style = iota
	inPortion
)

// write renders a settled form.
func (v *Vocabulary) write(f *form, st style) string {
	var b strings.Builder
	if st == inPortion {
		b.WriteByte('(')
	}
	v.writeLevel(&b, f, st)
	if len(f.sci) > 0 {
		b.WriteString("//")
		writePaths(&b, f.sci)
	}
	if len(f.sar) > 0 {
		b.WriteString("//SAR-")
		writePaths(&b, f.sar)
	}
	v.writeAEA(&b, f, st)
	v.writeControls(&b, catNonUS, f.nonUS, st, nil)
	if f.fgi() {
		b.WriteString("//FGI")
		for _, c := range f.fgiOpen {
			b.WriteString(" " + c)
		}
	}
	v.writeControls(&b, catDissem, f.dissem, st, f)
	v.writeControls(&b, catNonIC, f.nonIC, st, nil)
	if st == inPortion {
		b.WriteByte(')')
	}
	return b.String()
}

func (v *Vocabulary) levelName(l level, st style) string {
	if st == inPortion {
		return levelCodes[l]
	}
	return v.levels[l]
}

func (v *Vocabulary) writeLevel(b *strings.Builder, f *form, st style) {
	name := v.levelName(f.level, st)
	if f.usOwned() {
		b.WriteString(name)
		return
	}
	b.WriteString("//")
	if f.joint {
		b.WriteString("JOINT " + name + " " + strings.Join(f.owners, " "))
		return
	}
	if own, ok := v.foreignName(f, st); ok {
		b.WriteString(own)
		return
	}
	b.WriteString(strings.Join(f.owners, " ") + " " + name)
}

// foreignName is the owner's own name of the level, such as COSMIC TOP SECRET.
func (v *Vocabulary) foreignName(f *form, st style) (string, bool) {
	if len(f.owners) != 1 {
		return "", false
	}
	for _, e := range v.foreign {
		if e.owner == f.owners[0] && e.level == f.level {
			if st == inPortion {
				return e.portion, true
			}
			return e.banner, true
		}
	}
	return "", false
}

func (v *Vocabulary) writeAEA(b *strings.Builder, f *form, st style) {
	sep := "//"
	for i, code := range registerOrder[catAEA] {
		if !f.aea.has(i) {
			continue
		}
		b.WriteString(sep)
		sep = "/"
		if st == inPortion {
			b.WriteString(code)
		} else {
			b.WriteString(v.controls[catAEA][i].banner)
		}
		switch i {
		case aeaRD:
			if f.cnwdi {
				b.WriteString("-CNWDI")
			}
			writeSigma(b, f.rdSigma, st)
		case aeaFRD:
			writeSigma(b, f.frdSigma, st)
		}
	}
}

func writeSigma(b *strings.Builder, s sigma, st style) {
	if s.empty() {
		return
	}
	if st == inPortion {
		b.WriteString("-SG")
	} else {
		b.WriteString("-SIGMA")
	}
	for _, n := range s.numbers() {
		b.WriteString(" " + strconv.Itoa(n))
	}
}

func (v *Vocabulary) writeControls(b *strings.Builder, c category, set bitset, st style, lists *form) {
	sep := "//"
	for i := range registerOrder[c] {
		if !set.has(i) {
			continue
		}
		b.WriteString(sep)
		sep = "/"
		switch {
		case c == catDissem && i == disREL:
			b.WriteString("REL TO " + strings.Join(lists.rel, ", "))
		case c == catDissem && i == disDISPLAY:
			b.WriteString("DISPLAY ONLY " + strings.Join(lists.display, ", "))
		case st == inPortion:
			b.WriteString(registerOrder[c][i])
		default:
			b.WriteString(v.controls[c][i].banner)
		}
	}
}
