package gateway

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when content or attributes of the file changed, which nobody
// can set: a copy that keeps the time of its original is told from it.
func changeTime(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
