package sqlstore

import "testing"

func TestNumbered(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		``:                               ``,
		`SELECT 1`:                       `SELECT 1`,
		`a = ?`:                          `a = $1`,
		`(?, ?), (?, ?) LIMIT ?`:         `($1, $2), ($3, $4) LIMIT $5`,
		`? ? ? ? ? ? ? ? ? ? ? ?`:        `$1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12`,
		`text LIKE ? ESCAPE '\' AND b=?`: `text LIKE $1 ESCAPE '\' AND b=$2`,
	} {
		if got := numbered(query); got != want {
			t.Errorf("numbered(%q): got %q, want %q", query, got, want)
		}
	}
}

func TestTuples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, width int
		want     string
	}{
		{1, 1, `(?)`}, {1, 3, `(?, ?, ?)`}, {2, 1, `(?), (?)`}, {2, 2, `(?, ?), (?, ?)`},
	} {
		if got := tuples(c.n, c.width); got != c.want {
			t.Errorf("tuples(%d, %d): got %q, want %q", c.n, c.width, got, c.want)
		}
	}
}

func TestAWordOfPatternCharactersMatchesItselfOnly(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		`track`: `%track%`, `%`: `%\%%`, `_`: `%\_%`, `\`: `%\\%`, `a\%_`: `%a\\\%\_%`, ``: `%%`,
	} {
		if got := contains(word); got != want {
			t.Errorf("contains(%q): got %q, want %q", word, got, want)
		}
	}
}
