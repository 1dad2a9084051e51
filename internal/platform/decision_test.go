package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const testIssuer = "https://idp.example"

// gateway is an enforcement point that may itself see everything American.
var gateway = catalog.Caller{Subject: "gateway", Issuer: testIssuer, Attributes: marking.Subject{
	Clearance: "TS", CountryOfAffiliation: []string{"USA"}, FineAccessControls: []string{"SI", "TK"}, DutyOrganization: "USA.DOD", EmploymentType: "gov",
}}

func analyst(name, clearance, country string) catalog.Caller {
	return catalog.Caller{Subject: name, Issuer: testIssuer, Attributes: marking.Subject{
		Clearance: clearance, CountryOfAffiliation: []string{country}, DutyOrganization: country + ".MOD", EmploymentType: "gov",
	}}
}

// mesh is a platform with products at three levels, and its store.
func mesh(t testing.TB, s store.Store) *Platform {
	t.Helper()
	p, err := New(Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		EnforcementPoints: []EnforcementPoint{{Issuer: testIssuer, Subject: "gateway"}, {Issuer: testIssuer, Group: "brokers"}}})
	if err != nil {
		t.Fatal(err)
	}
	out := product("alpha/fused", "", "alpha/high", "alpha/low")
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/high", "TOP SECRET//SI//NOFORN"), product("alpha/low", "SECRET//REL TO USA, FVEY"),
		product("alpha/open", "UNCLASSIFIED"), product("alpha/unmarked", ""), out)
	return p
}

func read(subject, id string) catalog.Evaluation {
	return catalog.Evaluation{
		Subject: catalog.Entity{Type: catalog.EntityUser, ID: subject}, Action: catalog.Operation{Name: "read"},
		Resource: catalog.Entity{Type: catalog.EntityProduct, ID: id},
	}
}

func claiming(e catalog.Evaluation, clearance, country string, readIns ...any) catalog.Evaluation {
	e.Subject.Properties = map[string]any{"clearance": clearance, "countryOfAffiliation": []any{country}, "dutyOrganization": country + ".MOD",
		"employmentType": "gov", "fineAccessControls": readIns, "department": "Sales"}
	return e
}

func evaluate(t *testing.T, p *Platform, c catalog.Caller, e catalog.Evaluation) catalog.Decision {
	t.Helper()
	d, err := p.Decisions(c).Evaluate(context.Background(), e)
	if err != nil {
		t.Fatalf("Evaluate: %v", err)
	}
	return d
}

func lastEntry(t *testing.T, s store.Store) audit.Entry {
	t.Helper()
	all := entries(t, s, 0)
	return all[len(all)-1]
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := mesh(t, s)
	british, low := analyst("brit", "S", "GBR"), analyst("low", "U", "GBR")
	for _, c := range []struct {
		caller catalog.Caller
		asked  catalog.Evaluation
		permit bool
		code   string
	}{
		{british, read("brit", "alpha/low"), true, ""},
		{british, read("brit", "alpha/high"), false, "clearance"},
		{british, read("brit", "alpha/fused"), false, "clearance"},
		{british, read("brit", "alpha/nothing"), false, "unknown_resource"},
		{british, read("brit", "alpha"), false, "unknown_resource"},
		{british, read("brit", "alpha/unmarked"), false, "unknown_marking"},
		{low, read("low", "alpha/low"), false, "clearance"},
		{low, read("low", "alpha/open"), true, ""},
		{gateway, read("gateway", "alpha/fused"), true, ""},
		{gateway, claiming(read("brit", "alpha/low"), "S", "GBR"), true, ""},
		{gateway, claiming(read("brit", "alpha/high"), "TS", "USA"), false, "missing_access:SI"},
		{gateway, claiming(read("ann", "alpha/high"), "TS", "USA", "SI"), true, ""},
		{gateway, read("brit", "alpha/low"), false, "missing_claim"},
		{admin, read("root", "alpha/high"), true, ""},
		{admin, read("root", "alpha/unmarked"), false, "unknown_marking"},
	} {
		before := len(entries(t, s, 0))
		d := evaluate(t, p, c.caller, c.asked)
		log := entries(t, s, int64(before))
		if d.Permit != c.permit || len(log) != 1 || log[0].Event != "decision" || (log[0].Decision == audit.Permit) != c.permit ||
			strings.Join(log[0].ReasonCodes, ",") != c.code || !strings.HasPrefix(log[0].Object, "product") {
			t.Errorf("%s asks for %s on %s: got %+v and %+v, want %v %q", c.caller.Subject, c.asked.Subject.ID, c.asked.Resource.ID, d, log, c.permit, c.code)
		}
	}
}

