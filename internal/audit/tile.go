package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// TileWidth is how many hashes a whole tile holds, and how many entries a
	// whole bundle: C2SP tlog-tiles fixes it.
	TileWidth = 256
	// MaxBundle is the longest bundle of entries, in bytes.
	MaxBundle = TileWidth * (2 + MaxEntry)
	// maxLevel is the highest level of a tile in a tree of MaxSize entries.
	maxLevel = 6
	// EntryLevel is the level of a [Tile] that is a bundle of entries.
	EntryLevel = -1
)

// Tile names one resource of a log: a tile of hashes, or a bundle of entries.
// Tile n of level l holds the hashes number 256*n and on of level 8*l of the
// tree. It is whole when Width is TileWidth, and never changes then.
type Tile struct {
	Level int // 0 to 6, or EntryLevel
	Index int64
	Width int // 1 to TileWidth
}

// Path is the tile's path by tlog-tiles, such as "tile/0/x001/x234/067.p/12".
func (t Tile) Path() string {
	level := "entries"
	if t.Level != EntryLevel {
		level = strconv.Itoa(t.Level)
	}
	path := fmt.Sprintf("%03d", t.Index%1000)
	for n := t.Index / 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if t.Width != TileWidth {
		path += ".p/" + strconv.Itoa(t.Width)
	}
	return "tile/" + level + "/" + path
}

// ParseTile reads what [Tile.Path] wrote. Each tile has one path only: anything
// else, a zero more or fewer included, is an error.
func ParseTile(path string) (Tile, error) {
	const longest = 64
	level, rest, ok := strings.Cut(strings.TrimPrefix(path, "tile/"), "/")
	if len(path) > longest || !ok {
		return Tile{}, errors.New("not the path of a tile")
	}
	t := Tile{Level: EntryLevel, Width: TileWidth}
	var err error
	if level != "entries" {
		if t.Level, err = strconv.Atoi(level); err != nil || t.Level < 0 || t.Level > maxLevel {
			return Tile{}, errors.New("not the path of a tile: its level is a number up to 6, or \"entries\"")
		}
	}
	rest, width, partial := strings.Cut(rest, ".p/")
	if partial {
		if t.Width, err = strconv.Atoi(width); err != nil || t.Width < 1 || t.Width >= TileWidth {
			return Tile{}, errors.New("not the path of a tile: the width of a partial one is 1 to 255")
		}
	}
	digits := strings.NewReplacer("x", "", "/", "").Replace(rest)
	if t.Index, err = strconv.ParseInt(digits, 10, 64); err != nil || t.Index < 0 || t.Index > MaxSize/TileWidth || t.Path() != path {
		return Tile{}, errors.New("not the path of a tile: write its number in groups of three digits, such as x001/234")
	}
	return t, nil
}

// TileRoot is the root of the subtree below a whole tile's hashes: one hash of
// the tile above.
func TileRoot(hashes []Hash) Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(TileRoot(hashes[:half]), TileRoot(hashes[half:]))
}

// HashBytes puts hashes behind each other, as a tile has them.
func HashBytes(hashes []Hash) []byte {
	raw := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		raw = append(raw, h[:]...)
	}
	return raw
}

// ParseHashes reads what [HashBytes] wrote, at most a whole tile.
func ParseHashes(raw []byte) ([]Hash, error) {
	n := len(raw) / tlog.HashSize
	if len(raw)%tlog.HashSize != 0 || n > TileWidth {
		return nil, fmt.Errorf("%d bytes are no hashes of a tile", len(raw))
	}
	hashes := make([]Hash, n)
	for i := range hashes {
		copy(hashes[i][:], raw[i*tlog.HashSize:])
	}
	return hashes, nil
}

// AppendBundled adds an entry to a bundle: its length in 16 bits, big-endian,
// and its bytes. An entry longer than MaxEntry is [ErrTooLong].
func AppendBundled(bundle, entry []byte) ([]byte, error) {
	if len(entry) > MaxEntry {
		return nil, ErrTooLong
	}
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...), nil //nolint:gosec // bounded above
}

// ParseBundle cuts a bundle into its entries, which share its memory. It is an
// error when the bundle does not hold exactly width of them.
func ParseBundle(bundle []byte, width int) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 && len(entries) < width {
		if len(bundle) < 2 {
			return nil, errors.New("the bundle of entries is cut off")
		}
		length := int(binary.BigEndian.Uint16(bundle))
		if bundle = bundle[2:]; length > len(bundle) {
			return nil, errors.New("the bundle of entries is cut off")
		}
		entries = append(entries, bundle[:length:length])
		bundle = bundle[length:]
	}
	if len(bundle) > 0 || len(entries) != width {
		return nil, fmt.Errorf("the bundle holds %d entries and %d bytes more, want %d entries", len(entries), len(bundle), width)
	}
	return entries, nil
}
