package records_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

func collectionOf(list ...string) string {
	return `{"type":"FeatureCollection","features":[` + joined(list) + "\n]}\n"
}

func bundleOf(list ...string) string { return `{"type":"bundle","objects":[` + joined(list) + "\n]}\n" }

func joined(list []string) string {
	text := strings.Join(list, ",\n")
	if text != "" {
		text = "\n" + text
	}
	return text
}

const (
	seen   = `{"type":"Feature","id":"t-1","geometry":{"type":"Point","coordinates":[4.35,50.85]},"properties":{"observed_at":"2026-03-01T12:00:00Z","marking":"(U)"}}`
	hidden = `{"type":"Feature","id":"CANARY","geometry":null,"properties":{"marking":"(TS//SI//NF)"}}`
)

func TestGeoJSON(t *testing.T) {
	t.Parallel()
	table := map[string]stream{
		"all seen":             {in: collectionOf(seen, seen), out: collectionOf(seen, seen)},
		"none":                 {in: `{"features":[],"type":"FeatureCollection"}`, out: `{"features":[` + "\n]," + `"type":"FeatureCollection"}` + "\n"},
		"first withheld":       {in: collectionOf(hidden, seen), out: collectionOf(seen), withheld: 1},
		"last withheld":        {in: collectionOf(seen, hidden), out: collectionOf(seen), withheld: 1},
		"all withheld":         {in: collectionOf(hidden, hidden, hidden), out: collectionOf(), withheld: 3},
		"whitespace":           {in: " {\t\"type\" : \"FeatureCollection\" ,\r\n \"features\" : [ " + seen + " , " + hidden + " , ] } ", malformed: true},
		"spread out":           {in: " {\t\"type\" : \"FeatureCollection\" ,\r\n \"features\" : [ " + seen + " , " + hidden + " ] } \n ", out: collectionOf(seen), withheld: 1},
		"members that pass":    {in: `{"name":"tracks","type":"FeatureCollection","features":[],"crs":null}`, out: `{"type":"FeatureCollection","features":[` + "\n]," + `"crs":null}` + "\n"},
		"a Feature":            {in: seen + "\n", out: seen + "\n"},
		"a Feature withheld":   {in: hidden, out: collectionOf(), withheld: 1},
		"another type":         {in: `{"type":"Topology","features":[]}`, malformed: true},
		"no type":              {in: `{"features":[]}`, malformed: true},
		"a type that is none":  {in: `{"type":7,"features":[]}`, malformed: true},
		"a geometry":           {in: `{"type":"Point","coordinates":[1,2],"properties":{"marking":"(U)"}}`, malformed: true},
		"an array":             {in: `[` + seen + `]`, malformed: true},
		"nothing":              {in: ``, malformed: true},
		"a byte order mark":    {in: "\ufeff" + collectionOf(seen), malformed: true},
		"no array":             {in: `{"type":"FeatureCollection","features":{}}`, malformed: true},
		"a feature of null":    {in: `{"type":"FeatureCollection","features":[null]}`, malformed: true},
		"cut off":              {in: `{"type":"FeatureCollection","features":[` + seen, malformed: true},
		"cut off at the end":   {in: `{"type":"FeatureCollection","features":[]`, malformed: true},
		"something behind":     {in: collectionOf(seen) + "{}", malformed: true},
		"a Feature and more":   {in: seen + seen, malformed: true},
		"two types":            {in: `{"type":"FeatureCollection","type":"FeatureCollection","features":[]}`, malformed: true},
		"two systems around":   {in: `{"type":"FeatureCollection","crs":null,"features":[],"crs":null}`, malformed: true},
		"no properties":        {in: collectionOf(`{"type":"Feature","properties":null,"marking":"(U)","x":"CANARY"}`), out: collectionOf(), withheld: 1},
		"mark is no text":      {in: collectionOf(`{"properties":{"marking":["(U)"],"x":"CANARY"}}`), out: collectionOf(), withheld: 1},
		"mark is null":         {in: collectionOf(`{"properties":{"marking":null,"x":"CANARY"}}`), out: collectionOf(), withheld: 1},
		"mark in other case":   {in: collectionOf(`{"properties":{"Marking":"(U)","x":"CANARY"}}`), out: collectionOf(), withheld: 1},
		"mark in a wrong name": {in: collectionOf(`{"properties":{"x":{"marking":"(U)"}},"y":"CANARY"}`), out: collectionOf(), withheld: 1},
	}
	for name, c := range table {
		c.property = "marking"
		table[name] = c
	}
	table["a path"] = stream{
		property: "security.mark", in: collectionOf(`{"properties":{"security":{"mark":"(U)"}}}`, `{"properties":{"security.mark":"(U)","x":"CANARY"}}`),
		out: collectionOf(`{"properties":{"security":{"mark":"(U)"}}}`), withheld: 1,
	}
	check(t, records.GeoJSON, table)
}

