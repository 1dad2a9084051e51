package marking

import (
	"slices"
	"strconv"
	"strings"
)

// Limits of what is read.
const (
	MaxTextSize = 4 << 10 // bytes of a banner line or portion mark
	MaxTokens   = 256     // tokens of one marking
)

// parser reads one text into a form. Problems collect; reading goes on, so
// that one error names everything that is wrong.
type parser struct {
	v        *Vocabulary
	text     string
	style    style
	legacy   bool // EYES ONLY and bare HCS are read, as on reuse
	form     form
	tokens   int
	problems []Problem
	where    map[string]int // token to byte offset
}

// span is a piece of the text and its byte offset.
type span struct {
	text string
	at   int
}

// Parse reads a banner line, or a portion mark when the text is in
// parentheses. Redundant spaces and the order of values within a category do
// not matter; the order of categories does in a banner line. Markings that are
// retired, such as EYES ONLY, are refused. The error is an *[InvalidError].
func (v *Vocabulary) Parse(text string) (Marking, error) { return v.parse(text, false) }

// ParseLegacy is Parse for the reuse of old information: EYES ONLY is read as
// REL TO the same nations, a retired control system as its successor (KDK as
// TK), and HCS without a compartment is accepted. A product that is new goes
// through [Vocabulary.Parse].
func (v *Vocabulary) ParseLegacy(text string) (Marking, error) { return v.parse(text, true) }

func (v *Vocabulary) parse(text string, legacy bool) (Marking, error) {
	p := &parser{v: v, text: text, legacy: legacy}
	if p.read() {
		p.form.sci, p.form.sar = closed(p.form.sci), closed(p.form.sar)
		p.v.judge(&p.form, p.report)
	}
	if len(p.problems) > 0 {
		return Marking{}, &InvalidError{Text: clip(text), Vocabulary: v.version, Problems: p.problems}
	}
	return v.marking(&p.form), nil
}

// clip bounds the text that an error repeats.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func (p *parser) report(problem Problem) {
	if problem.Rule == "HCS-compartment" && p.legacy {
		return
	}
	if len(p.problems) < 16 {
		problem.Position = p.position(problem.Token)
		p.problems = append(p.problems, problem)
	}
}

// position finds the token, or the nearest prefix path of it, in the text.
func (p *parser) position(token string) int {
	for t := token; t != ""; {
		if at, ok := p.where[t]; ok {
			return at
		}
		cut := strings.LastIndexByte(t, '-')
		t = t[:max(cut, 0)]
	}
	return 0
}

func (p *parser) fail(at span, rule, reason, instead string) {
	if len(p.problems) < 16 {
		p.problems = append(p.problems, Problem{Rule: rule, Token: clip(at.text), Position: at.at, Reason: reason, Instead: instead})
	}
}

func (p *parser) mark(token string, at int) {
	if p.where == nil {
		p.where = make(map[string]int, 8)
	}
	if _, ok := p.where[token]; !ok {
		p.where[token] = at
	}
}

// read fills the form. It reports false when the text is too broken for the
// rules to say anything useful.
func (p *parser) read() bool {
	whole := trim(span{p.text, 0})
	if !p.readable(whole) {
		return false
	}
	if open := strings.HasPrefix(whole.text, "("); open || strings.HasSuffix(whole.text, ")") {
		if !open || !strings.HasSuffix(whole.text, ")") || len(whole.text) < 2 {
			p.fail(whole, "portion-parentheses", "a portion mark is in parentheses", "write (S//NF), or the banner line SECRET//NOFORN")
			return false
		}
		p.style = inPortion
		whole = trim(span{whole.text[1 : len(whole.text)-1], whole.at + 1})
	}
	foreign := strings.HasPrefix(whole.text, "//")
	if foreign {
		whole = span{whole.text[2:], whole.at + 2}
	}
	sections := split(whole, "//")
	before := len(p.problems)
	if foreign {
		p.foreignLevel(sections[0])
	} else {
		p.usLevel(sections[0])
	}
	p.sections(sections[1:])
	return len(p.problems) == before
}

func (p *parser) readable(s span) bool {
	switch {
	case len(p.text) > MaxTextSize:
		p.fail(span{"", 0}, "text-size", "the text is longer than "+strconv.Itoa(MaxTextSize)+" bytes", "write one marking")
		return false
	case s.text == "":
		p.fail(s, "level-missing", "there is no marking", "write a level, such as SECRET or (S)")
		return false
	}
	for i := range len(s.text) {
		c := s.text[i]
		if c < ' ' || c > '~' {
			p.fail(span{strconv.QuoteToASCII(s.text[i : i+1]), s.at + i}, "characters", "a marking is printable ASCII", "retype the marking in plain capitals")
			return false
		}
		if c >= 'a' && c <= 'z' {
			p.fail(span{s.text[i : i+1], s.at + i}, "capitals", "a marking is in capitals", "write "+strconv.Quote(clip(strings.ToUpper(s.text))))
			return false
		}
	}
	return true
}

func trim(s span) span {
	left := strings.TrimLeft(s.text, " \t\r\n")
	s.at += len(s.text) - len(left)
	return span{strings.TrimRight(left, " \t\r\n"), s.at}
}

func split(s span, sep string) []span {
	var out []span
	for {
		i := strings.Index(s.text, sep)
		if i < 0 {
			return append(out, trim(s))
		}
		out = append(out, trim(span{s.text[:i], s.at}))
		s = span{s.text[i+len(sep):], s.at + i + len(sep)}
	}
}