// TestAttackClearanceInTheBody: who is no enforcement point says what it likes
// of itself.
func TestAttackClearanceInTheBody(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	if d := evaluate(t, p, analyst("low", "U", "GBR"), claiming(read("low", "alpha/high"), "TS", "USA", "SI")); d.Permit {
		t.Error("a clearance in the body let its author in")
	}
	if d := evaluate(t, p, analyst("brit", "S", "GBR"), claiming(read("brit", "alpha/low"), "U", "GBR")); !d.Permit {
		t.Error("a clearance in the body took the place of the verified one")
	}
}

// TestAttackForgedSubject: nobody asks in the name of somebody else, whether
// with that one's claims or without.
func TestAttackForgedSubject(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := mesh(t, s)
	otherIssuer := gateway
	otherIssuer.Issuer = "https://elsewhere.example"
	for name, c := range map[string]catalog.Caller{
		"an analyst": analyst("brit", "TS", "USA"), "a gateway of another issuer": otherIssuer,
		"a group of another issuer": {Subject: "x", Issuer: "https://elsewhere.example", Groups: []string{"brokers"}, Attributes: gateway.Attributes},
	} {
		for _, asked := range []catalog.Evaluation{read("alpha.owner", "alpha/open"), claiming(read("ann", "alpha/open"), "TS", "USA", "SI")} {
			if d := evaluate(t, p, c, asked); d.Permit {
				t.Errorf("%s was answered about %s", name, asked.Subject.ID)
			}
			if got := lastEntry(t, s).Consumer; got.Sub != c.Subject || got.OnBehalfOf != "user/"+asked.Subject.ID {
				t.Errorf("%s: the log says %+v", name, got)
			}
		}
	}
	broker := catalog.Caller{Subject: "b", Issuer: testIssuer, Groups: []string{"brokers"}, Attributes: gateway.Attributes}
	if d := evaluate(t, p, broker, claiming(read("ann", "alpha/open"), "S", "USA")); !d.Permit {
		t.Error("a broker was not answered about another")
	}
}

// TestAttackGatewayBorrowsAClearance: an enforcement point is let in no
// further than itself, whomever it speaks for.
func TestAttackGatewayBorrowsAClearance(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	small := gateway
	small.Attributes.Clearance = "S"
	if d := evaluate(t, p, small, claiming(read("ann", "alpha/high"), "TS", "USA", "SI")); d.Permit {
		t.Error("a SECRET gateway was let in to TOP SECRET data")
	}
	for _, bad := range []map[string]any{nil, {}, {"clearance": 7}, {"clearance": "TS", "countryOfAffiliation": "USA"}, {"administrator": true}, {"Clearance": "TS"}} {
		e := read("ann", "alpha/open")
		e.Subject.Properties = bad
		if d := evaluate(t, p, gateway, e); d.Permit {
			t.Errorf("claims %v were believed", bad)
		}
	}
}

// TestAttackHiddenProductToldFromAbsent by what is answered, to the subject
// and to an auditor, and by how much is recorded.
func TestAttackHiddenProductToldFromAbsent(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := mesh(t, s)
	low := analyst("low", "S", "GBR")
	auditor := analyst("auditor", "S", "GBR")
	auditor.Groups = []string{catalog.AuditGroup}
	for _, c := range []catalog.Caller{low, auditor} {
		answers := func(id string) string {
			d := p.Decisions(c)
			before := len(entries(t, s, 0))
			one, err1 := d.Evaluate(ctx, read(c.Subject, id))
			many, err2 := d.EvaluateMany(ctx, []catalog.Evaluation{read(c.Subject, "alpha/low"), read(c.Subject, id)}, catalog.DenyOnFirstDeny)
			ask := catalog.Search{Evaluation: read(c.Subject, id)}
			subjects, err3 := d.SearchSubjects(ctx, ask)
			actions, err4 := d.SearchActions(ctx, ask)
			resources, err5 := d.SearchResources(ctx, ask)
			return fmt.Sprintf("%+v %+v %+v %+v %+v %v %d", one, many, subjects, actions, resources, errors.Join(err1, err2, err3, err4, err5), len(entries(t, s, 0))-before)
		}
		if hidden, absent := answers("alpha/high"), answers("alpha/none"); hidden != absent {
			t.Errorf("%s: hidden %s, absent %s", c.Subject, hidden, absent)
		}
	}
}

