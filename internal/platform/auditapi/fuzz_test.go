package auditapi

import (
	"maps"
	"net/url"
	"slices"
	"testing"
)

// FuzzParseQuery: what is not understood is refused, and what is understood
// stays within its bounds.
func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{
		"", "subject=a.stone&object=products/sigint/tracks&event=decision&decision=deny&request_id=r&limit=10",
		"from=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00%2B01:00", "limit=0", "subject=a&subject=b", "user=a", "%zz", "cursor=AAAA", "subject=", "decision=denied", "event=decision&decision=permit",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			return
		}
		values, err := url.ParseQuery(raw)
		if err != nil || slices.ContainsFunc(slices.Collect(maps.Values(values)), func(given []string) bool { return given[0] == "" }) {
			t.Errorf("%q, which has an empty criterion, is read as %+v", raw, q)
		}
		if q.Decision != "" && q.Decision != "permit" && q.Decision != "deny" || q.Limit < 0 || !q.From.IsZero() && (q.From.Year() < 1970 || q.From.Year() > 2261) {
			t.Errorf("%q is read as %+v", raw, q)
		}
	})
}
