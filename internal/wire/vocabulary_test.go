package wire

import "testing"

// TestImpactsOfAHostilePlatform: what would show a change board less than there
// is, or something else.
func TestImpactsOfAHostilePlatform(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no version":            `{"products":[],"policies":[]}`,
		"a product twice":       `{"version":{"to":"2"},"products":[{"product":"a/b"},{"product":"a/b"}]}`,
		"products out of order": `{"version":{"to":"2"},"products":[{"product":"a/c"},{"product":"a/b"}]}`,
		"a product of no name":  `{"version":{"to":"2"},"products":[{}]}`,
		"a policy that is none": `{"version":{"to":"2"},"policies":[{"policy":"../x"}]}`,
		"null":                  `null`,
	} {
		if impact, err := DecodeImpact([]byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, impact)
		}
	}
	if _, err := DecodeImpact([]byte(`{"version":{"from":"1","to":"2"},"products":[{"product":"a/b"},{"product":"a/c"}],"policies":[]}`)); err != nil {
		t.Error(err)
	}
	for name, body := range map[string]string{"a version that is a path": `{"items":[{"version":"../x"}]}`, "none": `{"items":[{}]}`} {
		if history, err := DecodeHistory([]byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, history)
		}
	}
}
