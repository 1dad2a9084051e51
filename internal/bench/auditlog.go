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
	t.head("audit log, entries of 400 bytes", "file with group commit /s", "log /s", "ratio", "file p99 ms", "log p99 ms", "ratio")
	for _, callers := range []int{1, 16, 64} {
		folder := filepath.Join(dir, fmt.Sprintf("log-%d", callers))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
		file, log, err := logbench.Run(ctx, logbench.Options{Dir: folder, Callers: callers, Round: round, Rounds: rounds})
		if err != nil {
			return err
		}
		fileP99, logP99 := file.P99.Seconds()*1000, log.P99.Seconds()*1000
		t.print(fmt.Sprintf("%d callers", callers),
			fmt.Sprintf("%.0f", file.PerSecond), fmt.Sprintf("%.0f", log.PerSecond), fmt.Sprintf("%.2f", log.PerSecond/file.PerSecond),
			fmt.Sprintf("%.2f", fileP99), fmt.Sprintf("%.2f", logP99), fmt.Sprintf("%.2f", logP99/fileP99))
	}
	return nil
}
