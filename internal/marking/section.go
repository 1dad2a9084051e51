package marking

import (
	"strconv"
	"strings"
)

// place is a section's position in the grammar of CAPCO 2016, A.6.
type place int

const (
	placeNone place = iota
	placeSCI
	placeSAP
	placeAEA
	placeNonUS
	placeFGI
	placeDissem
	placeNonIC
)

const grammar = "LEVEL//SCI//SAR-//AEA//FGI//DISSEMINATION//NON-IC"

func (p *parser) sections(all []span) {
	last := placeNone
	for _, s := range all {
		at := p.section(s)
		if at == placeNone {
			continue
		}
		switch {
		case at == last:
			p.fail(s, "category-repeated", "one category stands in two places", "join them with one slash")
		case at < last && p.style == inBanner:
			p.fail(s, "category-order", "the categories are out of order", "write "+grammar)
		}
		last = max(last, at)
	}
}

// section reads one category. It returns placeNone after a problem.
func (p *parser) section(s span) place {
	if s.text == "" {
		p.fail(s, "section-empty", "nothing stands between the slashes", "leave out the slashes of a category that does not apply")
		return placeNone
	}
	if sap, ok := cutAny(s, "SAR-", "SPECIAL ACCESS REQUIRED-"); ok {
		return p.sap(sap)
	}
	if fgi, ok := cutWord(s, "FGI", "FOREIGN GOVERNMENT INFORMATION"); ok {
		return p.fgi(fgi, s)
	}
	if strings.HasSuffix(s.text, "EYES ONLY") || s.text == "EYES" {
		p.eyes(s)
		return placeDissem
	}
	found := placeNone
	for _, value := range split(s, "/") {
		at := p.value(value)
		if at != placeNone && found != placeNone && at != found {
			p.fail(value, "category-mixed", "this belongs to another category than what stands before it", "separate categories with two slashes: "+grammar)
		}
		found = max(found, at)
	}
	return found
}

// cutAny cuts one of the prefixes.
func cutAny(s span, prefixes ...string) (span, bool) {
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(s.text, prefix); ok {
			return trim(span{rest, s.at + len(prefix)}), true
		}
	}
	return s, false
}

// cutWord cuts one of the prefixes when a space or nothing follows.
func cutWord(s span, prefixes ...string) (span, bool) {
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(s.text, prefix); ok && (rest == "" || rest[0] == ' ') {
			return trim(span{rest, s.at + len(prefix)}), true
		}
	}
	return s, false
}

// value reads one value of a category that is separated by single slashes.
func (p *parser) value(s span) place {
	if !p.count(s) {
		return placeNone
	}
	if list, ok := cutWord(s, "REL TO", "AUTHORIZED FOR RELEASE TO"); ok {
		return p.release(list, disREL, &p.form.rel, "ISM-ID-00265", s)
	}
	if list, ok := cutWord(s, "DISPLAY ONLY"); ok {
		return p.release(list, disDISPLAY, &p.form.display, "ISM-ID-00257", s)
	}
	if at, ok := p.plainControl(s); ok {
		return at
	}
	if at, ok := p.nuclear(s); ok {
		return at
	}
	if p.sci(s) {
		return placeSCI
	}
	return placeNone
}

// plainControl reads a control that is one token.
func (p *parser) plainControl(s span) (place, bool) {
	text := squeeze(s.text)
	here, other := p.v.byBanner, p.v.byPortion
	if p.style == inPortion {
		here, other = other, here
	}
	t, ok := here[text]
	if !ok {
		if t, ok = other[text]; !ok {
			return placeNone, false
		}
		p.otherStyle(s, t)
	}
	if t.category == catDissem && (t.index == disREL || t.index == disDISPLAY) {
		p.fail(s, "release-list", "this names nobody", "write the list out, such as REL TO USA, GBR")
		return placeDissem, true
	}
	p.set(t, s.at)
	return t.category.place(), true
}

func (p *parser) set(t token, at int) {
	p.mark(registerOrder[t.category][t.index], at)
	sets := [categoryCount]*bitset{&p.form.aea, &p.form.nonUS, &p.form.dissem, &p.form.nonIC}
	*sets[t.category] = sets[t.category].with(t.index)
}

func (c category) place() place {
	return [categoryCount]place{placeAEA, placeNonUS, placeDissem, placeNonIC}[c]
}

func (p *parser) otherStyle(s span, t token) {
	c := p.v.controls[t.category][t.index]
	if p.style == inBanner {
		p.fail(s, "banner-form", "this is how a portion mark writes it", "write "+c.banner)
	} else {
		p.fail(s, "portion-form", "this is how a banner line writes it", "write "+c.code)
	}
}

