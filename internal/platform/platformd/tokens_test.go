package platformd

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
)

// counted is a cache of an issuer's tokens that counts verifications.
func counted(t *testing.T, limit int) (*devissuer.Issuer, *tokens, *atomic.Int32) {
	t.Helper()
	issuer, err := devissuer.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	verified := new(atomic.Int32)
	return issuer, newTokens(limit, func(token string, _ *x509.Certificate) (catalog.Caller, time.Time, error) {
		verified.Add(1)
		return issuer.VerifyUntil(token)
	}), verified
}

func mint(t *testing.T, issuer *devissuer.Issuer, subject string, ttl time.Duration) string {
	t.Helper()
	token, err := issuer.Mint(devissuer.Claims{Subject: subject, Groups: []string{"sigint"}}, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenIsVerifiedOnce(t *testing.T) {
	t.Parallel()
	issuer, cache, verified := counted(t, 10)
	token := mint(t, issuer, "a.stone", time.Hour)
	for range 5 {
		if caller, err := cache.caller(token, nil); err != nil || caller.Subject != "a.stone" || len(caller.Groups) != 1 {
			t.Fatalf("got %+v, %v", caller, err)
		}
	}
	if got := verified.Load(); got != 1 {
		t.Errorf("verified %d times, want once", got)
	}
}

// TestExpiredTokenOutOfTheCache: a token that was good is refused in the second
// in which it expires, and its bearer is forgotten.
func TestExpiredTokenOutOfTheCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, cache, _ := counted(t, 10)
		token := mint(t, issuer, "a.stone", 3*time.Second)
		time.Sleep(3*time.Second - time.Nanosecond)
		if _, err := cache.caller(token, nil); err != nil {
			t.Fatalf("in its last second: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := cache.caller(token, nil); !errors.Is(err, catalog.ErrUnauthenticated) {
			t.Errorf("expired: got %v, want %v", err, catalog.ErrUnauthenticated)
		}
		if len(cache.known) != 0 {
			t.Errorf("the cache still knows %d bearers", len(cache.known))
		}
	})
}

// TestForgedTokenWithACachedPrefix: what shares all but its end with a token
// that is remembered is verified like any other.
func TestForgedTokenWithACachedPrefix(t *testing.T) {
	t.Parallel()
	issuer, cache, verified := counted(t, 10)
	token := mint(t, issuer, "a.stone", time.Hour)
	if _, err := cache.caller(token, nil); err != nil {
		t.Fatal(err)
	}
	dot := strings.LastIndex(token, ".")
	flipped := "A"
	if token[dot+1] == 'A' {
		flipped = "B"
	}
	forged := []string{
		token + "A", token + " ", token + ".", token[:len(token)-2], token[:dot+1] + flipped + token[dot+2:], token[:dot], token[:dot+1],
		strings.ToUpper(token), "\x00" + token, "",
	}
	for _, f := range forged {
		if caller, err := cache.caller(f, nil); err == nil || caller.Subject != "" {
			t.Errorf("%.20q…%.5q: got %+v, %v, want a refusal", f, f[max(0, len(f)-5):], caller, err)
		}
	}
	if got := verified.Load(); int(got) != 1+len(forged) || len(cache.known) != 1 {
		t.Errorf("verified %d times and remembers %d, want each verified and one remembered", got, len(cache.known))
	}
}

// TestCacheFlooding: forged tokens push nobody out, and good ones push out the
// oldest, never the limit.
func TestCacheFlooding(t *testing.T) {
	t.Parallel()
	const limit = 8
	issuer, cache, verified := counted(t, limit)
	first := mint(t, issuer, "first", time.Hour)
	if _, err := cache.caller(first, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if _, err := cache.caller(fmt.Sprintf("forged.%d.x", i), nil); err == nil {
			t.Fatal("a forged token is good")
		}
	}
	verified.Store(0)
	if _, err := cache.caller(first, nil); err != nil || verified.Load() != 0 {
		t.Errorf("after a flood of forged tokens: verified %d times, %v", verified.Load(), err)
	}
	for i := range 3 * limit {
		if _, err := cache.caller(mint(t, issuer, fmt.Sprintf("s%d", i), time.Hour), nil); err != nil {
			t.Fatal(err)
		}
		if len(cache.known) > limit || len(cache.order) > limit {
			t.Fatalf("remembers %d and %d, want at most %d", len(cache.known), len(cache.order), limit)
		}
	}
	verified.Store(0)
	if _, err := cache.caller(first, nil); err != nil || verified.Load() != 1 {
		t.Errorf("a token that was pushed out: verified %d times, %v", verified.Load(), err)
	}
}

