package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

var british = platformtest.Briton()

// real is a platform with a domain, whose owner is not cleared for anything.
func real(t *testing.T, config configfile.Gateway) *platformtest.Platform {
	t.Helper()
	p := platformtest.Start(t, platformtest.Options{Gateway: config})
	store(t, p, around()...)
	return p
}

// around is what a product needs around it.
func around() []catalog.Object {
	return []catalog.Object{
		&catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: "SIGINT", Contact: "s@enclave.example", Team: map[string]catalog.Member{"owner": {Role: catalog.RoleOwner}}},
		&catalog.Schema{Domain: "sigint", Name: "track", Type: "JSON", Definition: `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"id":{"type":"string","description":"Id."}}}`},
		&catalog.SLA{Domain: "sigint", Name: "daily", Availability: &catalog.Objective{TargetPercent: 99, Window: "30d"}},
	}
}

func store(t *testing.T, p *platformtest.Platform, objects ...catalog.Object) {
	t.Helper()
	insert(t, p.Admin(), objects...)
}

func insert(t *testing.T, s catalog.Service, objects ...catalog.Object) {
	t.Helper()
	for _, o := range objects {
		if _, err := s.Put(t.Context(), o, catalog.WriteOptions{}); err != nil {
			t.Fatalf("%s: %v", o.Ref(), err)
		}
	}
}

// product is an active one with a port p.
func product(name, banner string, port catalog.OutputPort) *catalog.Product {
	port.Schema = "sigint/track"
	return &catalog.Product{
		Domain: "sigint", Name: name, Title: name, Description: "D.", Version: "1.0.0", Status: catalog.StatusActive, Marking: banner, SLA: "sigint/daily",
		OutputPorts: map[string]catalog.OutputPort{"p": port},
	}
}

// as asks the platform with the caller's token.
func as(t *testing.T, p *platformtest.Platform, caller catalog.Caller, path string, headers ...string) (answer, string, error) {
	t.Helper()
	req := request(t, http.MethodGet, p.Endpoint+path, headers...)
	req.Header.Set("Authorization", "Bearer "+p.TokenFor(caller))
	return do(t, req)
}

func queries(t *testing.T, p *platformtest.Platform) []audit.Entry {
	t.Helper()
	return logOf(t, p.DataDir())
}

// logOf is the entries on data in a data directory, oldest first.
func logOf(t *testing.T, dir string) (entries []audit.Entry) {
	t.Helper()
	for _, e := range platformtest.EntriesIn(t, dir, 0) {
		if e.Port != "" {
			entries = append(entries, e)
		}
	}
	return entries
}

