package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func TestProblemsOfAProposal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   string
		status int
		want   []string
	}{
		"unknown kind":   {`{"puts":[{"kind":"widgets","object":{}}]}`, 422, []string{"/puts/0/kind unknown_value"}},
		"no kind":        {`{"puts":[{"object":{}}]}`, 422, []string{"/puts/0/kind required"}},
		"no object":      {`{"puts":[{"kind":"domains"}]}`, 422, []string{"/puts/0/object required"}},
		"null object":    {`{"puts":[{"kind":"domains","object":null}]}`, 422, []string{"/puts/0/object required"}},
		"null put":       {`{"puts":[null]}`, 422, []string{"/puts/0 format"}},
		"wrong object":   {`{"puts":[{"kind":"domains","object":[]}]}`, 422, []string{"/puts/0/object format"}},
		"unknown field":  {`{"puts":[{"object":{"team":{"a":{"x":1}}},"kind":"domains"}]}`, 422, []string{"/puts/0/object/team/a/x unknown_field"}},
		"twice":          {`{"puts":[{"kind":"domains","object":{"name":"a","name":"b"}}]}`, 422, []string{"/puts/0/object/name format"}},
		"several":        {`{"puts":[{"kind":"domains","object":{"x":1}}],"deletes":[{"kind":"y","id":"a"}],"only":[{"id":"a"}]}`, 422, []string{"/puts/0/object/x unknown_field", "/deletes/0/kind unknown_value", "/only/0/kind required"}},
		"unknown member": {`{"dry_run":true}`, 422, []string{"/dry_run unknown_field"}},
		"too deep":       {`{"puts":[{"kind":"domains","object":{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}]}`, 422, []string{"/puts/0/object/x unknown_field", " limit"}},
		"too many":       {`{"deletes":[` + strings.Repeat(`{"kind":"domains","id":"a"},`, catalog.MaxProposal) + `{"kind":"domains","id":"a"}]}`, 422, []string{" limit"}},
		"no JSON":        {`{`, 400, nil},
	} {
		_, err := DecodeProposal([]byte(c.body))
		if status, got := refused(err); status != c.status || !cmp.Equal(got, c.want) {
			t.Errorf("%s: got %d %v, want %d %v", name, status, got, c.status, c.want)
		}
	}
}

func TestProposalsAndVerdictsSurvive(t *testing.T) {
	t.Parallel()
	var proposal catalog.Proposal
	var verdict catalog.Verdict
	for _, kind := range catalog.Kinds() {
		object, address := populated(t, kind)
		proposal.Puts = append(proposal.Puts, object)
		proposal.Deletes = append(proposal.Deletes, address)
		proposal.Only = append(proposal.Only, address)
		verdict.Findings = append(verdict.Findings, catalog.Finding{Ref: address, Object: object,
			Problems: []catalog.Problem{{Field: "/a~1b", Rule: "r", Detail: "d", Fix: "f"}}, Warnings: []catalog.Problem{{Rule: "w"}}},
			catalog.Finding{Ref: address})
	}
	body, err := EncodeProposal(proposal)
	if err != nil {
		t.Fatal(err)
	}
	gotProposal, err := DecodeProposal(body)
	if diff := cmp.Diff(proposal, gotProposal); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if body, err = EncodeVerdict(verdict); err != nil {
		t.Fatal(err)
	}
	gotVerdict, err := DecodeVerdict(body)
	if diff := cmp.Diff(verdict, gotVerdict); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := EncodeProposal(catalog.Proposal{Puts: []catalog.Object{nil}}); err == nil {
		t.Error("a proposal without an object was written")
	}
	_, err = EncodeProposal(catalog.Proposal{Puts: []catalog.Object{&catalog.Domain{Name: "a"}, &catalog.Domain{Contact: "\xff"}}})
	if _, got := refused(err); !cmp.Equal(got, []string{"/puts/1/object/contact format"}) {
		t.Errorf("got %v, want the place in the body", got)
	}
}
