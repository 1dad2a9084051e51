package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// TestInputRaisedAt14: what is derived from it is raised, who reads any of it
// and may not any more is cut off, who still may reads on, and the log has it
// all in the order in which it happened.
func TestInputRaisedAt14(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := dataMesh(t, s)
	british, american := analyst("brit", "S", "GBR"), analyst("ann", "S", "USA")
	british.RequestID, american.RequestID = "req-b", "req-a"
	var cutOff, reading []catalog.Grant
	for _, id := range []string{"alpha/in", "alpha/mid", "alpha/out"} {
		cutOff = append(cutOff, mustOpen(t, p, british, feed(id)))
		reading = append(reading, mustOpen(t, p, american, feed(id)))
	}
	reading = append(reading, mustOpen(t, p, british, feed("alpha/open")))
	before := int64(len(entries(t, s, 0)))
	mustPut(t, p.As(admin), raised(served("alpha/in", ""), "SECRET//NOFORN"))
	for i, g := range cutOff {
		if !ended(g) || g.Admits("(U)") {
			t.Errorf("the briton goes on with grant %d", i)
		}
	}
	for i, g := range reading {
		if ended(g) || !g.Admits("(U)") {
			t.Errorf("grant %d ended that passes still", i)
		}
	}
	log := entries(t, s, before)
	want := []string{
		"permit replace products/alpha/in SECRET//NOFORN",
		"permit recompute products/alpha/mid SECRET//NOFORN",
		"permit recompute products/alpha/out SECRET//NOFORN",
		"deny end products/alpha/in SECRET//NOFORN noforn",
		"deny end products/alpha/mid SECRET//NOFORN noforn",
		"deny end products/alpha/out SECRET//NOFORN noforn",
	}
	if diff := cmp.Diff(want, told(log)); diff != "" {
		t.Fatalf("the log (-want +got):\n%s", diff)
	}
	for _, e := range log[3:] {
		if e.Event != "query" || e.RequestID != "req-b" || e.Consumer.Sub != "brit" || e.Port != "feed" || e.Delivery != nil {
			t.Errorf("an end says %+v", e)
		}
	}
	if err := cutOff[0].Close(catalog.Delivery{Outcome: catalog.OutcomeEnded, Bytes: 5}); err != nil {
		t.Error(err)
	}
	if e := lastEntry(t, s); e.Action != "close" || e.Delivery == nil || e.Delivery.Outcome != "ended" || e.MarkingAccessed != "SECRET//REL TO USA, FVEY" {
		t.Errorf("the close says %+v", e)
	}
	if g, err := p.Data(british).Open(t.Context(), feed("alpha/out")); g != nil || !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the briton opens it again: got %v, %v", g, err)
	}
}

// TestInputRaisedAt14HalfWay fails each call of the raise to the store in turn:
// nothing is raised, nobody is cut off, and nothing is recorded until all is.
func TestInputRaisedAt14HalfWay(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	f := &faulty{s, 1000}
	p := newPlatform(t, f)
	var grants []catalog.Grant
	for _, id := range []string{"alpha/in", "alpha/out"} {
		grants = append(grants, mustOpen(t, p, analyst("brit", "S", "GBR"), feed(id)))
	}
	before := everything(t, s)
	for n := range 60 {
		f.left = n
		_, err := p.As(admin).Put(t.Context(), raised(served("alpha/in", ""), "SECRET//NOFORN"), catalog.WriteOptions{})
		if err == nil {
			if n < 10 || !ended(grants[0]) || !ended(grants[1]) {
				t.Errorf("after %d calls: the raise succeeded and left a stream", n)
			}
			return
		}
		if diff := cmp.Diff(before, everything(t, s)); diff != "" {
			t.Fatalf("call %d left a trace (-before +after):\n%s", n, diff)
		}
		if ended(grants[0]) || ended(grants[1]) || p.streams.count != 2 {
			t.Fatalf("call %d: a raise that failed cut somebody off", n)
		}
	}
	t.Error("the store fails for ever: the test shows nothing")
}