// TestReasonIsForOwnersAndAuditors and for no subject.
func TestReasonIsForOwnersAndAuditors(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	orcon := product("alpha/orcon", "SECRET//ORCON/NOFORN")
	team := domain("alpha")
	team.Team["alpha.steward"] = catalog.Member{Role: catalog.RoleSteward}
	mustPut(t, p.As(admin), team, orcon)
	owner, steward := analyst("alpha.owner", "S", "GBR"), analyst("alpha.steward", "S", "GBR")
	auditor := analyst("auditor", "S", "GBR")
	auditor.Groups = []string{catalog.AuditGroup}
	display := read("auditor", "alpha/low")
	display.Action.Name = "write"
	for _, c := range []struct {
		caller catalog.Caller
		asked  catalog.Evaluation
		want   string
	}{
		{owner, read("alpha.owner", "alpha/orcon"), "noforn"},
		{steward, read("alpha.steward", "alpha/orcon"), ""},
		{auditor, read("auditor", "alpha/orcon"), ""}, // hidden from him
		{auditor, display, "unknown_action"},          // seen by him
		{analyst("x", "S", "GBR"), read("x", "alpha/orcon"), ""},
		{admin, read("somebody", "alpha/orcon"), "missing_claim"},
	} {
		if d := evaluate(t, p, c.caller, c.asked); d.Permit || d.Reason != c.want {
			t.Errorf("%s on %s: got %+v, want a denial with reason %q", c.caller.Subject, c.asked.Resource.ID, d, c.want)
		}
	}
}

// TestAttackRecordsThatNobodyFilters: where records carry marks of their own,
// whoever may have the product may not have all of them. Who hands it out is told
// so, and who passes it on as it is is denied, administrators too.
func TestAttackRecordsThatNobodyFilters(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := mesh(t, s)
	mixed := product("alpha/mixed", "SECRET//DISPLAY ONLY GBR")
	mixed.OutputPorts = map[string]catalog.OutputPort{
		"a": {Type: catalog.PortHTTP, URL: "https://feed.example/a", ContentType: "text/csv"},
		"b": {Type: catalog.PortHTTP, URL: "https://feed.example/b", ContentType: "application/geo+json", RecordMarking: "marking"},
	}
	mustPut(t, p.As(admin), mixed)
	for _, c := range []struct {
		caller       catalog.Caller
		product      string
		action       string
		whole        bool
		want, reason string
	}{
		{analyst("x", "S", "GBR"), "alpha/mixed", "display", false, "filter_records,no_copy,no_export", ""},
		{analyst("x", "S", "GBR"), "alpha/mixed", "display", true, "", "record_marking"},
		{analyst("x", "S", "GBR"), "alpha/mixed", "read", true, "", "display_only"},
		{admin, "alpha/mixed", "read", false, "filter_records", ""},
		{admin, "alpha/mixed", "read", true, "", "record_marking"},
		{analyst("x", "S", "GBR"), "alpha/low", "read", true, "", ""},
	} {
		asked := read(c.caller.Subject, c.product)
		asked.Action.Name, asked.Whole = c.action, c.whole
		d, entry := evaluate(t, p, c.caller, asked), lastEntry(t, s)
		if d.Permit != (c.reason == "") || strings.Join(d.Obligations, ",") != c.want || strings.Join(entry.ReasonCodes, ",") != c.reason {
			t.Errorf("%s %s %s, whole %t: got %+v and reasons %q, want obligations %q and reason %q", c.caller.Subject, c.action, c.product, c.whole, d, entry.ReasonCodes, c.want, c.reason)
		}
	}
}

// TestMembershipOpensNoData: the team sees its product in the catalogue, and
// its data only when it is cleared for it.
func TestMembershipOpensNoData(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	owner := analyst("alpha.owner", "U", "GBR")
	if _, err := p.As(owner).Get(context.Background(), catalog.Ref{Kind: catalog.KindProduct, ID: "alpha/high"}); err != nil {
		t.Fatalf("the owner gets the product: %v", err)
	}
	if d := evaluate(t, p, owner, read("alpha.owner", "alpha/high")); d.Permit {
		t.Error("the owner was let in to data above the owner's clearance")
	}
}

