package platform

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// served is a product that gives out data through one port.
func served(id, banner string, inputs ...string) *catalog.Product {
	p := product(id, banner, inputs...)
	p.Status, p.Description, p.SLA, p.Version = catalog.StatusActive, "D.", "alpha/l", "1.2.3"
	p.OutputPorts = map[string]catalog.OutputPort{"feed": {
		Type: catalog.PortHTTP, URL: "https://feed.example/" + id, Schema: "alpha/s", ContentType: "application/geo+json", RecordMarking: "marking",
	}}
	return p
}

// policy lets ORCON data go to the organisations on its list.
func policy(name string, listed ...string) *catalog.CaveatPolicy {
	return &catalog.CaveatPolicy{Domain: "alpha", Name: name, ReleasableTo: []string{"USA", "FVEY"}, DisseminationList: listed}
}

// dataMesh has a chain in, mid and out beside single products.
func dataMesh(t testing.TB, s store.Store) *Platform {
	t.Helper()
	p := newPlatform(t, s)
	ruled, draft, leaving := served("alpha/ruled", "SECRET//REL TO USA, FVEY"), served("alpha/draft", "SECRET//REL TO USA, FVEY"), served("alpha/leaving", "UNCLASSIFIED")
	ruled.CaveatPolicy, draft.Status, leaving.Status = "alpha/c", catalog.StatusDraft, catalog.StatusDeprecated
	high := served("alpha/ruled-high", "TOP SECRET//SI//NOFORN")
	high.CaveatPolicy = "alpha/c"
	mustPut(t, p.As(admin), domain("alpha"), &catalog.Schema{Domain: "alpha", Name: "s", Type: catalog.SchemaJSON, Definition: `{"type":"object"}`},
		&catalog.SLA{Domain: "alpha", Name: "l", Accuracy: &catalog.Objective{TargetPercent: 1, Window: "1d"}}, policy("c"),
		served("alpha/in", "SECRET//REL TO USA, FVEY"), served("alpha/mid", "SECRET//REL TO USA, FVEY", "alpha/in"),
		served("alpha/out", "SECRET//REL TO USA, FVEY", "alpha/mid"), served("alpha/open", "UNCLASSIFIED"), served("alpha/high", "TOP SECRET//SI//NOFORN"),
		served("alpha/shown", "SECRET//DISPLAY ONLY GBR"), ruled, high, draft, leaving)
	return p
}

func feed(id string) catalog.DataRequest { return catalog.DataRequest{Product: id, Port: "feed"} }

func mustOpen(t testing.TB, p *Platform, c catalog.Caller, asked catalog.DataRequest) catalog.Grant {
	t.Helper()
	g, err := p.Data(c).Open(context.Background(), asked)
	if err != nil {
		t.Fatalf("%s opens %s: %v", c.Subject, asked.Product, err)
	}
	return g
}

func ended(g catalog.Grant) bool {
	select {
	case <-g.Ended():
		return true
	default:
		return false
	}
}

// raised is the product at another marking.
func raised(p *catalog.Product, banner string) *catalog.Product {
	changed := *p
	changed.Marking = banner
	return &changed
}

