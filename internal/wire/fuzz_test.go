package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func FuzzDecodeObject(f *testing.F) {
	for i := range catalog.Kinds() {
		for _, body := range []string{
			`{}`, `{"name":"y","team":{"a":{"role":"owner"}}}`, `{"definition":"{\"type\":\"int\"}","version":3}`,
			`{"freshness":{"max_age":"15m","target_percent":99.5}}`, `{"output_ports":{"f":{"type":"http"}},"inputs":["a/b"]}`,
			`{"references":{"a.B":{"schema":"x/z","version":2}},"conforms_to":"track@1","definition":"\"a.B\""}`,
			`{"x":[[[[]]]],"x":1}`, `{"title":"\ud83d\udef0"}`, `{"title":"\ud83d"}`, `null`, `{"releasable_to":null,"excluded":[]}`,
		} {
			f.Add(uint8(i), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		kind := catalog.Kinds()[int(which)%len(catalog.Kinds())]
		address := ref(kind, "x/y")
		if !kind.Owned() {
			address.ID = "y"
		}
		object, err := DecodeObject(address, body)
		if err != nil {
			if status, problems := refused(err); status != 400 && status != 422 || len(problems) > maxProblems+3 {
				t.Fatalf("got status %d with %d problems", status, len(problems))
			}
			return
		}
		again, err := EncodeObject(object)
		if err != nil {
			t.Fatalf("cannot be sent back: %v", err)
		}
		got, err := DecodeObject(address, again)
		if err != nil || !cmp.Equal(address, got.Ref()) {
			t.Fatalf("%s: %v", again, err)
		}
		third, err := EncodeObject(got)
		if err != nil || string(third) != string(again) {
			t.Fatalf("got %s, want %s", third, again)
		}
	})
}

func FuzzDecodeProposal(f *testing.F) {
	f.Add([]byte(`{"puts":[{"kind":"domains","object":{"name":"a"}}],"deletes":[{"kind":"slas","id":"a/b"}],"only":[]}`))
	f.Add([]byte(`{"puts":[{"kind":"products","object":{"inputs":[1]}}]}`))
	f.Add([]byte(`{"only":[{"kind":null,"id":null}],"only":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		proposal, err := DecodeProposal(body)
		if err != nil {
			if status, _ := refused(err); status != 400 && status != 422 {
				t.Fatalf("got status %d: %v", status, err)
			}
			return
		}
		if _, err := EncodeProposal(proposal); err != nil {
			t.Fatalf("cannot be sent on: %v", err)
		}
	})
}

func FuzzDecodeAnswers(f *testing.F) {
	f.Add(404, []byte(`{"type":"/problems/not-found","title":"t","status":404,"code":"not_found","detail":"d","errors":[{"field":"/a"}]}`))
	f.Add(200, []byte(`{"items":[{"domain":"x","name":"a"}],"revisions":{"x/a":"1"},"next_cursor":"n"}`))
	f.Add(200, []byte(`{"items":[{"version":1,"definition":"{}","created":"t"}]}`))
	f.Add(200, []byte(`{"schema":"a/b","version":1,"fields":2,"undescribed":[{"path":"p","reason":"r"}],"nonconforming":[]}`))
	f.Add(200, []byte(`{"findings":[{"kind":"slas","id":"a/b","object":null,"problems":[],"warnings":[]}]}`))
	f.Add(200, []byte(`{"version":{"from":"1","to":"2"},"products":[{"product":"a/b","read":{"lose":["NZL"],"gain":[]}}],"policies":[{"policy":"a/c"}],"unchanged":3}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if failure, err := DecodeProblem(status, body); err == nil && ProblemOf(failure, "", "").Status < 400 {
			t.Fatalf("%s: an error with a status of success", body)
		}
		page, err := DecodePage(catalog.Query{Kind: catalog.KindSchema}, body)
		if err == nil && len(page.Entries) > catalog.DefaultLimit {
			t.Fatalf("got %d entries", len(page.Entries))
		}
		if err == nil {
			if _, err := EncodePage(page); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = DecodeVersions(body)      // must not panic
		_, _ = DecodeVerdict(body)       // likewise
		_, _ = DecodeReport("a/b", body) // likewise
		_, _ = DecodeDerivation("a/b", body)
		_, _ = DecodeHistory(body)
		_, _ = DecodeVocabulary("", body)
		if impact, err := DecodeImpact(body); err == nil {
			if _, err := EncodeImpact(impact); err != nil {
				t.Fatal(err)
			}
		}
	})
}