// TestNoPermitWithoutEntry: whichever call of the store fails, what is
// permitted is recorded, and what is not recorded is denied.
func TestNoPermitWithoutEntry(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	mesh(t, s)
	british := analyst("brit", "S", "GBR")
	asked := []catalog.Evaluation{read("brit", "alpha/low"), read("brit", "alpha/open"), read("brit", "alpha/high")}
	for left := range 40 {
		p, err := New(Config{Store: &faulty{s, left}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		before := len(entries(t, s, 0))
		answers, err := p.Decisions(british).EvaluateMany(ctx, asked, catalog.ExecuteAll)
		if err != nil || len(answers) != len(asked) {
			t.Fatalf("after %d calls: got %v, %v; want denials", left, answers, err)
		}
		recorded := entries(t, s, int64(before))
		if len(recorded) == len(asked) {
			if !answers[0].Permit || !answers[1].Permit || answers[2].Permit {
				t.Errorf("all was recorded: got %+v", answers)
			}
			return // the store no longer fails
		}
		if len(recorded) != 0 || slices.ContainsFunc(answers, func(d catalog.Decision) bool { return d.Permit || d.Reason != "" }) {
			t.Errorf("after %d calls: got %+v with %d entries, want plain denials and none", left, answers, len(recorded))
		}
	}
	t.Error("the store fails for ever: the test shows nothing")
}

func TestSemantics(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := mesh(t, s)
	asked := []catalog.Evaluation{read("brit", "alpha/high"), read("brit", "alpha/low"), {}, read("brit", "alpha/open")}
	for semantic, want := range map[catalog.Semantic][]bool{
		catalog.ExecuteAll: {false, true, false, true}, catalog.DenyOnFirstDeny: {false}, catalog.PermitOnFirstPermit: {false, true},
	} {
		before := len(entries(t, s, 0))
		answers, err := p.Decisions(analyst("brit", "S", "GBR")).EvaluateMany(ctx, asked, semantic)
		var got []bool
		for _, d := range answers {
			got = append(got, d.Permit)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s%v", semantic, diff, err)
		}
		if n := len(entries(t, s, 0)) - before; n != len(want) {
			t.Errorf("%s: got %d entries, want one for each answer", semantic, n)
		}
	}
}

// TestAttackOversizedBatch is refused before any of it is read.
func TestAttackOversizedBatch(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := newPlatform(t, s)
	d := p.Decisions(analyst("brit", "S", "GBR"))
	if _, err := d.EvaluateMany(ctx, make([]catalog.Evaluation, catalog.MaxEvaluations+1), catalog.ExecuteAll); !errors.Is(err, catalog.ErrTooLarge) {
		t.Errorf("got %v, want it too large", err)
	}
	if _, err := d.EvaluateMany(ctx, nil, "some"); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("an unknown semantic: got %v, want it invalid", err)
	}
	if _, err := d.SearchResources(ctx, catalog.Search{Limit: catalog.MaxLimit + 1}); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("a page without end: got %v, want it invalid", err)
	}
	if _, err := p.Decisions(catalog.Caller{}).Evaluate(ctx, read("", "alpha/low")); !errors.Is(err, catalog.ErrUnauthenticated) {
		t.Errorf("nobody asks: got %v, want it unauthenticated", err)
	}
	long := strings.Repeat("\x01é\xff", 1<<16)
	e := read(long, long)
	e.Action.Name, e.Subject.Type = long, long
	before := len(entries(t, s, 0))
	if got, err := d.Evaluate(ctx, e); err != nil || got.Permit {
		t.Errorf("long names: got %+v, %v; want a denial", got, err)
	}
	if got := entries(t, s, int64(before)); len(got) != 1 {
		t.Errorf("long names: got %d entries, want the attempt recorded", len(got))
	}
}

func TestSystemHigh(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	mesh(t, s)
	p, err := New(Config{Store: s, SystemHigh: "SECRET//NOFORN"})
	if err != nil {
		t.Fatal(err)
	}
	for id, permit := range map[string]bool{"alpha/high": false, "alpha/fused": false, "alpha/low": true} {
		if d := evaluate(t, p, admin, read("root", id)); d.Permit != permit || !permit && d.Reason != "system_high" {
			t.Errorf("%s: got %+v, want permit %v", id, d, permit)
		}
	}
	for name, c := range map[string]Config{
		"no marking": {Store: s, SystemHigh: "VERY SECRET"}, "no issuer": {Store: s, EnforcementPoints: []EnforcementPoint{{Subject: "x"}}},
		"nobody": {Store: s, EnforcementPoints: []EnforcementPoint{{Issuer: "x"}}}, "both": {Store: s, EnforcementPoints: []EnforcementPoint{{"x", "y", "z"}}},
	} {
		p, err := New(c)
		if err == nil {
			err = p.Start(t.Context())
		}
		if err == nil {
			t.Errorf("%s: got a platform, want an error", name)
		}
	}
}

