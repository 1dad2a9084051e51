package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// TestWhoIsLetInToAnEntry: by the marking that it records and by what it names,
// each where a service acts for the reader as well.
func TestWhoIsLetInToAnEntry(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := newPlatform(t, s)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/low", "SECRET//REL TO USA, FVEY"), product("alpha/high", "TOP SECRET//SI//NOFORN"),
		product("alpha/derived", "", "alpha/high"))
	group := []string{catalog.AuditGroup}
	american := marking.Subject{Clearance: "TS", CountryOfAffiliation: []string{"USA"}, FineAccessControls: []string{"SI"}, DutyOrganization: "USA.DOD", EmploymentType: "gov"}
	british := marking.Subject{Clearance: "S", CountryOfAffiliation: []string{"GBR"}, DutyOrganization: "GBR.MOD", EmploymentType: "gov"}
	low := catalog.Caller{Subject: "low", Groups: group, Attributes: british}
	high := catalog.Caller{Subject: "high", Groups: group, Attributes: american}
	through := func(c, via catalog.Caller) catalog.Caller { c.Via = &via; return c }
	readers := []catalog.Caller{low, high, through(high, low), through(low, high), through(high, high), through(admin, low), through(low, admin), admin}
	for _, c := range []struct {
		name   string
		object string
		marked string
		event  string
		want   string // one digit for each reader
	}{
		{"what everybody sees", "domains/alpha", "", "catalogue", "11111111"},
		{"low", "products/alpha/low", "SECRET//REL TO USA, FVEY", "decision", "11111111"},
		{"high", "products/alpha/high", "TOP SECRET//SI//NOFORN", "decision", "01001001"},
		{"high, when it was low", "products/alpha/high", "SECRET//REL TO USA, FVEY", "decision", "01001001"},
		{"low, when it was high", "products/alpha/low", "TOP SECRET//SI//NOFORN", "decision", "01001001"},
		{"made from what is high", "products/alpha/derived", "SECRET//REL TO USA, FVEY", "catalogue", "01001001"},
		{"high, without a marking", "products/alpha/high", "", "catalogue", "01001001"},
		{"low, without a marking", "products/alpha/low", "", "catalogue", "11111111"},
		{"gone, and was low", "products/alpha/gone", "SECRET//REL TO USA, FVEY", "catalogue", "00000001"},
		{"gone, and was high", "products/alpha/gone", "TOP SECRET//SI//NOFORN", "catalogue", "00000001"},
		{"a name that somebody made up", "products/alpha/guess", "", "catalogue", "00000001"},
		{"a product that a question made up", "products/alpha/guess", "", "decision", "00000001"},
		{"a product that was not there, and is", "products/alpha/low", "", "decision", "00000001"},
		{"a product that was not there, opened", "products/alpha/low", "", "query", "00000001"},
		{"a search that found something low", "product", "SECRET//REL TO USA, FVEY", "query", "11111111"},
		{"a search that found something high", "product", "TOP SECRET//SI//NOFORN", "query", "01001001"},
		{"a search that found nothing", "product", "", "query", "00000001"},
		{"a marking that nobody knows", "products/alpha/low", "COSMIC NONSENSE", "decision", "00000001"},
		{"a subject without a schema", "subjects/alpha.none/versions/1", "", "schema", "00000001"},
		{"an object of no kind", "nonsense/alpha/low", "", "catalogue", "00000001"},
		{"who read the log", "audit/entries/1-256", "", "audit_read", "00000001"},
		{"who read the log, marked", "audit/entries/1-256", "SECRET//REL TO USA, FVEY", "audit_read", "00000001"},
	} {
		got := ""
		for _, reader := range readers {
			err := s.View(context.Background(), func(r store.Reader) error {
				reads, err := (&session{Platform: p, caller: reader}).entryReader(context.Background(), r)
				if err != nil {
					return err
				}
				admits, err := reads.admits(audit.Entry{Object: c.object, MarkingAccessed: c.marked, Event: c.event})
				got += map[bool]string{true: "1", false: "0"}[admits]
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if got != c.want {
			t.Errorf("%s: let in are %s, want %s", c.name, got, c.want)
		}
	}
}

// TestAttackAuditorTellsAbsentFromHidden: of data that was asked for, what did
// not exist, what was hidden and what had no marking are named in one form, and
// an auditor of low clearance is let in to none of it: not while it is so, not
// when there is a product of that name that they see, not when it is gone.
func TestAttackAuditorTellsAbsentFromHidden(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := newPlatform(t, s)
	long := "alpha/" + strings.Repeat("a", catalog.MaxName)
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/hidden", "TOP SECRET//SI//NOFORN"), product("alpha/bare", ""), product(long, "TOP SECRET//SI//NOFORN"))
	before := int64(len(entries(t, s, 0)))
	british := analyst("brit", "S", "GBR")
	names := []string{"alpha/hidden", "alpha/bare", long, "alpha/absent", "alpha/" + strings.Repeat("b", catalog.MaxName)}
	for _, id := range names {
		evaluate(t, p, british, read("brit", id))
		if _, err := p.Data(british).Open(t.Context(), feed(id)); !errors.Is(err, catalog.ErrNotFound) {
			t.Fatalf("%s: got %v", id, err)
		}
	}
	asked := entries(t, s, before)
	for i, e := range asked {
		if want := "products/" + names[i/2]; e.Object != want {
			t.Errorf("entry %d is about %s, want %s", i, e.Object, want)
		}
	}
	auditor := british
	auditor.Groups = []string{catalog.AuditGroup}
	look := func(when string) {
		if got := admitted(t, p, auditor, asked); got != strings.Repeat("0", 2*len(names)) {
			t.Errorf("%s: a low auditor is let in to %s", when, got)
		}
		if got := admitted(t, p, admin, asked); got != strings.Repeat("1", 2*len(names)) {
			t.Errorf("%s: an administrator is let in to %s", when, got)
		}
	}
	look("as it is")
	for _, id := range names {
		mustPut(t, p.As(admin), product(id, "SECRET//REL TO USA, FVEY"))
	}
	if _, err := p.As(auditor).Get(t.Context(), product("alpha/absent", "").Ref()); err != nil {
		t.Fatalf("the auditor does not see what was made low: %v", err)
	}
	look("made low")
	for _, id := range names {
		if err := p.As(admin).Delete(t.Context(), product(id, "").Ref(), catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	look("gone")
}

// TestAttackRefusedChangeTellsAbsentFromHidden: what was asked of a name is
// recorded as whoever asked could know it. Made low, what was hidden has no other
// entries of refused attempts than what was not there.
func TestAttackRefusedChangeTellsAbsentFromHidden(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := newPlatform(t, s)
	high := domain("gamma-hidden")
	high.Marking = "TOP SECRET//SI//NOFORN"
	mustPut(t, p.As(admin), domain("alpha"), high, product("alpha/hidden", high.Marking), product("gamma-hidden/p", "SECRET//REL TO USA, FVEY"))
	before := int64(len(entries(t, s, 0)))
	attempt := func(c catalog.Caller, state string) {
		for _, object := range []catalog.Object{product("alpha/"+state, ""), domain("gamma-" + state), product("gamma-"+state+"/p", "")} {
			for _, opts := range []catalog.WriteOptions{{}, {IfMatch: "*"}, {IfNoneMatch: true}} {
				if _, err := p.As(c).Put(t.Context(), object, opts); !errors.Is(err, catalog.ErrForbidden) {
					t.Fatalf("%s puts %s: got %v", c.Subject, object.Ref(), err)
				}
				if err := p.As(c).Delete(t.Context(), object.Ref(), opts); !errors.Is(err, catalog.ErrNotFound) {
					t.Fatalf("%s deletes %s: got %v", c.Subject, object.Ref(), err)
				}
			}
		}
	}
	british, cleared := analyst("brit", "S", "GBR"), analyst("cleared", "TS", "USA")
	cleared.Attributes.FineAccessControls = []string{"SI"}
	attempt(british, "hidden")
	attempt(british, "absent")
	if _, err := p.As(cleared).Put(t.Context(), product("alpha/hidden", ""), catalog.WriteOptions{}); !errors.Is(err, catalog.ErrForbidden) {
		t.Fatalf("somebody who sees it: got %v", err)
	}
	asked := entries(t, s, before)
	for _, state := range []string{"hidden", "absent"} {
		mustPut(t, p.As(admin), domain("gamma-"+state), product("alpha/"+state, "SECRET//REL TO USA, FVEY"), product("gamma-"+state+"/p", "SECRET//REL TO USA, FVEY"))
	}
	auditor := british
	auditor.Groups = []string{catalog.AuditGroup}
	told := map[string][]string{}
	for i, digit := range admitted(t, p, auditor, asked) {
		e, state := asked[i], "absent"
		if digit == '0' {
			continue
		}
		if strings.Contains(e.Object, "hidden") {
			state = "hidden"
		}
		told[state] = append(told[state], fmt.Sprint(e.Action, strings.Replace(e.Object, state, "it", 1), e.MarkingAccessed, e.ReasonCodes, e.Consumer.Sub, e.Before, e.After))
	}
	if diff := cmp.Diff(told["absent"], told["hidden"]); diff != "" || len(told["absent"]) != 9 {
		t.Errorf("of %d attempts (-on what was absent +on what was hidden):\n%s", len(told["absent"]), diff)
	}
}

// TestAttackLoweringTellsWhatWasHidden: the entry of the change that makes an
// object low has the digest of what it was, which who guesses can try, so it is for
// those who are cleared for that.
func TestAttackLoweringTellsWhatWasHidden(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := newPlatform(t, s)
	const high, low = "TOP SECRET//SI//NOFORN", "SECRET//REL TO USA, FVEY"
	mustPut(t, p.As(admin), domain("alpha"), product("alpha/it", high), product("alpha/derived", "", "alpha/it"))
	before := int64(len(entries(t, s, 0)))
	mustPut(t, p.As(admin), product("alpha/it", low))
	lowering := entries(t, s, before)
	if got := lines(lowering); len(got) != 2 {
		t.Fatalf("got %q, want the change and what follows from it", got)
	}
	auditor := analyst("brit", "S", "GBR")
	auditor.Groups = []string{catalog.AuditGroup}
	if got := admitted(t, p, auditor, lowering); got != "00" {
		t.Errorf("a low auditor is let in to %s", got)
	}
	auditor = analyst("american", "TS", "USA")
	auditor.Groups, auditor.Attributes.FineAccessControls = []string{catalog.AuditGroup}, []string{"SI"}
	if got := admitted(t, p, auditor, lowering); got != "11" {
		t.Errorf("an auditor who is cleared for it is let in to %s", got)
	}
}

// admitted has one digit for each entry.
func admitted(t *testing.T, p *Platform, reader catalog.Caller, log []audit.Entry) (digits string) {
	t.Helper()
	err := p.store.View(t.Context(), func(r store.Reader) error {
		reads, err := (&session{Platform: p, caller: reader}).entryReader(t.Context(), r)
		for _, e := range log {
			if err != nil {
				return err
			}
			var admits bool
			admits, err = reads.admits(e)
			digits += map[bool]string{true: "1", false: "0"}[admits]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return digits
}

// TestTheAuditorsServiceIsNoAuditor: both have to be in the group.
func TestTheAuditorsServiceIsNoAuditor(t *testing.T) {
	t.Parallel()
	auditor, nobody := catalog.Caller{Subject: "a", Groups: []string{catalog.AuditGroup}}, catalog.Caller{Subject: "s"}
	monitor := catalog.Caller{Subject: "m", Groups: []string{catalog.MonitorGroup}}
	for _, c := range []struct {
		caller, via      catalog.Caller
		audits, monitors bool
	}{
		{auditor, auditor, true, true}, {auditor, nobody, false, false}, {nobody, auditor, false, false},
		{auditor, monitor, false, false}, {monitor, monitor, false, true}, {admin, nobody, false, false}, {admin, admin, true, true},
	} {
		c.caller.Via = &c.via
		if c.caller.Audits() != c.audits || c.caller.Monitors() != c.monitors {
			t.Errorf("%s through %s: got %v, %v, want %v, %v", c.caller.Subject, c.via.Subject, c.caller.Audits(), c.caller.Monitors(), c.audits, c.monitors)
		}
	}
}
