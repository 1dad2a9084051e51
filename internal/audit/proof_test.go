package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"
)

// tile is the log's tiles as hashes.
func (l *memoryLog) tile(ctx context.Context, tile Tile) ([]Hash, error) {
	if tile.Level == 0 {
		raw, err := l.Hashes(ctx, tile)
		if err != nil {
			return nil, err
		}
		return ParseHashes(raw)
	}
	var hashes []Hash
	for n := range int64(tile.Width) {
		below, err := l.tile(ctx, Tile{tile.Level - 1, tile.Index*TileWidth + n, TileWidth})
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, TileRoot(below))
	}
	return hashes, nil
}

// TestProofsFromTiles: of each entry of logs around the sizes where tiles end,
// and between all sizes, checked by x/mod's tlog.
func TestProofsFromTiles(t *testing.T) {
	t.Parallel()
	ctx, k := t.Context(), newKey(t)
	for _, size := range []int{1, 2, 255, 256, 257, 700} {
		l := newLog(t, size)
		c := l.checkpoint(t, k)
		for index := int64(0); index < c.Size; index += 1 + c.Size/50 {
			hashes, err := ProveInclusion(ctx, c, index, l.tile)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(hashes, c.Size, c.Root, index, LeafHash(l.entries[index])); err != nil {
				t.Errorf("entry %d of %d: %v", index, size, err)
			}
		}
		for old := int64(0); old <= c.Size; old += 1 + c.Size/50 {
			hashes, err := ProveConsistency(ctx, old, c, l.tile)
			if err != nil {
				t.Fatal(err)
			}
			root, err := RootAt(ctx, old, l.tile)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckConsistency(Checkpoint{c.Origin, old, root}, c, hashes); err != nil {
				t.Errorf("from %d to %d: %v", old, size, err)
			}
		}
		for _, outside := range []int64{-1, c.Size + 1} {
			if _, err := ProveConsistency(ctx, outside, c, l.tile); err == nil {
				t.Errorf("a proof from %d to %d", outside, size)
			}
		}
		for _, outside := range []int64{-1, c.Size} {
			if _, err := ProveInclusion(ctx, c, outside, l.tile); err == nil {
				t.Errorf("a proof of entry %d of %d", outside, size)
			}
		}
	}
}

// TestNoProofFromTilesThatLie: a proof that nobody could check is not made.
func TestNoProofFromTilesThatLie(t *testing.T) {
	t.Parallel()
	l, k := newLog(t, 300), newKey(t)
	c := l.checkpoint(t, k)
	lie := func(ctx context.Context, tile Tile) ([]Hash, error) {
		hashes, err := l.tile(ctx, tile)
		if err == nil && tile.Level == 0 {
			hashes[0][0] ^= 1
		}
		return hashes, err
	}
	if _, err := ProveInclusion(t.Context(), c, 7, lie); err == nil {
		t.Error("an entry is proven from tiles that lie")
	}
	if _, err := ProveConsistency(t.Context(), 7, c, lie); err == nil {
		t.Error("consistency is proven from tiles that lie")
	}
}

// proven is the proof of an entry of a small log that a witness has cosigned.
func proven(t testing.TB, k *Key) (p Proof, entry []byte, witnesses Witnesses) {
	t.Helper()
	var l memoryLog
	for i := range 20 {
		e := Entry{V: 1, Time: "2026-01-31T12:00:00Z", Event: "catalogue", Action: "create", Object: fmt.Sprint(i), Decision: Permit}
		canonical, err := e.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		l.entries = append(l.entries, canonical)
	}
	root, err := RootAt(context.Background(), 20, l.tile)
	if err != nil {
		t.Fatal(err)
	}
	c := Checkpoint{k.Origin(), 20, root}
	signed, keys := cosigned(t, k, c, "w.example")
	hashes, err := ProveInclusion(context.Background(), c, 7, l.tile)
	if err != nil {
		t.Fatal(err)
	}
	return Proof{7, hashes, signed}, l.entries[7], Witnesses{keys, 1}
}

