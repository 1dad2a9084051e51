package spec

import (
	"errors"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

func policy(t testing.TB) *Policy {
	t.Helper()
	p, err := ParsePolicy(sample(t, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCeiling(t *testing.T) {
	t.Parallel()
	p := policy(t)
	for banner, want := range map[string]bool{
		"UNCLASSIFIED": true, "SECRET//REL TO USA, FVEY": true, "CONFIDENTIAL//REL TO USA, FVEY": true,
		"SECRET": false, "SECRET//NOFORN": false, "TOP SECRET//REL TO USA, FVEY": false, "SECRET//REL TO USA, GBR": false, "SECRET//SI//REL TO USA, FVEY": false,
	} {
		m, err := marking.Default().Parse(banner)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Admits(m)
		var above *MarkingError
		if (err == nil) != want || err != nil && !errors.As(err, &above) {
			t.Errorf("%s below %s: %v, want %t", banner, p.Ceiling, err, want)
		}
	}
	if p.Admits(marking.Marking{}) == nil || (&Policy{}).Admits(p.Ceiling) == nil || (&Policy{}).AdmitsLock(&lock.Lock{Marking: "UNCLASSIFIED"}) == nil {
		t.Error("no marking, or no policy, is admitted")
	}
}

// TestAnItemMarkedAboveItsBundleIsRefused: the banner on the disc is what the
// courier's clearance is checked against.
func TestAnItemMarkedAboveItsBundleIsRefused(t *testing.T) {
	t.Parallel()
	p := policy(t)
	for _, tt := range []struct{ bundle, item, want string }{
		{"SECRET//REL TO USA, FVEY", "UNCLASSIFIED", ""},
		{"UNCLASSIFIED", "SECRET//REL TO USA, FVEY", "above the bundle's"},
		{"TOP SECRET//NOFORN", "UNCLASSIFIED", "ceiling"},
		{"nonsense", "UNCLASSIFIED", "not valid"},
		{"UNCLASSIFIED", "nonsense\x1b[2J", `not valid`},
	} {
		err := p.AdmitsLock(&lock.Lock{Marking: tt.bundle, Items: []lock.Item{{Name: "files/a", Marking: tt.bundle}, {Name: "files/b", Marking: tt.item}}})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s with %s: %v, want %q", tt.bundle, tt.item, err, tt.want)
		}
		if err != nil && strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("the error reaches the terminal raw: %q", err)
		}
	}
}

func TestUnsignedIsByNameAndDigest(t *testing.T) {
	t.Parallel()
	p := policy(t)
	digest := artifact.Digest("sha256:" + strings.Repeat("c", 64))
	const name = "registry.example/legacy/app:1.0"
	if u, ok := p.AllowsUnsigned(name, digest); !ok || u.String() != name+"@"+string(digest) {
		t.Errorf("%s is not let through", name)
	}
	for _, other := range []struct {
		name   string
		digest artifact.Digest
	}{
		{name, artifact.Digest("sha256:" + strings.Repeat("d", 64))},
		{"registry.example/legacy/app:1.1", digest},
		{"registry.example/legacy/app@" + string(digest), digest},
		{"registry.example/other/app:1.0", digest},
		{"", digest},
	} {
		if _, ok := p.AllowsUnsigned(other.name, other.digest); ok {
			t.Errorf("%s %s is let through", other.name, other.digest)
		}
	}
}