// TestRaiseOfUnknownOutcome: a commit that fails may be there all the same, so
// whoever reads what it touches is cut off, and only when it has ended.
func TestRaiseOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	late := &lateStore{Store: s}
	p := newPlatform(t, late)
	british, american := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/in")), mustOpen(t, p, analyst("ann", "S", "USA"), feed("alpha/in"))
	open := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/open"))
	late.err = errDisk
	late.ending = func() {
		if ended(british) || ended(american) {
			t.Error("a stream was cut off before the change had ended")
		}
	}
	if _, err := p.As(admin).Put(t.Context(), raised(served("alpha/in", ""), "SECRET//NOFORN"), catalog.WriteOptions{}); !errors.Is(err, catalog.ErrUnavailable) {
		t.Fatalf("got %v, want it unavailable", err)
	}
	if !ended(british) || !ended(american) || ended(open) {
		t.Errorf("ended: %v, %v and %v; want the two that it touches", ended(british), ended(american), ended(open))
	}
}

// TestAttackGhostGrant: an opening that fails is gone before the next change of
// the same commit looks at what runs, so nobody is recorded as cut off who was
// never let in.
func TestAttackGhostGrant(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	late := &lateStore{Store: fullDisk{s, false}}
	p := newPlatform(t, late)
	tried := false
	late.failing = func() {
		if p.streams.count != 0 {
			t.Errorf("%d grants run in a transaction that fails", p.streams.count)
		}
		tried = true
	}
	if g, err := p.Data(analyst("brit", "S", "GBR")).Open(t.Context(), feed("alpha/open")); g != nil || err == nil || !tried {
		t.Errorf("got %v, %v; want a failure", g, err)
	}
}

// lateStore looks at a transaction when everything was done in it, or tried,
// and may make it fail then.
type lateStore struct {
	store.Store
	err             error
	ending, failing func()
}

func (l *lateStore) Update(ctx context.Context, do func(store.Writer) error) error {
	return l.Store.Update(ctx, func(w store.Writer) error {
		err := do(w)
		switch {
		case err != nil && l.failing != nil:
			l.failing()
		case err == nil && l.ending != nil:
			l.ending()
		}
		return errors.Join(err, l.err)
	})
}

func (l *lateStore) Append(ctx context.Context, e audit.Entry) error {
	return appendBy(ctx, l.Update, e)
}

