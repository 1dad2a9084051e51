package marking

import "strings"

// sci reads one control system with its compartments: SI-G ABCD EFGH-XYZ.
func (p *parser) sci(s span) bool {
	parts := split(s, "-")
	root, ok := p.systemCode(parts[0])
	if !ok {
		if root, ok = p.v.former[squeeze(parts[0].text)]; !ok {
			p.unknown(s)
			return false
		}
		if !p.legacy {
			p.fail(parts[0], "control-retired", "this control system is retired", "write "+root)
		}
	}
	p.mark(root, s.at)
	p.form.sci = append(p.form.sci, root)
	for _, part := range parts[1:] {
		p.sciCompartment(root, part)
	}
	return true
}

// systemCode is the code of a control system that the text names by its code
// or, in a banner line, by its title.
func (p *parser) systemCode(s span) (string, bool) {
	if _, ok := p.v.systems[s.text]; ok {
		return s.text, true
	}
	code, ok := p.v.titles[squeeze(s.text)]
	return code, ok && p.style == inBanner
}

func (p *parser) sciCompartment(root string, part span) {
	ws := words(part)
	if len(ws) == 0 {
		p.fail(part, "compartment-empty", "a hyphen is followed by a compartment", "name the compartment, or leave the hyphen out")
		return
	}
	name := ws[0].text
	if code, ok := p.v.titles[root+"-"+name]; ok && p.style == inBanner {
		name = code
	}
	path := root + "-" + name
	p.path(&p.form.sci, path, ws[0])
	for _, sub := range ws[1:] {
		p.path(&p.form.sci, path+"-"+sub.text, sub)
	}
}

func (p *parser) path(paths *[]string, path string, at span) {
	if !p.count(at) {
		return
	}
	if !p.v.knownPath(path) {
		p.fail(at, "ISM-ID-00267", path+" is not a control of the vocabulary", "check the spelling, or ask for a vocabulary that has it")
		return
	}
	p.mark(path, at.at)
	*paths = append(*paths, path)
}

func (p *parser) unknown(s span) {
	p.fail(s, "unknown-token", "the vocabulary "+p.v.version+" has no such control", "check the spelling and the separators: "+grammar)
}

// Limits of special access programme identifiers.
const (
	maxProgramWords = 4  // of a nickname, such as BUTTER POPCORN
	maxProgramWord  = 20 // characters
)

// sap reads the programmes after SAR-: BP-123/CA-XYZ YYY. The vocabulary does
// not list programmes; their shape is checked.
func (p *parser) sap(s span) place {
	p.mark("SAR", s.at)
	for _, program := range split(s, "/") {
		parts := split(program, "-")
		root, ok := sapProgram(parts[0].text)
		if !ok || !p.count(program) {
			p.fail(program, "ISM-ID-00266", "this is not a programme identifier", "write SAR- and a nickname of capitals and digits, or its two or three letter abbreviation")
			continue
		}
		p.mark(root, program.at)
		p.form.sar = append(p.form.sar, root)
		for _, part := range parts[1:] {
			p.sapCompartment(root, part)
		}
	}
	return placeSAP
}

func (p *parser) sapCompartment(root string, part span) {
	ws := words(part)
	if len(ws) == 0 {
		p.fail(part, "compartment-empty", "a hyphen is followed by a compartment", "name the compartment, or leave the hyphen out")
		return
	}
	path := root
	for i, w := range ws {
		if !isCodeOf(w.text, 1, maxProgramWord) || !p.count(w) {
			p.fail(w, "ISM-ID-00266", "this is not a compartment of a programme", "write capitals and digits")
			return
		}
		at := path + "-" + w.text
		if i == 0 {
			path = at
		}
		p.form.sar = append(p.form.sar, at)
	}
}

// sapProgram is the identifier with single spaces, and whether its shape is
// that of a nickname or an abbreviation.
func sapProgram(text string) (string, bool) {
	ws := strings.Fields(text)
	if len(ws) == 0 || len(ws) > maxProgramWords || len(ws) == 1 && len(ws[0]) < 2 {
		return "", false
	}
	for _, w := range ws {
		if !isCodeOf(w, 1, maxProgramWord) {
			return "", false
		}
	}
	return strings.Join(ws, " "), true
}