// TestSearchResources goes through the pages of what somebody may read.
func TestSearchResources(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := mesh(t, s)
	d := p.Decisions(gateway)
	q := catalog.Search{Evaluation: claiming(read("ann", ""), "S", "USA"), Limit: 1}
	var found []string
	for range 5 {
		page, err := d.SearchResources(ctx, q)
		if err != nil || len(page.Items) > 1 {
			t.Fatalf("got %+v, %v", page, err)
		}
		for _, item := range page.Items {
			found = append(found, item.ID)
		}
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"alpha/low", "alpha/open"}, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e := lastEntry(t, s); e.Event != "query" || e.MarkingAccessed != "UNCLASSIFIED" || e.Consumer.OnBehalfOf != "user/ann" {
		t.Errorf("the log says %+v", e)
	}
	first, err := d.SearchResources(ctx, catalog.Search{Evaluation: q.Evaluation, Limit: 1})
	if err != nil || first.Next == "" {
		t.Fatalf("got %+v, %v; want a next page", first, err)
	}
	for name, other := range map[string]catalog.Search{
		"another subject": {Evaluation: claiming(read("bob", ""), "S", "USA"), Cursor: first.Next},
		"no token":        {Evaluation: q.Evaluation, Cursor: "!"},
		"a long one":      {Evaluation: q.Evaluation, Cursor: strings.Repeat("A", 1<<20)},
	} {
		if _, err := d.SearchResources(ctx, other); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("a token with %s: got %v, want it invalid", name, err)
		}
	}
}

// TestSearchesFindWhatIsPermitted and fail when they cannot be recorded.
func TestSearchesFindWhatIsPermitted(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := mesh(t, s)
	mustPut(t, p.As(admin), product("alpha/shown", "SECRET//DISPLAY ONLY GBR"))
	d := p.Decisions(analyst("brit", "S", "GBR"))
	actions, err := d.SearchActions(ctx, catalog.Search{Evaluation: read("brit", "alpha/shown")})
	if diff := cmp.Diff([]string{"display"}, actions.Items); diff != "" || err != nil {
		t.Errorf("actions (-want +got):\n%s%v", diff, err)
	}
	subjects, err := d.SearchSubjects(ctx, catalog.Search{Evaluation: read("anybody", "alpha/low")})
	if diff := cmp.Diff([]catalog.Entity{{Type: "user", ID: "brit"}}, subjects.Items); diff != "" || err != nil {
		t.Errorf("subjects (-want +got):\n%s%v", diff, err)
	}
	broken, err := New(Config{Store: &faulty{s, 0}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ask, b := catalog.Search{Evaluation: read("brit", "alpha/low")}, broken.Decisions(analyst("brit", "S", "GBR"))
	_, err1 := b.SearchResources(ctx, ask)
	_, err2 := b.SearchActions(ctx, ask)
	_, err3 := b.SearchSubjects(ctx, ask)
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("on a broken store: got %v, want it unavailable", err)
		}
	}
}

// counted is a store that counts what is read from it.
type counted struct {
	store.Store
	reads *int
}

func (c counted) Append(ctx context.Context, e audit.Entry) error { return appendBy(ctx, c.Update, e) }

func (c counted) Update(ctx context.Context, do func(store.Writer) error) error {
	return c.Store.Update(ctx, func(w store.Writer) error { return do(countedWriter{w, c.reads}) })
}

type countedWriter struct {
	store.Writer
	reads *int
}

func (c countedWriter) Get(ctx context.Context, ref catalog.Ref) (store.Record, error) {
	*c.reads++
	return c.Writer.Get(ctx, ref)
}

// TestAttackHiddenProductToldFromAbsentByTime: the database is asked as often
// for one as for the other. What is left is the reading of one short text.
func TestAttackHiddenProductToldFromAbsentByTime(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	mesh(t, s)
	reads := 0
	p, err := New(Config{Store: counted{s, &reads}})
	if err != nil {
		t.Fatal(err)
	}
	count := func(id string) int {
		reads = 0
		if d := evaluate(t, p, analyst("low", "S", "GBR"), read("low", id)); d.Permit {
			t.Fatalf("%s: permitted", id)
		}
		return reads
	}
	if hidden, absent := count("alpha/high"), count("alpha/none"); hidden != absent || hidden == 0 {
		t.Errorf("got %d reads for a hidden product and %d for an absent one, want as many", hidden, absent)
	}
}