// TestGrantEndsWithWhatItRestsOn makes each kind of change beside a grant.
func TestGrantEndsWithWhatItRestsOn(t *testing.T) {
	t.Parallel()
	change := func(id string, f func(*catalog.Product)) func(catalog.Service) error {
		return func(s catalog.Service) error {
			entry, err := s.Get(context.Background(), catalog.Ref{Kind: catalog.KindProduct, ID: id})
			if err != nil {
				return err
			}
			next, _ := entry.Object.Clone().(*catalog.Product)
			next.InheritedMarking, next.EffectiveMarking = "", ""
			f(next)
			_, err = s.Put(context.Background(), next, catalog.WriteOptions{})
			return err
		}
	}
	put := func(o catalog.Object) func(catalog.Service) error {
		return func(s catalog.Service) error {
			_, err := s.Put(context.Background(), o, catalog.WriteOptions{})
			return err
		}
	}
	for name, c := range map[string]struct {
		id     string
		change func(catalog.Service) error
		reason string // "" for a grant that goes on
	}{
		"it is raised":                   {"alpha/open", change("alpha/open", func(p *catalog.Product) { p.Marking = "SECRET//NOFORN" }), "noforn"},
		"its policy lists others":        {"alpha/orcon", put(policy("lists", "AUS.DOD")), "orcon"},
		"an input's policy lists others": {"alpha/made", put(policy("lists", "AUS.DOD")), "orcon"},
		"an input gets another policy":   {"alpha/made", change("alpha/orcon", func(p *catalog.Product) { p.CaveatPolicy = "alpha/c" }), "orcon"},
		"it gets an input":               {"alpha/open", change("alpha/open", func(p *catalog.Product) { p.Marking, p.Inputs = "TOP SECRET//SI//NOFORN", []string{"alpha/high"} }), "clearance"},
		"it is retired":                  {"alpha/open", change("alpha/open", func(p *catalog.Product) { p.Status = catalog.StatusRetired }), "inactive"},
		"its port goes":                  {"alpha/leaving", change("alpha/leaving", func(p *catalog.Product) { p.OutputPorts = nil }), "unknown_port"},
		"its port moves": {"alpha/open", change("alpha/open", func(p *catalog.Product) {
			p.OutputPorts["feed"] = catalog.OutputPort{Type: catalog.PortFile, URL: "file:///x", Schema: "alpha/s"}
		}), "port_changed"},
		"it is deleted": {"alpha/open", func(s catalog.Service) error {
			return s.Delete(context.Background(), product("alpha/open", "").Ref(), catalog.WriteOptions{})
		}, "unknown_resource"},
		"it is described":                {"alpha/open", change("alpha/open", func(p *catalog.Product) { p.Description = "Other." }), ""},
		"it is deprecated":               {"alpha/open", change("alpha/open", func(p *catalog.Product) { p.Status = catalog.StatusDeprecated }), ""},
		"another is raised":              {"alpha/open", change("alpha/in", func(p *catalog.Product) { p.Marking = "SECRET//NOFORN" }), ""},
		"what is derived from it raised": {"alpha/in", change("alpha/out", func(p *catalog.Product) { p.Marking = "SECRET//NOFORN" }), ""},
		"its policy is described":        {"alpha/ruled", func(s catalog.Service) error { p := policy("c"); p.Description = "Other."; return put(p)(s) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			p := dataMesh(t, s)
			orcon, made := served("alpha/orcon", "SECRET//ORCON/REL TO USA, FVEY"), served("alpha/made", "SECRET//ORCON/REL TO USA, FVEY", "alpha/orcon")
			orcon.CaveatPolicy, made.CaveatPolicy = "alpha/lists", "alpha/own"
			mustPut(t, p.As(admin), policy("lists", "GBR.MOD"), policy("own", "GBR.MOD"), orcon, made)
			g := mustOpen(t, p, analyst("brit", "S", "GBR"), catalog.DataRequest{Product: c.id, Port: "feed", Resource: "2026", Range: "bytes=5-"})
			before := int64(len(entries(t, s, 0)))
			if err := c.change(p.As(admin)); err != nil {
				t.Fatal(err)
			}
			var ends []audit.Entry
			for _, e := range entries(t, s, before) {
				if e.Action == "end" {
					ends = append(ends, e)
				}
			}
			if ended(g) != (c.reason != "") || len(ends) != map[bool]int{true: 1}[c.reason != ""] {
				t.Fatalf("ended %v with %d entries, want reason %q", ended(g), len(ends), c.reason)
			}
			if len(ends) == 1 && (strings.Join(ends[0].ReasonCodes, ",") != c.reason || ends[0].Resource != "2026" || ends[0].Range != "bytes=5-") {
				t.Errorf("got %+v, want reason %s and what was read", ends[0], c.reason)
			}
		})
	}
}

// TestAttackOpenBesideARaise opens a product while it is raised, many times:
// whoever opens it is denied, or cut off before the raise has returned.
func TestAttackOpenBesideARaise(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := dataMesh(t, s)
	service, british := p.As(admin), analyst("brit", "S", "GBR")
	low := served("alpha/in", "SECRET//REL TO USA, FVEY")
	high := raised(low, "SECRET//NOFORN")
	denied, cutOff := 0, 0
	for range 200 {
		grants := make([]catalog.Grant, 4)
		var racing sync.WaitGroup
		for i := range grants {
			racing.Go(func() { grants[i], _ = p.Data(british).Open(context.Background(), feed("alpha/out")) })
		}
		racing.Go(func() { mustPut(t, service, high) })
		racing.Wait()
		for _, g := range grants {
			switch {
			case g == nil:
				denied++
			case !ended(g) || g.Admits("(U)"):
				t.Fatal("a stream goes on that was opened beside the raise")
			default:
				cutOff++
			}
		}
		mustPut(t, service, low, served("alpha/mid", low.Marking, "alpha/in"), served("alpha/out", low.Marking, "alpha/mid"))
	}
	if p.streams.count != 0 || denied+cutOff != 800 {
		t.Errorf("%d grants run; %d denied, %d cut off", p.streams.count, denied, cutOff)
	}
	t.Logf("%d denied, %d cut off", denied, cutOff)
}