// TestOpen holds each answer against its entry.
func TestOpen(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := dataMesh(t, s)
	british, low := analyst("brit", "S", "GBR"), analyst("low", "U", "GBR")
	owner := analyst("alpha.owner", "U", "GBR")
	other := feed("alpha/in")
	other.Port = "other"
	odd := feed("alpha/in")
	odd.Action = "erase"
	display := feed("alpha/shown")
	display.Action = "display"
	for _, c := range []struct {
		caller catalog.Caller
		asked  catalog.DataRequest
		want   catalog.Code // "" for a grant
		reason string
	}{
		{british, feed("alpha/in"), "", ""},
		{british, feed("alpha/out"), "", ""},
		{british, feed("alpha/leaving"), "", ""},
		{british, display, "", ""},
		{british, feed("alpha/shown"), catalog.CodeNotFound, "display_only"},
		{british, feed("alpha/high"), catalog.CodeNotFound, "clearance"},
		{british, feed("alpha/none"), catalog.CodeNotFound, "unknown_resource"},
		{british, feed("../\xff"), catalog.CodeNotFound, "unknown_resource"},
		{british, other, catalog.CodeNotFound, "unknown_port"},
		{british, odd, catalog.CodeForbidden, "unknown_action"},
		{british, feed("alpha/draft"), catalog.CodeConflict, "inactive"},
		{low, feed("alpha/draft"), catalog.CodeNotFound, "inactive"},
		{owner, feed("alpha/in"), catalog.CodeForbidden, "clearance"},
		{owner, other, catalog.CodeNotFound, "unknown_port"},
		{admin, feed("alpha/high"), "", ""},
		{low, feed("alpha/open"), "", ""},
	} {
		before := int64(len(entries(t, s, 0)))
		c.asked.Purpose, c.asked.Resource, c.asked.Range = "targeting", "2026/é.csv", "bytes=0-9"
		g, err := p.Data(c.caller).Open(t.Context(), c.asked)
		var refusal *catalog.Error
		if c.want == "" && err != nil || c.want != "" && (g != nil || !errors.As(err, &refusal) || refusal.Code != c.want || len(refusal.Problems) > 0) {
			t.Errorf("%s opens %s: got %v, %v, want %q", c.caller.Subject, c.asked.Product, g, err, c.want)
		}
		log := entries(t, s, before)
		if len(log) != 1 || log[0].Event != "query" || log[0].Port != c.asked.Port || log[0].Purpose != "targeting" ||
			log[0].Resource != "2026/é.csv" || log[0].Range != "bytes=0-9" ||
			(log[0].Decision == audit.Permit) != (c.want == "") || strings.Join(log[0].ReasonCodes, ",") != c.reason {
			t.Errorf("%s opens %s: the log says %+v, want one query with reason %q", c.caller.Subject, c.asked.Product, log, c.reason)
		}
	}
	if _, err := p.Data(catalog.Caller{}).Open(t.Context(), feed("alpha/open")); !errors.Is(err, catalog.ErrUnauthenticated) {
		t.Errorf("nobody: got %v, want it unauthenticated", err)
	}
}

// TestWhatAnOpeningSays in the log, and its end.
func TestWhatAnOpeningSays(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	p, err := New(Config{Store: s, Node: "spiffe://mesh.example/a"})
	if err != nil {
		t.Fatal(err)
	}
	policyEntry, err := p.As(admin).Get(t.Context(), policy("c").Ref())
	if err != nil {
		t.Fatal(err)
	}
	british := analyst("brit", "S", "GBR")
	british.RequestID = "req-7"
	before := int64(len(entries(t, s, 0)))
	g := mustOpen(t, p, british, catalog.DataRequest{Product: "alpha/ruled", Port: "feed", Purpose: "targeting", Resource: "2026/march.csv", Range: "bytes=0-99"})
	if got := g.Product(); got.Ref().ID != "alpha/ruled" || got.Version != "1.2.3" || g.Port().RecordMarking != "marking" {
		t.Errorf("got %+v, port %+v; want the product and its port", got, g.Port())
	}
	if err := g.Close(catalog.Delivery{Outcome: catalog.OutcomeComplete, Bytes: 1000, Records: 9, Withheld: 1}); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := g.Close(catalog.Delivery{Outcome: catalog.OutcomeFailed}); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if ended(g) || g.Admits("(U)") {
		t.Error("a closed grant was ended, or admits records")
	}
	log := entries(t, s, before)
	if len(log) != 2 || log[0].Salt == log[1].Salt || log[0].SubjectAttributes == "" {
		t.Fatalf("got %+v, want the permit and one end", log)
	}
	want := audit.Entry{
		V: 1, Time: log[0].Time, Event: "query", Action: "read", Object: "products/alpha/ruled", Decision: audit.Permit,
		Consumer:        audit.Consumer{Sub: "brit", Issuer: testIssuer, Org: "GBR.MOD", Country: []string{"GBR"}},
		MarkingAccessed: "SECRET//REL TO USA, FVEY", VocabularyVersion: marking.Default().Version(), RequestID: "req-7",
		SubjectAttributes: log[0].SubjectAttributes, Version: "1.2.3", Port: "feed", Purpose: "targeting",
		Resource: "2026/march.csv", Range: "bytes=0-99", PolicyVersion: policyEntry.Revision, Node: "spiffe://mesh.example/a", Salt: log[0].Salt,
	}
	if diff := cmp.Diff(want, log[0]); diff != "" {
		t.Errorf("the permit (-want +got):\n%s", diff)
	}
	want.Time, want.Salt, want.Action = log[1].Time, log[1].Salt, "close"
	want.Delivery = &audit.Delivery{Outcome: "complete", Bytes: 1000, Records: 9, Withheld: 1}
	if diff := cmp.Diff(want, log[1]); diff != "" {
		t.Errorf("the end (-want +got):\n%s", diff)
	}
	if p.streams.count != 0 {
		t.Errorf("got %d grants that run, want none", p.streams.count)
	}
	evaluate(t, p, british, read("brit", "alpha/ruled"))
	if e := lastEntry(t, s); e.Version != "1.2.3" || e.PolicyVersion != policyEntry.Revision || e.Node != want.Node {
		t.Errorf("a decision: got %+v, want version, policy version and node", e)
	}
	for _, node := range []string{"\xff", strings.Repeat("n", maxNode+1)} {
		if _, err := New(Config{Store: s, Node: node}); err == nil {
			t.Errorf("node %.5q…: got a platform, want an error", node)
		}
	}
}