// words splits at spaces.
func words(s span) []span {
	var out []span
	for s = trim(s); s.text != ""; s = trim(s) {
		i := strings.IndexByte(s.text, ' ')
		if i < 0 {
			i = len(s.text)
		}
		out = append(out, span{s.text[:i], s.at})
		s = span{s.text[i:], s.at + i}
	}
	return out
}

// squeeze makes runs of spaces one space.
func squeeze(s string) string {
	if !strings.Contains(s, "  ") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// level reads a level in the style of the text; the other style is an error
// that says which to write.
func (p *parser) level(s span) (level, bool) {
	text := squeeze(s.text)
	for l := range levelCount {
		switch text {
		case p.v.levelName(l, p.style):
			return l, true
		case p.v.levelName(l, 1-p.style):
			right := p.v.levelName(l, p.style)
			if p.style == inBanner {
				p.fail(s, "banner-level", "the level is spelled out in a banner line", "write "+right+", or put the whole portion mark in parentheses")
			} else {
				p.fail(s, "portion-level", "the level is abbreviated in a portion mark", "write "+right)
			}
			return l, false
		}
	}
	return 0, false
}

func (p *parser) usLevel(s span) {
	p.form.owners = []string{"USA"}
	before := len(p.problems)
	l, ok := p.level(s)
	if !ok && len(p.problems) == before {
		p.fail(s, "ISM-ID-00254", "this is not a level", "start with TOP SECRET, SECRET, CONFIDENTIAL or UNCLASSIFIED, or TS, S, C, U in a portion mark")
	}
	p.form.level = l
	p.mark(levelCodes[l], s.at)
}

// foreignLevel reads what follows the leading "//": JOINT level owners, an
// owner's own name of a level, or owners then a level.
func (p *parser) foreignLevel(s span) {
	parts := words(s)
	if len(parts) > 0 && parts[0].text == "JOINT" {
		p.jointLevel(s, parts[1:])
		return
	}
	text := squeeze(s.text)
	for _, e := range p.v.foreign {
		if p.style == inBanner && text == e.banner || p.style == inPortion && text == e.portion {
			p.form.owners, p.form.level = []string{e.owner}, e.level
			p.mark(e.owner, s.at)
			return
		}
		if text == e.banner || text == e.portion {
			p.fail(s, "foreign-level", "this is the other form of the level", "write "+e.banner+" in a banner line, ("+"//"+e.portion+") in a portion mark")
			return
		}
	}
	at := slices.IndexFunc(parts, func(w span) bool { return !p.v.knownCode(w.text) && w.text != "FGI" })
	if at <= 0 {
		p.fail(s, "foreign-level", "two slashes start a foreign or JOINT level", "write the owner and the level, such as //DEU SECRET, or leave the slashes out")
		return
	}
	p.owners(parts[:at])
	p.foreignRest(s, parts[at:])
}

func (p *parser) foreignRest(s span, rest []span) {
	before := len(p.problems)
	l, ok := p.level(span{s.text[rest[0].at-s.at:], rest[0].at})
	if !ok && len(p.problems) == before {
		p.fail(rest[0], "ISM-ID-00254", "this is not a level", "write the owner, then TOP SECRET, SECRET, CONFIDENTIAL, RESTRICTED or UNCLASSIFIED")
	}
	p.form.level = l
	p.mark(levelCodes[l], rest[0].at)
	if slices.Equal(p.form.owners, []string{"USA"}) {
		p.fail(s, "foreign-level", "two slashes start a foreign or JOINT level", "leave the slashes and USA out")
	}
	if name, own := p.v.foreignName(&p.form, p.style); own {
		p.fail(s, "foreign-level", "the owner has a name of its own for the level", "write //"+name)
	}
}

func (p *parser) jointLevel(s span, rest []span) {
	p.form.joint = true
	p.mark("JOINT", s.at)
	n := 1
	if len(rest) > 1 && rest[0].text == "TOP" {
		n = 2
	}
	if len(rest) < n {
		p.fail(s, "JOINT-owners", "JOINT has no level", "write //JOINT SECRET CAN USA")
		return
	}
	before := len(p.problems)
	end := rest[n-1].at + len(rest[n-1].text)
	l, ok := p.level(span{s.text[rest[0].at-s.at : end-s.at], rest[0].at})
	if !ok && len(p.problems) == before {
		p.fail(rest[0], "ISM-ID-00254", "this is not a level", "write the level after JOINT, then the owners")
	}
	p.form.level = l
	p.mark(levelCodes[l], rest[0].at)
	p.owners(rest[n:])
}

func (p *parser) owners(codes []span) {
	for _, c := range codes {
		if c.text != "FGI" && !p.v.knownCode(c.text) {
			p.fail(c, "ISM-ID-00263", "this is not a nation or organisation of the vocabulary", "write its trigraph or tetragraph")
			continue
		}
		p.count(c)
		p.mark(c.text, c.at)
		p.form.owners = append(p.form.owners, c.text)
	}
}

// count bounds the tokens of one marking.
func (p *parser) count(s span) bool {
	p.tokens++
	if p.tokens == MaxTokens+1 {
		p.fail(s, "token-count", "the marking has more than "+strconv.Itoa(MaxTokens)+" tokens", "write one marking")
	}
	return p.tokens <= MaxTokens
}