// TestChangesTogetherLeaveTheLastRules: what a record is judged by is the last
// policy that was committed, in whichever order the changes return.
func TestChangesTogetherLeaveTheLastRules(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := dataMesh(t, s)
	g := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/ruled"))
	const mark = "(S//OC/REL TO USA, FVEY)"
	for _, listed := range []string{"", "GBR.MOD", "AUS.DOD", "GBR.MOD"} {
		if listed != "" {
			mustPut(t, p.As(admin), policy("c", listed))
		}
		if got, want := g.Admits(mark), listed == "GBR.MOD"; got != want || ended(g) {
			t.Errorf("%q is listed: admitted %v, ended %v; want %v and a grant in force", listed, got, ended(g), want)
		}
	}
	for range 50 {
		var racing sync.WaitGroup
		for _, listed := range []string{"GBR.MOD", "AUS.DOD", "CAN.DND"} {
			racing.Go(func() { mustPut(t, p.As(admin), policy("c", listed)) })
		}
		racing.Wait()
		entry, err := p.As(admin).Get(t.Context(), policy("c").Ref())
		if err != nil {
			t.Fatal(err)
		}
		c, _ := entry.Object.(*catalog.CaveatPolicy)
		if got, want := g.Admits(mark), c.DisseminationList[0] == "GBR.MOD"; got != want {
			t.Fatalf("%v is listed: admitted %v, want %v", c.DisseminationList, got, want)
		}
	}
}