// TestTotalsOfTheWithheldDoNotPass: what a server says about all features
// would count those that are left out.
func TestTotalsOfTheWithheldDoNotPass(t *testing.T) {
	t.Parallel()
	for _, total := range []string{
		`"numberMatched":2`, `"numberReturned":2`, `"totalFeatures":2`, `"bbox":[1,2,3,4]`, `"links":[{"href":"?offset=2"}]`,
		`"timeStamp":"CANARY"`, `"CANARY":{"features":[1,[2]]}`, `"name":{"count":2}`, `"CRS":"2 CANARY"`, `"n\u0061mes":"CANARY"`,
	} {
		check(t, records.GeoJSON, map[string]stream{
			"before: " + total: {property: "marking", in: `{"type":"FeatureCollection",` + total + `,"features":[` + hidden + `]}`, out: collectionOf(), withheld: 1},
			"after: " + total:  {property: "marking", in: `{"type":"FeatureCollection","features":[` + hidden + `],` + total + `}`, out: collectionOf(), withheld: 1},
		})
	}
}

// TestSecondMarkIsNotBelieved: two readers disagree about which of two equal
// names counts, however they are spelled.
func TestSecondMarkIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, properties := range []string{
		`{"marking":"(U)","marking":"(TS)"}`,
		`{"marking":"(TS)","marking":"(U)"}`,
		`{"marking":"(U)","marking":"(U)"}`,
		`{"marking":null,"marking":"(U)"}`,
		`{"marking":"(U)","m\u0061rking":"(TS)"}`,
		`{"marking":"(U)"},"properties":{"marking":"(TS)"}`,
		`{"marking":"(U)"},"properties":null`,
		`null,"properties":{"marking":"(U)"}`,
		`{"marking":"(U)","Marking":"(TS)"}`,
		`{"MARKING":"(TS)","marking":"(U)"}`,
		`{"marking":"(U)","mar\u212aing":"(TS)"}`,
		`{"marking":"(U)"},"Properties":{"marking":"(TS)"}`,
		`{"marking":"(U)"},"\u0070roperties":{}`,
	} {
		check(t, records.GeoJSON, map[string]stream{
			properties: {property: "marking", in: collectionOf(`{"x":"CANARY","properties":` + properties + `}`), out: collectionOf(), withheld: 1},
		})
	}
	spelled := `{"properties":{"m\u0061rking":"\u0028U)"}}`
	check(t, records.GeoJSON, map[string]stream{"spelled": {property: "marking", in: collectionOf(spelled), out: collectionOf(spelled)}})
}

