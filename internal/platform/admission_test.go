package platform

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const secretive = "TOP SECRET//SI//NOFORN"

func markedDomain(name, banner, parent string) *catalog.Domain {
	d := domain(name)
	d.Marking, d.Parent = banner, parent
	return d
}

func cleared(subject, clearance, country string, readIns ...string) catalog.Caller {
	return catalog.Caller{Subject: subject, Issuer: testIssuer, Attributes: marking.Subject{Clearance: clearance, CountryOfAffiliation: []string{country},
		FineAccessControls: readIns, DutyOrganization: country + ".MOD", EmploymentType: "gov"}}
}

// domainBanners are what random catalogues are marked with, none most often.
var domainBanners = []string{"", "", "", "UNCLASSIFIED", "CONFIDENTIAL//NOFORN", "SECRET", "SECRET//REL TO USA, GBR", "SECRET//REL TO USA, AUS", "TOP SECRET//NOFORN", secretive}

// randomCatalogue writes domains in a random tree, with random teams, and one
// object of each kind in each.
func randomCatalogue(t *testing.T, r *rand.Rand, p *Platform) (refs []catalog.Ref) {
	t.Helper()
	names := []string{"d0", "d1", "d2", "d3", "d4", "d5"}
	for i, name := range names {
		d := markedDomain(name, domainBanners[r.IntN(len(domainBanners))], "")
		if i > 0 && r.IntN(2) == 0 {
			d.Parent = names[r.IntN(i)]
		}
		for j := range 4 {
			member := catalog.Member{Role: []catalog.Role{catalog.RoleOwner, catalog.RoleSteward, catalog.RoleEngineer}[r.IntN(3)]}
			if r.IntN(4) == 0 {
				member.Until = "2001-01-01"
			}
			d.Team[fmt.Sprintf("s%d", (i+j+r.IntN(3))%8)] = member
		}
		s := &catalog.Schema{Domain: name, Name: "s", Type: catalog.SchemaAvro, Definition: `"int"`}
		c := &catalog.CaveatPolicy{Domain: name, Name: "c", ReleasableTo: []string{"USA", "FVEY"}}
		one := product(name+"/p", domainBanners[r.IntN(len(domainBanners))])
		var inputs []string
		if i > 0 && r.IntN(2) == 0 {
			inputs = []string{names[r.IntN(i)] + "/p"}
		}
		two := product(name+"/q", "", inputs...)
		two.CaveatPolicy = names[r.IntN(i+1)] + "/c"
		two.OutputPorts = map[string]catalog.OutputPort{"x": {Type: catalog.PortHTTP, URL: "https://data.example/x", Schema: names[r.IntN(i+1)] + "/s"}}
		mustPut(t, p.As(admin), d, s, c, one)
		refs = append(refs, d.Ref(), s.Ref(), c.Ref(), one.Ref())
		if _, err := p.As(admin).Put(t.Context(), two, catalog.WriteOptions{}); err == nil { // a policy may refuse what is inherited
			refs = append(refs, two.Ref())
		}
	}
	return refs
}

func randomCaller(r *rand.Rand, subject string) catalog.Caller {
	c := cleared(subject, []string{"U", "C", "S", "TS"}[r.IntN(4)], []string{"USA", "USA", "GBR", "AUS"}[r.IntN(4)])
	if r.IntN(2) == 0 {
		c.Attributes.FineAccessControls = []string{"SI"}
	}
	if r.IntN(8) == 0 {
		c.Attributes = marking.Subject{}
	}
	c.Administrator = r.IntN(8) == 0
	return c
}

