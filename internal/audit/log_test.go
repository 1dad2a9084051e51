package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// memoryLog is a log in memory, which an attacker can change as they like.
type memoryLog struct {
	entries [][]byte
	hashes  func(leaves []Hash) // changes the leaves that are served
}

func newLog(t *testing.T, n int) *memoryLog {
	t.Helper()
	l := &memoryLog{}
	for i := range n {
		l.entries = append(l.entries, logEntry(t, fmt.Sprintf("products/sigint/p%d", i)))
	}
	return l
}

func logEntry(t *testing.T, object string) []byte {
	t.Helper()
	raw, err := Entry{V: 1, Time: "2026-11-22T12:00:00Z", Event: "catalogue", Action: "create", Object: object,
		Consumer: Consumer{Sub: "ann"}, Decision: Permit}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (l *memoryLog) clone() *memoryLog { return &memoryLog{entries: slices.Clone(l.entries)} }

func (l *memoryLog) part(tile Tile) ([][]byte, error) {
	from := tile.Index * TileWidth
	if from+int64(tile.Width) > int64(len(l.entries)) {
		return nil, fmt.Errorf("%w: there is no %s", ErrTampered, tile.Path())
	}
	return l.entries[from : from+int64(tile.Width)], nil
}

func (l *memoryLog) Bundle(_ context.Context, tile Tile) (bundle []byte, err error) {
	part, err := l.part(tile)
	for _, entry := range part {
		if bundle, err = AppendBundled(bundle, entry); err != nil {
			return nil, err
		}
	}
	return bundle, err
}

func (l *memoryLog) Hashes(_ context.Context, tile Tile) ([]byte, error) {
	part, err := l.part(tile)
	var leaves []Hash
	for _, entry := range part {
		leaves = append(leaves, LeafHash(entry))
	}
	if l.hashes != nil {
		l.hashes(leaves)
	}
	return HashBytes(leaves), err
}

// checkpoint is what the log's owner signs over what is there now.
func (l *memoryLog) checkpoint(t *testing.T, k *Key) Checkpoint {
	t.Helper()
	var e Edge
	for _, entry := range l.entries {
		e.Append(LeafHash(entry))
	}
	signed, err := k.Sign(e.Size(), e.Root())
	if err != nil {
		t.Fatal(err)
	}
	c, err := publicOf(t, k).Open(signed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newKey(t testing.TB) *Key {
	t.Helper()
	secret, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKey(secret + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicOf(t testing.TB, k *Key) PublicKey {
	t.Helper()
	public, err := ParsePublicKey(k.Public() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// stored is the tree as x/mod keeps it: the oracle of the edge.
func stored(t *testing.T, entries [][]byte) tlog.HashReaderFunc {
	t.Helper()
	var hashes []Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		var found []Hash
		for _, i := range indexes {
			found = append(found, hashes[i])
		}
		return found, nil
	})
	for n, entry := range entries {
		more, err := tlog.StoredHashes(int64(n), entry, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	return reader
}

func TestTheEdgeHasTheRootOfTheWholeTree(t *testing.T) {
	t.Parallel()
	l := newLog(t, 530)
	reader := stored(t, l.entries)
	var e Edge
	for n := 0; ; n++ {
		want, err := tlog.TreeHash(int64(n), reader)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseEdge(e.Size(), e.Bytes())
		if err != nil || again.Root() != want || e.Root() != want {
			t.Fatalf("%d entries: got %v, read again %v, %v, want %v", n, e.Root(), again.Root(), err, want)
		}
		if n == len(l.entries) {
			return
		}
		e.Append(LeafHash(l.entries[n]))
	}
}

func TestTheRootOfEachSizeFollowsFromTheTiles(t *testing.T) {
	t.Parallel()
	// Hashes stand for entries: a level of 256 tiles would take long to hash.
	var levels [3][]Hash
	var e Edge
	tile := func(_ context.Context, tile Tile) ([]Hash, error) {
		from := tile.Index * TileWidth
		return levels[tile.Level][from : from+int64(tile.Width)], nil
	}
	for n := range int64(TileWidth*TileWidth + 300) {
		if n%97 == 0 || n%TileWidth < 2 {
			got, err := RootAt(t.Context(), n, tile)
			if err != nil || got != e.Root() {
				t.Fatalf("%d entries: got %v, %v, want %v", n, got, err, e.Root())
			}
		}
		hash := Hash{byte(n), byte(n >> 8), byte(n >> 16)}
		e.Append(hash)
		levels[0] = append(levels[0], hash)
		for level := 1; level < len(levels) && len(levels[level-1])%TileWidth == 0; level++ {
			below := levels[level-1]
			levels[level] = append(levels[level], TileRoot(below[len(below)-TileWidth:]))
		}
	}
}

func TestAnEdgeOfAnotherSizeIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size  int64
		bytes int
	}{{0, 32}, {1, 0}, {3, 32}, {3, 63}, {4, 64}, {-1, 0}, {-1, 64 * 32}, {MaxSize + 1, 64}} {
		if e, err := ParseEdge(c.size, make([]byte, c.bytes)); err == nil {
			t.Errorf("size %d in %d bytes: got %v, want an error", c.size, c.bytes, e)
		}
	}
}

func TestProofs(t *testing.T) {
	t.Parallel()
	l, k := newLog(t, 300), newKey(t)
	reader, now := stored(t, l.entries), l.checkpoint(t, k)
	earlier := (&memoryLog{entries: l.entries[:100]}).checkpoint(t, k)
	inclusion, err := tlog.ProveRecord(300, 42, reader)
	if err != nil {
		t.Fatal(err)
	}
	consistency, err := tlog.ProveTree(300, 100, reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(CheckInclusion(now, 42, l.entries[42], inclusion), CheckConsistency(earlier, now, consistency)); err != nil {
		t.Fatalf("true proofs: %v", err)
	}
	forked := now
	forked.Root[0] ^= 1
	other := now
	other.Origin = "elsewhere"
	empty := (&memoryLog{}).checkpoint(t, k)
	for name, got := range map[string]error{
		"the wrong entry":            CheckInclusion(now, 42, l.entries[43], inclusion),
		"the wrong number":           CheckInclusion(now, 43, l.entries[42], inclusion),
		"beyond the end":             CheckInclusion(now, 300, l.entries[42], inclusion),
		"before the start":           CheckInclusion(now, -1, l.entries[42], inclusion),
		"a proof cut short":          CheckInclusion(now, 42, l.entries[42], inclusion[1:]),
		"another root":               CheckConsistency(earlier, forked, consistency),
		"no proof":                   CheckConsistency(earlier, now, nil),
		"a log that shrank":          CheckConsistency(now, earlier, consistency),
		"two roots of one size":      CheckConsistency(now, forked, nil),
		"an empty log with entries?": CheckConsistency(Checkpoint{Origin: now.Origin}, now, nil),
	} {
		if !errors.Is(got, ErrTampered) {
			t.Errorf("%s: got %v, want ErrTampered", name, got)
		}
	}
	if err := CheckConsistency(other, now, consistency); err == nil || errors.Is(err, ErrTampered) {
		t.Errorf("two logs: got %v, want an error of its own", err)
	}
	if err := errors.Join(CheckConsistency(now, now, nil), CheckConsistency(empty, now, nil)); err != nil {
		t.Errorf("the same and the empty log: %v", err)
	}
}

func TestAnHonestLogVerifies(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	for _, n := range []int{0, 1, 2, 255, 256, 257, 600} {
		l := newLog(t, n)
		now := l.checkpoint(t, k)
		earlier := []Checkpoint{now}
		for _, m := range []int{n / 2, 0, n - 1} {
			earlier = append(earlier, (&memoryLog{entries: l.entries[:max(m, 0)]}).checkpoint(t, k))
		}
		l.entries = append(l.entries, logEntry(t, "products/sigint/later")) // the log goes on meanwhile
		if err := Verify(t.Context(), l, now, earlier...); err != nil {
			t.Errorf("%d entries: %v", n, err)
		}
	}
}

// TestTamperingIsCaught: whoever owns the machine changes the log, hashes it
// again and signs it again. Only a checkpoint that left before can tell.
func TestTamperingIsCaught(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	honest := newLog(t, 600)
	before := honest.checkpoint(t, k)
	for name, tamper := range map[string]func(*memoryLog){
		"a record changed and everything signed again": func(l *memoryLog) { l.entries[300] = logEntry(t, "products/sigint/other") },
		"the first record changed":                     func(l *memoryLog) { l.entries[0] = logEntry(t, "products/sigint/other") },
		"the last record changed":                      func(l *memoryLog) { l.entries[599] = logEntry(t, "products/sigint/other") },
		"an entry removed":                             func(l *memoryLog) { l.entries = slices.Delete(l.entries, 7, 8) },
		"an entry removed and another added": func(l *memoryLog) {
			l.entries = append(slices.Delete(l.entries, 7, 8), logEntry(t, "products/sigint/more"))
		},
		"two entries in another order": func(l *memoryLog) { l.entries[4], l.entries[5] = l.entries[5], l.entries[4] },
		"an entry put in":              func(l *memoryLog) { l.entries = slices.Insert(l.entries, 9, logEntry(t, "products/sigint/new")) },
		"the log cut off":              func(l *memoryLog) { l.entries = l.entries[:400] },
		"the log emptied":              func(l *memoryLog) { l.entries = nil },
	} {
		l := honest.clone()
		tamper(l)
		now := l.checkpoint(t, k)
		if err := Verify(t.Context(), l, now); err != nil {
			t.Errorf("%s: got %v without an earlier checkpoint, want that it is well signed", name, err)
		}
		if err := Verify(t.Context(), l, now, before); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: got %v, want ErrTampered", name, err)
		}
		if err := Verify(t.Context(), l, before); !errors.Is(err, ErrTampered) {
			t.Errorf("%s, nothing signed again: got %v, want ErrTampered", name, err)
		}
	}
}

func TestTwoCheckpointsForOneSize(t *testing.T) {
	t.Parallel()
	k, l := newKey(t), newLog(t, 10)
	shownToOne := l.checkpoint(t, k)
	l.entries[3] = logEntry(t, "products/sigint/other")
	shownToOthers := l.checkpoint(t, k)
	if err := Verify(t.Context(), l, shownToOthers, shownToOne); !errors.Is(err, ErrTampered) {
		t.Errorf("got %v, want ErrTampered", err)
	}
}

func TestWhatIsNoEntryIsCaught(t *testing.T) {
	t.Parallel()
	k, l := newKey(t), newLog(t, 3)
	for name, entry := range map[string][]byte{
		"not JSON":          []byte("nothing"),
		"another layout":    append(logEntry(t, "x"), ' '),
		"empty":             nil,
		"a later format":    bytes.Replace(logEntry(t, "x"), []byte(`"v":1`), []byte(`"v":2`), 1),
		"a repeated member": bytes.Replace(logEntry(t, "x"), []byte(`"v":1`), []byte(`"v":1,"v":1`), 1),
	} {
		l.entries[1] = entry
		if err := Verify(t.Context(), l, l.checkpoint(t, k)); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: got %v, want ErrTampered", name, err)
		}
	}
}

func TestTilesThatLieAreCaught(t *testing.T) {
	t.Parallel()
	k, l := newKey(t), newLog(t, 300)
	now := l.checkpoint(t, k)
	l.hashes = func(leaves []Hash) { leaves[len(leaves)-1][31] ^= 1 }
	if err := Verify(t.Context(), l, now); !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), "tile/0/000") {
		t.Errorf("got %v, want ErrTampered that names the tile", err)
	}
}

func TestACheckpointOfAnotherLogIsNoEarlierOne(t *testing.T) {
	t.Parallel()
	l := newLog(t, 3)
	if err := Verify(t.Context(), l, l.checkpoint(t, newKey(t)), l.checkpoint(t, newKey(t))); err == nil || errors.Is(err, ErrTampered) {
		t.Errorf("got %v, want an error of its own", err)
	}
}

func TestTheKeySwapped(t *testing.T) {
	t.Parallel()
	mine, theirs := newKey(t), newKey(t)
	signed, err := theirs.Sign(0, (&Edge{}).Root())
	if err != nil {
		t.Fatal(err)
	}
	renamed := bytes.ReplaceAll(signed, []byte(theirs.Origin()), []byte(mine.Origin()))
	honest, err := mine.Sign(1, Hash{})
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(honest, []byte("\n\n"))
	forged := slices.Concat([]byte(mine.Origin()+"\n2\n"), bytes.SplitN(lines[0], []byte("\n"), 3)[2], lines[1])
	for name, raw := range map[string][]byte{
		"another key": signed, "another key under our name": renamed, "our signature on another size": forged,
	} {
		if c, err := publicOf(t, mine).Open(raw); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: got %v, %v, want ErrTampered", name, c, err)
		}
	}
	for name, raw := range map[string][]byte{
		"no signature": lines[0], "nothing": nil, "too long": append(slices.Clip(honest), make([]byte, MaxCheckpoint)...),
	} {
		if c, err := publicOf(t, mine).Open(raw); err == nil || errors.Is(err, ErrTampered) {
			t.Errorf("%s: got %v, %v, want that it is no checkpoint", name, c, err)
		}
	}
	if _, err := publicOf(t, mine).Open(honest); err != nil {
		t.Errorf("our own: %v", err)
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	secret, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "PRIVATE+KEY", secret[:len(secret)-4], strings.Replace(secret, "PRIVATE", "PUBLIC", 1), "PRIVATE+KEY+x+00000000+AQ=="} {
		if _, err := ParseKey(text); err == nil || strings.Contains(err.Error(), secret[60:]) {
			t.Errorf("%q: got %v, want an error that does not quote it", text, err)
		}
	}
	for _, text := range []string{"", "x", secret, newKey(t).Public()[1:]} {
		if _, err := ParsePublicKey(text); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}

func TestTilePaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]Tile{
		"tile/0/000":                     {0, 0, 256},
		"tile/0/067.p/12":                {0, 67, 12},
		"tile/6/x001/x234/067":           {6, 1234067, 256},
		"tile/entries/x001/000.p/255":    {EntryLevel, 1000, 255},
		"tile/entries/999":               {EntryLevel, 999, 256},
		"tile/1/x281/x474/x976/x710/656": {1, MaxSize / 256, 256},
	} {
		got, err := ParseTile(path)
		if want.Index == MaxSize/256 {
			path, want.Width = want.Path(), 256
			got, err = ParseTile(path)
		}
		if err != nil || got != want || got.Path() != path {
			t.Errorf("%s: got %v %s, %v, want %v", path, got, got.Path(), err, want)
		}
	}
	for _, path := range []string{
		"", "tile", "tile/0", "tile/0/", "0/000", "tile/7/000", "tile/-1/000", "tile/00/000", "tile/+0/000", "tile/0/0", "tile/0/0000", "tile/0/x000/001",
		"tile/0/x001/1", "tile/0/001/002", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/", "tile/0/000.p/012", "tile/0/000.p/1/2", "tile/0/-01",
		"tile/0/+01", "tile/Entries/000", "tile/0/../0/000", "/tile/0/000", "tile/0/000/", "tile//000", "tile/0/x999/x999/x999/x999/x999/x999/999",
		"tile/data/000", "tile/8/0/000", "tile/0/%30%30%30", "tile/0/" + strings.Repeat("x000/", 1000) + "001",
	} {
		if got, err := ParseTile(path); err == nil {
			t.Errorf("%.80s: got %v, want an error", path, got)
		}
	}
}