// TestCollectionInACollection: programs that show GeoJSON look for features at any
// depth, and those of an inner collection have marks of their own.
func TestCollectionInACollection(t *testing.T) {
	t.Parallel()
	inner := `"properties":{"marking":"(U)"},"features":[` + hidden + `]`
	named := `{"type":"Feature","properties":{"marking":"(U)","features":[1]}}`
	check(t, records.GeoJSON, map[string]stream{
		"a collection":    {property: "marking", in: collectionOf(`{"type":"FeatureCollection",` + inner + `}`), out: collectionOf(), withheld: 1},
		"in a Feature":    {property: "marking", in: collectionOf(`{"type":"Feature",` + inner + `}`), out: collectionOf(), withheld: 1},
		"spelled":         {property: "marking", in: collectionOf(`{"f\u0065atures":[` + hidden + `],"properties":{"marking":"(U)"}}`), out: collectionOf(), withheld: 1},
		"in other case":   {property: "marking", in: collectionOf(`{"Features":[` + hidden + `],"properties":{"marking":"(U)"}}`), out: collectionOf(), withheld: 1},
		"a property":      {property: "marking", in: collectionOf(named), out: collectionOf(named)},
		"a Feature alone": {property: "marking", in: `{"type":"Feature",` + inner + `}`, malformed: true},
	})
}

// TestSecondListOfRecordsIsNotRead however it is spelled.
func TestSecondListOfRecordsIsNotRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"features", `f\u0065atures`} {
		check(t, records.GeoJSON, map[string]stream{
			name: {property: "marking", in: `{"type":"FeatureCollection","features":[],"` + name + `":[` + hidden + `]}`, malformed: true},
		})
	}
	check(t, records.GeoJSON, map[string]stream{
		"spelled": {property: "marking", in: `{"type":"FeatureCollection","f\u0065atures":[` + hidden + `]}`, out: collectionOf(), withheld: 1},
	})
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	const yes, no = `{"m":"(U)","n": 1.50e+3,"é":"\ud83d\ude00"}`, `{"m":"(S//NF)","x":"CANARY"}`
	table := map[string]stream{
		"nothing":           {in: "", out: ""},
		"one":               {in: yes + "\n", out: yes + "\n"},
		"no last end":       {in: yes, out: yes + "\n"},
		"last withheld":     {in: yes + "\n" + no, out: yes + "\n", withheld: 1},
		"CRLF":              {in: yes + "\r\n" + no + "\r\n" + yes + "\r\n", out: yes + "\n" + yes + "\n", withheld: 1},
		"blank lines":       {in: "\n\n" + yes + "\n \t\r\n" + no + "\n\n" + yes + "\n\n", out: yes + "\n" + yes + "\n", withheld: 1},
		"spaces":            {in: "  " + yes + "\t\n", out: yes + "\n"},
		"no mark":           {in: `{"x":"CANARY"}` + "\n" + yes, out: yes + "\n", withheld: 1},
		"two marks":         {in: `{"m":"(U)","x":"CANARY","m":"(U)"}`, out: "", withheld: 1},
		"an array":          {in: "[]\n" + `{"m":"(U)","x":"CANARY"}`, malformed: true},
		"a text":            {in: `"(U)"`, malformed: true},
		"two on one line":   {in: `{"m":"(U)"}{"x":"CANARY"}` + "\n", malformed: true},
		"one on two lines":  {in: `{"m":"(U)",` + "\n" + `"x":"CANARY"}`, malformed: true},
		"a byte order mark": {in: "\ufeff" + yes, malformed: true},
		"cut off":           {in: yes + "\n" + `{"m":"(U)"`, malformed: true},
		"a line of a comma": {in: yes + "\n,\n" + yes, malformed: true},
	}
	for name, c := range table {
		c.property = "m"
		table[name] = c
	}
	table["a path"] = stream{property: "a.b.c", in: `{"a":{"b":{"c":"(U)"}}}` + "\n" + `{"a":{"b":["c","(U)"]},"x":"CANARY"}`, out: `{"a":{"b":{"c":"(U)"}}}` + "\n", withheld: 1}
	check(t, records.JSONLines, table)
}

// Objects of a bundle.
const (
	defU      = `{"type":"marking-definition","id":"marking-definition--1","definition_type":"statement","definition":{"statement":"(U)"}}`
	defTS     = `{"type":"marking-definition","id":"marking-definition--2","definition_type":"statement","definition":{"statement":"(TS) CANARY"}}`
	linkU     = `{"type":"relationship","id":"relationship--1","object_marking_refs":["marking-definition--1"]}`
	linkTS    = `{"type":"relationship","id":"CANARY","object_marking_refs":["marking-definition--2"]}`
	linkMixed = `{"type":"relationship","id":"CANARY","object_marking_refs":["marking-definition--1","marking-definition--2"]}`
)

