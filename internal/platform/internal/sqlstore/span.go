package sqlstore

import (
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// longestRow is the most bytes that the entries of a row have: it is written
// when it has spillBytes, or before.
const longestRow = spillBytes + 2 + audit.MaxEntry

// span is what is still to be read of the log: the entries after one number, up
// to another. Rows come in the order of their ends. What a row says of itself is
// believed only as far as it fits to the row before it.
type span struct {
	after, last int64
	begun       bool // a row of it was read
}

// row is a row of the log, of which a part is wanted.
type row struct {
	first, last int64
	skip, keep  int // entries before the part, and up to its end
}

// scan reads which entries a row holds, and one more column.
func (s *span) scan(from scanner, column *[]byte) (row, error) {
	var first, last any // a row that somebody made may hold anything
	if err := from.Scan(&first, &last, column); err != nil {
		return row{}, err
	}
	var r row
	r.first, _ = first.(int64)
	r.last, _ = last.(int64)
	if r.first < 1 || r.last < r.first || r.last-r.first >= audit.TileWidth {
		return row{}, fmt.Errorf("%w: a row says that it holds the entries %v to %v", audit.ErrTampered, first, last)
	}
	return r, s.fit(&r)
}

// fit moves the span behind a row. The first row may begin before the span.
func (s *span) fit(r *row) error {
	if r.first > s.after+1 || r.last <= s.after || s.begun && r.first != s.after+1 {
		return fmt.Errorf("%w: after entry %d comes a row with the entries %d to %d", audit.ErrTampered, s.after, r.first, r.last)
	}
	r.skip, r.keep = int(s.after+1-r.first), int(min(r.last, s.last)-r.first)+1
	s.after, s.begun = r.last, true
	return nil
}

// leaves reads the hashes of a row that are in the span.
func (s *span) leaves(from scanner) ([]audit.Hash, error) {
	var raw []byte
	r, err := s.scan(from, &raw)
	if err != nil {
		return nil, err
	}
	leaves, err := audit.ParseHashes(raw)
	if err != nil || int64(len(leaves)) != r.last-r.first+1 {
		return nil, fmt.Errorf("%w: the hashes of the entries %d to %d are %d bytes", audit.ErrTampered, r.first, r.last, len(raw))
	}
	return leaves[r.skip:r.keep], nil
}

// entries reads the entries of a row that are in the span.
func (s *span) entries(from scanner) ([]store.AuditRecord, error) {
	var raw []byte
	r, err := s.scan(from, &raw)
	if err != nil {
		return nil, err
	}
	entries, err := audit.ParseBundle(raw, int(r.last-r.first)+1)
	if err != nil {
		return nil, fmt.Errorf("%w: entries %d to %d: %w", audit.ErrTampered, r.first, r.last, err)
	}
	records := make([]store.AuditRecord, 0, r.keep-r.skip)
	for i, entry := range entries[r.skip:r.keep] {
		if len(entry) == 0 {
			return nil, fmt.Errorf("%w: entry %d is empty", audit.ErrTampered, r.first+int64(r.skip+i))
		}
		records = append(records, store.AuditRecord{Sequence: r.first + int64(r.skip+i), Entry: entry})
	}
	return records, nil
}
