package audit

import (
	"bytes"
	"testing"
)

// FuzzParseTile: a path names one tile, and the tile has that path only.
func FuzzParseTile(f *testing.F) {
	for _, path := range []string{"tile/0/000", "tile/6/x001/x234/067.p/12", "tile/entries/x001/000.p/255", "tile/0/../0/000"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := ParseTile(path)
		if err == nil && (tile.Path() != path || tile.Index < 0 || tile.Width < 1 || tile.Width > TileWidth) {
			t.Errorf("%q is %v, whose path is %q", path, tile, tile.Path())
		}
	})
}

// FuzzParseBundle: a bundle is its entries, and no other bundle has them.
func FuzzParseBundle(f *testing.F) {
	f.Add([]byte("\x00\x01a\x00\x00"), 2)
	f.Add([]byte("\xff\xffa"), 1)
	f.Fuzz(func(t *testing.T, bundle []byte, width int) {
		entries, err := ParseBundle(bundle, width)
		if err != nil {
			return
		}
		var again []byte
		for _, entry := range entries {
			if again, err = AppendBundled(again, entry); err != nil {
				t.Fatal(err)
			}
		}
		if len(entries) != max(width, 0) || !bytes.Equal(again, bundle) {
			t.Errorf("%q of %d: got %q, which makes %q", bundle, width, entries, again)
		}
	})
}

// fuzzKey is always the same, so that what is in the corpus is signed by it.
const fuzzKey = "PRIVATE+KEY+log+d0ef8fb5+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"

// FuzzOpenCheckpoint: only what the log's key signed opens, to what it signed.
func FuzzOpenCheckpoint(f *testing.F) {
	k, err := ParseKey(fuzzKey)
	if err != nil {
		f.Fatal(err)
	}
	signed, err := k.Sign(7, Hash{1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte("log\n7\n\n"))
	public := publicOf(f, k)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := public.Open(raw); err == nil && (c != Checkpoint{k.Origin(), 7, Hash{1}}) {
			t.Errorf("%q opens to %v, which was never signed", raw, c)
		}
	})
}

// FuzzParseCheckpoint: the text has one form.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add(Checkpoint{"log", 7, Hash{1}}.text())
	f.Add("log\n07\nAQ==\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCheckpoint(text)
		if err == nil && (c.Size < 0 || c.Size > MaxSize || len(text) < len(c.text()) || text[:len(c.text())] != c.text()) {
			t.Errorf("%q is read as %q", text, c.text())
		}
	})
}