func TestSTIX(t *testing.T) {
	t.Parallel()
	note := `{"type":"note","id":"note--1","x_marking":"(U)"}`
	observed := `{"type":"observed-data","id":"observed-data--1","x_marking":"(U)","objects":{"0":{"type":"file","name":"a"}}}`
	check(t, records.STIX, map[string]stream{
		"own property":      {property: "x_marking", in: bundleOf(note, linkTS), out: bundleOf(note), withheld: 1},
		"members that pass": {property: "x_marking", in: `{"id":"bundle--1","type":"bundle","spec_version":"2.1","x_count":2,"objects":[]}`, out: `{"type":"bundle","spec_version":"2.1","objects":[` + "\n]," + `"id":"bundle--e3b0c442-98fc-4c14-9afb-f4c8996fb924"}` + "\n"},
		"a bundle inside":   {property: "x_marking", in: bundleOf(`{"type":"bundle","x_marking":"(U)","objects":[{"id":"CANARY"}]}`), out: bundleOf(), withheld: 1},
		"parts marked":      {property: "x_marking", in: bundleOf(`{"type":"note","x_marking":"(U)","granular_markings":[{"marking_ref":"CANARY","selectors":["id"]}]}`), out: bundleOf(), withheld: 1},
		"what was observed": {property: "x_marking", in: bundleOf(observed), out: bundleOf(observed)},
		"an object alone":   {property: "x_marking", in: note, malformed: true},
		"a version":         {property: "x_marking", in: `{"type":"bundle","spec_version":"2\u002e0","objects":[]}`, out: `{"type":"bundle","spec_version":"2.0","objects":[` + "\n]}\n"},
		"no version":        {property: "x_marking", in: `{"type":"bundle","spec_version":"CANARY","objects":[]}`, out: bundleOf()},
		"no bundle":         {property: "x_marking", in: `{"type":"envelope","objects":[]}`, malformed: true},
	})
}