// TestAttackResourceTooLongToRecord: what cannot be recorded whole is not opened,
// whether there is such a product or not.
func TestAttackResourceTooLongToRecord(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := dataMesh(t, s)
	british := analyst("brit", "S", "GBR")
	before := len(entries(t, s, 0))
	for _, id := range []string{"alpha/in", "alpha/high", "alpha/none"} {
		for _, asked := range []catalog.DataRequest{
			{Resource: strings.Repeat("a", catalog.MaxResource+1)}, {Resource: "\xff"}, {Range: strings.Repeat("9", catalog.MaxRange+1)}, {Range: "\xff"},
		} {
			asked.Product, asked.Port = id, "feed"
			if g, err := p.Data(british).Open(t.Context(), asked); g != nil || !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("%s: got %v, %v, want it invalid", id, g, err)
			}
		}
	}
	if n := len(entries(t, s, 0)); n != before {
		t.Errorf("%d entries were written", n-before)
	}
	whole := feed("alpha/in")
	whole.Resource, whole.Range = strings.Repeat("a", catalog.MaxResource), strings.Repeat("9", catalog.MaxRange)
	mustOpen(t, p, british, whole)
	if e := lastEntry(t, s); e.Resource != whole.Resource || e.Range != whole.Range {
		t.Errorf("the log says %q, %q", e.Resource, e.Range)
	}
}

