package wire

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// populate sets every field below v, so that a field that the catalogue gains
// is tested without a word here.
func populate(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("te\"xt\\ \u2028<&>\u0000 ä\U0001F6F0")
	case reflect.Int:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(99.95)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		populate(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		populate(t, v.Index(0))
	case reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		populate(t, element)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("CN=a/b~c").Convert(v.Type().Key()), element)
	case reflect.Struct:
		for i := range v.NumField() {
			populate(t, v.Field(i))
		}
	default:
		t.Fatalf("the reader of bodies does not know a %s", v.Kind())
	}
}

// populated is an object of the kind at the address x/y, or x.
func populated(t *testing.T, kind catalog.Kind) (catalog.Object, catalog.Ref) {
	t.Helper()
	object := kind.New()
	v := reflect.ValueOf(object).Elem()
	populate(t, v)
	id := "x/y"
	if !kind.Owned() {
		id = "x"
	}
	address := ref(kind, id)
	v.FieldByName("ID").SetString(id)
	v.FieldByName("Name").SetString(address.Name())
	if domain := v.FieldByName("Domain"); domain.IsValid() {
		domain.SetString("x")
	}
	return object, address
}

func TestEveryFieldSurvives(t *testing.T) {
	t.Parallel()
	for _, kind := range catalog.Kinds() {
		object, address := populated(t, kind)
		body, err := EncodeObject(object)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		got, err := DecodeObject(address, body)
		if diff := cmp.Diff(object, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", kind, err, diff)
		}
	}
}

// refused is what a wrong body is answered with: the status, and each problem
// as "pointer rule".
func refused(err error) (int, []string) {
	problem := ProblemOf(err, "", "")
	var list []string
	for _, p := range problem.Errors {
		list = append(list, p.Field+" "+p.Rule)
	}
	return problem.Status, list
}

