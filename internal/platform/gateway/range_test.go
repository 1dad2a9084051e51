package gateway

import (
	"fmt"
	"testing"
)

// FuzzContentRange: what is taken for a part of so many bytes is one, and of
// what was asked for.
func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-1/2", "bytes 0-1/*", "bytes 2-1/3", "bytes */2", "bytes 999999999999999999-999999999999999999/*", "pages 0-1/2", "bytes 0-1/2 "} {
		f.Add("bytes=0-1", seed, int64(2))
		f.Add("bytes=-2", seed, int64(2))
	}
	f.Fuzz(func(t *testing.T, asked, text string, size int64) {
		if !oneRange.MatchString(asked) || checkRange(asked, text, size) != nil {
			return
		}
		var first, last int64
		if n, err := fmt.Sscanf(text, "bytes %d-%d/", &first, &last); n != 2 || err == nil && first > last || size >= 0 && last-first+1 != size {
			t.Errorf("%q is taken for a part of %d bytes of %q", text, size, asked)
		}
	})
}