// TestWhoMayWriteANameSeesIt: in random catalogues, nobody may write a name and
// fail to see what has it. So nobody learns from a clash that there is something.
// It also holds sight to its own terms: who sees an object knows its domain, who
// knows a domain knows those above it, and a service that acts for somebody
// makes known what both know.
func TestWhoMayWriteANameSeesIt(t *testing.T) {
	t.Parallel()
	writes, hidden := 0, 0
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := openStore(t)
		p := newPlatform(t, s)
		refs := randomCatalogue(t, r, p)
		for i := range 8 {
			caller, service := randomCaller(r, fmt.Sprintf("s%d", i)), randomCaller(r, "service")
			through := caller
			through.Via = &service
			err := s.View(t.Context(), func(reader store.Reader) error {
				as := func(c catalog.Caller) *judge {
					j, err := (&session{Platform: p, caller: c}).judge(t.Context(), reader)
					if err != nil {
						t.Error(err)
					}
					return j
				}
				alone, both, only := as(caller), as(through), as(service)
				for _, ref := range refs {
					next, err := alone.before.get(ref)
					if err != nil {
						return err
					}
					refused, err := alone.refuses(ref, next)
					if err != nil {
						return err
					}
					sees, err := alone.sight.sees(ref)
					if err != nil {
						return err
					}
					knows, err := alone.knows(ref.Domain())
					if err != nil {
						return err
					}
					switch {
					case refused == nil && !sees:
						t.Errorf("seed %d: %s may write the %s and does not see it", seed, caller.Subject, ref)
					case sees && !knows:
						t.Errorf("seed %d: %s sees the %s and does not know its domain", seed, caller.Subject, ref)
					case refused == nil:
						writes++
					case !knows:
						hidden++
					}
					if d, ok := next.(*catalog.Domain); ok && d.Parent != "" && knows {
						if above, err := alone.knows(d.Parent); err != nil || !above {
							t.Errorf("seed %d: %s knows domain %q and not %q above it", seed, caller.Subject, d.Name, d.Parent)
						}
					}
					together, err := both.knows(ref.Domain())
					if err != nil {
						return err
					}
					also, err := only.knows(ref.Domain())
					if err != nil {
						return err
					}
					if together != (knows && also) {
						t.Errorf("seed %d: domain %q through a service: got %v, want %v and %v", seed, ref.Domain(), together, knows, also)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if writes < 100 || hidden < 100 {
		t.Errorf("got %d permitted writes and %d hidden names, want at least 100 of both: the catalogues have lost their point", writes, hidden)
	}
}

// TestAttackHiddenDomainToldFromAbsentByTime: the database is asked as often for
// a domain that is hidden, and for what is in it, as for one that is not there.
func TestAttackHiddenDomainToldFromAbsentByTime(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	mustPut(t, newPlatform(t, s).As(admin), domain("alpha"), markedDomain("hidden", secretive, ""), product("hidden/p", secretive))
	reads := 0
	p, err := New(Config{Store: counted{s, &reads}})
	if err != nil {
		t.Fatal(err)
	}
	low := cleared("low", "S", "USA")
	count := func(name string, ask func(*Platform, string)) int {
		reads = 0
		ask(p, name)
		return reads
	}
	for what, ask := range map[string]func(*Platform, string){
		"evaluation": func(p *Platform, name string) {
			if d := evaluate(t, p, low, read("low", name+"/p")); d.Permit {
				t.Fatalf("%s: permitted", name)
			}
		},
		"put": func(p *Platform, name string) {
			_, _ = p.As(low).Put(context.Background(), product(name+"/p", "SECRET"), catalog.WriteOptions{})
		},
		"put of the domain": func(p *Platform, name string) {
			_, _ = p.As(low).Put(context.Background(), domain(name), catalog.WriteOptions{})
		},
		"delete": func(p *Platform, name string) {
			_ = p.As(low).Delete(context.Background(), catalog.Ref{Kind: catalog.KindProduct, ID: name + "/p"}, catalog.WriteOptions{})
		},
	} {
		count("alpha", ask) // looks for markings once
		if hidden, absent := count("hidden", ask), count("absent", ask); hidden != absent || hidden == 0 {
			t.Errorf("%s: got %d reads for a hidden domain and %d for an absent one, want as many", what, hidden, absent)
		}
	}
}

// TestEntriesAreMarkedAsTheirDomain: whoever reads the log by clearance must not
// find the names there.
func TestEntriesAreMarkedAsTheirDomain(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := newPlatform(t, s)
	before := len(entries(t, s, 0))
	mustPut(t, p.As(admin), domain("alpha"), markedDomain("hidden", "SECRET//NOFORN", ""), product("hidden/p", "CONFIDENTIAL//REL TO USA, GBR"),
		&catalog.Schema{Domain: "hidden", Name: "s", Type: catalog.SchemaAvro, Definition: `"int"`}, markedDomain("hidden", "SECRET//NOFORN", "alpha"))
	low, member := cleared("low", "U", "GBR"), cleared("hidden.engineer", "S", "USA")
	lower := markedDomain("hidden", "", "alpha")
	lower.Team["hidden.engineer"] = catalog.Member{Role: catalog.RoleEngineer}
	mustPut(t, p.As(admin), lower)
	raised := lower
	raised.Marking = "SECRET//NOFORN"
	mustPut(t, p.As(admin), raised)
	for _, c := range []catalog.Caller{low, member} {
		if _, err := p.As(c).Put(t.Context(), product("hidden/p", "SECRET"), catalog.WriteOptions{}); err == nil {
			t.Fatal("a stranger's change was taken")
		}
	}
	evaluate(t, p, member, read("hidden.engineer", "hidden/p"))
	if err := p.As(admin).Delete(t.Context(), catalog.Ref{Kind: catalog.KindSchema, ID: "hidden/s"}, catalog.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries(t, s, int64(before)) {
		got = append(got, fmt.Sprintf("%s %s %s: %s", entry.Decision, entry.Action, entry.Object, entry.MarkingAccessed))
	}
	want := []string{
		"permit create domains/alpha: ",
		"permit create domains/hidden: SECRET//NOFORN",
		"permit create products/hidden/p: SECRET//NOFORN",
		"permit create schemas/hidden/s: SECRET//NOFORN",
		"permit register subjects/hidden.s/versions/1: SECRET//NOFORN",
		"permit replace domains/hidden: SECRET//NOFORN",
		"permit replace domains/hidden: SECRET//NOFORN", // lowered: it was marked before
		"permit replace domains/hidden: SECRET//NOFORN",
		"deny create products/hidden/p: ", // as for a name that there is not
		"deny replace products/hidden/p: SECRET//NOFORN",
		"permit read products/hidden/p: SECRET//NOFORN",
		"permit delete schemas/hidden/s: SECRET//NOFORN",
		"permit delete subjects/hidden.s: SECRET//NOFORN",
	}
	if !slices.Equal(want, got) {
		t.Errorf("got entries\n%q\nwant\n%q", got, want)
	}
}

// TestDomainAboveTheSystemIsRefused, and so is one that is above it with those
// above it.
func TestDomainAboveTheSystemIsRefused(t *testing.T) {
	t.Parallel()
	p, err := New(Config{Store: openStore(t), SystemHigh: "SECRET//NOFORN"})
	if err != nil {
		t.Fatal(err)
	}
	for banner, refused := range map[string]bool{"": false, "SECRET//NOFORN": false, "CONFIDENTIAL//REL TO USA, GBR": false, "SECRET//SI//NOFORN": true, "TOP SECRET//NOFORN": true, "SECRET//TK//NOFORN": true} {
		_, err := p.As(admin).Put(t.Context(), markedDomain("alpha", banner, ""), catalog.WriteOptions{DryRun: true})
		if (err != nil) != refused {
			t.Errorf("%q: got %v, want refused %v", banner, err, refused)
		}
	}
}

// TestDomainWithAMarkingOfAnotherVocabulary is hidden from all but
// administrators, and what is in it.
func TestDomainWithAMarkingOfAnotherVocabulary(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	mustPut(t, newPlatform(t, s).As(admin), domain("alpha"), product("alpha/p", "UNCLASSIFIED"))
	err := s.Update(t.Context(), func(w store.Writer) error {
		r, err := record(markedDomain("alpha", "SECRET//FUTURE", ""), "r")
		if err != nil {
			return err
		}
		return w.Put(t.Context(), r)
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPlatform(t, s)
	for _, c := range []struct {
		caller catalog.Caller
		want   bool
	}{{admin, true}, {cleared("alpha.owner", "TS", "USA", "SI"), false}, {cleared("x", "TS", "USA", "SI"), false}} {
		for _, ref := range []catalog.Ref{{Kind: catalog.KindDomain, ID: "alpha"}, {Kind: catalog.KindProduct, ID: "alpha/p"}} {
			if _, err := p.As(c.caller).Get(t.Context(), ref); (err == nil) != c.want {
				t.Errorf("%s gets the %s: %v, want %v", c.caller.Subject, ref, err, c.want)
			}
		}
	}
}

// TestRaisedWhileItIsRead: what the registry remembered from before is not
// served once the raise has been answered.
func TestRaisedWhileItIsRead(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, openStore(t))
	mustPut(t, p.As(admin), domain("alpha"), &catalog.Schema{Domain: "alpha", Name: "s", Type: catalog.SchemaAvro, Definition: `"int"`})
	ctx, subject, low := t.Context(), catalog.SubjectOf("alpha/s"), p.Registry(cleared("low", "S", "USA"))
	one, err := low.Registration(ctx, subject, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := low.SchemaByID(ctx, catalog.Subject{}, one.Schema.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := low.SchemaByGUID(ctx, one.Schema.GUID); err != nil {
		t.Fatal(err)
	}
	mustPut(t, p.As(admin), markedDomain("alpha", secretive, ""))
	for _, who := range []struct {
		name     string
		registry catalog.Registry
		want     bool
	}{{"read in", p.Registry(cleared("high", "TS", "USA", "SI")), true}, {"low", low, false}} {
		_, err1 := who.registry.Registration(ctx, subject, 1, false)
		_, err2 := who.registry.SchemaByID(ctx, catalog.Subject{}, one.Schema.ID)
		_, _, err3 := who.registry.SchemaByGUID(ctx, one.Schema.GUID)
		for _, err := range []error{err1, err2, err3} {
			if (err == nil) != who.want {
				t.Errorf("%s: got %v, want it shown: %v", who.name, err, who.want)
			}
		}
	}
}

// TestAttackIdComesBack: a schema that somebody hidden has too gets a new id
// after it was removed for ever, and keeps its own layout.
func TestAttackIdComesBack(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, openStore(t))
	mustPut(t, p.As(admin), domain("alpha"), markedDomain("hidden", secretive, ""),
		&catalog.Schema{Domain: "hidden", Name: "s", Type: catalog.SchemaAvro, Definition: `{ "type" : "int" }`})
	ctx, low, subject := t.Context(), p.Registry(cleared("alpha.owner", "S", "USA")), catalog.SubjectOf("alpha/s")
	met := map[int]bool{}
	for range 3 {
		done, err := low.Register(ctx, subject, catalog.Registering{Type: catalog.SchemaAvro, Definition: `"int"`})
		if err != nil {
			t.Fatal(err)
		}
		if met[done.Schema.ID] || done.Schema.Definition != `"int"` {
			t.Errorf("got id %d again (%v) and text %s", done.Schema.ID, met[done.Schema.ID], done.Schema.Definition)
		}
		met[done.Schema.ID] = true
		for _, permanent := range []bool{false, true} {
			if _, err := low.Remove(ctx, subject, catalog.AllVersions, permanent); err != nil {
				t.Fatal(err)
			}
		}
	}
	high := p.Registry(cleared("x", "TS", "USA", "SI"))
	if found, err := high.Registration(ctx, catalog.SubjectOf("hidden/s"), 1, false); err != nil || met[found.Schema.ID] {
		t.Errorf("the hidden one: got %v, %v", found, err)
	}
}

// TestTeamIsLetInToDataByClaimsAlone: who looks after a product sees it although
// it names what is hidden, and is given its data no sooner than a stranger.
func TestTeamIsLetInToDataByClaimsAlone(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := newPlatform(t, s)
	quiet := domain("quiet")
	quiet.Marking = "TOP SECRET//SI//NOFORN"
	named := served("alpha/named", "UNCLASSIFIED")
	port := named.OutputPorts["feed"]
	port.Schema = "quiet/s"
	named.OutputPorts["feed"] = port
	mustPut(t, p.As(admin), domain("alpha"), quiet,
		&catalog.Schema{Domain: "quiet", Name: "s", Type: catalog.SchemaJSON, Definition: `{"type":"object"}`},
		&catalog.SLA{Domain: "alpha", Name: "l", Accuracy: &catalog.Objective{TargetPercent: 1, Window: "1d"}}, named)
	member := analyst("alpha.owner", "S", "USA")
	if _, err := p.As(member).Get(t.Context(), named.Ref()); err != nil {
		t.Errorf("the team does not see its product: %v", err)
	}
	if g, err := p.Data(member).Open(t.Context(), feed("alpha/named")); g != nil || !errors.Is(err, catalog.ErrForbidden) {
		t.Errorf("the team's member opens the data: got %v, %v, want it forbidden", g, err)
	}
}
