package auditapi

import "testing"

// FuzzParseQuery: what is not understood is refused, and what is understood
// stays within its bounds.
func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{
		"", "subject=a.stone&object=products/sigint/tracks&event=decision&decision=deny&request_id=r&limit=10",
		"from=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00%2B01:00", "limit=0", "subject=a&subject=b", "user=a", "%zz", "cursor=AAAA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			return
		}
		if q.Limit < 0 || !q.From.IsZero() && (q.From.Year() < 1970 || q.From.Year() > 2261) {
			t.Errorf("%q is read as %+v", raw, q)
		}
	})
}