// TestDecisionsOfARealPlatform: each answer has its entry, and what is hidden is
// absent to the byte.
func TestDecisionsOfARealPlatform(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "0123456789") })
	p := real(t, everyone(up+"/"))
	port := catalog.OutputPort{Type: catalog.PortHTTP, URL: up + "/x"}
	store(t, p, product("low", "SECRET//REL TO USA, GBR", port))
	store(t, p, product("high", "TOP SECRET//NOFORN", port))
	draft := product("draft", "SECRET//REL TO USA, GBR", port)
	draft.Status = catalog.StatusDraft
	store(t, p, draft)
	owner := catalog.Caller{Subject: "owner"}
	for _, c := range []struct {
		caller catalog.Caller
		path   string
		status int
	}{
		{british, "/data/sigint/low/p", 200},
		{british, "/data/sigint/low/p/a/b%20c", 200},
		{british, "/data/sigint/low/q", 404},
		{british, "/data/sigint/high/p/a", 404},
		{british, "/data/sigint/nothing/p/a/", 404},
		{british, "/data/sigint/draft/p", 409},
		{owner, "/data/sigint/high/p", 403},
	} {
		resp, body, err := as(t, p, c.caller, c.path, "Range", "bytes=0-99")
		if err != nil || resp.StatusCode != c.status || (body == "0123456789") != (c.status == 200) {
			t.Errorf("%s asks for %s: got %s %q %v, want %d", c.caller.Subject, c.path, resp.Status, body, err, c.status)
		}
		if strings.Contains(body, "clearance") || strings.Contains(body, "noforn") {
			t.Errorf("%s: the refusal gives a reason: %s", c.path, body)
		}
	}
	type line struct {
		Object, Port    string
		Resource, Range string
		Decision        string
		Delivery        *audit.Delivery
	}
	const part = "bytes=0-99"
	whole := &audit.Delivery{Outcome: "complete", Bytes: 10}
	var got []line
	for _, e := range queries(t, p) {
		got = append(got, line{e.Object, e.Port, e.Resource, e.Range, e.Decision, e.Delivery})
	}
	want := []line{
		{"products/sigint/low", "p", "", part, audit.Permit, nil}, {"products/sigint/low", "p", "", part, audit.Permit, whole},
		{"products/sigint/low", "p", "a/b c", part, audit.Permit, nil}, {"products/sigint/low", "p", "a/b c", part, audit.Permit, whole},
		{"products/sigint/low", "q", "", part, audit.Deny, nil}, {"products/sigint/high", "p", "a", part, audit.Deny, nil},
		{"products/sigint/nothing", "p", "a/", part, audit.Deny, nil},
		{"products/sigint/draft", "p", "", part, audit.Deny, nil}, {"products/sigint/high", "p", "", part, audit.Deny, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	hidden, absent := bytesOf(t, p, "/data/sigint/high/p"), bytesOf(t, p, "/data/sigint/lost/p")
	if hidden = strings.ReplaceAll(hidden, "/high/", "/lost/"); hidden != absent {
		t.Errorf("hidden and absent differ:\n%s\n%s", hidden, absent)
	}
}

// bytesOf is the answer to the British caller, header and body.
func bytesOf(t *testing.T, p *platformtest.Platform, path string) string {
	t.Helper()
	resp, body, err := as(t, p, british, path, "X-Request-Id", "same")
	if err != nil {
		t.Fatal(err)
	}
	resp.Header.Del("Date")
	var b strings.Builder
	_ = resp.Header.Write(&b) // a builder takes everything
	return resp.Status + "\n" + b.String() + body
}

// TestRaisedMarkingEndsAStream that is running, on the whole platform.
func TestRaisedMarkingEndsAStream(t *testing.T) {
	t.Parallel()
	up, _, left := endless(t)
	p := real(t, everyone(up+"/"))
	port := catalog.OutputPort{Type: catalog.PortHTTP, URL: up + "/x"}
	store(t, p, product("tracks", "SECRET//REL TO USA, GBR", port))
	req := request(t, http.MethodGet, p.Endpoint+"/data/sigint/tracks/p")
	req.Header.Set("Authorization", "Bearer "+p.TokenFor(british))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %v %v", resp, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	store(t, p, product("tracks", "TOP SECRET//NOFORN", port))
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("the stream ended well")
	}
	await(t, left, "the upstream to be let go")
	p.Stop() // what is under way is finished first
	entries := queries(t, p)
	if last := entries[len(entries)-1]; last.Delivery == nil || last.Delivery.Outcome != "ended" || last.Delivery.Bytes < 1<<20 {
		t.Errorf("the last entry is %+v", last)
	}
}

// TestRecordsOfARealPlatform are decided on by their own marks.
func TestRecordsOfARealPlatform(t *testing.T) {
	t.Parallel()
	feature := func(mark, id string) string {
		return `{"type":"Feature","geometry":null,"properties":{"mark":"` + mark + `","id":"` + id + `"}}`
	}
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/geo+json")
		_, _ = io.WriteString(w, `{"type":"FeatureCollection","features":[`+feature("(U)", "a")+","+feature("(S//NF)", "b")+","+feature("(S//REL TO USA, GBR)", "c")+","+
			feature("(TS)", "d")+","+feature("nonsense", "e")+`]}`)
	})
	p := real(t, everyone(up+"/"))
	store(t, p, product("tracks", "SECRET//REL TO USA, GBR", catalog.OutputPort{Type: catalog.PortHTTP, URL: up + "/x", ContentType: "application/geo+json", RecordMarking: "mark"}))
	resp, body, err := as(t, p, british, "/data/sigint/tracks/p")
	var got struct {
		Features []struct{ Properties struct{ ID string } }
	}
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(body), &got) != nil || len(got.Features) != 2 || got.Features[0].Properties.ID != "a" || got.Features[1].Properties.ID != "c" {
		t.Errorf("got %s %q %v", resp.Status, body, err)
	}
	entries := queries(t, p)
	want := &audit.Delivery{Outcome: "complete", Bytes: int64(len(body)), Records: 2, Withheld: 3}
	if diff := cmp.Diff(want, entries[len(entries)-1].Delivery); diff != "" {
		t.Errorf("the last entry (-want +got):\n%s", diff)
	}
}