func TestSTIXMarkingRefs(t *testing.T) {
	t.Parallel()
	table := map[string]stream{
		"defined before":     {in: bundleOf(defU, linkU), out: bundleOf(defU, linkU)},
		"all references":     {in: bundleOf(defU, defTS, linkMixed, linkTS, linkU), out: bundleOf(defU, linkU), withheld: 3},
		"the last is seen":   {in: bundleOf(defU, defTS, `{"id":"CANARY","object_marking_refs":["marking-definition--2","marking-definition--1"]}`), out: bundleOf(defU), withheld: 2},
		"defined after":      {in: bundleOf(strings.Replace(linkU, "relationship--1", "CANARY", 1), defU), out: bundleOf(defU), withheld: 1},
		"not defined":        {in: bundleOf(linkTS), out: bundleOf(), withheld: 1},
		"no references":      {in: bundleOf(defU, `{"id":"CANARY","object_marking_refs":[]}`), out: bundleOf(defU), withheld: 1},
		"none":               {in: bundleOf(defU, `{"id":"CANARY"}`), out: bundleOf(defU), withheld: 1},
		"a text":             {in: bundleOf(defU, `{"id":"CANARY","object_marking_refs":"marking-definition--1"}`), out: bundleOf(defU), withheld: 1},
		"one is no text":     {in: bundleOf(defU, `{"id":"CANARY","object_marking_refs":["marking-definition--1",1]}`), out: bundleOf(defU), withheld: 1},
		"references twice":   {in: bundleOf(defU, strings.Replace(linkU, `"id":"relationship--1"`, `"object_marking_refs":["CANARY"]`, 1)), out: bundleOf(defU), withheld: 1},
		"parts marked":       {in: bundleOf(defU, strings.Replace(linkU, `"id":"relationship--1"`, `"granular_markings":[{"marking_ref":"CANARY","selectors":["id"]}]`, 1)), out: bundleOf(defU), withheld: 1},
		"a bundle inside":    {in: bundleOf(defU, strings.Replace(linkU, `"id":"relationship--1"`, `"objects":[{"id":"CANARY"}]`, 1)), out: bundleOf(defU), withheld: 1},
		"refs in other case": {in: bundleOf(defU, strings.Replace(linkU, `"id":"relationship--1"`, `"Object_Marking_Refs":["CANARY"]`, 1)), out: bundleOf(defU), withheld: 1},
		"parts in capitals":  {in: bundleOf(defU, strings.Replace(linkU, `"id":"relationship--1"`, `"GRANULAR_MARKINGS":["CANARY"]`, 1)), out: bundleOf(defU), withheld: 1},
		"an id of null":      {in: bundleOf(strings.Replace(defU, `"marking-definition--1"`, "null", 1), `{"id":"CANARY","object_marking_refs":[""]}`), withheld: 1, out: bundleOf(strings.Replace(defU, `"marking-definition--1"`, "null", 1))},
		"defined twice":      {in: bundleOf(defU, linkU, defU), malformed: true},
		"redefined downward": {in: bundleOf(defTS, strings.Replace(defTS, "(TS) CANARY", "(U)", 1), linkTS), malformed: true},
		"TLP":                {in: bundleOf(`{"type":"marking-definition","id":"marking-definition--1","definition_type":"tlp","definition":{"tlp":"(U)","statement":"(U)","x":"CANARY"}}`, linkTS), out: bundleOf(), withheld: 2},
		"a statement twice":  {in: bundleOf(strings.Replace(defU, `"statement":"(U)"`, `"statement":"(TS) CANARY","statement":"(U)"`, 1)), out: bundleOf(), withheld: 1},
		"marked definition":  {in: bundleOf(defTS, strings.Replace(defU, `"type"`, `"x":"CANARY","object_marking_refs":["marking-definition--2"],"type"`, 1), strings.Replace(linkU, "relationship--1", "CANARY", 1)), out: bundleOf(), withheld: 3},
		"refers to itself":   {in: bundleOf(strings.Replace(defU, `"type"`, `"x":"CANARY","object_marking_refs":["marking-definition--1"],"type"`, 1)), out: bundleOf(), withheld: 1},
	}
	for name, c := range table {
		c.property = records.MarkingRefs
		table[name] = c
	}
	var many []string
	for i := range records.MaxDefinitions + 1 {
		many = append(many, strings.Replace(defU, "--1", fmt.Sprintf("--%d", i), 1))
	}
	table["too many"] = stream{property: records.MarkingRefs, in: bundleOf(many...), malformed: true}
	table["a long id"] = stream{property: records.MarkingRefs, in: bundleOf(strings.Replace(defU, "--1", strings.Repeat("-", 300), 1)), malformed: true}
	check(t, records.STIX, table)
}

// maker makes random records and what is around them.
type maker struct{ *rand.Rand }

func (m maker) one(of ...string) string { return of[m.IntN(len(of))] }

func (m maker) space() string { return m.one("", "", "", " ", "\t", "\n", " \r\n ") }

func (m maker) value(depth int) string {
	if depth > 3 {
		return m.one("0", "-1.5e-7", `"x"`, "null")
	}
	switch m.IntN(8) {
	case 0:
		return "[" + m.space() + m.value(depth+1) + m.space() + "," + m.value(depth+1) + "]"
	case 1:
		return "{" + m.text() + m.space() + ":" + m.space() + m.value(depth+1) + "}"
	case 2:
		return m.one("[]", "{}", "[ ]", "{\t}", "true", "false", "null")
	case 3:
		return m.one("0", "-0", "1", "10.25", "1E5", "-2.5e-3", "123456789012345678901234567890")
	}
	return m.text()
}

func (m maker) text() string {
	var b strings.Builder
	for range m.IntN(12) {
		b.WriteString(m.one("a", "Z", " ", "é", "日", "😀", `\n`, `\"`, `\\`, `\/`, `\u00e9`, `\ud83d\ude00`, "}", "]", "{", ",", ":", "features"))
	}
	return `"` + b.String() + `"`
}

