package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/logbench"
)

// auditLog measures appends to the audit log beside those to a file with group
// commit and fdatasync, in turns in this process.
func auditLog(ctx context.Context, dir string, t *table) error {
	t.head("audit log, entries of 400 bytes", "log /s", "p99 ms", "file with group commit /s", "log/file", "p99 log/file", "file that yields first /s", "log/file", "p99 log/file")
	for _, callers := range []int{1, 16, 64} {
		folder := filepath.Join(dir, fmt.Sprintf("log-%d", callers))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
		r, err := logbench.Run(ctx, logbench.Options{Dir: folder, Callers: callers, Round: round, Rounds: rounds})
		if err != nil {
			return err
		}
		cells := []string{fmt.Sprintf("%d callers", callers), fmt.Sprintf("%.0f", r.Log.PerSecond), fmt.Sprintf("%.2f", r.Log.P99.Seconds()*1000)}
		for _, file := range []logbench.Figures{r.File, r.YieldingFile} {
			cells = append(cells, fmt.Sprintf("%.0f", file.PerSecond), fmt.Sprintf("%.2f", r.Log.PerSecond/file.PerSecond),
				fmt.Sprintf("%.2f", r.Log.P99.Seconds()/file.P99.Seconds()))
		}
		t.print(cells...)
	}
	return nil
}