// TestShutdownRecordsTheEndsOfStreams that do not end by themselves.
func TestShutdownRecordsTheEndsOfStreams(t *testing.T) {
	t.Parallel()
	up, _, left := endless(t)
	p := real(t, everyone(up+"/"))
	store(t, p, product("tracks", "SECRET//REL TO USA, GBR", catalog.OutputPort{Type: catalog.PortHTTP, URL: up + "/x"}))
	const streams = 5
	var readers sync.WaitGroup
	for i := range streams {
		req := request(t, http.MethodGet, fmt.Sprintf("%s/data/sigint/tracks/p/%d", p.Endpoint, i))
		req.Header.Set("Authorization", "Bearer "+p.TokenFor(british))
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("got %v %v", resp, err)
		}
		readers.Go(func() {
			defer func() { _ = resp.Body.Close() }()
			if _, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Error("the stream ended well")
			}
		})
	}
	p.Stop()
	readers.Wait()
	await(t, left, "the upstream to be let go")
	ends := map[string]string{}
	for _, e := range queries(t, p) {
		if e.Action == "close" {
			ends[e.Resource] = e.Delivery.Outcome
		}
	}
	want := map[string]string{"0": "failed", "1": "failed", "2": "failed", "3": "failed", "4": "failed"}
	if diff := cmp.Diff(want, ends); diff != "" {
		t.Errorf("what became of the streams (-want +got):\n%s", diff)
	}
}

// TestPurposesOfARealPlatform: where a policy limits purposes, data is for those
// who state one of them and are given it.
func TestPurposesOfARealPlatform(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(gateway.PurposeHeader) != "" {
			t.Error("the source is told the purpose")
		}
		_, _ = io.WriteString(w, "0123456789")
	})
	p := real(t, everyone(up+"/"))
	limited := product("tracks", "SECRET//REL TO USA, GBR", catalog.OutputPort{Type: catalog.PortHTTP, URL: up + "/x"})
	limited.CaveatPolicy = "sigint/limited"
	store(t, p, &catalog.CaveatPolicy{Domain: "sigint", Name: "limited", ReleasableTo: []string{"USA", "GBR"}, Purposes: []string{"force-protection", "targeting"}}, limited)
	given := british
	given.Purposes = []string{"targeting", "training"}
	for _, c := range []struct {
		caller catalog.Caller
		stated []string
		status int
	}{
		{given, nil, 403},
		{given, []string{"targeting"}, 200},
		{given, []string{"training"}, 403},         // given, and not the policy's
		{given, []string{"force-protection"}, 403}, // the policy's, and not given
		{given, []string{"Targeting"}, 403},
		{given, []string{"targeting,training"}, 403},
		{given, []string{"training", "targeting"}, 400},
		{british, []string{"targeting"}, 403},
	} {
		var headers []string
		for _, stated := range c.stated {
			headers = append(headers, gateway.PurposeHeader, stated)
		}
		before := len(queries(t, p))
		resp, body, err := as(t, p, c.caller, "/data/sigint/tracks/p", headers...)
		if err != nil || resp.StatusCode != c.status || (body == "0123456789") != (c.status == 200) {
			t.Errorf("given %v, stating %q: got %s %q %v, want %d", c.caller.Purposes, c.stated, resp.Status, body, err, c.status)
		}
		for _, e := range queries(t, p)[before:] {
			if e.Purpose != strings.Join(c.stated, "") || (e.Decision == audit.Permit) != (c.status == 200) {
				t.Errorf("stating %q: the log says %+v", c.stated, e)
			}
		}
	}
}

// TestGatewayWithoutSources says so, after the decision.
func TestGatewayWithoutSources(t *testing.T) {
	t.Parallel()
	up := untouched(t)
	p := real(t, configfile.Gateway{})
	store(t, p, product("low", "SECRET//REL TO USA, GBR", catalog.OutputPort{Type: catalog.PortHTTP, URL: up}))
	resp, body, err := as(t, p, british, "/data/sigint/low/p")
	if err != nil || resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "No upstream is configured") {
		t.Errorf("got %s %q %v", resp.Status, body, err)
	}
}

// TestOversizedHeaders are refused by the server before anything is decided.
func TestOversizedHeaders(t *testing.T) {
	t.Parallel()
	p := real(t, configfile.Gateway{})
	resp, _, _ := as(t, p, british, "/data/sigint/low/p", "X-Large", strings.Repeat("x", 64<<10)) // the connection may break
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s, want 431", resp.Status)
	}
	if entries := queries(t, p); len(entries) != 0 {
		t.Errorf("decided: %+v", entries)
	}
}
