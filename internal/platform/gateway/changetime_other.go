//go:build !linux

package gateway

import (
	"io/fs"
	"time"
)

// changeTime is that of the content, which is all that every system knows.
func changeTime(info fs.FileInfo) time.Time { return info.ModTime() }