// TestAttackHiddenProductOpened: by what Open answers, by what is recorded, and
// by how often the database is asked, a hidden product is an absent one, under a
// policy or not.
func TestAttackHiddenProductOpened(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	reads := 0
	p, err := New(Config{Store: counted{s, &reads}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	low := analyst("low", "S", "GBR")
	tell := func(id, port, action string) string {
		before := int64(len(entries(t, s, 0)))
		reads = 0
		g, err := p.Data(low).Open(t.Context(), catalog.DataRequest{Product: id, Port: port, Action: action})
		var refusal *catalog.Error
		if g != nil || !errors.As(err, &refusal) {
			t.Fatalf("%s: got %v, %v, want a refusal", id, g, err)
		}
		return strings.ReplaceAll(fmt.Sprintf("%+v, %d reads, %d entries", *refusal, reads, len(entries(t, s, before))), id, "ID")
	}
	for _, port := range []string{"feed", "none"} {
		for _, action := range []string{"read", "display", "erase"} {
			absent := tell("alpha/none", port, action)
			for _, id := range []string{"alpha/high", "alpha/ruled-high"} {
				if got := tell(id, port, action); got != absent {
					t.Errorf("port %s, %s of %s: got %s, absent %s", port, action, id, got, absent)
				}
			}
		}
	}
	for _, id := range []string{"alpha/high", "alpha/ruled-high", "alpha/none"} {
		reads = 0
		evaluate(t, p, low, read("low", id))
		if want := 3; reads != want {
			t.Errorf("decision on %s: got %d reads, want %d", id, reads, want)
		}
	}
}

// TestAttackAuditDiskFullOpensNothing: not when the entry is appended, nor when
// it is committed.
func TestAttackAuditDiskFullOpensNothing(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	for _, atCommit := range []bool{false, true} {
		p, err := New(Config{Store: fullDisk{s, atCommit}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"alpha/open", "alpha/high", "alpha/none", "alpha/draft"} {
			g, err := p.Data(analyst("brit", "S", "GBR")).Open(t.Context(), feed(id))
			if g != nil || !errors.Is(err, catalog.ErrUnavailable) {
				t.Errorf("at commit %v: opens %s: got %v, %v; want it unavailable", atCommit, id, g, err)
			}
		}
		if p.streams.count != 0 {
			t.Errorf("at commit %v: %d grants run, want none", atCommit, p.streams.count)
		}
	}
}

// TestNothingOpensWithoutItsEntry fails each call of the store in turn.
func TestNothingOpensWithoutItsEntry(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	for left := range 40 {
		p := newPlatform(t, &faulty{s, left})
		before := int64(len(entries(t, s, 0)))
		g, err := p.Data(analyst("brit", "S", "GBR")).Open(t.Context(), feed("alpha/out"))
		n := len(entries(t, s, before))
		if err == nil {
			if g == nil || n != 1 || left < 3 {
				t.Errorf("after %d calls: got %v with %d entries, want a grant with one", left, g, n)
			}
			return
		}
		if n != 0 || p.streams.count != 0 || !errors.Is(err, catalog.ErrUnavailable) {
			t.Fatalf("after %d calls: got %v, %d entries, %d grants; want it unavailable and no trace", left, err, n, p.streams.count)
		}
	}
	t.Error("the store fails for ever: the test shows nothing")
}

// TestUnrecordedEndIsTold: to whoever streamed, and to the operator.
func TestUnrecordedEndIsTold(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	var log bytes.Buffer
	broken := &faulty{s, 1000}
	p, err := New(Config{Store: broken, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	british := analyst("brit", "S", "GBR")
	british.RequestID = "req-9"
	g := mustOpen(t, p, british, feed("alpha/open"))
	broken.left = 0
	err = g.Close(catalog.Delivery{Outcome: catalog.OutcomeComplete})
	if !errors.Is(err, catalog.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want it unavailable without the cause", err)
	}
	if !strings.Contains(log.String(), "/secret/path") || !strings.Contains(log.String(), "req-9") || !strings.Contains(log.String(), "alpha/open") {
		t.Errorf("got log %q, want cause, object and request id", log.String())
	}
	if p.streams.count != 0 {
		t.Error("the grant still runs")
	}
}

// TestUnrecordedEndIsNotReady: a database that does not take the end of a
// stream is one that the platform is not ready on, until it takes something.
func TestUnrecordedEndIsNotReady(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalogue.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(other.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	p := dataMesh(t, s)
	g := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/open"))
	for _, table := range []string{"audit", "write_probe"} {
		fault := fmt.Sprintf("CREATE TRIGGER fault_%s BEFORE INSERT ON %s BEGIN SELECT RAISE(ABORT, 'no'); END", table, table)
		if _, err := other.ExecContext(t.Context(), fault); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Close(catalog.Delivery{Outcome: catalog.OutcomeComplete}); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Close: got %v, want it unavailable", err)
	}
	if err := s.Ready(t.Context()); err == nil {
		t.Error("the platform is ready")
	}
	if _, err := other.ExecContext(t.Context(), "DROP TRIGGER fault_audit; DROP TRIGGER fault_write_probe"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("once the fault is gone: %v", err)
	}
}

// TestAttackStreamsWithoutEnd: who opens more than the platform can decide on
// again is not let in, and is recorded.
func TestAttackStreamsWithoutEnd(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := dataMesh(t, s)
	p.streams.count = maxGrants
	if g, err := p.Data(analyst("brit", "S", "GBR")).Open(t.Context(), feed("alpha/open")); g != nil || !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("got %v, %v; want it unavailable", g, err)
	}
	if e := lastEntry(t, s); e.Decision != audit.Deny || strings.Join(e.ReasonCodes, ",") != denyTooMany {
		t.Errorf("the log says %+v", e)
	}
	p.streams.count--
	if g := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/open")); g.Close(catalog.Delivery{Outcome: catalog.OutcomeFailed}) != nil {
		t.Error("the last grant was not closed")
	}
}

// TestAttackStreamForEver: a grant ends after its time, whatever the clock of
// the machine says.
func TestAttackStreamForEver(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	updates := updatesOf{s, make(chan struct{}, 2)}
	p, err := New(Config{Store: updates, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	p.streams.age = time.Millisecond
	g := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/open"))
	<-g.Ended()
	if g.Admits("(U)") {
		t.Error("an ended grant admits records")
	}
	<-updates.done // the opening
	<-updates.done // the end
	if e := lastEntry(t, s); e.Decision != audit.Deny || strings.Join(e.ReasonCodes, ",") != denyTooLong || e.Delivery != nil {
		t.Errorf("the log says %+v", e)
	}
}

// updatesOf tells when a transaction has ended.
type updatesOf struct {
	store.Store
	done chan struct{}
}

func (u updatesOf) Append(ctx context.Context, e audit.Entry) error {
	return appendBy(ctx, u.Update, e)
}

func (u updatesOf) Update(ctx context.Context, do func(store.Writer) error) error {
	defer func() { u.done <- struct{}{} }()
	return u.Store.Update(ctx, do)
}