func (m maker) mark() string {
	return m.one(`"(U)"`, `"(U)"`, `"(S//REL TO USA, GBR)"`, `"\u0028U\u0029"`, `"(TS)"`, `"(S//NF)"`, `""`, "null", "7")
}

// object has a mark somewhere among other members.
func (m maker) object(name, mark string) string {
	members := []string{m.text() + ":" + m.value(0), `"` + name + `"` + m.space() + ":" + m.space() + mark, m.text() + m.space() + ":" + m.value(0)}
	m.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + strings.Join(members, m.space()+",") + "}"
}

// isOpen is what encoding/json makes of the mark.
func isOpen(mark string) bool {
	var v any
	_ = json.Unmarshal([]byte(mark), &v)
	s, isText := v.(string)
	return isText && open(s)
}

// TestExactlyTheAdmittedPass: random records in random surroundings; another
// parser finds the admitted ones, byte for byte and in order, and a source
// without the others gives the same bytes.
func TestExactlyTheAdmittedPass(t *testing.T) {
	t.Parallel()
	m := maker{rand.New(rand.NewPCG(5, 8))}
	for range 1500 {
		var all, admitted []string
		format := records.Format(m.one(string(records.GeoJSON), string(records.STIX), string(records.JSONLines)))
		for range m.IntN(6) {
			mark := m.mark()
			record := m.object("m", mark)
			if format == records.GeoJSON {
				record = m.object("properties", record)
			}
			if format == records.JSONLines {
				record = strings.NewReplacer("\n", " ", "\r", " ").Replace(record)
			}
			all = append(all, record)
			if isOpen(mark) {
				admitted = append(admitted, record)
			}
		}
		out, tally, err := filter(t, format, "m", m.around(format, all))
		if err != nil || tally.Delivered != int64(len(admitted)) || tally.Withheld != int64(len(all)-len(admitted)) {
			t.Fatalf("%s %q: got %+v %v, want %d of them", format, all, tally, err, len(admitted))
		}
		if found := parse(t, format, out); !slices.Equal(found, admitted) {
			t.Fatalf("%s: found %q, want %q", format, found, admitted)
		}
		if without, _, err := filter(t, format, "m", m.around(format, admitted)); err != nil || without != out {
			t.Fatalf("%s: the withheld show: got %q (%v) without them, %q with them", format, without, err, out)
		}
	}
}

// around puts records into a document whose surroundings differ each time.
func (m maker) around(format records.Format, list []string) string {
	if format == records.JSONLines {
		var b strings.Builder
		for _, line := range list {
			b.WriteString(m.one("", "", "\n", " \r\n") + m.one("", " ") + line + m.one("\n", "\r\n", " \n"))
		}
		return b.String()
	}
	kind, name := "FeatureCollection", "features"
	if format == records.STIX {
		kind, name = "bundle", "objects"
	}
	var b strings.Builder
	b.WriteString(m.space() + `{"type":` + m.space() + `"` + kind + `",` + m.one("", `"bbox":[1,2],`) + m.space() + `"` + name + `":[`)
	for i, record := range list {
		if i > 0 {
			b.WriteString(m.space() + ",")
		}
		b.WriteString(m.space() + record)
	}
	return b.String() + m.space() + "]" + m.one("", `,"numberMatched":77`) + m.space() + "}" + m.space()
}

// parse finds the records with encoding/json.
func parse(t testing.TB, format records.Format, text string) (list []string) {
	t.Helper()
	var raw []json.RawMessage
	if format == records.JSONLines {
		for d := json.NewDecoder(strings.NewReader(text)); d.More(); {
			var one json.RawMessage
			if err := d.Decode(&one); err != nil {
				t.Fatal(err)
			}
			raw = append(raw, one)
		}
	} else {
		var document struct{ Features, Objects []json.RawMessage }
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		raw = slices.Concat(document.Features, document.Objects)
	}
	for _, one := range raw {
		list = append(list, string(one))
	}
	return list
}