// release reads a list of codes separated by commas.
func (p *parser) release(s span, control int, list *[]string, rule string, whole span) place {
	p.form.dissem = p.form.dissem.with(control)
	p.mark(registerOrder[catDissem][control], whole.at)
	if s.text == "" {
		p.fail(whole, "release-list", "this names nobody", "write the list out, such as REL TO USA, GBR")
		return placeDissem
	}
	for i, c := range split(s, ",") {
		switch {
		case !p.count(c):
			return placeDissem
		case !p.v.knownCode(c.text):
			p.fail(c, rule, "this is not a nation or organisation of the vocabulary", "write its trigraph or tetragraph, separated by a comma and a space")
		case i == 0 && control == disREL && c.text != "USA":
			p.fail(c, "ISM-ID-00214", "REL TO starts with USA", "write REL TO USA, then the others")
		}
		p.mark(c.text, c.at)
		*list = append(*list, c.text)
	}
	return placeDissem
}

// eyes reads USA/CAN/GBR EYES ONLY. It may stand on old information only;
// on reuse it becomes REL TO.
func (p *parser) eyes(s span) {
	codes := strings.Split(strings.TrimSpace(strings.TrimSuffix(s.text, "EYES ONLY")), "/")
	sortCodes(codes, true)
	p.mark("EYES", s.at)
	for _, c := range codes {
		if s.text == "EYES" || !p.v.knownCode(c) {
			p.fail(s, "EYES-retired", "EYES ONLY is not written since 2017-10-01, and its nations cannot be read", "write REL TO USA and the nations")
			return
		}
	}
	if !p.legacy {
		p.fail(s, "EYES-retired", "EYES ONLY is not written since 2017-10-01", "write REL TO "+strings.Join(codes, ", "))
		return
	}
	p.form.dissem = p.form.dissem.with(disREL)
	p.form.rel = codes
}

func (p *parser) fgi(s, whole span) place {
	p.mark("FGI", whole.at)
	codes := words(s)
	if len(codes) == 0 {
		p.form.fgiProtected = true
	}
	for _, c := range codes {
		switch {
		case !p.count(c):
			return placeFGI
		case c.text == "USA":
			p.fail(c, "FGI-USA", "information of the United States is not foreign", "leave USA out of FGI")
		case !p.v.knownCode(c.text):
			p.fail(c, "ISM-ID-00259", "this is not a nation or organisation of the vocabulary", "write its trigraph or tetragraph, separated by spaces")
		}
		p.mark(c.text, c.at)
		p.form.fgiOpen = append(p.form.fgiOpen, c.text)
	}
	return placeFGI
}

// nuclear reads RD and FRD with their subsets: RD-CNWDI, RD-SIGMA 18 20.
func (p *parser) nuclear(s span) (place, bool) {
	parts := split(s, "-")
	isRD := parts[0].text == "RD" || p.style == inBanner && squeeze(parts[0].text) == "RESTRICTED DATA"
	isFRD := parts[0].text == "FRD" || p.style == inBanner && squeeze(parts[0].text) == "FORMERLY RESTRICTED DATA"
	if !isRD && !isFRD {
		return placeNone, false
	}
	name, numbers := "RD", &p.form.rdSigma
	if isFRD {
		name, numbers = "FRD", &p.form.frdSigma
	}
	at, ok := p.v.byPortion[name]
	if !ok {
		return placeNone, false // not in this vocabulary
	}
	p.set(at, s.at)
	for _, sub := range parts[1:] {
		p.nuclearSubset(sub, isRD, name, numbers)
	}
	return placeAEA, true
}

func (p *parser) nuclearSubset(s span, isRD bool, parent string, numbers *sigma) {
	cnwdi := s.text == "CNWDI" || p.style == inBanner && squeeze(s.text) == "CRITICAL NUCLEAR WEAPON DESIGN INFORMATION"
	if cnwdi && isRD {
		p.form.cnwdi = true
		p.mark("RD-CNWDI", s.at)
		return
	}
	list, ok := cutWord(s, "SIGMA")
	if p.style == inPortion {
		list, ok = cutWord(s, "SG")
	}
	if !ok || list.text == "" {
		p.fail(s, "ISM-ID-00253", "this is not a subset of "+parent, "write RD-CNWDI, RD-SIGMA 18 or FRD-SIGMA 14; SG instead of SIGMA in a portion mark")
		return
	}
	p.mark(parent+"-SG", s.at)
	for _, w := range words(list) {
		n, ok := sigmaNumber(w.text)
		if !ok || !p.count(w) {
			p.fail(w, "ISM-ID-00253", "SIGMA numbers are 1 to 99", "write a number without leading zero")
			return
		}
		numbers.add(n)
	}
}

func sigmaNumber(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= maxSigma && strconv.Itoa(n) == s
}
