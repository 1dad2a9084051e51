package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// table is what the benchmark prints.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer) *table {
	return &table{tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)}
}

// head starts a part of the table, with columns of its own.
func (t *table) head(cells ...string) {
	_, _ = fmt.Fprintln(t.w) // a tabwriter keeps its error for Flush
	t.print(cells...)
}

func (t *table) line(count int, builtin, products cost) {
	t.print(fmt.Sprint(count), seconds(builtin.cpu), seconds(products.cpu), ratio(products.cpu, builtin.cpu),
		seconds(builtin.wall), seconds(products.wall), ratio(products.wall, builtin.wall))
}

func (t *table) print(cells ...string) {
	for _, cell := range cells {
		_, _ = fmt.Fprint(t.w, cell, "\t") // a tabwriter keeps its error for Flush
	}
	_, _ = fmt.Fprintln(t.w)
}

func (t *table) flush() error { return t.w.Flush() }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

func ratio(d, reference time.Duration) string {
	return fmt.Sprintf("%.2f", d.Seconds()/reference.Seconds())
}
