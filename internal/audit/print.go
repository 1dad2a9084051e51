package audit

import (
	"fmt"
	"strconv"
)

// print is the canonical form of an entry whose text is valid UTF-8. It says
// what CanonicalJSON would make of the entry's JSON, at a twentieth of the time:
// every act of the platform waits for it. Members stand in the order of RFC 8785.
func (e Entry) print() []byte {
	p := printer{b: make([]byte, 0, 512)}
	p.text("action", e.Action)
	p.optional("after", e.After)
	p.optional("before", e.Before)
	p.name("consumer")
	inner := printer{b: p.b}
	inner.list("country", e.Consumer.Country)
	inner.optional("issuer", e.Consumer.Issuer)
	inner.optional("on_behalf_of", e.Consumer.OnBehalfOf)
	inner.optional("org", e.Consumer.Org)
	inner.text("sub", e.Consumer.Sub)
	inner.optional("via", e.Consumer.Via)
	p.b = inner.b
	p.b = append(p.b, '}')
	p.text("decision", e.Decision)
	p.delivery(e.Delivery)
	p.text("event", e.Event)
	p.optional("marking_accessed", e.MarkingAccessed)
	p.optional("node", e.Node)
	p.text("object", e.Object)
	p.optional("policy_version", e.PolicyVersion)
	p.optional("port", e.Port)
	p.optional("purpose", e.Purpose)
	p.optional("range", e.Range)
	p.list("reason_codes", e.ReasonCodes)
	p.optional("request_id", e.RequestID)
	p.optional("resource", e.Resource)
	p.optional("revision", e.Revision)
	p.optional("salt", e.Salt)
	p.optional("subject_attrs_digest", e.SubjectAttributes)
	p.text("time", e.Time)
	p.number("v", int64(e.V))
	p.optional("version", e.Version)
	p.optional("vocabulary_version", e.VocabularyVersion)
	return append(p.b, '}')
}

func (p *printer) delivery(d *Delivery) {
	if d == nil {
		return
	}
	p.name("delivery")
	inner := printer{b: p.b}
	inner.number("bytes", d.Bytes)
	inner.text("outcome", d.Outcome)
	if d.Records != 0 {
		inner.number("records", d.Records)
	}
	if d.Withheld != 0 {
		inner.number("withheld", d.Withheld)
	}
	p.b = inner.b
	p.b = append(p.b, '}')
}

// printer prints one object.
type printer struct {
	b     []byte
	begun bool
}

func (p *printer) name(name string) {
	separator := byte('{')
	if p.begun {
		separator = ','
	}
	p.begun = true
	p.b = append(append(append(p.b, separator, '"'), name...), '"', ':') // names need no escapes
}

func (p *printer) text(name, value string) {
	p.name(name)
	p.b = quote(p.b, value)
}

func (p *printer) number(name string, value int64) {
	p.name(name)
	p.b = strconv.AppendInt(p.b, value, 10)
}

func (p *printer) optional(name, value string) {
	if value != "" {
		p.text(name, value)
	}
}

func (p *printer) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	p.name(name)
	separator := byte('[')
	for _, value := range values {
		p.b = quote(append(p.b, separator), value)
		separator = ','
	}
	p.b = append(p.b, ']')
}

// quote prints a string by RFC 8785 section 3.2.2.2. Most have nothing to escape.
func quote(b []byte, text string) []byte {
	b = append(b, '"')
	printed := 0
	for i := range len(text) {
		if c := text[i]; c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = escape(append(b, text[printed:i]...), text[i])
		printed = i + 1
	}
	return append(append(b, text[printed:]...), '"')
}

func escape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\t':
		return append(b, `\t`...)
	case '\n':
		return append(b, `\n`...)
	case '\f':
		return append(b, `\f`...)
	case '\r':
		return append(b, `\r`...)
	}
	return fmt.Appendf(b, `\u%04x`, c)
}
