package client

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzRetryAfter reads what a hostile platform may answer: whatever it says,
// the wait is bounded and never negative.
func FuzzRetryAfter(f *testing.F) {
	f.Add("7")
	f.Add("Sun, 31 Jan 2027 12:00:30 GMT")
	f.Add("99999999999999999999")
	f.Add("-1")
	f.Fuzz(func(t *testing.T, text string) {
		resp := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {text}}}
		if got := backoff(firstWait, longestWait, 0, resp); got < 0 || got > maxRetryAfter {
			t.Errorf("Retry-After %q: got a wait of %v", text, got)
		}
		if got, ok := retryAfter(text, time.Unix(0, 0)); got < 0 || (!ok && got != 0) {
			t.Errorf("Retry-After %q: got %v %v", text, got, ok)
		}
	})
}

// FuzzTraceParent reads the environment: what gets into a header is hex.
func FuzzTraceParent(f *testing.F) {
	f.Add("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	f.Add("00-00000000000000000000000000000000-0123456789abcdef-01")
	f.Add("cc-0123456789abcdef0123456789abcdef-0123456789abcdef-01-more")
	f.Add("\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := traceOf(text)
		if got != "" && (len(got) != 32 || strings.Trim(got, "0123456789abcdef") != "") {
			t.Errorf("TRACEPARENT %q: got %q", text, got)
		}
	})
}

// FuzzToken reads a file that anybody may have written: no token breaks out of
// its header.
func FuzzToken(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("two words")
	f.Add("a\r\nX-Admin: yes")
	f.Add("\x00")
	f.Fuzz(func(t *testing.T, text string) {
		if err := checkToken(text); err != nil {
			if text != "" && strings.Contains(err.Error(), text) && len(text) > 12 {
				t.Errorf("the error repeats the token %q", text)
			}
			return
		}
		if strings.ContainsAny(text, " \r\n\t\x00") {
			t.Errorf("%q was taken for a token", text)
		}
	})
}
