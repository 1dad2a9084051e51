package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// Dialect is what differs between databases. Every field is needed but Numbered.
type Dialect struct {
	// Numbered asks for placeholders $1, $2, … in place of ?.
	Numbered bool
	// BeginRead begins a transaction whose statements all see one state.
	BeginRead func(context.Context, *sql.DB) (*sql.Tx, error)
	// BeginWrite begins a transaction on the connection that sees everything
	// committed before it, and beside which no other write transaction of any
	// process runs.
	BeginWrite func(context.Context, *sql.Conn) error
	// ForeignKey reports whether the error is a broken foreign key.
	ForeignKey func(error) bool
	// Taken reports whether the rows that are there forbid another: its key is
	// theirs, or a trigger says so.
	Taken func(error) bool
	// Full reports whether the database had no room for what it was to write.
	Full func(error) bool
	// Fatal reports whether the database failed in a way after which a
	// further write could lose an earlier one: input or output failed, or
	// the file is damaged.
	Fatal func(error) bool
}

func (d Dialect) bind(query string) string {
	if d.Numbered {
		return numbered(query)
	}
	return query
}

// numbered rewrites placeholders. No query of this package has a question mark
// elsewhere: all values are arguments.
func numbered(query string) string {
	parts := strings.Split(query, "?")
	var b strings.Builder
	b.WriteString(parts[0])
	for i, part := range parts[1:] {
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(i + 1))
		b.WriteString(part)
	}
	return b.String()
}

// tuples is n times "(?, ?)" with width question marks each.
func tuples(n, width int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?, ", width), ", ") + ")"
	return strings.TrimSuffix(strings.Repeat(one+", ", n), ", ")
}