// TestCacheHoldsNoToken: whoever reads the cache finds nothing to call with.
func TestCacheHoldsNoToken(t *testing.T) {
	t.Parallel()
	issuer, cache, _ := counted(t, 10)
	token := mint(t, issuer, "a.stone", time.Hour)
	if _, err := cache.caller(token, nil); err != nil {
		t.Fatal(err)
	}
	held := fmt.Sprintf("%+v %s", cache.known, cache.order)
	for part := range strings.SplitSeq(token, ".") {
		if strings.Contains(held, part) {
			t.Errorf("the cache holds %.20s…", part)
		}
	}
}

// TestCallerCannotChangeTheNext: who is handed a caller's lists may change
// them.
func TestCallerCannotChangeTheNext(t *testing.T) {
	t.Parallel()
	issuer, cache, _ := counted(t, 10)
	token, err := issuer.Mint(devissuer.Claims{Subject: "a.stone", Groups: []string{"sigint"}, Attributes: administrator(marking.Default()).Attributes}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 { // with the race detector, sharing shows as a race
		wait.Go(func() {
			caller, err := cache.caller(token, nil)
			if err != nil || caller.Groups[0] != "sigint" || caller.Attributes.CountryOfAffiliation[0] != "USA" || caller.Attributes.FineAccessControls[0] != "SI" {
				t.Errorf("got %+v, %v", caller, err)
				return
			}
			caller.Groups[0], caller.Attributes.CountryOfAffiliation[0], caller.Attributes.FineAccessControls[0] = "x", "x", "x"
		})
	}
	wait.Wait()
}

// TestRememberedBesideACertificate: what was found out for one connection's
// certificate says nothing of another's, and nothing after keys have changed.
func TestRememberedBesideACertificate(t *testing.T) {
	t.Parallel()
	var verified int
	refuse := false
	cache := newTokens(10, func(string, *x509.Certificate) (catalog.Caller, time.Time, error) {
		verified++
		if refuse {
			return catalog.Caller{}, time.Time{}, unauthenticated("gone")
		}
		return catalog.Caller{Subject: "ana", Via: &catalog.Caller{Subject: "portal", Groups: []string{"a"}}}, time.Now().Add(time.Hour), nil
	})
	var generation uint64
	cache.generation = func() uint64 { return generation }
	ask := func(peer *x509.Certificate, want int) {
		t.Helper()
		for range 3 {
			caller, err := cache.caller("token", peer)
			if err != nil || caller.Via.Groups[0] != "a" {
				t.Fatalf("got %+v, %v", caller, err)
			}
			caller.Via.Groups[0], caller.Via.Subject = "x", "x"
		}
		if verified != want {
			t.Errorf("verified %d times, want %d", verified, want)
		}
	}
	one, two := &x509.Certificate{Raw: []byte("one")}, &x509.Certificate{Raw: []byte("two")}
	ask(nil, 1)
	ask(one, 2)
	ask(two, 3)
	ask(one, 3)
	generation++
	ask(one, 4)
	if len(cache.order) != 3 {
		t.Errorf("keeps %d places, want 3", len(cache.order))
	}
	generation++
	refuse = true
	if _, err := cache.caller("token", one); !errors.Is(err, catalog.ErrUnauthenticated) || len(cache.known) != 2 {
		t.Errorf("got %v and %d that are known, want it forgotten", err, len(cache.known))
	}
}