// TestAttackClockSetBack revives no grant, and records what happens after it.
func TestAttackClockSetBack(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dataMesh(t, s)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p, err := New(Config{Store: s, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	british := analyst("brit", "S", "GBR")
	g := mustOpen(t, p, british, feed("alpha/in"))
	mustPut(t, p.As(admin), raised(served("alpha/in", ""), "SECRET//NOFORN"))
	at = at.AddDate(-1, 0, 0)
	if !ended(g) || g.Admits("(U)") {
		t.Error("the grant came back to life")
	}
	if again, err := p.Data(british).Open(t.Context(), feed("alpha/in")); again != nil || err == nil {
		t.Error("it was opened again")
	}
	if err := g.Close(catalog.Delivery{Outcome: catalog.OutcomeEnded}); err != nil || lastEntry(t, s).Time != "2025-03-01T12:00:00Z" {
		t.Errorf("the close: %v, %+v", err, lastEntry(t, s))
	}
}

// TestRecheckAll decides on every grant again, under what is decided by now.
func TestRecheckAll(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := dataMesh(t, s)
	british := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/in"))
	open := mustOpen(t, p, analyst("low", "U", "GBR"), feed("alpha/open"))
	reaccredited, err := New(Config{Store: s, SystemHigh: "UNCLASSIFIED"})
	if err != nil {
		t.Fatal(err)
	}
	reaccredited.streams = p.streams
	recheck := func() (after aftermath, err error) {
		err = s.Update(ctx, func(w store.Writer) (err error) {
			after, err = (&session{Platform: reaccredited, caller: admin}).recheckAll(ctx, w)
			return err
		})
		return after, err
	}
	after, err := recheck()
	if err != nil || ended(british) {
		t.Fatalf("got %v, ended %v; want nothing before it takes effect", err, ended(british))
	}
	after.takeEffect(nil)
	if !ended(british) || ended(open) {
		t.Errorf("ended %v and %v, want the first", ended(british), ended(open))
	}
	if e := lastEntry(t, s); e.Action != "end" || strings.Join(e.ReasonCodes, ",") != "system_high" {
		t.Errorf("the log says %+v", e)
	}
	if err := open.Close(catalog.Delivery{Outcome: catalog.OutcomeComplete}); err != nil {
		t.Fatal(err)
	}
	if after, err := recheck(); err != nil || after.ended != nil || after.renewed != nil {
		t.Errorf("nothing runs: got %+v, %v", after, err)
	}
}

// TestAdmits judges records by their own marks.
func TestAdmits(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := dataMesh(t, s)
	for _, c := range []struct {
		caller  catalog.Caller
		product string
		marks   map[string]bool
	}{
		{analyst("brit", "S", "GBR"), "alpha/in", map[string]bool{
			"(U)": true, "(S//REL TO USA, FVEY)": true, "(S//REL TO USA, GBR)": true, "SECRET//REL TO USA, GBR": true, "(C//REL TO USA, GBR)": true,
			"(S//NF)": false, "(TS//REL TO USA, GBR)": false, "(S//REL TO USA, AUS)": false, "(S)": false, "(S//SI//REL TO USA, GBR)": false,
			"(S//DISPLAY ONLY GBR)": false, "": false, "(": false, "S//NF": false, "(s//nf)": false, "(X)": false, "(U) ": true, "(U)\x00": false, "(U)(TS)": false,
			strings.Repeat("(", 5000): false, "(\xff)": false,
		}},
		{analyst("ann", "TS", "USA"), "alpha/in", map[string]bool{"(TS//NF)": true, "(S//NF)": true, "(TS//SI//NF)": false}},
		{admin, "alpha/in", map[string]bool{"(TS//SI//NF)": true, "(S//REL TO USA, GBR)": true, "(X)": false, "": false}},
	} {
		g := mustOpen(t, p, c.caller, feed(c.product))
		for mark, want := range c.marks {
			for range 2 { // decided, and remembered
				if got := g.Admits(mark); got != want {
					t.Errorf("%s: record %.30q: got %v, want %v", c.caller.Subject, mark, got, want)
				}
			}
		}
	}
}

// TestAttackMarksWithoutEnd: an upstream that writes another mark on each
// record fills no memory, and changes no answer.
func TestAttackMarksWithoutEnd(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := dataMesh(t, s)
	opened := mustOpen(t, p, analyst("brit", "S", "GBR"), feed("alpha/in"))
	g, _ := opened.(*grant)
	if opened.Admits("("+strings.Repeat("X", maxMarkText)+")") || len(g.rules.Load().known) != 0 {
		t.Error("a long mark that is none was admitted, or remembered")
	}
	for i := range 3 * maxMarks {
		if opened.Admits(fmt.Sprintf("(X%d)", i)) {
			t.Fatal("a mark that is none was admitted")
		}
	}
	if !opened.Admits("(U)") || opened.Admits("(S//NF)") {
		t.Error("answers changed once the memory was full")
	}
	if n := len(g.rules.Load().known); n != maxMarks {
		t.Errorf("%d marks are remembered, want %d", n, maxMarks)
	}
}

// BenchmarkOpen measures a grant opened and closed: two durable entries.
func BenchmarkOpen(b *testing.B) {
	p := dataMesh(b, openStore(b))
	british := analyst("brit", "S", "GBR")
	for b.Loop() {
		if err := mustOpen(b, p, british, feed("alpha/out")).Close(catalog.Delivery{Outcome: catalog.OutcomeComplete}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdmits measures a record whose mark is remembered, and one whose
// mark has to be read.
func BenchmarkAdmits(b *testing.B) {
	p := dataMesh(b, openStore(b))
	g := mustOpen(b, p, analyst("brit", "S", "GBR"), feed("alpha/in"))
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !g.Admits("(S//REL TO USA, FVEY)") {
				b.Fatal("not admitted")
			}
		}
	})
	opened, _ := g.(*grant)
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !opened.rules.Load().decide("(S//REL TO USA, FVEY)") {
				b.Fatal("not admitted")
			}
		}
	})
}

// BenchmarkRaiseBesideStreams measures a change that 1,000 grants rest on.
func BenchmarkRaiseBesideStreams(b *testing.B) {
	p := dataMesh(b, openStore(b))
	british := analyst("brit", "S", "GBR")
	for range 1000 {
		mustOpen(b, p, british, feed("alpha/out"))
	}
	in := served("alpha/in", "SECRET//REL TO USA, FVEY")
	for b.Loop() {
		in.Marking = map[bool]string{true: "SECRET//REL TO USA, FVEY", false: "SECRET//REL TO USA, CAN, GBR"}[in.Marking != "SECRET//REL TO USA, FVEY"]
		mustPut(b, p.As(admin), in)
	}
}