func TestBundles(t *testing.T) {
	t.Parallel()
	var bundle []byte
	entries := [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("x"), MaxEntry)}
	for _, entry := range entries {
		var err error
		if bundle, err = AppendBundled(bundle, entry); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ParseBundle(bundle, 3)
	if err != nil || !slices.EqualFunc(got, entries, bytes.Equal) {
		t.Errorf("got %d entries, %v, want them back", len(got), err)
	}
	if _, err := AppendBundled(nil, make([]byte, MaxEntry+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("an entry too long: got %v, want ErrTooLong", err)
	}
	for name, c := range map[string]struct {
		bundle []byte
		width  int
	}{
		"one fewer": {bundle, 4}, "one more": {bundle, 2}, "cut off": {bundle[:len(bundle)-1], 3}, "half a length": {append(slices.Clip(bundle), 0), 4}, "nothing": {nil, 1},
	} {
		if _, err := ParseBundle(c.bundle, c.width); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestTileRootsAreNodesOfTheTree(t *testing.T) {
	t.Parallel()
	var e Edge
	var leaves []Hash
	for _, entry := range newLog(t, TileWidth).entries {
		leaves = append(leaves, LeafHash(entry))
		e.Append(LeafHash(entry))
	}
	if got := TileRoot(leaves); got != e.Root() {
		t.Errorf("got %v, want %v", got, e.Root())
	}
	again, err := ParseHashes(HashBytes(leaves))
	if err != nil || !slices.Equal(again, leaves) {
		t.Errorf("the hashes read again: got %d of them, %v", len(again), err)
	}
	for _, n := range []int{1, 31, 33, 257 * 32} {
		if _, err := ParseHashes(make([]byte, n)); err == nil {
			t.Errorf("%d bytes: got no error", n)
		}
	}
}