func TestAProofIsCheckedWithoutTheLog(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	p, entry, witnesses := proven(t, k)
	var theirs proof.TLogProof
	if err := theirs.Unmarshal(p.Text()); err != nil || !bytes.Equal(theirs.Marshal(), p.Text()) {
		t.Errorf("others read it differently: %v\n%s\n%s", err, theirs.Marshal(), p.Text())
	}
	theirs.ExtraData = []byte("more")
	read, err := ParseProof(theirs.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if c, by, err := read.Verify(entry, publicOf(t, k), witnesses); err != nil || c.Size != 20 || len(by) != 1 {
		t.Errorf("got %v, %v, %v", c, by, err)
	}
	for name, attack := range map[string]struct {
		change func(*Proof)
		entry  []byte
		key    *Key
		want   error
	}{
		"another entry":          {func(*Proof) {}, bytes.Replace(entry, []byte("permit"), []byte("deny"), 1), k, ErrTampered},
		"another index":          {func(p *Proof) { p.Index = 6 }, entry, k, ErrTampered},
		"an index outside":       {func(p *Proof) { p.Index = 20 }, entry, k, ErrTampered},
		"a hash less":            {func(p *Proof) { p.Hashes = p.Hashes[1:] }, entry, k, ErrTampered},
		"another hash":           {func(p *Proof) { p.Hashes[0][0] ^= 1 }, entry, k, ErrTampered},
		"another key":            {func(*Proof) {}, entry, newKey(t), ErrTampered},
		"without cosignatures":   {func(p *Proof) { p.Checkpoint = p.Checkpoint[:bytes.LastIndex(p.Checkpoint, []byte("— w.ex"))] }, entry, k, ErrNotCosigned},
		"a checkpoint rewritten": {func(p *Proof) { p.Checkpoint = bytes.Replace(p.Checkpoint, []byte("\n20\n"), []byte("\n21\n"), 1) }, entry, k, ErrTampered},
	} {
		p, _, _ := proven(t, k)
		attack.change(&p)
		if _, _, err := p.Verify(attack.entry, publicOf(t, attack.key), witnesses); !errors.Is(err, attack.want) {
			t.Errorf("%s: got %v, want %v", name, err, attack.want)
		}
	}
}

func TestWhatIsNoProof(t *testing.T) {
	t.Parallel()
	p, _, _ := proven(t, newKey(t))
	text := string(p.Text())
	for name, bad := range map[string]string{
		"empty":             "",
		"another header":    strings.Replace(text, "@v1", "@v2", 1),
		"no index":          strings.Replace(text, "index 7\n", "", 1),
		"index with a zero": strings.Replace(text, "index 7", "index 07", 1),
		"index below zero":  strings.Replace(text, "index 7", "index -7", 1),
		"index with a sign": strings.Replace(text, "index 7", "index +7", 1),
		"a bad hash":        strings.Replace(text, "index 7\n", "index 7\nAAAA\n", 1),
		"bad extra data":    strings.Replace(text, "index 7\n", "extra *\nindex 7\n", 1),
		"extra data only":   proofHeader + "\nextra AAAA\n\n",
		"no checkpoint":     proofHeader + "\nindex 7\n",
		"too many hashes":   strings.Replace(text, "index 7\n", "index 7\n"+strings.Repeat(Hash{}.String()+"\n", 64), 1),
		"too long":          text + strings.Repeat("x", MaxProof),
		"with CR":           strings.ReplaceAll(text, "\n", "\r\n"),
	} {
		if _, err := ParseProof([]byte(bad)); err == nil {
			t.Errorf("%s is a proof", name)
		}
	}
}

// FuzzParseProof: a proof without extra data has one text.
func FuzzParseProof(f *testing.F) {
	k, err := ParseKey(fuzzKey)
	if err != nil {
		f.Fatal(err)
	}
	p, _, _ := proven(f, k)
	f.Add(p.Text())
	f.Add([]byte(proofHeader + "\nextra AAAA\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProof(text)
		if err == nil && !bytes.Contains(text, []byte("\nextra ")) && !bytes.Equal(p.Text(), text) {
			t.Errorf("%q is read as %q", text, p.Text())
		}
	})
}
