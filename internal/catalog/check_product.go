package catalog

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// versionGrammar is that of semver.org 2.0.0; no number has a leading zero.
var versionGrammar = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
	`(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?` +
	`(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

// imageGrammar is an OCI reference pinned by digest: registry, repository, a
// tag for people, and the digest that counts.
var imageGrammar = regexp.MustCompile(`^([A-Za-z0-9.-]+(:[0-9]{1,5})?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*` +
	`(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64}$`)

// Normalize implements [Object]. A marking that is valid becomes its canonical
// banner line. Inputs and links are sets: sorted, each once; a problem such as
// /inputs/2 counts in that order.
func (p *Product) Normalize(v *marking.Vocabulary) {
	if p.Status == "" {
		p.Status = StatusDraft
	}
	p.Marking = normalMarking(v, p.Marking)
	p.Inputs = normalSet(p.Inputs)
	p.DocumentationLinks = normalSet(p.DocumentationLinks)
	if len(p.OutputPorts) == 0 {
		p.OutputPorts = nil
	}
}

// normalMarking is the canonical banner line of a text, or the text itself when
// it is no marking, for Check to report.
func normalMarking(v *marking.Vocabulary, text string) string {
	if text == "" || len(text) > MaxMarking {
		return text
	}
	if m, err := v.Parse(text); err == nil {
		return m.Banner()
	}
	return text
}

// Check implements [Object].
func (p *Product) Check(v *marking.Vocabulary) []Problem {
	f := &findings{}
	f.owned(p.Domain, p.Name)
	f.line("/title", p.Title)
	f.text("/description", p.Description, MaxText)
	f.text("/purpose", p.Purpose, MaxText)
	f.text("/limitations", p.Limitations, MaxText)
	f.optionalLine("/support_contact", p.SupportContact)
	f.version("/version", p.Version)
	if p.Status != "" {
		oneOf(f, "/status", p.Status, StatusProposed, StatusDraft, StatusActive, StatusDeprecated, StatusRetired)
	}
	f.marking(v, "/marking", p.Marking)
	if p.CaveatPolicy != "" {
		f.id("/caveat_policy", KindCaveatPolicy, p.CaveatPolicy)
	}
	if p.SLA != "" {
		f.id("/sla", KindSLA, p.SLA)
	}
	p.checkLists(f)
	p.checkPipeline(f)
	p.checkEnd(f)
	if p.Status == StatusActive {
		p.checkActive(f)
	}
	return f.sorted()
}

func (f *findings) version(field, version string) {
	switch {
	case version == "":
		f.required(field)
	case len(version) > 128 || !versionGrammar.MatchString(version):
		f.add(field, RuleFormat, "Write major.minor.patch, such as 1.4.0.", "%s is not a semantic version (2.0.0).", shown(version))
	}
}

// marking translates what the marking algebra says.
func (f *findings) marking(v *marking.Vocabulary, field, text string) {
	if text == "" {
		return
	}
	if len(text) > MaxMarking {
		f.add(field, RuleLimit, "Shorten it.", "The marking has %d bytes, the limit is %d.", len(text), MaxMarking)
		return
	}
	_, err := v.Parse(text)
	var invalid *marking.InvalidError
	switch {
	case err == nil:
	case errors.As(err, &invalid) && len(invalid.Problems) > 0:
		for _, p := range invalid.Problems {
			f.invalid(field, p)
		}
	default:
		f.add(field, RuleFormat, "Write a banner line such as SECRET//NOFORN.", "%s is not a marking.", shown(text))
	}
}

func (f *findings) invalid(field string, p marking.Problem) {
	detail := p.Reason + "."
	if p.Token != "" && p.Position >= 0 {
		detail = fmt.Sprintf("%s at byte %d: %s.", shown(p.Token), p.Position, p.Reason)
	} else if p.Token != "" {
		detail = fmt.Sprintf("%s: %s.", shown(p.Token), p.Reason)
	}
	fix := p.Instead
	if fix != "" {
		fix = strings.ToUpper(fix[:1]) + fix[1:] + "."
	}
	f.add(field, p.Rule, fix, "%s", detail)
}

func (p *Product) checkLists(f *findings) {
	f.count("/inputs", len(p.Inputs), MaxInputs)
	for i, id := range p.Inputs[:min(len(p.Inputs), MaxInputs)] {
		f.id(PointerTo("inputs", strconv.Itoa(i)), KindProduct, id)
	}
	f.count("/documentation_links", len(p.DocumentationLinks), MaxLinks)
	for i, link := range p.DocumentationLinks[:min(len(p.DocumentationLinks), MaxLinks)] {
		f.url(PointerTo("documentation_links", strconv.Itoa(i)), link, "https", "http")
	}
	f.count("/output_ports", len(p.OutputPorts), MaxPorts)
	if len(p.OutputPorts) > MaxPorts {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.OutputPorts)) {
		if CheckName(name) != nil {
			f.add("/output_ports", RuleFormat, "Choose a name of lower-case letters, digits and single hyphens.", "%s is not the name of a port.", shown(name))
			continue
		}
		p.OutputPorts[name].check(f, name)
	}
}

// portSchemes are the URL schemes of each port type.
var portSchemes = map[PortType][]string{
	PortHTTP:      {"https", "http"},
	PortS3:        {"s3"},
	PortKafka:     {"kafka"},
	PortSQL:       {"postgresql", "postgres", "mysql", "mariadb", "sqlserver", "oracle", "trino", "sqlite"},
	PortSTIXTAXII: {"https", "http"},
	PortFile:      {"file"},
}

func (o OutputPort) check(f *findings, name string) {
	oneOf(f, PointerTo("output_ports", name, "type"), o.Type, PortHTTP, PortS3, PortKafka, PortSQL, PortSTIXTAXII, PortFile)
	if schemes, known := portSchemes[o.Type]; known {
		f.url(PointerTo("output_ports", name, "url"), o.URL, schemes...)
	}
	if o.ContentType != "" {
		f.mediaType(PointerTo("output_ports", name, "content_type"), o.ContentType)
	}
	if o.Schema != "" {
		f.id(PointerTo("output_ports", name, "schema"), KindSchema, o.Schema)
	}
	if o.RecordMarking != "" {
		o.checkRecordMarking(f, PointerTo("output_ports", name, "record_marking"))
	}
}

// checkEnd: the dates of a product's end belong to one that is ending.
func (p *Product) checkEnd(f *findings) {
	f.date("/deprecated_on", p.DeprecatedOn)
	f.date("/sunset_on", p.SunsetOn)
	if p.SunsetOn != "" && p.DeprecatedOn == "" {
		f.add("/deprecated_on", RuleRequired, "Say from when the product is deprecated.", "A product that has a sunset_on has a deprecated_on.")
	}
	if p.SunsetOn != "" && p.SunsetOn < p.DeprecatedOn {
		f.add("/sunset_on", RuleFormat, "Exchange the dates, or leave one out.", "The product ends on %s before it is deprecated on %s.", shown(p.SunsetOn), shown(p.DeprecatedOn))
	}
	ending := p.Status == StatusDeprecated || p.Status == StatusRetired
	for _, end := range [...]struct{ field, date string }{{"/deprecated_on", p.DeprecatedOn}, {"/sunset_on", p.SunsetOn}} {
		if end.date != "" && !ending {
			f.add(end.field, RuleFormat, "Deprecate the product, or leave the date out.", "Only a product that is deprecated or retired has this date.")
		}
	}
	p.checkSuccessor(f)
}

func (p *Product) checkSuccessor(f *findings) {
	if p.Successor == "" {
		return
	}
	f.id("/successor", KindProduct, p.Successor)
	if p.Successor == p.Ref().ID {
		f.add("/successor", RuleFormat, "Name another product, or leave it out.", "A product cannot succeed itself.")
	}
}

func (f *findings) mediaType(field, text string) {
	f.optionalLine(field, text)
	if mediaType, _, err := mime.ParseMediaType(text); err != nil || !strings.Contains(mediaType, "/") {
		f.add(field, RuleFormat, "Write a media type such as application/json.", "%s is not a media type (RFC 9110).", shown(text))
	}
}

func (p *Product) checkPipeline(f *findings) {
	if p.Pipeline == nil {
		return
	}
	if p.Pipeline.Image == "" && p.Pipeline.Source == "" {
		f.add("/pipeline", RuleRequired, "Set image or source, or leave the pipeline out.", "The pipeline says nothing.")
	}
	// The text is not repeated: people paste credentials in front of a registry.
	if image := p.Pipeline.Image; image != "" && (len(image) > MaxURL || !imageGrammar.MatchString(image)) {
		f.add("/pipeline/image", RuleFormat, "Write registry/repository@sha256: and the 64 hexadecimal digits of the digest.", "This is not an image pinned by its digest.")
	}
	source := p.Pipeline.Source
	if source == "" {
		return
	}
	f.source("/pipeline/source", source)
	for _, name := range slices.Sorted(maps.Keys(p.OutputPorts)) {
		if CheckName(name) == nil && sameURL(p.OutputPorts[name].URL, source) {
			f.add(PointerTo("output_ports", name, "url"), RuleRawFeed, "Serve what the pipeline makes of the feed.", "The port serves the raw feed that the pipeline reads.")
		}
	}
}

// checkActive reports every part that an active product lacks.
func (p *Product) checkActive(f *findings) {
	lacks := func(field, what string) {
		f.add(field, RuleActive, "Set it, or keep the product in draft.", "An active product needs %s.", what)
	}
	if p.Marking == "" {
		lacks("/marking", "a declared marking")
	}
	if strings.TrimSpace(p.Description) == "" {
		lacks("/description", "a description")
	}
	if p.SLA == "" {
		lacks("/sla", "an SLA")
	}
	if len(p.OutputPorts) == 0 {
		lacks("/output_ports", "at least one output port")
	}
	for _, name := range slices.Sorted(maps.Keys(p.OutputPorts)) {
		if CheckName(name) == nil && p.OutputPorts[name].Schema == "" {
			lacks(PointerTo("output_ports", name, "schema"), "a schema on every output port")
		}
	}
}