func TestWrongBodies(t *testing.T) {
	t.Parallel()
	product := ref(catalog.KindProduct, "sigint/tracks")
	deep := func(n int) string { return `{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	for name, c := range map[string]struct {
		body   string
		status int
		want   []string
	}{
		"empty":                  {``, 400, nil},
		"cut off":                {`{"title":"a"`, 400, nil},
		"trailing data":          {`{} {}`, 400, nil},
		"trailing comma":         {`{"title":"a",}`, 400, nil},
		"comment":                {`{/* */}`, 400, nil},
		"byte order mark":        {"\ufeff{}", 400, nil},
		"not UTF-8":              {"{\"title\":\"\xff\"}", 400, nil},
		"half a surrogate pair":  {`{"title":"\ud800"}`, 400, nil},
		"halves the wrong way":   {`{"title":"\udc00\ud800"}`, 400, nil},
		"half in a name":         {`{"team\ud800":1}`, 400, nil},
		"NaN":                    {`{"title":NaN}`, 400, nil},
		"null":                   {`null`, 422, []string{" format"}},
		"an array":               {`[]`, 422, []string{" format"}},
		"a string":               {`"x"`, 422, []string{" format"}},
		"unknown field":          {`{"titel":"a"}`, 422, []string{"/titel unknown_field"}},
		"field in other case":    {`{"Title":"a"}`, 422, []string{"/Title unknown_field"}},
		"field by its Go name":   {`{"OutputPorts":{}}`, 422, []string{"/OutputPorts unknown_field"}},
		"unknown field below":    {`{"output_ports":{"f/1":{"uri":"x"}}}`, 422, []string{"/output_ports/f~11/uri unknown_field"}},
		"unknown field is null":  {`{"titel":null}`, 422, []string{"/titel unknown_field"}},
		"given twice":            {`{"title":"a","title":"a"}`, 422, []string{"/title format"}},
		"given twice, escaped":   {`{"title":"a","\u0074itle":"b"}`, 422, []string{"/title format"}},
		"given twice, once null": {`{"title":null,"title":"b"}`, 422, []string{"/title format"}},
		"key of a map twice":     {`{"output_ports":{"f":{},"f":{}}}`, 422, []string{"/output_ports/f format"}},
		"twice in what is skipped": {`{"x":{"a":1,"a":2}}`, 422,
			[]string{"/x unknown_field", "/x/a format"}},
		"number for text":      {`{"title":1}`, 422, []string{"/title format"}},
		"text for bool":        {`{"deletion_protection":"true"}`, 422, []string{"/deletion_protection format"}},
		"object for list":      {`{"inputs":{}}`, 422, []string{"/inputs format"}},
		"list for object":      {`{"pipeline":[]}`, 422, []string{"/pipeline format"}},
		"number in a list":     {`{"inputs":["a",1,"b",true]}`, 422, []string{"/inputs/1 format", "/inputs/3 format"}},
		"null in a list":       {`{"inputs":[null]}`, 422, []string{"/inputs/0 format"}},
		"null in a map":        {`{"output_ports":{"a":null}}`, 422, []string{"/output_ports/a format"}},
		"all of it at once":    {`{"x":1,"title":2,"pipeline":{"image":3,"y":4}}`, 422, []string{"/x unknown_field", "/title format", "/pipeline/image format", "/pipeline/y unknown_field"}},
		"another name":         {`{"name":"ships"}`, 422, []string{"/name immutable"}},
		"another domain":       {`{"domain":"geoint"}`, 422, []string{"/domain immutable"}},
		"another id":           {`{"id":"geoint/tracks"}`, 422, []string{"/id read_only"}},
		"as deep as may be":    {deep(MaxDepth - 1), 422, []string{"/x unknown_field"}},
		"too deep":             {deep(MaxDepth), 422, []string{"/x unknown_field", " limit"}},
		"as deep as a bomb":    {deep(9000), 422, []string{"/x unknown_field", " limit"}},
		"deeper than any JSON": {deep(100_000), 400, nil},
		"a name like a page":   {`{"` + strings.Repeat("x", maxMember+1) + `":{"a":1}}`, 422, []string{" limit"}},
	} {
		_, err := DecodeObject(product, []byte(c.body))
		status, problems := refused(err)
		if diff := cmp.Diff(c.want, problems); diff != "" || status != c.status {
			t.Errorf("%s: got %d, want %d: %v (-want +got):\n%s", name, status, c.status, err, diff)
		}
	}
}

func TestWrongNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		address catalog.Ref
		body    string
		want    []string
	}{
		{ref(catalog.KindSchema, "a/b"), `{"version":1.0}`, []string{"/version format"}},
		{ref(catalog.KindSchema, "a/b"), `{"version":1e2}`, []string{"/version format"}},
		{ref(catalog.KindSchema, "a/b"), `{"version":9223372036854775808}`, []string{"/version format"}},
		{ref(catalog.KindSchema, "a/b"), `{"version":"1"}`, []string{"/version format"}},
		{ref(catalog.KindSLA, "a/b"), `{"availability":{"target_percent":1e999}}`, []string{"/availability/target_percent format"}},
		{ref(catalog.KindSLA, "a/b"), `{"availability":{"target_percent":"99"}}`, []string{"/availability/target_percent format"}},
		{ref(catalog.KindDomain, "a"), `{"team":{"x":{"role":1}}}`, []string{"/team/x/role format"}},
		{ref(catalog.KindDomain, "a"), `{"domain":"a"}`, []string{"/domain unknown_field"}},
		{ref(catalog.KindReferenceSchema, "a"), `{"domain":"a","compatibility":"NONE"}`, []string{"/domain unknown_field", "/compatibility unknown_field"}},
		{ref(catalog.KindReferenceSchema, "a"), `{"id":"board/a","name":"b"}`, []string{"/id read_only", "/name immutable"}},
		{ref(catalog.KindReferenceSchema, "a"), `{"version":"1"}`, []string{"/version format"}},
		{ref(catalog.KindSchema, "a/b"), `{"references":[]}`, []string{"/references format"}},
		{ref(catalog.KindSchema, "a/b"), `{"references":{"t.json":"a/t"}}`, []string{"/references/t.json format"}},
		{ref(catalog.KindSchema, "a/b"), `{"references":{"t/1~2":{"version":1.5,"subject":"a.t"}}}`, []string{"/references/t~11~02/version format", "/references/t~11~02/subject unknown_field"}},
		{ref(catalog.KindSchema, "a/b"), `{"references":{"t":{},"t":{}}}`, []string{"/references/t format"}},
		{ref(catalog.KindSchema, "a/b"), `{"references":{"t":null}}`, []string{"/references/t format"}},
		{ref(catalog.KindSchema, "a/b"), `{"dependencies":{}}`, []string{"/dependencies unknown_field"}},
		{ref(catalog.KindSchema, "a/b"), `{"conforms_to":{"name":"track"}}`, []string{"/conforms_to format"}},
	} {
		_, err := DecodeObject(c.address, []byte(c.body))
		if status, got := refused(err); status != 422 || !cmp.Equal(got, c.want) {
			t.Errorf("%s: got %d %v, want 422 %v", c.body, status, got, c.want)
		}
	}
}

func TestGoodBodies(t *testing.T) {
	t.Parallel()
	address := ref(catalog.KindSLA, "a/b")
	bare := &catalog.SLA{Domain: "a", Name: "b"}
	for body, want := range map[string]*catalog.SLA{
		` {} `: bare,
		`{"description":null,"freshness":null,"id":null,"name":null}`: bare,
		`{"id":"a/b","domain":"a","name":"b"}`:                        {ID: "a/b", Domain: "a", Name: "b"},
		`{"description":"\ud83d\udef0 \\ud800"}`:                      {Domain: "a", Name: "b", Description: "\U0001F6F0 \\ud800"},
		`{"availability":{"target_percent":99}}`:                      {Domain: "a", Name: "b", Availability: &catalog.Objective{TargetPercent: 99}},
		`{"availability":{}}`:                                         {Domain: "a", Name: "b", Availability: &catalog.Objective{}},
	} {
		got, err := DecodeObject(address, []byte(body))
		if diff := cmp.Diff(catalog.Object(want), got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
		}
	}
}

// TestReportsAreBounded: a body of many faults is answered with a report of a
// bearable length, however long its names are.
func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 10_000 {
		many.WriteString(`,"` + strings.Repeat("x", maxMember-5) + strconv.Itoa(i) + `":1`)
	}
	_, err := DecodeObject(ref(catalog.KindDomain, "a"), []byte("{"+many.String()[1:]+"}"))
	problem := ProblemOf(err, "", "")
	if len(problem.Errors) != maxProblems {
		t.Errorf("got %d problems, want %d", len(problem.Errors), maxProblems)
	}
	if n := len(EncodeProblem(problem)); n > 200<<10 {
		t.Errorf("got an answer of %d bytes, want at most 200 KiB", n)
	}
}

func TestNewerPlatformsMayAddFields(t *testing.T) {
	t.Parallel()
	got, err := DecodeAnswer(ref(catalog.KindDomain, "a"), []byte(`{"name":"a","NAME":"b","colour":{"r":[1,null]}}`))
	if want := (&catalog.Domain{Name: "a"}); err != nil || !cmp.Equal(got, catalog.Object(want)) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, body := range []string{`{"name":"b"}`, `{"name":"a","name":"a"}`, `{"name":1}`, `null`, `[]`, `{"id":"b"}`, `{}`, `{"items":[]}`, `{"id":"a"}`} {
		if got, err := DecodeAnswer(ref(catalog.KindDomain, "a"), []byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", body, got)
		}
	}
}

func TestWhatJSONCannotHold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		object catalog.Object
		field  string
	}{
		{&catalog.Domain{Contact: "\xff"}, "/contact"},
		{&catalog.Domain{Team: map[string]catalog.Member{"a": {Role: "\xff"}}}, "/team/a/role"},
		{&catalog.Domain{Team: map[string]catalog.Member{"\xff": {}}}, "/team"},
		{&catalog.Product{Inputs: []string{"a", "\xff"}}, "/inputs/1"},
		{&catalog.SLA{Accuracy: &catalog.Objective{Window: "\xff"}}, "/accuracy/window"},
		{&catalog.SLA{Accuracy: &catalog.Objective{TargetPercent: math.NaN()}}, ""},
	} {
		body, err := EncodeObject(c.object)
		problem := ProblemOf(err, "", "")
		if err == nil || len(problem.Errors) != 1 || problem.Errors[0].Field != c.field {
			t.Errorf("%+v: got %s, %v, want a problem at %q", c.object, body, err, c.field)
		}
	}
}

func TestPagesOfAHostilePlatform(t *testing.T) {
	t.Parallel()
	query := catalog.Query{Kind: catalog.KindSchema, Limit: 2}
	a, b := `{"domain":"x","name":"a"}`, `{"domain":"x","name":"b"}`
	for name, body := range map[string]string{
		"not in order":         `{"items":[` + b + `,` + a + `],"revisions":{"x/a":"1","x/b":"2"}}`,
		"the same twice":       `{"items":[` + a + `,` + a + `],"revisions":{"x/a":"1"}}`,
		"more than asked for":  `{"items":[` + a + `,` + b + `,{"domain":"x","name":"c"}],"revisions":{"x/a":"1","x/b":"2","x/c":"3"}}`,
		"no revision":          `{"items":[` + a + `],"revisions":{"x/b":"1"}}`,
		"revision of no tag":   `{"items":[` + a + `],"revisions":{"x/a":"a b"}}`,
		"no name":              `{"items":[{"domain":"x"}],"revisions":{"x/":"1"}}`,
		"a name with a slash":  `{"items":[{"domain":"x","name":"a/versions"}],"revisions":{"x/a/versions":"1"}}`,
		"null":                 `{"items":[null],"revisions":{"x/a":"1"}}`,
		"not an object":        `{"items":["a"],"revisions":{"x/a":"1"}}`,
		"items of wrong type":  `{"items":{}}`,
		"cursor of wrong type": `{"items":[],"next_cursor":1}`,
		"no page":              `[]`,
	} {
		if page, err := DecodePage(query, []byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, page)
		}
	}
	page, err := DecodePage(query, []byte(`{"items":[`+a+`,`+b+`],"revisions":{"x/a":"1","x/b":"2"},"next_cursor":"n"}`))
	if err != nil || len(page.Entries) != 2 || page.Next != "n" || page.Entries[1].Revision != "2" {
		t.Errorf("got %+v, %v, want two entries", page, err)
	}
}

func BenchmarkDecodePage(b *testing.B) {
	var page catalog.Page
	for i := range catalog.MaxLimit {
		name := "p" + strconv.Itoa(10_000+i)
		page.Entries = append(page.Entries, catalog.Entry{Revision: "r" + name, Object: &catalog.Product{ID: "a/" + name, Domain: "a", Name: name,
			Title: "A title", Description: strings.Repeat("word ", 40), Version: "1.0.0", Status: "active", Marking: "SECRET", Inputs: []string{"a/b"},
			OutputPorts: map[string]catalog.OutputPort{"feed": {Type: "http", URL: "https://x.example/y"}}, EffectiveMarking: "SECRET"}})
	}
	body, err := EncodePage(page)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := DecodePage(catalog.Query{Kind: catalog.KindProduct, Limit: catalog.MaxLimit}, body); err != nil {
			b.Fatal(err)
		}
	}
}
